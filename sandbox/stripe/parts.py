"""All parts of Stripe, wired together, and what its routes share."""

import hmac
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, jsonify, request

from sandbox.clock import Clock
from sandbox.events import News
from sandbox.refunds import Course
from sandbox.store import Store
from sandbox.stripe.disputes import Disputes
from sandbox.stripe.errors import StripeError, unauthorized
from sandbox.stripe.events import Events
from sandbox.stripe.idempotency import Idempotency
from sandbox.stripe.keys import Keys, write
from sandbox.stripe.refunds import Refunds
from sandbox.stripe.sessions import Sessions
from sandbox.stripe.subscriptions import TIMER, Subscriptions
from sandbox.timers import Timers
from sandbox.webhooks import Dispatcher, Tongue


@dataclass
class Stripe:
    keys: Keys
    store: Store
    clock: Clock
    events: Events
    idempotency: Idempotency
    sessions: Sessions
    subscriptions: Subscriptions
    refunds: Refunds
    disputes: Disputes

    def forget(self) -> None:
        """Back to how a fresh sandbox behaves."""
        self.idempotency.forget()
        self.subscriptions.courses.clear()
        self.refunds.course = Course(status="succeeded")


def create(keys: Keys, store: Store, clock: Clock, news: News, *, dispatcher: Dispatcher, timers: Timers) -> Stripe:
    events = Events(news)
    sessions = Sessions(events)
    subscriptions = Subscriptions(events, sessions)
    sessions.on_paid.append(subscriptions.note_paid)
    dispatcher.tongues["stripe"] = Tongue(keys.secrets, write)
    timers.others |= {
        TIMER: subscriptions.act,
        "stripe_expire": lambda tx, target, at: sessions.expire_in_time(tx, target, at=at),
        "stripe_succeed": lambda tx, target, at: sessions.answer_in_time(tx, target, well=True, at=at),
        "stripe_fail": lambda tx, target, at: sessions.answer_in_time(tx, target, well=False, at=at),
    }
    return Stripe(
        keys=keys,
        store=store,
        clock=clock,
        events=events,
        idempotency=Idempotency(store, clock),
        sessions=sessions,
        subscriptions=subscriptions,
        refunds=Refunds(events),
        disputes=Disputes(events),
    )


def stripe() -> Stripe:
    found: Stripe = current_app.extensions["provider"].stripe
    return found


def check_key() -> None:
    """The secret key as a bearer token, or as the name of HTTP Basic. Raises Stripe's 401."""
    given = request.authorization
    if given is None:
        raise unauthorized()
    key = (given.username if given.type == "basic" else given.token) or ""
    if not key or not hmac.compare_digest(key.encode(), stripe().keys.secret_key.encode()):
        raise unauthorized()


def refuse(error: StripeError) -> tuple[Response, int]:
    return jsonify(error.body()), error.status


def json_object() -> dict[str, Any]:
    """The JSON object that was sent to a control route; nothing at all counts as an empty one."""
    body = request.get_json(force=True, silent=True) if request.get_data() else {}
    if not isinstance(body, dict):
        raise StripeError("A JSON object was expected.")
    return body

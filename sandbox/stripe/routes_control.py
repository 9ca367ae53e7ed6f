"""`/_sandbox/stripe`: what tests do at Stripe's side. No keys needed; see README.md."""

from typing import Any

from flask import Blueprint

from sandbox.currencies import DECIMALS
from sandbox.errors import plain_error
from sandbox.refunds import Course
from sandbox.store import Transaction
from sandbox.stripe import balance, lookup
from sandbox.stripe.balance import PAYOUT_STATES
from sandbox.stripe.disputes import OUTCOMES as CLOSINGS
from sandbox.stripe.disputes import REASONS
from sandbox.stripe.errors import StripeError
from sandbox.stripe.idempotency import Breakdown
from sandbox.stripe.methods import DECLINES, LABELS
from sandbox.stripe.parts import json_object, refuse, stripe
from sandbox.stripe.refunds import STATUSES
from sandbox.stripe.sessions import OUTCOMES, Try
from sandbox.validation import only_known

bp = Blueprint("stripe_control", __name__, url_prefix="/_sandbox/stripe")
bp.register_error_handler(StripeError, refuse)
_INTENT = ["payment_intent.latest_charge"]


@bp.post("/pay")
def pay() -> dict[str, Any]:
    """A person's try to pay a session → the session, with intent and charge."""
    body = json_object()
    only_known(body, {"session_id", "outcome", "method", "reason", "amount", "currency", "after_seconds", "ends_well"})
    attempt = Try(
        outcome=_choice(body, "outcome", OUTCOMES, default="succeed"),
        method=_choice(body, "method", tuple(LABELS), default="card"),
        reason=_choice(body, "reason", tuple(DECLINES), default="generic_decline"),
        amount=body.get("amount"),
        currency=_choice(body, "currency", tuple(DECIMALS)) if "currency" in body else None,
        after_seconds=body.get("after_seconds"),
        ends_well=bool(body.get("ends_well", True)),
    )
    session_id = str(body.get("session_id", ""))
    with stripe().store.transaction() as tx:
        stripe().sessions.pay(tx, session_id, attempt, at=stripe().clock.now())
        return _session(tx, session_id)


@bp.post("/sessions/<session_id>")
def answer(session_id: str) -> dict[str, Any]:
    """The bank's answer to a payment that is processed."""
    well = _choice(json_object(), "outcome", ("succeed", "fail")) == "succeed"
    with stripe().store.transaction() as tx:
        stripe().sessions.answer(tx, session_id, well=well, at=stripe().clock.now())
        return _session(tx, session_id)


@bp.post("/subscriptions/<subscription_id>/charge")
def charge_subscription(subscription_id: str) -> dict[str, Any]:
    """The next charge of a subscription, now."""
    outcome = _choice(json_object(), "outcome", ("succeed", "decline"), default="succeed")
    with stripe().store.transaction() as tx:
        stripe().subscriptions.charge(tx, subscription_id, outcome, at=stripe().clock.now())
        return lookup.one(tx, "subscription", subscription_id, expand=[])


@bp.post("/subscriptions/<subscription_id>/due")
def bring_subscription_forward(subscription_id: str) -> dict[str, Any]:
    """When the clock brings the next charge, and how it ends."""
    body = json_object()
    outcome = _choice(body, "outcome", ("succeed", "decline"), default="succeed")
    seconds = _count(body, "in_seconds") or 1
    with stripe().store.transaction() as tx:
        now = stripe().clock.now()
        stripe().subscriptions.bring_forward(tx, subscription_id, seconds=seconds, outcome=outcome, at=now)
        return lookup.one(tx, "subscription", subscription_id, expand=[])


@bp.post("/refunds")
def steer_refunds() -> dict[str, Any]:
    """How the next refunds go, `count` of them or all."""
    body = json_object()
    only_known(body, {"status", "count"})
    status = _choice(body, "status", tuple(each for each in STATUSES if each != "canceled"))
    stripe().refunds.course = Course(status=status, left=_count(body))
    return {"status": status, "count": body.get("count")}


@bp.post("/refunds/<refund_id>")
def settle_refund(refund_id: str) -> dict[str, Any]:
    status = _choice(json_object(), "status", ("succeeded", "failed", "canceled"))
    with stripe().store.transaction() as tx:
        stripe().refunds.settle(tx, refund_id, status, at=stripe().clock.now())
        return lookup.one(tx, "refund", refund_id, expand=[])


@bp.post("/dashboard/refunds")
def refund_by_hand() -> dict[str, Any]:
    """A refund that somebody makes in Stripe's dashboard: without a key and without metadata."""
    body = json_object()
    only_known(body, {"payment_intent", "amount"})
    with stripe().store.transaction() as tx:
        refund_id = stripe().refunds.create(tx, body, key=None, at=stripe().clock.now())
        return lookup.one(tx, "refund", refund_id, expand=[])


@bp.post("/disputes")
def open_dispute() -> dict[str, Any]:
    body = json_object()
    only_known(body, {"charge", "reason"})
    reason = _choice(body, "reason", REASONS, default=REASONS[0])
    with stripe().store.transaction() as tx:
        return stripe().disputes.open(tx, str(body.get("charge", "")), reason, at=stripe().clock.now())


@bp.post("/disputes/<dispute_id>")
def close_dispute(dispute_id: str) -> dict[str, Any]:
    outcome = _choice(json_object(), "outcome", CLOSINGS)
    with stripe().store.transaction() as tx:
        return stripe().disputes.close(tx, dispute_id, outcome, at=stripe().clock.now())


@bp.post("/payouts")
def pay_out() -> dict[str, Any]:
    """Pays out all that is in the balance of a currency; by hand with `automatic: false`, and then with a `status`."""
    body = json_object()
    currency, automatic = _choice(body, "currency", tuple(DECIMALS), default="MYR"), body.get("automatic", True)
    with stripe().store.transaction() as tx:
        return balance.pay_out(
            tx,
            stripe().events,
            currency=currency,
            at=stripe().clock.now(),
            is_automatic=automatic is True,
            status=_choice(body, "status", PAYOUT_STATES, default="paid"),
        )


@bp.post("/payouts/<payout_id>")
def tell_of_payout(payout_id: str) -> dict[str, Any]:
    """What becomes of a payout at the bank: `status`."""
    status = _choice(json_object(), "status", PAYOUT_STATES)
    with stripe().store.transaction() as tx:
        return balance.become(tx, payout_id, status)


@bp.post("/fees")
def bill() -> dict[str, Any]:
    """A fee that Stripe bills by itself."""
    body = json_object()
    currency, amount = _choice(body, "currency", tuple(DECIMALS), default="MYR"), _count(body, "amount")
    with stripe().store.transaction() as tx:
        return balance.fee_of(tx, amount=amount or 1, currency=currency, at=stripe().clock.now())


@bp.post("/breakdowns")
def break_down() -> dict[str, Any]:
    """The next POSTs of the API answer 500, which their idempotency keys keep; `act`: after doing what was asked."""
    body = json_object()
    only_known(body, {"count", "act"})
    stripe().idempotency.breakdown = Breakdown(_count(body) or 1, bool(body.get("act", False)))
    return {"count": stripe().idempotency.breakdown.left, "act": stripe().idempotency.breakdown.act}


def _session(tx: Transaction, session_id: str) -> dict[str, Any]:
    return lookup.one(tx, "checkout.session", session_id, expand=_INTENT)


def _choice(body: dict[str, Any], name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = body.get(name, default)
    if value not in allowed:
        raise plain_error(f"{name} is one of {', '.join(allowed)}.")
    return str(value)


def _count(body: dict[str, Any], name: str = "count") -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise plain_error(f"{name} must be a whole number of at least 1.")
    return value

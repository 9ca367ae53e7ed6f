"""All parts of PayPal, wired together, and what its routes share."""

from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, jsonify, request

from sandbox.clock import Clock
from sandbox.events import News
from sandbox.paypal.access import Tokens
from sandbox.paypal.bank import Bank
from sandbox.paypal.disputes import Disputes
from sandbox.paypal.errors import PayPalError, TokenError, invalid
from sandbox.paypal.events import Events
from sandbox.paypal.keys import Keys, Signer
from sandbox.paypal.reporting import MOST_ITEMS, Reports
from sandbox.store import Store
from sandbox.webhooks import Dispatcher, Tongue


@dataclass
class PayPal:
    keys: Keys
    signer: Signer
    tokens: Tokens
    bank: Bank
    disputes: Disputes
    reports: Reports

    def forget(self) -> None:
        """Back to how a fresh sandbox behaves; keys and certificates stay."""
        self.tokens.forget()
        self.bank.forget()
        self.reports.most_items = MOST_ITEMS


def create(keys: Keys, store: Store, clock: Clock, news: News, dispatcher: Dispatcher) -> PayPal:
    signer = Signer(store, keys.webhook_id)
    events = Events(news)
    dispatcher.tongues["paypal"] = Tongue({name: name for name in ("current", "old", "wrong")}, signer.write)
    return PayPal(
        keys=keys,
        signer=signer,
        tokens=Tokens(clock),
        bank=Bank(store, clock, events, signer),
        disputes=Disputes(store, clock, events),
        reports=Reports(store, clock),
    )


def paypal() -> PayPal:
    found: PayPal = current_app.extensions["provider"].paypal
    return found


def note_address() -> None:
    """Before each request: what we answer and send later names the address we were spoken to at."""
    paypal().signer.spoken_to_at(request.host_url.rstrip("/"))


def json_body() -> Any:
    """The JSON that was sent; nothing at all counts as an empty object. Raises PayPal's refusal for anything else."""
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if body is None:
        raise invalid("MALFORMED_REQUEST_JSON", "The request JSON is not well formed.")
    return body


def json_object() -> dict[str, Any]:
    body = json_body()
    if not isinstance(body, dict):
        raise invalid("MALFORMED_REQUEST_JSON", "An object was expected.")
    return body


def refuse(error: PayPalError) -> tuple[Response, int]:
    return jsonify(error.body()), error.status


def refuse_token(error: TokenError) -> tuple[Response, int]:
    return jsonify(error.content), 401

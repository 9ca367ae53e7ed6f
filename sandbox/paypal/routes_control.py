"""`/_sandbox/paypal`: what tests do at PayPal's side. No keys needed; see README.md."""

import re
from typing import Any

from flask import Blueprint

from sandbox.errors import plain_error
from sandbox.paypal.bank import CAPTURES, REFUNDS, new_id
from sandbox.paypal.disputes import OUTCOMES, REASONS
from sandbox.paypal.errors import PayPalError
from sandbox.paypal.parts import json_object, note_address, paypal, refuse
from sandbox.paypal.reporting import CHANGES
from sandbox.paypal.routes_page import return_of
from sandbox.refunds import Course
from sandbox.validation import only_known

bp = Blueprint("paypal_control", __name__, url_prefix="/_sandbox/paypal")
bp.before_request(note_address)
bp.register_error_handler(PayPalError, refuse)


@bp.post("/approve")
def approve() -> dict[str, Any]:
    """The payer approves; `capture` is how the shop's capture will end."""
    body = json_object()
    only_known(body, {"order_id", "capture"})
    order_id = str(body.get("order_id", ""))
    approved = paypal().bank.approve(order_id, capture=_choice(body, "capture", CAPTURES, default="COMPLETED"))
    _, page = paypal().bank.page_of(order_id)
    return {"order": approved, "return_url": return_of(page, approved)}


@bp.post("/captures/<capture_id>")
def settle_capture(capture_id: str) -> dict[str, Any]:
    return paypal().bank.settle_capture(capture_id, _choice(json_object(), "status", ("COMPLETED", "DECLINED")))


@bp.post("/captures/<capture_id>/refund")
def refund_by_hand(capture_id: str) -> dict[str, Any]:
    """A refund that somebody makes in PayPal's own pages: it has no request id and no word of the shop's."""
    body = json_object()
    only_known(body, {"amount"})
    refund, _ = paypal().bank.refund(capture_id, body, key=None)
    return refund


@bp.post("/refunds")
def steer_refunds() -> dict[str, Any]:
    """How the next refunds go, `count` of them or all."""
    body = json_object()
    only_known(body, {"status", "count"})
    count = body.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise plain_error("count must be a whole number of at least 1.")
    paypal().bank.course = Course(status=_choice(body, "status", REFUNDS), left=count)
    return {"status": paypal().bank.course.status, "count": count}


@bp.post("/refunds/<refund_id>")
def settle_refund(refund_id: str) -> dict[str, Any]:
    status = _choice(json_object(), "status", ("COMPLETED", "FAILED", "CANCELLED"))
    return paypal().bank.settle_refund(refund_id, status)


@bp.post("/disputes")
def open_dispute() -> dict[str, Any]:
    body = json_object()
    only_known(body, {"capture_id", "reason"})
    return paypal().disputes.open(str(body.get("capture_id", "")), _choice(body, "reason", REASONS, default=REASONS[0]))


@bp.post("/disputes/<dispute_id>")
def resolve_dispute(dispute_id: str) -> dict[str, Any]:
    return paypal().disputes.resolve(dispute_id, _choice(json_object(), "outcome", OUTCOMES))


@bp.post("/tokens")
def change_tokens() -> dict[str, Any]:
    """`expires_in` seconds for tokens from now on; `revoke` ends all that were issued."""
    body, tokens = json_object(), paypal().tokens
    only_known(body, {"expires_in", "revoke"})
    if "expires_in" in body:
        tokens.lifetime = int(body["expires_in"])
    if body.get("revoke"):
        tokens.revoke_all()
    return {"expires_in": tokens.lifetime, "issued": tokens.issued}


@bp.post("/transactions")
def add_transaction() -> dict[str, Any]:
    """A movement of the balance by itself, signed; see PayPal's event codes."""
    body = json_object()
    only_known(body, {"event_code", "amount", "currency", "invoice_id"})
    code, amount = str(body.get("event_code", "")), body.get("amount")
    if not re.fullmatch(r"T[0-9]{4}", code) or type(amount) is not int:
        raise plain_error("A movement has an event_code such as T0400 and an amount in minor units.")
    currency = str(body.get("currency", "MYR"))
    return paypal().reports.add(new_id(), code, amount=amount, currency=currency, invoice_id=body.get("invoice_id"))


@bp.post("/transactions/most")
def limit_transactions() -> dict[str, Any]:
    """How many rows a report may have before it is refused as too large."""
    body = json_object()
    only_known(body, {"count"})
    count = body.get("count")
    if type(count) is not int or count < 1:
        raise plain_error("count must be a whole number of at least 1.")
    paypal().reports.most_items = count
    return {"count": count}


@bp.post("/transactions/falsify")
def falsify() -> dict[str, Any]:
    body = json_object()
    only_known(body, {"id", "change", "value"})
    value = body.get("value", 0)
    if type(value) is not int:
        raise plain_error("value is a whole number of minor units.")
    return paypal().reports.falsify(str(body.get("id", "")), _choice(body, "change", CHANGES), value)


def _choice(body: dict[str, Any], name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = body.get(name, default)
    if value not in allowed:
        raise plain_error(f"{name} is one of {', '.join(allowed)}.")
    return str(value)

"""Stripe's objects as our plain values. What does not look as documented is no usable answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.core.money import Money
from app.payments.errors import ProviderUnavailable
from app.payments.gateway import ProviderDispute, ProviderPayment, ProviderRefund, Standing

log = logging.getLogger(__name__)

LATEST_MOMENT = 4102444800  # 2100: later is no date that anybody means
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,255}")
REFUND_STATES = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",  # the customer did not get it
}
DISPUTE_STATES = {
    "warning_needs_response": "open",
    "needs_response": "open",
    "warning_under_review": "under_review",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
    "warning_closed": "closed",
    "prevented": "closed",
}
METHODS = {"card": "card", "fpx": "fpx", "grabpay": "wallet"}
UNFINISHED = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "canceled"})
Object = Mapping[str, Any]


def standing(session: Object) -> Standing:
    """Of a session whose intent, charge and balance transaction are expanded."""
    intent = session.get("payment_intent")
    is_payable = session.get("status") == "open"
    if intent is None:
        if session.get("status") == "complete":
            raise ProviderUnavailable(reason="a complete session without a payment")
        return Standing(is_payable=is_payable)
    payment = payment_of(_object(session, "payment_intent"))
    return Standing((payment,) if payment else (), is_payable)


def payment_of(intent: Object) -> ProviderPayment | None:
    """The intent as a payment; None as long as nobody has tried in earnest.

    A declined try is a failed payment that the same intent may still turn into money. `requires_action` is the
    customer at the bank's door: nothing has happened yet.
    """
    status, error = intent.get("status"), intent.get("last_payment_error")
    if status == "succeeded":
        return _captured(intent)
    if status == "processing":
        return ProviderPayment(identifier_of(intent), "created", money_of(intent), method_of(intent))
    if status not in UNFINISHED:
        log.warning("unknown state of a payment", extra={"payment_state": str(status)[:40]})
        return ProviderPayment(identifier_of(intent), "created", money_of(intent))
    if not isinstance(error, dict) or status == "requires_action":
        return None
    return ProviderPayment(
        identifier_of(intent),
        "failed",
        money_of(intent),
        method_of(intent),
        error_code=text_of(error, "code"),
        error_reason=text_of(error, "decline_code") or text_of(error, "code"),
    )


def refund_of(refund: Object) -> ProviderRefund:
    return ProviderRefund(
        id=identifier_of(refund),
        state=_state_of(refund, REFUND_STATES, otherwise="pending"),
        amount=money_of(refund),
        payment_id=identifier_of(refund, "payment_intent"),
        key=text_of(refund.get("metadata"), "key"),
        created_at=moment_of(refund, "created"),
    )


def dispute_of(dispute: Object) -> ProviderDispute:
    """Of a payment that was made through an intent, as all of ours are."""
    return ProviderDispute(
        id=identifier_of(dispute),
        state=_state_of(dispute, DISPUTE_STATES, otherwise="under_review"),
        amount=money_of(dispute),
        payment_id=identifier_of(dispute, "payment_intent"),
        reason=text_of(dispute, "reason"),
        respond_by=moment_of(dispute.get("evidence_details"), "due_by"),
    )


def _state_of(entity: Object, states: Mapping[str, str], *, otherwise: str) -> str:
    """Ours for a status of Stripe's; one we have never heard of decides nothing."""
    status = str(entity.get("status"))
    if status not in states:
        log.warning("unknown state", extra={"entity": str(entity.get("object"))[:40], "entity_state": status[:40]})
    return states.get(status, otherwise)


def items_of(listed: Object) -> list[dict[str, Any]]:
    items = listed.get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ProviderUnavailable(reason="a list was expected")
    return items


def money_of(entity: Object, name: str = "amount") -> Money:
    """Stripe's amounts are minor units of our kind too: yen as they are, dinars in thousandths that end in 0."""
    try:
        return Money(entity[name], str(entity["currency"]).upper())
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderUnavailable(reason="no amount in the answer") from error


def identifier_of(entity: Object, name: str = "id") -> str:
    value = entity.get(name)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise ProviderUnavailable(reason=f"no {name} in the answer")
    return value


def text_of(entity: Any, name: str) -> str:
    value = entity.get(name) if isinstance(entity, Mapping) else None
    return value[:100] if isinstance(value, str) else ""


def method_of(intent: Object) -> str:
    """Of the latest charge, where it is expanded."""
    charge = intent.get("latest_charge")
    details = charge.get("payment_method_details") if isinstance(charge, dict) else None
    kind = text_of(details, "type")
    return METHODS.get(kind, kind)


def _captured(intent: Object) -> ProviderPayment:
    """What was received is what was asked for, else the answer cannot be trusted with anybody's money."""
    amount, charge = money_of(intent), _object(intent, "latest_charge")
    if money_of(intent, "amount_received") != amount or money_of(charge) != amount:
        raise ProviderUnavailable(reason="the amounts in the answer differ")
    return ProviderPayment(
        identifier_of(intent),
        "refunded" if charge.get("refunded") is True else "captured",
        amount,
        method_of(intent),
        refunded_minor=number_of(charge, "amount_refunded"),
        fee_minor=_fee_of(charge, amount.currency),
    )


def _fee_of(charge: Object, currency: str) -> int:
    """0 until Stripe has booked it, and when it was booked in another currency than the payment's."""
    entry = charge.get("balance_transaction")
    if not isinstance(entry, dict) or str(entry.get("currency")).upper() != currency:
        return 0
    return number_of(entry, "fee")


def number_of(entity: Object, name: str) -> int:
    value = entity.get(name)
    return value if type(value) is int else 0


def moment_of(entity: Any, name: str) -> datetime | None:
    seconds = number_of(entity, name) if isinstance(entity, Mapping) else 0
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < LATEST_MOMENT else None


def _object(entity: Object, name: str) -> dict[str, Any]:
    value = entity.get(name)
    if not isinstance(value, dict):
        raise ProviderUnavailable(reason=f"no {name} in the answer")
    return value

"""Razorpay's entities as our plain values. What does not look as documented is no usable answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.core.money import Money
from app.payments.errors import ProviderUnavailable
from app.payments.gateway import ProviderDispute, ProviderPayment, ProviderRefund
from app.payments.rules import DISPUTE_MOVES

log = logging.getLogger(__name__)

LATEST_MOMENT = 2**35  # seconds since 1970: no date further off is meant
PAYMENT_STATES = frozenset({"created", "authorized", "captured", "refunded", "failed"})
REFUND_STATES = {"pending": "pending", "processed": "succeeded", "failed": "failed"}
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,100}")


def items_of(collection: Mapping[str, Any]) -> list[dict[str, Any]]:
    items = collection.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ProviderUnavailable(reason="a list was expected")
    return items


def payment_of(entity: Mapping[str, Any]) -> ProviderPayment:
    """An authorisation that was given back without a capture is a failed payment to us: we never had that money."""
    state = entity.get("status")
    if state not in PAYMENT_STATES:
        log.warning("unknown payment state", extra={"payment_state": str(state)[:40]})
        state = "created"
    code, reason = optional_of(entity, "error_code"), optional_of(entity, "error_reason")
    if state == "refunded" and entity.get("captured") is False:
        state, code, reason = "failed", "released", "authorization_released"
    return ProviderPayment(
        id=text_of(entity, "id"),
        state=state,
        amount=money_of(entity),
        method=optional_of(entity, "method"),
        refunded_minor=number_of(entity, "amount_refunded") if state in ("captured", "refunded") else 0,
        error_code=code,
        error_reason=reason,
        fee_minor=number_of(entity, "fee"),
        order_id=optional_of(entity, "order_id"),
        created_at=moment_of(entity, "created_at"),
    )


def refund_of(entity: Mapping[str, Any]) -> ProviderRefund:
    state = REFUND_STATES.get(str(entity.get("status")))
    if state is None:
        log.warning("unknown refund state", extra={"refund_state": str(entity.get("status"))[:40]})
    notes = entity.get("notes")  # an empty list when there are none
    return ProviderRefund(
        id=text_of(entity, "id"),
        state=state or "pending",
        amount=money_of(entity),
        payment_id=text_of(entity, "payment_id"),
        key=str(notes.get("key") or "") if isinstance(notes, dict) else "",
        created_at=moment_of(entity, "created_at"),
    )


def dispute_of(entity: Mapping[str, Any]) -> ProviderDispute:
    state = str(entity.get("status"))
    if state not in DISPUTE_MOVES:
        log.warning("unknown dispute state", extra={"dispute_state": state[:40]})
        state = "under_review"
    respond_by = number_of(entity, "respond_by")
    return ProviderDispute(
        id=text_of(entity, "id"),
        state=state,
        amount=money_of(entity),
        payment_id=text_of(entity, "payment_id"),
        reason=optional_of(entity, "reason_code"),
        respond_by=datetime.fromtimestamp(respond_by, UTC) if 0 < respond_by < LATEST_MOMENT else None,
    )


def money_of(entity: Mapping[str, Any]) -> Money:
    try:
        return Money(entity["amount"], str(entity["currency"]).upper())
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderUnavailable(reason="no amount in the answer") from error


def text_of(entity: Mapping[str, Any], name: str) -> str:
    value = entity.get(name)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise ProviderUnavailable(reason=f"no {name} in the answer")
    return value


def optional_of(entity: Mapping[str, Any], name: str) -> str:
    value = entity.get(name)
    return value[:100] if isinstance(value, str) and value != "NA" else ""


def number_of(entity: Mapping[str, Any], name: str) -> int:
    value = entity.get(name)
    return value if type(value) is int else 0


def moment_of(entity: Mapping[str, Any], name: str) -> datetime | None:
    seconds = number_of(entity, name)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None

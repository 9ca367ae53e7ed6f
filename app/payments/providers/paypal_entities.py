"""What PayPal's answers mean to the shop: standings, payments, refunds, and amounts both ways. No network."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.core.money import Money, exponent
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway import ProviderDispute, ProviderPayment, ProviderRefund, Standing

log = logging.getLogger(__name__)

CAPTURE_STATES = {
    "COMPLETED": "captured",
    "PARTIALLY_REFUNDED": "captured",
    "REFUNDED": "refunded",
    "PENDING": "created",  # PayPal reviews it, or waits for an eCheck
    "DECLINED": "failed",
    "FAILED": "failed",
}
BEST_FIRST = ("refunded", "captured", "created", "failed")  # of several captures of one order
REFUND_STATES = {"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed", "CANCELLED": "failed"}
DISPUTE_STATES = {"OPEN": "open", "WAITING_FOR_SELLER_RESPONSE": "open"}  # others are looked into, until RESOLVED
DISPUTE_ENDS = {"RESOLVED_BUYER_FAVOUR": "lost", "RESOLVED_SELLER_FAVOUR": "won"}
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,100}")
AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?")
DECLINED = "declined-"  # and the reason, behind the receipt in `custom_id`


def standing(order: Mapping[str, Any]) -> Standing:
    if captures_of(order) or order.get("status") == "APPROVED":
        return Standing((one_payment(order),))
    if order.get("status") == "COMPLETED":
        raise ProviderUnavailable(reason="a completed order without a capture")
    return Standing(is_payable=order.get("status") != "VOIDED")


def one_payment(order: Mapping[str, Any]) -> ProviderPayment:
    """The order as the one payment it is to us: approved, or the best of its captures."""
    captures = sorted(captures_of(order), key=lambda each: BEST_FIRST.index(_capture_state(each)))
    return _captured(order, captures[0]) if captures else _approved(order)


def _approved(order: Mapping[str, Any]) -> ProviderPayment:
    unit = unit_of(order)
    found, _, reason = words_after_receipt(unit).partition(DECLINED)
    is_declined = bool(reason) and not found
    return ProviderPayment(
        id=identifier_of(order),
        state="failed" if is_declined else "authorized",
        amount=money_of(unit.get("amount")),
        method="paypal",
        error_code=reason if is_declined else "",
        error_reason=reason.lower() if is_declined else "",
    )


def _captured(order: Mapping[str, Any], capture: Mapping[str, Any]) -> ProviderPayment:
    state, amount = _capture_state(capture), money_of(capture.get("amount"))
    is_taken, is_failed = state in ("captured", "refunded"), state == "failed"
    gone_back = sum(each.amount.minor for each in refunds_of(order) if each.state != "failed")
    return ProviderPayment(
        id=identifier_of(order),
        state=state,
        amount=amount,
        method="paypal",
        refunded_minor=gone_back if is_taken else 0,
        error_code=text_of(capture, "status") if is_failed else "",
        error_reason=text_of(capture.get("status_details"), "reason").lower() if is_failed else "",
        fee_minor=_fee(capture, amount.currency) if is_taken else 0,
    )


def captures_of(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    return as_dicts(as_dict(unit_of(order).get("payments")).get("captures"))


def _capture_state(capture: Mapping[str, Any]) -> str:
    state = CAPTURE_STATES.get(str(capture.get("status")))
    if state is None:
        log.warning("unknown capture state", extra={"capture_state": str(capture.get("status"))[:40]})
    return state or "created"


def refundable_capture(order: Mapping[str, Any]) -> str:
    for capture in captures_of(order):
        if _capture_state(capture) in ("captured", "refunded"):
            return identifier_of(capture)
    raise ProviderRefused(reason="nothing was captured")


def refunds_of(order: Mapping[str, Any]) -> list[ProviderRefund]:
    listed = as_dicts(as_dict(unit_of(order).get("payments")).get("refunds"))
    return [refund_of(each, identifier_of(order)) for each in listed]


def refund_of(entity: Mapping[str, Any], payment_id: str) -> ProviderRefund:
    state = REFUND_STATES.get(str(entity.get("status")))
    if state is None:
        log.warning("unknown refund state", extra={"refund_state": str(entity.get("status"))[:40]})
    return ProviderRefund(
        id=identifier_of(entity),
        state=state or "pending",
        amount=money_of(entity.get("amount")),
        payment_id=payment_id,
        key=words_after_receipt(entity),
    )


def disputed_capture(dispute: Mapping[str, Any]) -> str:
    """The capture that a dispute is about. Raises ProviderRefused where it names none, as for payments made elsewhere."""
    disputed = as_dicts(dispute.get("disputed_transactions"))
    capture_id = text_of(disputed[0], "seller_transaction_id") if disputed else ""
    if not IDENTIFIER.fullmatch(capture_id):
        raise ProviderRefused(reason="the dispute names no capture")
    return capture_id


def order_of_capture(capture: Mapping[str, Any]) -> str:
    order_id = text_of(as_dict(capture.get("supplementary_data")).get("related_ids"), "order_id")
    if not IDENTIFIER.fullmatch(order_id):
        raise ProviderRefused(reason="the capture belongs to no order")
    return order_id


def dispute_of(dispute: Mapping[str, Any], payment_id: str) -> ProviderDispute:
    dispute_id = text_of(dispute, "dispute_id")
    if not IDENTIFIER.fullmatch(dispute_id):
        raise ProviderUnavailable(reason="no dispute_id in the answer")
    return ProviderDispute(
        id=dispute_id,
        state=_dispute_state(dispute),
        amount=money_of(dispute.get("dispute_amount")),
        payment_id=payment_id,
        reason=text_of(dispute, "reason").lower(),
        respond_by=moment_of(dispute, "seller_response_due_date"),
    )


def _dispute_state(dispute: Mapping[str, Any]) -> str:
    status = text_of(dispute, "status")
    if status == "RESOLVED":
        return DISPUTE_ENDS.get(text_of(dispute.get("dispute_outcome"), "outcome_code"), "closed")
    return DISPUTE_STATES.get(status, "under_review")


def moment_of(entity: Any, name: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text_of(entity, name))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _fee(capture: Mapping[str, Any], currency: str) -> int:
    """What PayPal keeps, where it says so in the payment's own currency."""
    fee = as_dict(capture.get("seller_receivable_breakdown")).get("paypal_fee")
    return money_of(fee).minor if as_dict(fee).get("currency_code") == currency else 0


def receipt_of(entity: Mapping[str, Any]) -> str:
    """Our receipt, from an entity of PayPal's that shows what we called it."""
    return text_of(entity, "invoice_id") or text_of(entity, "custom_id").partition(":")[0]


def words_after_receipt(entity: Mapping[str, Any]) -> str:
    """What stands behind the receipt in `custom_id`."""
    return text_of(entity, "custom_id").partition(":")[2]


def amount_of(money: Money) -> dict[str, str]:
    """`12.30`, and `80` for a currency without decimals: PayPal refuses `80.00` JPY."""
    decimals = exponent(money.currency)
    whole, rest = divmod(money.minor, 10**decimals)
    return {"currency_code": money.currency, "value": f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)}


def money_of(amount: Any) -> Money:
    found = AMOUNT.fullmatch(text_of(amount, "value"))
    try:
        currency = text_of(amount, "currency_code").upper()
        decimals = exponent(currency)
    except KeyError as error:
        raise ProviderUnavailable(reason="no currency in the answer") from error
    if found is None or len(found[2] or "") > decimals:
        raise ProviderUnavailable(reason="no amount in the answer")
    return Money(int(found[1] + (found[2] or "").ljust(decimals, "0")), currency)


def unit_of(order: Mapping[str, Any]) -> dict[str, Any]:
    units = as_dicts(order.get("purchase_units"))
    if len(units) != 1:
        raise ProviderUnavailable(reason="one purchase unit was expected")
    return units[0]


def identifier_of(entity: Mapping[str, Any]) -> str:
    value = text_of(entity, "id")
    if not IDENTIFIER.fullmatch(value):
        raise ProviderUnavailable(reason="no id in the answer")
    return value


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_of(entity: Any, name: str) -> str:
    value = as_dict(entity).get(name)
    return value if isinstance(value, str) else ""


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

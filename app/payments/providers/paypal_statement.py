"""PayPal's statement of account: what Transaction Search lists as moving the balance (PayPal docs, api/transaction-search
and reports/reference/t-codes). Money is in the balance at once; withdrawals to the bank do not name what is in them.

Payments bear our receipt, for the order's id, by which we know a payment at PayPal, stands in no row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.money import Money
from app.payments.errors import ProviderUnavailable
from app.payments.gateway import ProviderPayment, ProviderRefund, ProviderTransaction
from app.payments.providers.paypal_entities import as_dict, as_dicts, identifier_of, moment_of, money_of, text_of

PAYMENT, REFUND = "T00", "T1107"
KINDS = {
    "T01": "fee",
    "T1108": "fee",  # a fee given back
    "T1109": "fee",
    "T04": "payout",
    "T1101": "payout",  # a withdrawal that the bank sent back
    "T1106": "dispute",  # reversed by PayPal
    "T1110": "dispute",  # held for a dispute, and no longer
    "T1111": "dispute",
    "T1201": "dispute",
    "T1202": "dispute",
    "T1205": "dispute",
}
HELD = ("T15", "T21", "T1105")  # set apart and released again: it stays ours all the time
PAYMENT_STATES = {"S": "captured", "P": "created", "V": "captured"}  # reversed: another row takes it back
REFUND_STATES = {"S": "succeeded", "P": "pending"}
Item = Mapping[str, Any]


def items_of(page: Item) -> list[dict[str, Any]]:
    return [as_dict(each.get("transaction_info")) for each in as_dicts(page.get("transaction_details"))]


def moment_of_item(item: Item) -> datetime:
    moment = moment_of(item, "transaction_initiation_date")
    if moment is None:
        raise ProviderUnavailable(reason="no date in the statement")
    return moment


def rows_of(item: Item) -> list[ProviderTransaction]:
    """What an item says of our money. PayPal's fee for a withdrawal is on top of what the bank got: a row of its own."""
    row = row_of(item)
    fee = _fee_of(item) if row is not None and row.kind == "payout" else 0
    if row is None or not fee:
        return [row] if row else []
    return [row, replace(row, id=f"{row.id}-fee", kind="fee", gross_minor=-fee, net_minor=-fee)]


def row_of(item: Item) -> ProviderTransaction | None:
    """None for what moved no money of ours, or not yet."""
    code = text_of(item, "transaction_event_code")
    if code.startswith(HELD) or text_of(item, "transaction_status") not in ("S", "V"):
        return None
    gross, kind = _signed(item, "transaction_amount"), _kind_of(item)
    fee = _fee_of(item)
    if kind == "payout":  # of a payout the money is what the bank got
        gross, fee = Money(-gross.minor, gross.currency), 0
    named = _id_of(item)
    return ProviderTransaction(
        id=named if kind in ("charge", "refund") else f"{named}-{code}",  # a hold and its end may share theirs
        kind=kind,
        currency=gross.currency,
        gross_minor=gross.minor,
        fee_minor=fee,
        net_minor=gross.minor - fee,
        settled_at=moment_of_item(item),
        payment_id=named if kind == "charge" else "",
        refund_id=named if kind == "refund" else "",
        receipt=_receipt(item) if kind in ("charge", "refund") else "",
    )


def payment_of(item: Item) -> ProviderPayment | None:
    """A payment that somebody made to us; its id is that of the capture, until the receipt says whose it is."""
    if _kind_of(item) != "charge":
        return None
    return ProviderPayment(
        id=_id_of(item),
        state=PAYMENT_STATES.get(text_of(item, "transaction_status"), "failed"),
        amount=_signed(item, "transaction_amount"),
        fee_minor=_fee_of(item),
        receipt=_receipt(item),
        created_at=moment_of_item(item),
    )


def refund_of(item: Item) -> ProviderRefund | None:
    if _kind_of(item) != "refund":
        return None
    amount = _signed(item, "transaction_amount")
    return ProviderRefund(
        id=_id_of(item),
        state=REFUND_STATES.get(text_of(item, "transaction_status"), "failed"),
        amount=Money(-amount.minor, amount.currency),
        payment_id=text_of(item, "paypal_reference_id"),
        key=text_of(item, "custom_field").partition(":")[2],
        receipt=_receipt(item),
        created_at=moment_of_item(item),
    )


def _fee_of(item: Item) -> int:
    """What PayPal keeps for it, in minor units."""
    return 0 if item.get("fee_amount") is None else -_signed(item, "fee_amount").minor


def _kind_of(item: Item) -> str:
    code = text_of(item, "transaction_event_code")
    if code == REFUND:
        return "refund"
    if code.startswith(PAYMENT):  # money that we sent somebody is a correction to the books
        return "charge" if _signed(item, "transaction_amount").minor > 0 else "adjustment"
    return KINDS.get(code) or KINDS.get(code[:3], "adjustment")


def _receipt(item: Item) -> str:
    return text_of(item, "invoice_id") or text_of(item, "custom_field").partition(":")[0]


def _id_of(item: Item) -> str:
    return identifier_of({"id": item.get("transaction_id")})


def _signed(item: Item, name: str) -> Money:
    """An amount that may be negative."""
    amount = as_dict(item.get(name))
    value = text_of(amount, "value")
    minor = money_of({**amount, "value": re.sub(r"^-", "", value)})
    return Money(-minor.minor, minor.currency) if value.startswith("-") else minor

"""Stripe's statement of account: payouts, and the balance transactions that each of them paid out (Stripe docs, payout
reconciliation). What is in the balance and not on its way to the bank yet stands on no statement.

Only automatic payouts name their transactions. Of one made by hand nobody can say what was in it: it stands alone, as money
that the bank got, once it is there; if the bank sends it back later, another row says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.payments.errors import ProviderUnavailable
from app.payments.gateway import ProviderTransaction
from app.payments.providers import stripe_entities as entities

KINDS = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "stripe_fee": "fee",
    "network_cost": "fee",
}
BY_HAND_DAYS = 10  # how long one made by hand may be on its way, or be sent back
RETURNED = frozenset({"failed", "canceled"})
Item = Mapping[str, Any]


def is_paid_out(payout: Item) -> bool:
    """Whether a payout reached the bank, or will (one that came back is in a later one)."""
    return payout.get("status") not in RETURNED


def by_hand(payout: Item) -> list[ProviderTransaction]:
    """A payout that is not itemised, as far as it has come: one that failed may have stood as paid before, so it is given and
    taken back. Nothing of one that is under way."""
    status = payout.get("status")
    if status not in ("paid", "failed"):
        return []
    [sent] = statement(payout, ())
    return [sent] if status == "paid" else [sent, returned(sent)]


def returned(sent: ProviderTransaction) -> ProviderTransaction:
    minor = -sent.net_minor
    return replace(sent, id=f"{sent.id}-returned", gross_minor=minor, net_minor=minor)


def is_itemised(payout: Item) -> bool:
    return payout.get("automatic") is True


def statement(payout: Item, rows: Sequence[Item]) -> list[ProviderTransaction]:
    """A payout and the balance transactions in it, whose `source` is expanded; all settled when it was made."""
    payout_id, at = entities.identifier_of(payout), moment_of(payout)
    listed = [_row(each, payout_id, at) for each in rows if each.get("type") not in ("payout", "payout_failure")]
    sent = entities.money_of(payout)
    named = payout_id if is_itemised(payout) else ""
    transfer = ProviderTransaction(payout_id, "payout", sent.currency, sent.minor, 0, sent.minor, at, payout_id=named)
    return [*listed, transfer]


def _row(item: Item, payout_id: str, at: datetime) -> ProviderTransaction:
    kind = KINDS.get(str(item.get("type")), "adjustment")
    if item.get("reporting_category") in ("dispute", "dispute_reversal"):
        kind = "dispute"
    source = item.get("source")
    is_named = isinstance(source, dict)
    return ProviderTransaction(
        id=entities.identifier_of(item),
        kind=kind,
        currency=entities.text_of(item, "currency").upper(),
        gross_minor=_minor(item, "amount"),
        fee_minor=_minor(item, "fee"),
        net_minor=_minor(item, "net"),
        settled_at=at,
        payment_id=entities.text_of(source, "payment_intent") if is_named else "",
        refund_id=entities.text_of(source, "id") if is_named and kind == "refund" else "",
        payout_id=payout_id,
    )


def _minor(item: Item, name: str) -> int:
    value = item.get(name)
    if type(value) is not int:
        raise ProviderUnavailable(reason=f"no {name} in the statement")
    return value


def moment_of(payout: Item) -> datetime:
    return datetime.fromtimestamp(_minor(payout, "created"), UTC)

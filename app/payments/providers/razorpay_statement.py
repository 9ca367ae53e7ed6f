"""Razorpay's statement of account: recon rows (`/v1/settlements/recon/combined`) and transfers (`/v1/settlements`).

A recon row has no id of its own: it is named by its settlement and what was settled, and counted where that comes twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.payments.errors import ProviderUnavailable
from app.payments.gateway import ProviderTransaction

KINDS = {"payment": "charge", "refund": "refund", "transfer": "adjustment", "adjustment": "adjustment"}
Item = Mapping[str, Any]


def statement(rows: Iterable[Item], payouts: Iterable[Item]) -> list[ProviderTransaction]:
    """Rows that are settled, then the transfers to the bank, which name no currency: their rows do."""
    seen: Counter[str] = Counter()
    listed: list[ProviderTransaction] = []
    for item in rows:
        if item.get("settled") is True:
            listed.append(_row(item, seen))
    currencies = {row.payout_id: row.currency for row in listed}
    transferred = [_payout(item, currencies) for item in payouts if item.get("status") == "processed"]
    return [*listed, *(each for each in transferred if each is not None)]


def _row(item: Item, seen: Counter[str]) -> ProviderTransaction:
    kind = "dispute" if item.get("dispute_id") else KINDS.get(str(item.get("type")), "adjustment")
    entity, payout = str(item.get("entity_id") or ""), str(item.get("settlement_id") or "")
    name = f"{payout}:{entity}"
    seen[name] += 1
    sign = 1 if _minor(item, "credit") >= _minor(item, "debit") else -1
    return ProviderTransaction(
        id=name if seen[name] == 1 else f"{name}:{seen[name]}",
        kind=kind,
        currency=str(item.get("currency") or "").upper(),
        gross_minor=sign * _minor(item, "amount"),
        fee_minor=_minor(item, "fee"),  # the tax on it is part of it
        net_minor=_minor(item, "credit") - _minor(item, "debit"),
        settled_at=_moment(item, "settled_at"),
        payment_id=entity if kind == "charge" else str(item.get("payment_id") or ""),
        refund_id=entity if kind == "refund" else "",
        payout_id=payout,
    )


def _payout(item: Item, currencies: Mapping[str, str]) -> ProviderTransaction | None:
    payout = str(item.get("id") or "")
    currency = str(item.get("currency") or currencies.get(payout) or "").upper()
    if not currency:  # nothing was settled by it in the days that were asked for
        return None
    amount, settled_at = _minor(item, "amount"), _moment(item, "created_at")
    return ProviderTransaction(payout, "payout", currency, amount, 0, amount, settled_at, payout_id=payout)


def _minor(item: Item, name: str) -> int:
    value = item.get(name)
    if value is None:
        return 0
    if type(value) is not int:
        raise ProviderUnavailable(reason=f"no {name} in the statement")
    return value


def _moment(item: Item, name: str) -> datetime:
    return datetime.fromtimestamp(_minor(item, name), UTC)

"""Some lists name a payment by our receipt only: here it gets the id by which we know it at that provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from app.core import db
from app.payments.gateway import ProviderPayment, ProviderRefund, ProviderTransaction
from app.reconciliation import queries

Report = TypeVar("Report", ProviderPayment, ProviderRefund, ProviderTransaction)


def resolved(code: str, listed: Sequence[Report]) -> list[Report]:
    """Those of receipts that are none of ours stay as they are, and so do those without."""
    receipts = sorted({each.receipt for each in listed if each.receipt})
    if not receipts:
        return list(listed)
    ids = queries.orders_of_receipts(code, receipts)
    db.release()
    return [_named(each, ids[each.receipt]) if each.receipt in ids else each for each in listed]


def _named(report: Report, order_id: str) -> Report:
    if isinstance(report, ProviderPayment):
        return replace(report, id=order_id, order_id=order_id)
    return replace(report, payment_id=order_id)

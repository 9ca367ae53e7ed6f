"""Money that moved, written once and never changed, and its sums. This is what tests compare the shop with.

capture         money taken from the customer
refund          money given back to the customer by the merchant, counted as soon as it is accepted
refund_failed   a refund that did not arrive: its money counts as not refunded again
chargeback      money that the customer's bank took after a dispute was lost; counted as refunded
release         an authorisation the provider gave back by itself; it never was the merchant's
"""

from collections import defaultdict
from typing import Any

from sandbox.rows import Row
from sandbox.store import Transaction

_SUMS = {
    "capture": ("captured", 1),
    "refund": ("refunded", 1),
    "refund_failed": ("refunded", -1),
    "chargeback": ("refunded", 1),
    "release": ("released", 1),
}


def write(tx: Transaction, kind: str, *, payment: Row, amount: int, at: float, refund_id: str | None = None) -> None:
    tx.insert(
        "journal",
        kind=kind,
        order_id=payment["order_id"],
        payment_id=payment["id"],
        refund_id=refund_id,
        amount=amount,
        currency=payment["currency"],
        at=at,
    )


def whole(tx: Transaction) -> dict[str, Any]:
    """`{"totals": {currency: sums}, "receipts": {receipt: account}}`; orders without a receipt stand under their id."""
    by_receipt: dict[str, list[Row]] = defaultdict(list)
    for order in tx.all("SELECT * FROM orders ORDER BY seq"):
        by_receipt[order["receipt"] or order["id"]].append(order)
    entries = _Entries(tx)
    return {
        "totals": totals(tx),
        "receipts": {receipt: _account(receipt, orders, entries) for receipt, orders in by_receipt.items()},
    }


def one(tx: Transaction, receipt: str) -> dict[str, Any] | None:
    """The account of one receipt (or of one order id); None if there is none."""
    orders = tx.all("SELECT * FROM orders WHERE receipt = ? OR id = ? ORDER BY seq", (receipt, receipt))
    return _account(receipt, orders, _Entries(tx, [order["id"] for order in orders])) if orders else None


def totals(tx: Transaction) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: {"orders": 0, **_nothing()})
    for row in tx.all("SELECT currency, count(*) AS n FROM orders GROUP BY currency"):
        sums[row["currency"]]["orders"] = row["n"]
    for row in tx.all("SELECT currency, kind, sum(amount) AS amount FROM journal GROUP BY currency, kind"):
        _add(sums[row["currency"]], row)
    return dict(sums)


class _Entries:
    """Payments and journal by order, refunds by payment: of some orders, or of all of them in three statements."""

    def __init__(self, tx: Transaction, order_ids: list[str] | None = None):
        marks = "" if order_ids is None else f"WHERE order_id IN ({', '.join('?' * len(order_ids))})"
        values = order_ids or []
        self.payments = _grouped(tx.all(f"SELECT * FROM payment {marks} ORDER BY seq", values), "order_id")  # noqa: S608  # nosec B608
        self.journal = _grouped(tx.all(f"SELECT * FROM journal {marks} ORDER BY seq", values), "order_id")  # noqa: S608  # nosec B608
        of_payments = marks and f"WHERE payment_id IN (SELECT id FROM payment {marks})"  # noqa: S608  # nosec B608
        self.refunds = _grouped(tx.all(f"SELECT * FROM refund {of_payments} ORDER BY seq", values), "payment_id")  # noqa: S608  # nosec B608


def _grouped(rows: list[Any], column: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def _account(receipt: str, orders: list[Row], entries: _Entries) -> dict[str, Any]:
    payments = [payment for order in orders for payment in entries.payments[order["id"]]]
    refunds = [refund for payment in payments for refund in entries.refunds[payment["id"]]]
    journal = [line for order in orders for line in entries.journal[order["id"]]]
    sums = _nothing()
    per_payment: dict[str, dict[str, int]] = defaultdict(_nothing)
    for line in journal:
        _add(sums, line)
        _add(per_payment[line["payment_id"]], line)
    return {
        "receipt": receipt,
        "order_ids": [order["id"] for order in orders],
        "amount": orders[-1]["amount"],
        "currency": orders[-1]["currency"],
        **sums,
        "net": sums["captured"] - sums["refunded"],
        "captures": sum(line["kind"] == "capture" for line in journal),
        "payments": [_payment(payment, per_payment[payment["id"]]) for payment in payments],
        "refunds": [_refund(refund) for refund in refunds],
    }


def _payment(row: Row, sums: dict[str, int]) -> dict[str, Any]:
    fields = ("id", "order_id", "status", "amount", "currency", "method")
    return {name: row[name] for name in fields} | sums


def _refund(row: Row) -> dict[str, Any]:
    fields = ("id", "payment_id", "amount", "currency", "status", "source", "idempotency_key")
    return {name: row[name] for name in fields}


def _nothing() -> dict[str, int]:
    return {"captured": 0, "refunded": 0, "released": 0}


def _add(sums: dict[str, int], row: Row) -> None:
    name, sign = _SUMS[row["kind"]]
    sums[name] += sign * row["amount"]

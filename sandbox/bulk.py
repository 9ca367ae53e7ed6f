"""Payments made long ago, in any number: what a shop's history looks like at the provider. No events are sent."""

import json
from typing import Any

from sandbox import instruments, ledger
from sandbox.rows import found
from sandbox.store import Store, Transaction


def load(store: Store, payments: list[dict[str, Any]]) -> int:
    """Each `{order_id, payment_id, receipt, amount, currency, at, refund?: {id, key, amount, at}}`, captured. How many."""
    with store.transaction() as tx:
        for each in payments:
            _load_one(tx, each)
    return len(payments)


def _load_one(tx: Transaction, each: dict[str, Any]) -> None:
    refund = each.get("refund")
    refunded = refund["amount"] if refund else 0
    shared = {"amount": each["amount"], "currency": each["currency"], "created_at": each["at"]}
    tx.insert(
        "orders",
        id=each["order_id"],
        receipt=each["receipt"],
        amount_paid=each["amount"],
        status="paid",
        attempts=1,
        **shared,
    )
    tx.insert(
        "payment",
        id=each["payment_id"],
        order_id=each["order_id"],
        status="refunded" if refunded == each["amount"] else "captured",
        captured=1,
        amount_refunded=refunded,
        method="card",
        instrument=json.dumps(instruments.instrument("card", currency=each["currency"])),
        **shared,
    )
    payment = found(tx, "payment", each["payment_id"])
    ledger.write(tx, "capture", payment=payment, amount=each["amount"], at=each["at"])
    if refund:
        tx.insert(
            "refund",
            id=refund["id"],
            payment_id=each["payment_id"],
            amount=refunded,
            currency=each["currency"],
            status="processed",
            notes=json.dumps({"key": refund["key"]} if refund.get("key") else {}),
            source="merchant",
            idempotency_key=refund.get("key"),
            created_at=refund["at"],
        )
        ledger.write(tx, "refund", payment=payment, amount=refunded, at=refund["at"], refund_id=refund["id"])

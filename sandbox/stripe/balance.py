"""The merchant's balance: one transaction per movement, with fee and net, and payouts that empty it.

A charge costs 3 %, rounded down; refunds give no fee back. Payouts only happen by a control call.
"""

import json
from typing import Any

from sandbox.store import Transaction
from sandbox.stripe.errors import StripeError
from sandbox.stripe.events import Events
from sandbox.stripe.state import document, keep, new_id

_FEE_PER_CENT = 3
PAYOUT_STATES = ("pending", "in_transit", "paid", "failed", "canceled")
_TWO_DAYS = 2 * 86400
_CATEGORIES = {"refund_failure": "refund_failure", "stripe_fee": "fee", "adjustment": "dispute"}


def enter(
    tx: Transaction, kind: str, *, amount: int, currency: str, source: str | None, at: float, fee: int | None = None
) -> str:
    """Writes a movement of `amount` (negative when it leaves) and returns its id."""
    if fee is None:
        fee = amount * _FEE_PER_CENT // 100 if kind == "charge" else 0
    entry = _transaction(kind, amount=amount, fee=fee, currency=currency, source=source, at=at)
    keep(tx, entry, source=source)
    return str(entry["id"])


def fee_of(tx: Transaction, *, amount: int, currency: str, at: float) -> dict[str, Any]:
    """Something Stripe bills by itself, such as a monthly fee."""
    entry = enter(tx, "stripe_fee", amount=-amount, currency=currency, source=None, at=at)
    return document(tx, "balance_transaction", entry)


def pay_out(
    tx: Transaction, events: Events, *, currency: str, at: float, is_automatic: bool = True, status: str = "paid"
) -> dict[str, Any]:
    """Sends all that is in the balance of a currency to the merchant's bank; raises when there is nothing."""
    sql = "SELECT id, body FROM document WHERE kind = 'balance_transaction' AND payout IS NULL ORDER BY seq"
    entries = [json.loads(row["body"]) for row in tx.all(sql)]
    entries = [entry for entry in entries if entry["currency"] == currency.lower()]
    amount = sum(entry["net"] for entry in entries)
    if amount <= 0:
        raise StripeError("You have insufficient funds in your Stripe account.", code="balance_insufficient")
    payout = _payout(amount, currency.lower(), at) | {"automatic": is_automatic, "status": status}
    payout["balance_transaction"] = enter(tx, "payout", amount=-amount, currency=currency, source=payout["id"], at=at)
    keep(tx, payout)
    ids = [entry["id"] for entry in entries] + [payout["balance_transaction"]]
    marks = ", ".join("?" * len(ids))
    tx.execute(f"UPDATE document SET payout = ? WHERE id IN ({marks})", [payout["id"], *ids])  # noqa: S608  # nosec B608
    for name in ("payout.created", "payout.paid"):
        events.record(tx, name, payout["id"], payout, at=at)
    return payout


def become(tx: Transaction, payout_id: str, status: str) -> dict[str, Any]:
    """The bank's word on a payout. Simpler than the real one: what failed does not return to the balance."""
    payout = document(tx, "payout", payout_id) | {"status": status}
    keep(tx, payout)
    return payout


def demand_automatic(tx: Transaction, payout_id: str) -> None:
    """Raises Stripe's refusal for a payout made by hand: what was in it is not listed."""
    if not document(tx, "payout", payout_id)["automatic"]:
        raise StripeError("Balance transaction history can only be filtered on automatic payouts, not manual.")


def _transaction(kind: str, *, amount: int, fee: int, currency: str, source: str | None, at: float) -> dict[str, Any]:
    details = {
        "amount": fee,
        "application": None,
        "currency": currency.lower(),
        "description": "Stripe processing fees",
    }
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": int(at) + _TWO_DAYS,
        "balance_type": "payments",
        "created": int(at),
        "currency": currency.lower(),
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details | {"type": "stripe_fee"}] if fee else [],
        "net": amount - fee,
        "reporting_category": _CATEGORIES.get(kind, kind),
        "source": source,
        "status": "available",
        "type": kind,
    }


def _payout(amount: int, currency: str, at: float) -> dict[str, Any]:
    nulls = (
        "application_fee application_fee_amount description failure_balance_transaction failure_code failure_message "
        "original_payout payout_method reversed_by statement_descriptor trace_id"
    )
    return {
        **dict.fromkeys(nulls.split()),
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "arrival_date": int(at),
        "automatic": True,
        "balance_transaction": None,
        "created": int(at),
        "currency": currency,
        "destination": "ba_sandbox",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "completed",
        "source_type": "card",
        "status": "paid",
        "type": "bank_account",
    }

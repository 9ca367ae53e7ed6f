"""Who was wronged: the sandbox's ledger, which only the sandbox writes, held against the shop's orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from app.core import db

Account = Mapping[str, Any]


def wrongs(
    ledger: Mapping[str, Account], *, seen_paid: Iterable[str] = (), seen_placed: Iterable[str] = ()
) -> list[str]:
    """One sentence for each broken promise, with the receipt or reference. Empty when nobody was wronged.

    `seen_paid` and `seen_placed` are tokens of orders that a shopper was told are confirmed, or placed.
    """
    orders, meant = {row.reference: row for row in _orders()}, _refunds_meant()
    by_order: dict[str, list[Account]] = defaultdict(list)
    for receipt, account in ledger.items():
        by_order[receipt.rsplit("-", 1)[0]].append(account)
    found: list[str] = []
    for reference, accounts in by_order.items():
        found += _of_order(reference, orders.get(reference), accounts, meant)
    paid_for = {ref for ref, accounts in by_order.items() if sum(each["captured"] for each in accounts)}
    found += [
        f"{row.reference}: confirmed, and nobody paid"
        for row in orders.values()
        if row.state == "confirmed" and row.reference not in paid_for
    ]
    found += _of_tokens({row.token: row for row in orders.values()}, seen_paid, seen_placed)
    return found + _of_numbers([row.number for row in orders.values() if row.number])


def unfinished() -> int:
    """Orders and refunds that are still under way, and locks that are still held."""
    found: int = db.scalar(
        "SELECT (SELECT count(*) FROM orders WHERE state = 'pending') + (SELECT count(*) FROM stock_lock WHERE state = 'held')"
        " + (SELECT count(*) FROM refund WHERE state IN ('requested', 'pending'))"
    )
    db.release()
    return found


def _orders() -> list[Any]:
    rows = db.rows(
        "SELECT reference, token, number, state, total_minor, currency, (SELECT coalesce(sum(r.amount_minor), 0)::bigint"
        " FROM payment p JOIN payment_capture c ON c.payment_id = p.id AND c.is_applied JOIN refund r ON r.capture_id = c.id"
        " WHERE p.order_id = orders.id AND r.state IN ('pending', 'succeeded')) AS refunded_minor FROM orders"
    )
    db.release()
    return rows


def _refunds_meant() -> dict[str, int]:
    """How many refunds of each provider payment somebody here has meant and did not fail."""
    rows = db.rows(
        "SELECT c.provider_payment_id, count(*) FROM refund r JOIN payment_capture c ON c.id = r.capture_id"
        " WHERE r.state IN ('requested', 'pending', 'succeeded') GROUP BY 1"
    )
    db.release()
    return {row[0]: row[1] for row in rows}


def _of_order(reference: str, order: Any, accounts: list[Account], meant: Mapping[str, int]) -> list[str]:
    found = [sentence for account in accounts for sentence in _of_account(account, meant)]
    net = sum(account["net"] for account in accounts)
    if order is None:
        return [*found, f"{reference}: the provider has {net} for an order the shop does not know"] if net else found
    due = order.total_minor - order.refunded_minor if order.state == "confirmed" else 0
    if net > due:
        found.append(f"{reference}: {order.state}, and the provider holds {net} where {due} is due")
    elif net < due:
        found.append(f"{reference}: confirmed for {due}, and the provider holds {net}")
    return found


def _of_account(account: Account, meant: Mapping[str, int]) -> list[str]:
    receipt = account["receipt"]
    found = []
    if len(account["order_ids"]) > 1:
        found.append(f"{receipt}: {len(account['order_ids'])} orders at the provider for one attempt")
    for payment in account["payments"]:
        refunds = [
            each for each in account["refunds"] if each["payment_id"] == payment["id"] and each["status"] != "failed"
        ]
        if payment["refunded"] > payment["captured"]:
            found.append(f"{receipt}: refunded {payment['refunded']} of {payment['captured']}")
        if len(refunds) > max(meant.get(payment["id"], 0), 1):
            found.append(f"{receipt}: refunded {len(refunds)} times")
    return found


def _of_tokens(orders: Mapping[str, Any], seen_paid: Iterable[str], seen_placed: Iterable[str]) -> list[str]:
    lost = [f"{token}: a shopper saw this order, the shop has lost it" for token in seen_placed if token not in orders]
    undone = [
        f"{orders[token].reference}: a shopper saw it confirmed, it is {orders[token].state}"
        for token in seen_paid
        if token in orders and orders[token].state != "confirmed"
    ]
    return lost + undone


def _of_numbers(numbers: list[str]) -> list[str]:
    """Numbers of confirmed orders have no gaps and no twins."""
    given = sorted(int("".join(filter(str.isdigit, number))) for number in numbers)
    if given and given != list(range(given[0], given[0] + len(given))):
        return ["order numbers with gaps or twins"]
    return []

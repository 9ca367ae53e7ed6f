"""Who was wronged: the sandbox's ledger, which only the sandbox writes, held against the shop's orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from app.core import db

Account = Mapping[str, Any]
KEPT = ("confirmed", "on_hold")  # orders whose money is the shop's
UNDER_WAY_OR_BACK = ("requested", "pending", "succeeded")
RELEASED = "provider"  # the source of what a provider gives back by itself: an authorisation that was never the shop's
BILL_LETTERS = 8  # Billplz looks nothing up: a bill whose answer was lost was shown to nobody, and another one is made


def wrongs(
    ledger: Mapping[str, Account], *, seen_paid: Iterable[str] = (), seen_placed: Iterable[str] = ()
) -> list[str]:
    """One sentence for each broken promise, with the receipt or reference. Empty when nobody was wronged.

    `seen_paid` and `seen_placed` are tokens of orders that a shopper was told are confirmed, or placed.
    """
    orders, refunds = {row.reference: row for row in _orders()}, _refunds()
    by_order: dict[str, list[Account]] = defaultdict(list)
    for receipt, account in ledger.items():
        by_order[receipt.rsplit("-", 1)[0]].append(account)
    found: list[str] = []
    for reference, accounts in by_order.items():
        found += _of_order(reference, orders.get(reference), accounts, refunds)
    found += _of_refunds(ledger, refunds)
    paid_for = {ref for ref, accounts in by_order.items() if sum(each["captured"] for each in accounts)}
    found += [
        f"{row.reference}: confirmed, and nobody paid"
        for row in orders.values()
        if row.state in KEPT and row.reference not in paid_for
    ]
    found += _of_tokens({row.token: row for row in orders.values()}, seen_paid, seen_placed)
    return found + _of_numbers([row.number for row in orders.values() if row.number])


KEPT_FOR_A_BANK = "l.state = 'held' AND l.was_kept AND l.expires_at > clock_timestamp()"


def unfinished() -> list[str]:
    """Orders and refunds that are still under way, and locks that are still held, each with how it stands. Not what is kept
    longer for a bank that had no answer (FAULTS F3): that ends by itself, later than a storm is watched."""
    rows = db.rows(
        "SELECT concat_ws(' ', 'order', o.reference, 'is pending until', o.expires_at, 'attempts:', (SELECT string_agg("
        "concat_ws(' ', a.provider, a.state, 'asked at', a.ask_at), ', ') FROM payment p JOIN payment_attempt a ON a.payment_id = p.id"
        " WHERE p.order_id = o.id)) FROM orders o WHERE o.state = 'pending'"
        f" AND NOT EXISTS (SELECT FROM stock_lock l WHERE l.order_id = o.id AND {KEPT_FOR_A_BANK})"
        " UNION ALL SELECT concat_ws(' ', 'lock of', o.reference, o.state, 'until', l.expires_at)"
        f" FROM stock_lock l JOIN orders o ON o.id = l.order_id WHERE l.state = 'held' AND NOT ({KEPT_FOR_A_BANK})"
        " UNION ALL SELECT concat_ws(' ', 'refund', id, state, amount_minor, 'since', created_at) FROM refund"
        " WHERE state IN ('requested', 'pending')"
    )
    db.release()
    return [row[0] for row in rows]


def _orders() -> list[Any]:
    """With what went back of the money each is paid with: refunds, and what a bank took after a dispute that was lost."""
    rows = db.rows(
        "SELECT reference, token, number, state, total_minor, currency, (SELECT coalesce(sum(r.amount_minor), 0)::bigint"
        " FROM payment p JOIN payment_capture c ON c.payment_id = p.id AND c.is_applied JOIN refund r ON r.capture_id = c.id"
        " WHERE p.order_id = orders.id AND r.state IN ('pending', 'succeeded'))"
        " + (SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM payment p JOIN payment_dispute d ON d.payment_id = p.id"
        " WHERE p.order_id = orders.id AND d.state = 'lost') AS refunded_minor FROM orders"
    )
    db.release()
    return rows


def _refunds() -> list[Any]:
    """Every refund that somebody here has meant, with the receipt of the attempt whose money it gives back."""
    rows = db.rows(
        "SELECT r.id, r.state, r.amount_minor, r.provider_refund_id, a.receipt FROM refund r"
        " JOIN payment_capture c ON c.id = r.capture_id JOIN payment_attempt a ON a.id = c.attempt_id"
    )
    db.release()
    return rows


def _of_order(reference: str, order: Any, accounts: list[Account], refunds: list[Any]) -> list[str]:
    found = [sentence for account in accounts for sentence in _of_account(account, refunds)]
    net = sum(account["net"] for account in accounts)
    if order is None:
        return [*found, f"{reference}: the provider has {net} for an order the shop does not know"] if net else found
    due = order.total_minor - order.refunded_minor if order.state in KEPT else 0
    if net > due:
        found.append(f"{reference}: {order.state}, and the provider holds {net} where {due} is due")
    elif net < due:
        found.append(f"{reference}: confirmed for {due}, and the provider holds {net}")
    return found


def _of_account(account: Account, refunds: list[Any]) -> list[str]:
    receipt = account["receipt"]
    found = []
    if len(account["order_ids"]) > 1 and len(account["order_ids"][0]) != BILL_LETTERS:
        found.append(f"{receipt}: {len(account['order_ids'])} orders at the provider for one attempt")
    for sums in (account, *account["payments"]):
        if sums["refunded"] > sums["captured"]:
            found.append(f"{receipt}: refunded {sums['refunded']} of {sums['captured']}")
    meant = sum(each.receipt == receipt and each.state in UNDER_WAY_OR_BACK for each in refunds)
    made = sum(not _has_failed(each) and each["source"] != RELEASED for each in account["refunds"])
    if made > meant:
        found.append(f"{receipt}: refunded {made} times, {meant} meant")
    return found


def _of_refunds(ledger: Mapping[str, Account], refunds: list[Any]) -> list[str]:
    """One refund at the provider for each that was meant here, of the same amount, and none under a key of ours besides."""
    made = [(receipt, each) for receipt, account in ledger.items() for each in account["refunds"]]
    live = [(receipt, each) for receipt, each in made if not _has_failed(each)]
    found = []
    for row in refunds:
        theirs = [each for _receipt, each in live if _is_same(each, row)]
        wanted = (1,) if row.state == "succeeded" else (0, 1) if row.state in UNDER_WAY_OR_BACK else (0,)
        if len(theirs) not in wanted:
            found.append(f"{row.receipt}: refund {row.id} is {row.state}, and the provider made {len(theirs)}")
        if any(each["amount"] != row.amount_minor for each in theirs):
            found.append(f"{row.receipt}: refund {row.id} of {row.amount_minor} is another amount at the provider")
    known = {each.provider_refund_id for each in refunds} | {f"refund-{each.id}" for each in refunds}
    strange = [
        receipt
        for receipt, each in live
        if each["source"] != RELEASED and not known & {each["id"], each["idempotency_key"]}
    ]
    return [*found, *(f"{receipt}: a refund that nobody here knows" for receipt in strange)]


def _is_same(theirs: Mapping[str, Any], ours: Any) -> bool:
    return theirs["id"] == ours.provider_refund_id or theirs["idempotency_key"] == f"refund-{ours.id}"


def _has_failed(refund: Mapping[str, Any]) -> bool:
    return str(refund["status"]).lower() in ("failed", "canceled", "cancelled")


def _of_tokens(orders: Mapping[str, Any], seen_paid: Iterable[str], seen_placed: Iterable[str]) -> list[str]:
    lost = [f"{token}: a shopper saw this order, the shop has lost it" for token in seen_placed if token not in orders]
    undone = [
        f"{orders[token].reference}: a shopper saw it confirmed, it is {orders[token].state}"
        for token in seen_paid
        if token in orders and orders[token].state not in KEPT
    ]
    return lost + undone


def _of_numbers(numbers: list[str]) -> list[str]:
    """Numbers of confirmed orders have no gaps and no twins."""
    given = sorted(int("".join(filter(str.isdigit, number))) for number in numbers)
    if given and given != list(range(given[0], given[0] + len(given))):
        return ["order numbers with gaps or twins"]
    return []

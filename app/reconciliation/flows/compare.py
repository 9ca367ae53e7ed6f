"""What a provider lists of a time, held against what we noted: there but not here, here but not there, and what differs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.core import db
from app.core.transaction import in_transaction
from app.payments import gateway
from app.payments import queries as payment_queries
from app.payments.actions import postings
from app.payments.errors import ProviderRefused
from app.payments.gateway import ProviderPayment, ProviderRefund
from app.reconciliation import queries, rules
from app.reconciliation.flows.receipts import resolved
from app.reconciliation.rules import Finding

MOST_QUESTIONS = 200  # of ours that no list showed are asked for one by one; more wait for the next night
TAKEN = ("captured", "refunded")
KEY = "refund-"  # see orders.flows.refund_key


@dataclass
class Compared:
    """`kinds` are those that were looked for: what is open of them and was not found is gone."""

    kinds: tuple[str, ...] = ()
    count: int = 0
    findings: list[Finding] = field(default_factory=list)


def payments(code: str, since: datetime, until: datetime) -> Compared:
    """Payments of a provider. Fees that it has corrected are noted on the way."""
    if not gateway.tells(code, "payments_between"):
        return Compared()
    result = Compared(("missed_payment", "foreign_payment", "unknown_there", "amount_differs", "currency_differs"))
    seen: set[str] = set()
    for start, end in rules.pieces(since, until, days=1):
        listed = resolved(code, gateway.bookkeeper(code).payments_between(start, end))
        seen.update(report.id for report in listed)
        result.count += len(listed)
        result.findings += _payments_there(code, listed)
    here = queries.captures_between(code, since, until - timedelta(minutes=rules.GRACE_MINUTES))
    db.release()
    result.findings += _payments_here(code, [row for row in here if row.provider_payment_id not in seen])
    return result


def _payments_there(code: str, listed: Sequence[ProviderPayment]) -> list[Finding]:
    taken = [report for report in listed if report.state in TAKEN]
    known = queries.known_captures(code, [report.id for report in taken])
    attempts = queries.known_attempts(code, [report.order_id for report in taken if report.id not in known])
    db.release()
    found = [_compared(code, report, known.get(report.id), attempts.get(report.order_id)) for report in taken]
    _note_fees([(known[report.id].id, report) for report in taken if _tells_other_fee(report, known.get(report.id))])
    return [each for each in found if each is not None]


def _compared(code: str, report: ProviderPayment, capture: Any, attempt: Any) -> Finding | None:
    happened = report.created_at
    if happened is None:
        return None
    currency, minor = report.amount.currency, report.amount.minor
    if capture is None:
        kind = "missed_payment" if attempt else "foreign_payment"
        order_id, attempt_id = (attempt.order_id, attempt.id) if attempt else (None, None)
        return Finding(kind, code, report.id, happened, currency, found=minor, order_id=order_id, attempt_id=attempt_id)
    same = {"order_id": capture.order_id, "attempt_id": capture.attempt_id, "capture_id": capture.id}
    if capture.state not in TAKEN:
        return Finding("missed_payment", code, report.id, happened, currency, found=minor, **same)
    if capture.currency != currency:
        kind = "currency_differs"
    elif capture.amount_minor != minor:
        kind = "amount_differs"
    else:
        return None
    return Finding(kind, code, report.id, happened, capture.currency, capture.amount_minor, minor, currency, **same)


def _tells_other_fee(report: ProviderPayment, capture: Any) -> bool:
    """The statement has the last word on a fee; until there is one, the payment has."""
    if capture is None or capture.is_settled or capture.state not in TAKEN:
        return False
    return 0 < report.fee_minor != capture.fee_minor


def _note_fees(told: Sequence[tuple[uuid.UUID, ProviderPayment]]) -> None:
    fees = {capture_id: report.fee_minor for capture_id, report in told}

    def note() -> None:
        for capture in payment_queries.lock_captures(list(fees)):
            postings.note_fee(capture, fees[capture.id])

    if fees:
        in_transaction(note)


def _payments_here(code: str, rows: Sequence[Any]) -> Iterator[Finding]:
    """A payment may be older there than the list: each is asked for by its order before it counts as unknown."""
    for row in rows[:MOST_QUESTIONS]:
        if row.provider_payment_id not in _ids_of_order(code, row.provider_order_id):
            yield Finding(
                "unknown_there", code, row.provider_payment_id, row.created_at, row.currency, row.amount_minor,
                order_id=row.order_id, attempt_id=row.attempt_id, capture_id=row.id,
            )  # fmt: skip


def _ids_of_order(code: str, provider_order_id: str | None) -> set[str]:
    if provider_order_id is None:
        return set()
    try:
        return {report.id for report in gateway.provider(code).get_payment_status(provider_order_id).payments}
    except ProviderRefused:  # it does not know such an order
        return set()


def refunds(code: str, since: datetime, until: datetime) -> Compared:
    """Refunds of a provider."""
    if not gateway.tells(code, "refunds_between"):
        return Compared()
    kinds = ("refund_unknown_here", "refund_unknown_there", "refund_amount_differs", "refund_state_differs")
    result = Compared(kinds)
    seen: set[str] = set()
    for start, end in rules.pieces(since, until, days=1):
        listed = resolved(code, gateway.bookkeeper(code).refunds_between(start, end))
        seen.update(report.id for report in listed)
        result.count += len(listed)
        result.findings += _refunds_there(code, listed)
    here = queries.refunds_between(code, since, until - timedelta(minutes=rules.GRACE_MINUTES))
    db.release()
    result.findings += _refunds_here(code, [row for row in here if row.provider_refund_id not in seen])
    return result


def _refunds_there(code: str, listed: Sequence[ProviderRefund]) -> list[Finding]:
    own = {report.id: _own_id(report.key) for report in listed}
    rows = queries.known_refunds(code, ids=list(own), own_ids=[each for each in own.values() if each])
    by_id = {row.provider_refund_id: row for row in rows if row.provider_refund_id}
    by_own = {row.id: row for row in rows}
    captures = queries.known_captures(code, [report.payment_id for report in listed])
    db.release()
    found = []
    for report in listed:
        row = by_id.get(report.id) or by_own.get(own[report.id])
        found.append(_compared_refund(code, report, row, captures.get(report.payment_id)))
    return [each for each in found if each is not None]


def _own_id(key: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(key.removeprefix(KEY)) if key.startswith(KEY) else None
    except ValueError:
        return None


def _compared_refund(code: str, report: ProviderRefund, row: Any, capture: Any) -> Finding | None:
    """A refund of a payment that we never had money of is an authorisation the provider gave back."""
    happened = report.created_at
    if happened is None or capture is None or capture.state not in TAKEN:
        return None
    same = {"order_id": capture.order_id, "attempt_id": capture.attempt_id, "capture_id": capture.id}
    currency, minor = report.amount.currency, report.amount.minor
    if row is None:
        if report.state == "failed":
            return None
        return Finding("refund_unknown_here", code, report.id, happened, currency, found=minor, **same)
    same["refund_id"] = row.id
    if (row.amount_minor, row.currency) != (minor, currency):
        kind = "refund_amount_differs"
    elif row.state != report.state:
        kind = "refund_state_differs"
    else:
        return None
    return Finding(kind, code, report.id, happened, row.currency, row.amount_minor, minor, currency, **same)


def _refunds_here(code: str, rows: Sequence[Any]) -> Iterator[Finding]:
    for row in rows[:MOST_QUESTIONS]:
        if row.provider_refund_id not in _refund_ids_of(code, row.provider_payment_id):
            yield Finding(
                "refund_unknown_there", code, row.provider_refund_id or str(row.id), row.created_at, row.currency,
                row.amount_minor, order_id=row.order_id, capture_id=row.capture_id, refund_id=row.id,
            )  # fmt: skip


def _refund_ids_of(code: str, provider_payment_id: str) -> Iterable[str]:
    try:
        return {report.id for report in gateway.provider(code).find_refunds(provider_payment_id)}
    except ProviderRefused:
        return ()

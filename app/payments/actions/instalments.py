"""Instalments of an order (PAY-28), in the caller's transaction. The caller holds the locks of the order and its payment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app.core import db, outbox
from app.core.events import Event
from app.core.money import Money
from app.payments import queries
from app.payments.events import InstalmentComing, InstalmentOverdue
from app.payments.models import Payment, PaymentAttempt, PaymentCapture
from app.payments.rules import OVERDUE_DAYS, REMIND_HOURS, PlanTerms, Portion, split_due

ADD = """
    INSERT INTO instalment (id, payment_id, position, amount_minor, due_at, remind_at, late_at)
    SELECT uuidv7(), :payment, n, amount, due_at, due_at - make_interval(hours => :remind), due_at + make_interval(days => :grace)
    FROM unnest(CAST(:amounts AS bigint[])) WITH ORDINALITY AS part(amount, n),
      LATERAL (SELECT now() + make_interval(days => :days) * (n - 1) AS due_at) due RETURNING position
"""

# Of plans that have begun, a few hundred at once; rows that somebody works on are left for the next time.
MARK = """
    UPDATE instalment SET {column} = clock_timestamp() FROM payment p
    WHERE p.id = payment_id AND instalment.id IN (
      SELECT i.id FROM instalment i JOIN payment b ON b.id = i.payment_id AND b.received_minor > 0
      JOIN orders o ON o.id = b.order_id AND o.state = 'pending'
      WHERE i.state = 'open' AND i.{column} IS NULL AND {condition} ORDER BY i.id LIMIT 500 FOR UPDATE OF i SKIP LOCKED)
    RETURNING instalment.id, p.order_id
"""
COMING = MARK.format(column="reminded_at", condition="i.remind_at <= now() AND i.due_at > now()")
OVERDUE = MARK.format(column="warned_at", condition="i.due_at < now() - make_interval(days => :days)")


def add(payment_id: uuid.UUID, due: Money, terms: PlanTerms) -> None:
    """The plan of an order's payment, which must be in the database already: the first instalment is due now.

    Raises ValueError when `due` is too little for so many.
    """
    db.rows(
        ADD,
        payment=payment_id,
        amounts=[amount.minor for amount in split_due(due, terms.parts)],
        days=terms.days,
        remind=min(REMIND_HOURS, terms.days * 12),
        grace=terms.grace_days,
    )


def portion(payment: Payment, *, rest: bool = False) -> Portion:
    """What is to pay now: the next instalment, or with `rest` all that is left."""
    if payment.parts == 1:
        return Portion(1, 1, payment.due)
    unpaid = [each for each in queries.instalments_of(payment.id) if each.state != "paid"]
    wanted = unpaid if rest else unpaid[:1]
    if not wanted:
        return Portion(payment.parts, payment.parts, payment.balance)
    amount = Money(sum(each.amount_minor for each in wanted), payment.currency)
    return Portion(wanted[0].position, wanted[-1].position, amount)


def are_unpaid(payment: Payment, attempt: PaymentAttempt) -> bool:
    """Whether money for this attempt still pays something: none of its instalments has been paid otherwise."""
    return payment.parts == 1 or not any(
        each.state == "paid" and attempt.first_part <= each.position <= attempt.last_part
        for each in queries.instalments_of(payment.id)
    )


def mark_paid(payment: Payment, attempt: PaymentAttempt, capture: PaymentCapture) -> None:
    """This capture pays the instalments of its attempt."""
    for each in queries.instalments_of(payment.id):
        if attempt.first_part <= each.position <= attempt.last_part:
            each.state, each.capture_id = "paid", capture.id
    db.session.flush()


def sent_back_minor(payment: Payment) -> int:
    """What has gone back of instalments, by the provider's own dashboard: nothing here refunds one by itself."""
    ours = {each.id for each in queries.applied_captures(payment.id)} if payment.parts > 1 else ()
    back = [each for each in queries.refunds_of(payment.id) if each.state == "succeeded"] if ours else ()
    return sum(each.amount_minor for each in back if each.capture_id in ours)


def close(payment: Payment) -> None:
    """The order is over: nobody is reminded of what has not been paid."""
    _turn(payment, before="open", after="closed")


def open_again(payment: Payment) -> None:
    """Money came for an order that had run out, and it goes on."""
    _turn(payment, before="closed", after="open")


def _turn(payment: Payment, *, before: str, after: str) -> None:
    for each in queries.instalments_of(payment.id) if payment.parts > 1 else ():
        if each.state == before:
            each.state = after


def remind() -> int:
    """Announce, once each, instalments that come due soon. How many."""
    return _announce([InstalmentComing(row.id, row.order_id) for row in db.rows(COMING)])


def warn() -> int:
    """Announce, once each, instalments whose day has passed. How many."""
    return _announce([InstalmentOverdue(row.id, row.order_id) for row in db.rows(OVERDUE, days=OVERDUE_DAYS)])


def _announce(events: Sequence[Event]) -> int:
    outbox.record_all(events)
    return len(events)

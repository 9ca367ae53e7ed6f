from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.core import db
from app.core.money import Money, smallest_charge
from app.orders.models import Order
from app.payments import queries as payments
from app.payments import rules as payment_rules
from app.payments.errors import TooSmall
from app.payments.models import PaymentCapture, Refund
from app.returns import rules
from app.returns.models import RefundLine, RefundRequest
from app.returns.rules import Account, Line, Plan

VIEWS = {
    "approval": ("waiting",),
    "under_way": ("requested", "pending"),
    "done": ("succeeded",),
    "failed": ("failed",),
    "rejected": ("rejected",),
    "all": ("waiting", "requested", "pending", "succeeded", "failed", "rejected"),
}


def lock_refunds_of(capture_id: uuid.UUID) -> list[Refund]:
    statement = select(Refund).where(Refund.capture_id == capture_id).order_by(Refund.id).with_for_update()
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def lock_waiting_with(refund: Refund) -> list[Refund]:
    """What waits with a refund for the same decision: all that one click asked for, in the order in which it goes back."""
    found = payments.refunds_by_key(refund.key) if refund.key else [refund]
    locked = {
        each.id: each
        for capture_id in sorted({each.capture_id for each in found})
        for each in lock_refunds_of(capture_id)
    }
    return [
        locked[each.id] for each in found if each.payment_id == refund.payment_id and locked[each.id].state == "waiting"
    ]


def lock_request(request_id: uuid.UUID) -> RefundRequest | None:
    statement = select(RefundRequest).where(RefundRequest.id == request_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def account(order: Order, captures: Sequence[PaymentCapture]) -> Account:
    """What may still go back of an order that is paid with these. Refunds that failed or were rejected took nothing."""
    gone = db.rows(
        "SELECT l.kind, l.order_line_id, sum(l.restocked)::bigint AS restocked,"
        " coalesce(sum(l.quantity) FILTER (WHERE r.state NOT IN ('failed', 'rejected')), 0)::bigint AS quantity,"
        " coalesce(sum(l.amount_minor) FILTER (WHERE r.state NOT IN ('failed', 'rejected')), 0)::bigint AS amount_minor"
        " FROM refund_line l JOIN refund r ON r.id = l.refund_id WHERE r.capture_id = ANY(:ids) GROUP BY 1, 2",
        ids=[each.id for each in captures],
    )
    by_line = {row.order_line_id: row for row in gone if row.kind == "goods"}
    shipping = sum(row.amount_minor for row in gone if row.kind == "shipping")
    return Account(
        currency=order.currency,
        lines=[_line(line, by_line.get(line.id)) for line in order.lines],
        shipping_minor=order.shipping_minor + order.shipping_tax_minor - shipping,
        rest_minor=sum(payments.refundable_minor(each) for each in captures),
    )


def _line(line: Any, gone: Any) -> Line:
    if gone is None:
        return Line(line.id, line.quantity, line.total_minor)
    return Line(line.id, line.quantity, line.total_minor, gone.quantity, gone.amount_minor, gone.restocked)


@dataclass(frozen=True, slots=True)
class Refundable:
    """A paid order's money and what may go back of it. `is_disputed`: nothing, until the bank has decided."""

    captures: Sequence[PaymentCapture]  # in the order in which they go back
    rests: Sequence[int]  # what is left of each, in minor units
    account: Account
    is_disputed: bool


def divide(plan: Plan, captures: Sequence[PaymentCapture], rests: Sequence[int]) -> list[Plan]:
    """A refund over the captures, in the order in which they go back (`rules.divide`)."""
    outside = sum(each.attempt_id is not None for each in captures)
    return rules.divide(plan, rests, outside=outside, least=smallest_charge(plan.currency))


def check_sendable(pieces: Sequence[Plan], captures: Sequence[PaymentCapture]) -> None:
    """Raises TooSmall when a provider would refuse its piece of a refund because of its size."""
    for piece, capture in zip(pieces, captures, strict=True):
        if 0 < piece.amount_minor < payment_rules.least_refund(capture.provider, piece.currency):
            raise TooSmall()


def refundable(order: Order) -> Refundable | None:
    """None for an order that was never paid; also while only some of its instalments have come: nothing is sold yet."""
    payment = payments.payment_of_order(order.id)
    captures = payments.applied_captures(payment.id) if payment and payment.paid_at else []
    if payment is None or not captures:
        return None
    rests = [payments.refundable_minor(each) for each in captures]
    return Refundable(captures, rests, account(order, captures), payments.has_undecided_dispute(payment.id))


def lines_of(refund_id: uuid.UUID) -> list[RefundLine]:
    return list(db.session.scalars(select(RefundLine).where(RefundLine.refund_id == refund_id).order_by(RefundLine.id)))


def request(request_id: uuid.UUID) -> RefundRequest | None:
    return db.session.get(RefundRequest, request_id)


def wishes_of(order_ids: Sequence[uuid.UUID]) -> list[tuple[str, RefundRequest]]:
    """(what the order is called, the wish) of all these orders, the first first; for the copy of somebody's data."""
    statement = (
        select(func.coalesce(Order.number, Order.reference), RefundRequest)
        .join(Order, Order.id == RefundRequest.order_id)
        .where(Order.id.in_(order_ids))
        .order_by(RefundRequest.created_at, RefundRequest.id)
    )
    return [(row[0], row[1]) for row in db.session.execute(statement)]


def unanswered_request(order_id: uuid.UUID) -> RefundRequest | None:
    statement = select(RefundRequest).where(
        RefundRequest.order_id == order_id, RefundRequest.state.in_(("open", "waiting"))
    )
    return db.session.scalars(statement).one_or_none()


@dataclass(frozen=True, slots=True)
class ComingBack:
    """Money on its way back to a customer, or back: `since` then."""

    amount: Money
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Wished:
    """What the customer asked for last, and the answer."""

    state: str
    answer: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """How an unpaid order will be paid by hand, and the reference to give with the money."""

    method: str
    receipt: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Standing:
    """How an order's money stands, as its customer sees it."""

    state: str
    is_paid: bool
    is_at_bank: bool
    refunds: Sequence[ComingBack]
    wish: Wished | None
    promise: Promise | None = None
    value_minor: int = 0  # what gift cards and credit pay of it
    plan: payment_rules.Plan | None = None  # its instalments
    is_stopped: bool = False  # a bank took one of them back before all had come


def standing(order_id: uuid.UUID) -> Standing | None:
    """In one query: every look at an order's page asks."""
    found = db.rows(
        "SELECT p.state, p.value_minor, p.paid_at IS NOT NULL AS is_paid,"
        " EXISTS (SELECT FROM payment_attempt a WHERE a.payment_id = p.id AND a.state = 'open' AND a.provider <> 'manual') AS is_at_bank,"
        " p.paid_at IS NULL AND EXISTS (SELECT FROM payment_dispute d JOIN payment_capture c ON c.id = d.capture_id AND c.is_applied"
        "  WHERE d.payment_id = p.id AND d.state = 'lost') AS is_stopped,"
        " (SELECT jsonb_build_array(a.method, a.receipt, a.amount_minor, a.currency) FROM payment_attempt a"
        "  WHERE a.payment_id = p.id AND a.state = 'open'"
        "  AND a.provider = 'manual' LIMIT 1) AS promise,"
        " (SELECT jsonb_agg(jsonb_build_array(r.amount_minor, r.currency, r.state, r.updated_at) ORDER BY r.created_at)"
        "  FROM refund r WHERE r.payment_id = p.id AND r.state IN ('requested', 'pending', 'succeeded')) AS refunds,"
        " (SELECT jsonb_build_array(w.state, w.answer, w.created_at) FROM refund_request w WHERE w.order_id = p.order_id"
        "  ORDER BY w.created_at DESC LIMIT 1) AS wish,"
        " (SELECT jsonb_agg(jsonb_build_array(i.position, i.amount_minor, p.currency, i.state, i.due_at) ORDER BY i.position)"
        "  FROM instalment i WHERE i.payment_id = p.id) AS plan FROM payment p WHERE p.order_id = :id",
        id=order_id,
    )
    if not found:
        return None
    row = found[0]
    refunds = [
        ComingBack(Money(minor, currency), state, datetime.fromisoformat(since))
        for minor, currency, state, since in row.refunds or ()
    ]
    wish = Wished(row.wish[0], row.wish[1], datetime.fromisoformat(row.wish[2])) if row.wish else None
    promise = _promise(*row.promise) if row.promise else None
    plan = payment_rules.Plan([_part(*part) for part in row.plan]) if row.plan else None
    return Standing(
        row.state, row.is_paid, row.is_at_bank, refunds, wish, promise, row.value_minor, plan, row.is_stopped
    )


def _part(position: int, minor: int, currency: str, state: str, due_at: str) -> payment_rules.PlanPart:
    return payment_rules.PlanPart(position, Money(minor, currency), state, datetime.fromisoformat(due_at))


def _promise(method: str, receipt: str, minor: int, currency: str) -> Promise:
    return Promise(method, receipt, Money(minor, currency))


def request_waiting_for(refund_id: uuid.UUID) -> RefundRequest | None:
    statement = select(RefundRequest).where(RefundRequest.refund_id == refund_id, RefundRequest.state == "waiting")
    return db.session.scalars(statement.with_for_update()).one_or_none()


def capture_facts(capture_id: uuid.UUID) -> Any | None:
    """(provider, provider_payment_id, order_id, attempt_id) of a capture."""
    found = db.rows(
        "SELECT c.provider, c.provider_payment_id, p.order_id, c.attempt_id FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
        " WHERE c.id = :id",
        id=capture_id,
    )
    return found[0] if found else None


def page(states: Sequence[str], *, before: Any = None, limit: int = 50) -> list[Any]:
    """Refunds in these states, newest first; `before` is (created_at, id) of the last row."""
    return db.rows(
        "SELECT r.id, r.state, r.amount_minor, r.currency, r.reason, r.note, r.source, r.requested_by, r.decided_by, r.error,"
        " r.created_at, o.id AS order_id, o.number, o.reference FROM refund r JOIN payment p ON p.id = r.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE r.state = ANY(:states)"
        " AND (CAST(:at AS timestamptz) IS NULL OR (r.created_at, r.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
        " ORDER BY r.created_at DESC, r.id DESC LIMIT :limit",
        states=list(states),
        at=before[0] if before else None,
        id=before[1] if before else None,
        limit=limit,
    )


def open_requests(*, limit: int = 50) -> list[Any]:
    """(request, its order) that customers wait for, the longest waiting first."""
    statement = select(RefundRequest, Order).join(Order, Order.id == RefundRequest.order_id)
    found = db.session.execute(
        statement.where(RefundRequest.state == "open").order_by(RefundRequest.created_at, RefundRequest.id).limit(limit)
    )
    return list(found)


def waiting_count() -> int:
    """Refunds to approve, wishes to answer and disputes to contest."""
    return int(
        db.scalar(
            "SELECT (SELECT count(*) FROM refund WHERE state = 'waiting') + (SELECT count(*) FROM refund_request"
            " WHERE state = 'open') + (SELECT count(*) FROM payment_dispute WHERE state = 'open')"
        )
    )


def open_disputes(*, limit: int = 50) -> list[Any]:
    """Disputes without a decision with their orders, the most urgent first."""
    return db.rows(
        "SELECT d.id, d.state, d.amount_minor, d.currency, d.reason, d.respond_by, d.created_at, o.id AS order_id, o.number,"
        " o.reference FROM payment_dispute d JOIN payment p ON p.id = d.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE d.state IN ('open', 'under_review') ORDER BY d.respond_by NULLS LAST, d.created_at LIMIT :limit",
        limit=limit,
    )

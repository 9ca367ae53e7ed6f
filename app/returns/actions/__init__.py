"""Refunds by staff, in the caller's transaction: ask, approve, reject, ask again; and what they do to the order."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from app.audit import actions as audit
from app.core import clock, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import Money
from app.orders import actions as orders
from app.orders import queries as order_queries
from app.orders.models import Order
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.actions import retrying
from app.payments.actions import value as value_payments
from app.payments.errors import NotDecided
from app.payments.gateway import ProviderRefund
from app.payments.models import Payment, PaymentCapture, Refund
from app.returns import queries, rules
from app.returns.errors import (
    AlreadyDecided,
    AmountChanged,
    BadRefund,
    NobodyToCredit,
    NothingToRefund,
    NotRefundable,
    NotYours,
)
from app.returns.events import OrderRefunded
from app.returns.models import RefundLine
from app.returns.rules import Account, Plan, Wish
from app.stock import actions as stock
from app.value import actions as value
from app.value import queries as value_queries


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund as somebody orders it. `key` makes the same click one refund, `accept_minor` is the amount they saw;
    `restock` puts the goods on sale again, as is always done
    with what is cancelled before it was sent; `above` is the amount in minor units from which two people must agree."""

    wish: Wish
    reason: str
    by: str
    key: uuid.UUID
    accept_minor: int
    note: str = ""
    restock: bool = False
    above: int | None = None
    as_credit: bool = False  # all of it becomes store credit, wherever it came from


def refund_lines(order_id: uuid.UUID, wanted: RefundOrder) -> list[Refund]:
    """Send money of a paid order back, or let it wait for a second person. The same key again gives the same refunds: one for
    each of what the order was paid with, money from outside first (`rules.divide`), so that nothing comes back elsewhere.

    Raises NotFound, NotRefundable, NotDecided (a dispute is open), BadRefund, NothingToRefund, TooSmall (no provider sends
    it, but it can become credit), NobodyToCredit, or AmountChanged when it would not be the amount that was shown: then
    nothing has happened.
    """
    order = locked_order(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    known = payment_queries.refunds_by_key(wanted.key)
    if known:
        if known[0].payment_id != payment.id:
            raise NotFound()
        return known
    if wanted.as_credit and order.forgotten_at is not None:
        raise NobodyToCredit()
    captures = _lock_refundable(payment)
    plan = _plan(queries.account(order, captures), wanted)
    waits = rules.needs_approval(plan.amount_minor, above=wanted.above)
    pieces = queries.divide(plan, captures, [payment_queries.refundable_minor(each) for each in captures])
    if not wanted.as_credit:
        queries.check_sendable(pieces, captures)
    refunds = [
        _ask(order, capture, piece, wanted, waits=waits)
        for capture, piece in zip(captures, pieces, strict=True)
        if piece.amount_minor
    ]
    if not waits:
        _let_go(order, payment, refunds, by=wanted.by)
    return refunds


def _ask(order: Order, capture: PaymentCapture, piece: Plan, wanted: RefundOrder, *, waits: bool) -> Refund:
    refund = payments.request_refund(
        capture,
        Money(piece.amount_minor, piece.currency),
        reason=wanted.reason,
        note=wanted.note,
        by=wanted.by,
        key=wanted.key,
        is_automatic=False,
        waits=waits,
        as_credit=wanted.as_credit,
    )
    if refund is None:  # the same key for another order, at this very moment
        raise NotRefundable()
    _add_lines(refund, piece, restock=wanted.restock or wanted.reason == rules.CANCELLED.code)
    _note(order, refund, "refund_waiting" if waits else "refund_requested", by=wanted.by)
    return refund


def _lock_refundable(payment: Payment) -> list[PaymentCapture]:
    captures = payment_queries.applied_captures(payment.id)
    if not captures or payment.paid_at is None:
        raise NotRefundable()
    for capture in captures:
        queries.lock_refunds_of(capture.id)
    payment_queries.lock_captures([each.id for each in captures])
    if payment_queries.has_undecided_dispute(payment.id):
        raise NotDecided()
    return captures


def _plan(account: Account, wanted: RefundOrder) -> Plan:
    try:
        plan = rules.plan(account, wanted.wish)
    except ValueError as error:
        raise BadRefund() from error
    if account.rest_minor == 0:
        raise NotRefundable()
    if plan.amount_minor == 0:
        raise NothingToRefund()
    if plan.amount_minor != wanted.accept_minor:
        raise AmountChanged(amount_minor=plan.amount_minor)
    return plan


def _add_lines(refund: Refund, plan: Plan, *, restock: bool) -> None:
    db.session.add_all(
        RefundLine(
            id=new_id(),
            refund_id=refund.id,
            kind=part.kind,
            order_line_id=part.line_id,
            quantity=part.quantity,
            amount_minor=part.amount_minor,
            wants_restock=restock and part.quantity > 0,
            restocked=0,
        )
        for part in plan.parts
    )
    db.session.flush()


def _note(order: Order, refund: Refund, kind: str, *, by: str, was: str | None = None) -> None:
    """In the timeline and in the audit (REF-06: order, amount, reason, actor; the row has the time). `was`: its state before,
    of a refund that was there before."""
    facts = {"amount_minor": refund.amount_minor, "currency": refund.currency, "reason": refund.reason}
    orders.note(order.id, kind, actor=by, refund=str(refund.id), **facts)
    audit.record(
        kind.replace("_", ".", 1),
        actor=by,
        object_kind="refund",
        object_id=refund.id,
        before={"state": was} if was else None,
        after={"state": refund.state},
        order=str(order.id),
        **facts,
    )


def _let_go(order: Order, payment: Payment, refunds: Sequence[Refund], *, by: str) -> None:
    """Refunds leave: value is back at once, goods that came back are for sale again, and the order says where its money is."""
    _pay_in_value(order, refunds)
    for refund in refunds:
        _restock(order, refund, by=by)
    follow(order, payment)


def _pay_in_value(order: Order, refunds: Sequence[Refund]) -> None:
    """What was paid with a gift card goes back to it; what is to become store credit becomes one. Done in this transaction."""
    captures = {each.id: each for each in payment_queries.lock_captures([refund.capture_id for refund in refunds])}
    ours = [refund for refund in refunds if value_payments.goes_to_value(refund, captures[refund.capture_id])]
    if not ours:
        return
    value_queries.lock_accounts_of_order(order.id)
    credited = [(refund.id, refund.amount) for refund in ours if refund.as_credit]
    credit = None
    if credited:
        credit = value.issue_for_refunds(credited, order_id=order.id, email=order.email, locale=order.locale)
    for refund in ours:
        paid_by = captures[refund.capture_id].provider_payment_id
        account = credit or value.give_back(uuid.UUID(paid_by), refund.amount, refund_id=refund.id, order_id=order.id)
        refund.to_account_id = account.id
        report = ProviderRefund(f"value-{refund.id}", "succeeded", refund.amount, paid_by)
        payments.note_refund(refund, order.id, report)


def _restock(order: Order, refund: Refund, *, by: str) -> None:
    """Once for each part, and never more of a line than was sold: an earlier refund that failed may have done it."""
    variants = {line.id: line.variant_id for line in order.lines}
    parts = {line.id: line for line in queries.lines_of(refund.id) if line.wants_restock and line.order_line_id}
    returned = {part.id: (variants[part.order_line_id], part.quantity) for part in parts.values() if part.order_line_id}
    if not returned:
        return
    for part_id, came in stock.restock(order.id, returned, actor=by).items():
        parts[part_id].restocked = came


def follow(order: Order, payment: Payment) -> None:
    """Bring the payment's state up to what its refunds and disputes say (REF-12). The caller holds both locks."""
    db.session.flush()
    captures = payment_queries.captures_of(payment.id)
    ours = [each for each in captures if each.is_applied] if payment.paid_at else captures
    held = {each.id for each in ours if each.state in ("captured", "refunded")}
    refunds = [each for each in payment_queries.refunds_of(payment.id) if each.capture_id in held]
    disputes = [each for each in payment_queries.disputes_of(payment.id) if each.capture_id in held]
    lost = sum(each.amount_minor for each in disputes if each.state == "lost")
    state = rules.payment_state(
        paid=payment.paid_at is not None,
        before=payment.state,
        captured=sum(each.amount_minor for each in ours if each.id in held),
        leaving=lost
        + sum(each.amount_minor for each in refunds if each.state in ("requested", "pending", "succeeded")),
        returned=lost + sum(each.amount_minor for each in refunds if each.state == "succeeded"),
    )
    if state != payment.state:
        payment.move_to(state)
        if state == "refunded":
            outbox.record(OrderRefunded(order.id))


def note_refund_settled(order_id: uuid.UUID, refund_id: uuid.UUID, *, state: str) -> None:
    """Carry a refund's last word into the order's payment and timeline."""
    order = locked_order(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    refund = payment_queries.refund(refund_id)
    if refund is not None:
        orders.note(order.id, f"refund_{state}", amount_minor=refund.amount_minor, currency=refund.currency)
        follow(order, payment)


def approve(refund_id: uuid.UUID, *, by: str) -> Refund:
    """The second person agrees: the refund leaves, with all that was asked for by the same click.

    Raises NotFound, AlreadyDecided, NotYours, NotDecided, or NotRefundable when less is left by now: then nothing leaves.
    """
    order, payment, refunds = _lock_waiting(refund_id, by=by)
    if payment_queries.has_undecided_dispute(payment.id):
        raise NotDecided()
    captures = {each.id: each for each in payment_queries.lock_captures([refund.capture_id for refund in refunds])}
    if any(payment_queries.rest_minor(each) < 0 for each in captures.values()):
        raise NotRefundable()
    for refund in refunds:
        _decide(refund, "requested", by=by)
        payments.send_refund(refund, captures[refund.capture_id])
        _note(order, refund, "refund_approved", by=by, was="waiting")
        request = queries.request_waiting_for(refund.id)
        if request is not None:
            request.move_to("accepted")
    _let_go(order, payment, refunds, by=by)
    return next(each for each in refunds if each.id == refund_id)


def reject(refund_id: uuid.UUID, *, by: str) -> Refund:
    """The second person says no, to all that was asked for by the same click: nothing leaves, and what the customer asked for
    waits for an answer again."""
    order, _payment, refunds = _lock_waiting(refund_id, by=by)
    for refund in refunds:
        _decide(refund, "rejected", by=by)
        _note(order, refund, "refund_rejected", by=by, was="waiting")
        request = queries.request_waiting_for(refund.id)
        if request is not None:
            request.move_to("open")
            request.refund_id = None
    return next(each for each in refunds if each.id == refund_id)


def _lock_waiting(refund_id: uuid.UUID, *, by: str) -> tuple[Order, Payment, list[Refund]]:
    order_id = payment_queries.order_of_refund(refund_id)
    if order_id is None:
        raise NotFound()
    order = locked_order(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    refund = payment_queries.lock_refund(refund_id)
    if refund is None or refund.state != "waiting":
        raise AlreadyDecided()
    if not rules.can_approve(requested_by=refund.requested_by, by=by):
        raise NotYours()
    return order, payment, queries.lock_waiting_with(refund)


def _decide(refund: Refund, state: str, *, by: str) -> None:
    refund.move_to(state)
    refund.decided_by, refund.decided_at, refund.updated_at = by, clock.now(), clock.now()


def retry(refund_id: uuid.UUID, *, by: str) -> Refund:
    """Ask again, by hand, for a refund that failed: a new row for the same lines.

    Raises NotFound, NotDecided, TooSmall, or AlreadyRefunded when the money is back or on its way.
    """
    order_id = payment_queries.order_of_refund(refund_id)
    if order_id is None:
        raise NotFound()
    order = locked_order(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    again = retrying.retry_refund(refund_id, actor=by)
    for line in queries.lines_of(refund_id):
        copy = {"kind": line.kind, "order_line_id": line.order_line_id, "quantity": line.quantity}
        db.session.add(RefundLine(id=new_id(), refund_id=again.id, amount_minor=line.amount_minor, **copy))
    orders.note(order.id, "refund_requested", actor=by, amount_minor=again.amount_minor, currency=again.currency)
    follow(order, payment)
    return again


def locked_order(order_id: uuid.UUID) -> Order:
    """Raises NotFound."""
    order = order_queries.lock_order(order_id)
    if order is None:
        raise NotFound()
    return order

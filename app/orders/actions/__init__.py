"""Verbs of orders, in the caller's transaction: pay, hold again, settle, expire, cancel."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.audit import actions as audit
from app.books import rules as books
from app.books.rules import Sale
from app.core import clock, db, numbers, outbox
from app.core.errors import NotFound
from app.core.events import Event
from app.core.money import Money
from app.orders import queries
from app.orders.actions import on_hold, plans
from app.orders.actions.timeline import note
from app.orders.events import (
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    PaymentCameTooLate,
    RecurringOrderPaid,
)
from app.orders.models import Order
from app.orders.rules import PAYABLE, SETTLEABLE
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.actions import by_hand as promises
from app.payments.actions import instalments, postings
from app.payments.actions import value as value_payments
from app.payments.errors import NotPayable, OnPlan
from app.payments.events import InstalmentPaid, PaymentReceived
from app.payments.gateway import Standing
from app.payments.models import Payment, PaymentAttempt, PaymentCapture
from app.payments.rules import RECURRING
from app.stock import actions as stock
from app.stock import queries as stock_queries
from app.stock.errors import LockLost, OutOfStock
from app.value import actions as value
from app.value import queries as value_queries
from app.value.errors import ValueGone

TOO_LATE = {"late": "sold_out_before_payment", "value_gone": "value_gone_before_payment"}  # what ends an order, by why
BANK_WAIT_MINUTES = 10  # how long a payment may stay “pending” at the bank before it is marked failed there
RELOCK_MINUTES = 15
FIRST_NUMBER = 10001

Answers = Mapping[uuid.UUID, Standing]


def demands(order: Order) -> list[stock.Demand]:
    return [stock.Demand(line.variant_id, line.quantity, line.unit == "metre") for line in order.lines]


def wanted(order: Order) -> dict[uuid.UUID, int]:
    """Units per variant, equal variants summed."""
    totals: dict[uuid.UUID, int] = {}
    for line in order.lines:
        totals[line.variant_id] = totals.get(line.variant_id, 0) + line.quantity
    return totals


def locked(order_id: uuid.UUID) -> Order:
    """The order under its row lock. Raises NotFound."""
    order = queries.lock_order(order_id)
    if order is None:
        raise NotFound()
    return order


def hold_again(order_id: uuid.UUID, *, minutes: int) -> datetime:
    """Lock an unpaid order's stock anew after its lock ran out, and the value that pays a part of it.

    Raises NotPayable, OutOfStock or ValueGone: then nothing is held.
    """
    order = locked(order_id)
    if order.state not in PAYABLE:
        raise NotPayable()
    hold = stock_queries.hold_of(order.id)
    if hold.is_live and hold.quantities == wanted(order) and hold.expires_at:
        return hold.expires_at
    value.hold_again(order.id)
    stock_queries.lock_items_to_exchange(order.id, list(wanted(order)))
    stock.release(order.id, reason="hold_again")
    expires_at = stock.lock(order.id, demands(order), minutes=minutes)
    if order.promised_at is not None and payment_queries.lock_payment_of_order(order.id).is_on_plan:
        stock.keep_until(order.id, plans.kept_until())
    note(order.id, "held_again", actor="customer")
    return expires_at


def renew_hold(order_id: uuid.UUID, *, minutes: int, max_renewals: int) -> datetime:
    """“I need more time”: a fresh lock of full length. Raises NotPayable, LockLost or NoMoreRenewals."""
    order = locked(order_id)
    if order.state not in PAYABLE:
        raise NotPayable()
    return stock.renew(order.id, minutes=minutes, max_renewals=max_renewals)


@dataclass(frozen=True, slots=True)
class CaptureDue:
    """An authorised payment whose stock is held: take the money now, then settle again."""

    attempt_id: uuid.UUID
    provider: str
    provider_payment_id: str
    amount: Money

    @property
    def key(self) -> str:
        """The same for every repetition, for providers that ask for one."""
        return f"capture-{self.attempt_id}"


def settle(order_id: uuid.UUID, answers: Answers, *, is_closed: bool = False) -> list[CaptureDue]:
    """The one writer of “paid”. `answers` is what the provider says now of each attempt that was asked about; `is_closed` when it was
    told before to let nobody pay there any more.

    A no-op the second time. Money that cannot pay the order goes back, once. Returns authorised payments to capture.
    """
    order = locked(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    attempts = payment_queries.lock_attempts(payment.id)
    due: list[CaptureDue] = []
    for attempt in attempts:
        if attempt.id in answers:
            captures = payments.note_payments(attempt, answers[attempt.id].payments)
            for capture in captures:
                due += _settle_capture(order, payment, attempt, capture)
            _note_progress(order, attempt, answers[attempt.id])
    _thaw(order, payment, attempts, answers, is_closed=is_closed)
    return due


def _settle_capture(
    order: Order, payment: Payment, attempt: PaymentAttempt, capture: PaymentCapture
) -> list[CaptureDue]:
    if capture.is_applied or capture.state in ("failed", "refunded"):
        postings.post_taken(capture)
        return []
    fits = capture.amount_minor == attempt.amount_minor and capture.currency.upper() == order.currency
    is_unpaid = instalments.are_unpaid(payment, attempt)
    is_waiting = payment.state == "open" and plans.goes_on(order, payment)
    payable = is_waiting and is_unpaid and fits
    if capture.state == "authorized":
        if payable and _can_hold(order, payment):
            return [CaptureDue(attempt.id, attempt.provider, capture.provider_payment_id, attempt.amount)]
        return []  # never captured: the provider gives it back when the authorisation lapses
    is_last = capture.amount_minor >= payment.balance.minor
    if payable and is_last and _sell(order, payment):
        payments.apply(payment, attempt, capture)
        _confirm(order, payment, capture)
    elif payable and not is_last and _keep(order, payment):
        postings.post_taken(capture)
        payments.apply(payment, attempt, capture)
        plans.carry_on(order, payment, attempt, capture)
    else:
        postings.post_taken(capture)
        reason = _why_not(order, payment, fits) if is_unpaid else "double"
        _send_back(order, payment, capture, reason=reason)
        if reason == "mismatch":  # this attempt can take no other money; the order may be paid by a new one
            payments.note_failure(attempt, order_id=order.id, code="amount_mismatch", reason="")
    return []


def settle_with_value(order_id: uuid.UUID) -> bool:
    """Confirm an order that gift cards and credit cover whole: nobody is asked. False when it is paid, closed or not covered.

    Raises LockLost when its stock or its value is gone: then nothing changes.
    """
    order = locked(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    if payment.due or order.state not in PAYABLE or payment.state != "open":
        return False
    if not _sell(order, payment):
        raise LockLost()
    payment.mark_paid()
    _confirm(order, payment, None)
    return True


def _has_value(order: Order, payment: Payment) -> bool:
    """Whether the order holds what gift cards pay of it: anew, when it was released meanwhile."""
    try:
        if payment.value_minor:
            value.hold_again(order.id)
        return True
    except ValueGone:
        return False


def _sell(order: Order, payment: Payment) -> bool:
    """Deduct what is held; when it was lost meanwhile, lock it anew if there still is enough (S4, S5)."""
    if not _has_value(order, payment):
        return False
    try:
        with db.session.begin_nested():
            stock.sell(order.id, wanted(order))
        return True
    except LockLost:
        if not _lock_anew(order):
            return False
    stock.sell(order.id, wanted(order))
    return True


def _can_hold(order: Order, payment: Payment) -> bool:
    if not _has_value(order, payment):
        return False
    hold = stock_queries.hold_of(order.id)
    if hold.quantities != wanted(order) and not _lock_anew(order):
        return False
    stock.start_paying(order.id, wanted(order))
    return True


def _keep(order: Order, payment: Payment) -> bool:
    """Hold what it wants until its last instalment; anew, when it was lost meanwhile."""
    if not _has_value(order, payment):
        return False
    until, needed = plans.kept_until(), wanted(order)
    return stock.keep_until(order.id, until) == needed or (
        _lock_anew(order) and stock.keep_until(order.id, until) == needed
    )


def _lock_anew(order: Order) -> bool:
    try:
        with db.session.begin_nested():
            stock_queries.lock_items_to_exchange(order.id, list(wanted(order)))
            stock.release(order.id, reason="lock_anew")
            stock.lock(order.id, demands(order), minutes=RELOCK_MINUTES)
        return True
    except OutOfStock:
        return False


def _confirm(order: Order, payment: Payment, capture: PaymentCapture | None) -> None:
    """The money is there (`capture`; None when value covers everything) and the stock is sold: the order is paid."""
    spent = _spend(order, payment) if payment.value_minor else []
    entries = [postings.capture_entry(each) for each in spent]
    postings.post_taken(capture, *entries, books.sale_entry(order.id, _sale(order, payment)))
    method = capture.method if capture else spent[0].method
    note(order.id, "paid", amount_minor=order.total_minor, currency=order.currency, method=method)
    more: list[Event] = [RecurringOrderPaid(order.id)] if order.payment_method == RECURRING else []
    more += [InstalmentPaid(capture.id, order.id)] if capture and payment.parts > 1 else []
    outbox.record_all([PaymentReceived(payment.id, order.id), OrderPaid(order.id), *more])
    db.session.flush()
    number = numbers.take("order", first=FIRST_NUMBER)  # last: the series is locked from here to the commit
    order.move_to("confirmed")
    order.number, order.confirmed_at = number, clock.now()
    if payment.parts > 1 and payment_queries.has_undecided_dispute(payment.id):
        on_hold.put(order, reason="dispute")  # about an earlier instalment


def _spend(order: Order, payment: Payment) -> list[PaymentCapture]:
    parts = [value_payments.ValuePart(each.hold_id, each.kind, each.amount) for each in value.spend(order.id)]
    return value_payments.add_captures(payment, parts)


def _sale(order: Order, payment: Payment) -> Sale:
    tax = order.tax_added_minor + order.tax_included_minor
    gone = instalments.sent_back_minor(payment)
    return Sale(order.currency, order.total_minor, order.shipping_minor, tax, gone)


def _why_not(order: Order, payment: Payment, fits: bool) -> str:
    if payment.paid_at is not None:
        return "double"
    if not fits:
        return "mismatch"
    if order.state == "cancelled":
        return "cancelled"
    if payment.is_on_plan and not plans.goes_on(order, payment):
        return "disputed"
    was_tried = order.state in SETTLEABLE and payment.state == "open"  # then `_sell` has held the value, if it could
    return "value_gone" if was_tried and payment.value_minor and not value_queries.held_of(order.id) else "late"


def _send_back(order: Order, payment: Payment, capture: PaymentCapture, *, reason: str) -> None:
    """Refund what the provider still holds of a capture, automatically and once; late money ends the order."""
    rest = capture.amount_minor - capture.refunded_minor
    if rest <= 0:
        return
    refund = payments.request_refund(capture, Money(rest, capture.currency), reason=reason, is_automatic=True)
    if refund is None:
        return
    note(order.id, "money_sent_back", reason=reason, amount_minor=rest, currency=capture.currency)
    gone = TOO_LATE.get(reason)
    if gone and order.can_move_to("cancelled"):
        plans.end(order, payment)
        _close(order, "cancelled", reason=gone)
        _free(order.id, reason=gone)
    if (gone or reason == "cancelled") and payment.can_move_to("refunding"):
        payment.move_to("refunding")
    outbox.record(PaymentCameTooLate(order.id, refund.id))


def _note_progress(order: Order, attempt: PaymentAttempt, answer: Standing) -> None:
    """A failed try is told once; an attempt that is not final is asked about again later."""
    if attempt.state in ("captured", "closed"):
        return
    if answer.payments and all(report.state == "failed" for report in answer.payments):
        last = answer.payments[0]
        if attempt.state in ("created", "open"):
            note(order.id, "payment_failed", attempt=attempt.position, code=last.error_code)
        payments.note_failure(attempt, order_id=order.id, code=last.error_code, reason=last.error_reason)
    elif not answer.payments and not answer.is_payable:
        payments.note_closed(attempt)
        return
    payments.note_asked(attempt, held_until=stock_queries.hold_of(order.id).expires_at)


def _thaw(
    order: Order, payment: Payment, attempts: Sequence[PaymentAttempt], answers: Answers, *, is_closed: bool
) -> None:
    """Decide what an unpaid order's lock is now, when the provider has answered about every open attempt. Its stock is freed only
    once nobody can pay an open one any more, as far as the provider can be told so."""
    if order.state != "pending" or payment.state != "open":
        return
    open_attempts = [attempt for attempt in attempts if attempt.state in ("created", "open")]
    if not open_attempts:
        stock.stop_paying(order.id)
    elif any(attempt.id not in answers for attempt in open_attempts):
        return
    hold = stock_queries.hold_of(order.id)
    if not hold.quantities or hold.remaining_ms > 0:
        return
    reports = [report for answer in answers.values() for report in answer.payments]
    if any(report.state == "authorized" for report in reports):
        return
    is_busy = any(report.state == "created" for report in reports)
    if is_busy and stock.keep_for_answer(order.id, minutes=BANK_WAIT_MINUTES):
        note(order.id, "kept_for_bank")
        return
    if open_attempts and not is_closed:
        return  # it ran out since we asked: the next time closes first
    _free(order.id, reason="expired")
    note(order.id, "hold_expired")


def expire(order_id: uuid.UUID) -> bool:
    """Close an unpaid order whose time is over (ORD-20), and free what it still holds though its lock ran out. False when it was
    paid, held again or closed meanwhile."""
    order = locked(order_id)
    is_over = db.scalar("SELECT CAST(:at AS timestamptz) <= clock_timestamp()", at=order.expires_at)
    if order.state != "pending" or not is_over or stock_queries.hold_of(order.id).is_usable:
        return False
    plans.end(order, payment_queries.lock_payment_of_order(order.id))
    _free(order.id, reason="expired")
    _close(order, "expired", reason="unpaid")
    outbox.record(OrderExpired(order.id))
    return True


def demand_releasable(order_id: uuid.UUID) -> Order:
    """Raises NotFound, NotPayable or OnPlan when what an order holds is not to be given free on somebody's word."""
    order = locked(order_id)
    if order.state not in PAYABLE:
        raise NotPayable()
    if payment_queries.lock_payment_of_order(order.id).is_on_plan:
        raise OnPlan()
    return order


def release_hold(order_id: uuid.UUID, *, actor: str) -> bool:
    """Give an unpaid order's stock free before its time, on somebody's word; the order lives on and may hold again.

    False when it held nothing. Raises NotFound, NotPayable or OnPlan.
    """
    order = demand_releasable(order_id)
    changed = {"before": {"held": sum(stock_queries.hold_of(order.id).quantities.values())}, "after": {"held": 0}}
    released = _free(order.id, reason="by_hand")
    if released:
        note(order.id, "hold_released", actor=actor)
    if actor != "customer":
        audit.record("stock.hold_released", actor=actor, object_kind="order", object_id=order.id, **changed)
    return released


def release_idle_value(order_id: uuid.UUID) -> bool:
    """Give back the value of an order that holds no stock (any more); it is held again together with the stock."""
    order = locked(order_id)
    if stock_queries.hold_of(order.id).is_usable:
        return False
    return value.release(order.id, reason="expired")


def cancel(order_id: uuid.UUID, *, actor: str, reason: str) -> bool:
    """Cancel an unpaid order and free its stock at once; money that still comes goes back, as do the instalments that have
    come. False when it cannot be any more."""
    order = locked(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    if order.state not in PAYABLE and not plans.may_end(order, payment):
        return False
    plans.end(order, payment)
    _free(order.id, reason=reason)
    _close(order, "cancelled", reason=reason, actor=actor)
    outbox.record(OrderCancelled(order.id))
    return True


def _free(order_id: uuid.UUID, *, reason: str) -> bool:
    """Give back the value and the stock that an order holds. True when there was stock."""
    value.release(order_id, reason=reason)
    return stock.release(order_id, reason=reason)


def _close(order: Order, state: str, *, reason: str, actor: str = "system") -> None:
    order.move_to(state)
    order.cancel_reason = reason
    order.closed_at = clock.now()
    if order.promised_at is not None:
        promises.close(order.id)
    note(order.id, state, actor=actor, reason=reason)

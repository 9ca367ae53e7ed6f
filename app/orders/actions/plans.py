"""Orders that are paid in instalments (PAY-28): what becomes of one while some have come and others have not.

Such an order stays pending and keeps its stock until the last instalment confirms it, or until somebody ends it; no clock does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.core import clock, db, outbox
from app.core.money import Money
from app.orders.actions.timeline import note
from app.orders.events import PlanBegun
from app.orders.models import Order
from app.orders.rules import SETTLEABLE
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.actions import instalments
from app.payments.events import InstalmentPaid
from app.payments.models import Payment, PaymentAttempt, PaymentCapture

KEPT_DAYS = 3650  # longer than any plan: staff see the late ones, and end them


def goes_on(order: Order, payment: Payment) -> bool:
    """Whether an order takes money: one on a plan its next instalment, on hold too, while a bank that disputes one has not decided.

    With an instalment that a bank took back it never would be paid whole: somebody has to end it.
    """
    is_waiting = order.state in SETTLEABLE or _is_held(order, payment)
    return is_waiting and not (payment.is_on_plan and payment_queries.has_lost_part(payment.id))


def kept_until() -> datetime:
    return clock.now() + timedelta(days=KEPT_DAYS)


def carry_on(order: Order, payment: Payment, attempt: PaymentAttempt, capture: PaymentCapture) -> None:
    """An instalment was applied and others are to come. The order's stock is held by the caller."""
    if order.state == "expired":
        order.move_to("pending")
        order.cancel_reason = order.closed_at = None
        instalments.open_again(payment)
    is_first, order.promised_at = order.promised_at is None, order.promised_at or clock.now()
    order.expires_at = kept_until()
    paid, of = attempt.last_part, payment.parts
    facts: dict[str, Any] = {
        "amount_minor": capture.amount_minor,
        "currency": capture.currency,
        "method": capture.method,
    }
    note(order.id, "instalment_paid", part=paid, parts=of, **facts)
    begun = [PlanBegun(order.id, is_first)] if attempt.first_part == 1 else []
    outbox.record_all([*begun, InstalmentPaid(capture.id, order.id)])
    db.session.flush()


def may_end(order: Order, payment: Payment) -> bool:
    """Whether an order that is on hold for one of its instalments can be cancelled: the bank has decided."""
    return _is_held(order, payment) and not payment_queries.has_undecided_dispute(payment.id)


def _is_held(order: Order, payment: Payment) -> bool:
    return order.state == "on_hold" and payment.is_on_plan


def end(order: Order, payment: Payment) -> None:
    """The order is over before it was paid: what has come of its instalments goes back to where it came from, each once."""
    if payment.parts == 1:
        return
    instalments.close(payment)
    captures = payment_queries.applied_captures(payment.id)
    if not captures:
        return
    payment.move_to("refunding")
    refunds = [_send_back(order, each) for each in payment_queries.lock_captures([each.id for each in captures])]
    if not any(refunds):  # all of it has gone back before
        payment.move_to("refunded")


def _send_back(order: Order, capture: PaymentCapture) -> bool:
    rest = Money(payment_queries.refundable_minor(capture), capture.currency)
    if not rest:
        return False
    if payments.request_refund(capture, rest, reason="plan_ended", is_automatic=True) is not None:
        note(order.id, "money_sent_back", reason="plan_ended", amount_minor=rest.minor, currency=rest.currency)
    return True

"""Starting to pay an order: the attempt, and how long stock and order wait for the way to pay that was chosen."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func

from app.core import clock, outbox
from app.orders import actions as orders
from app.orders.events import OrderPromised
from app.orders.models import Order
from app.orders.rules import PAYABLE
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.actions import instalments
from app.payments.errors import Covered, KeyReused, NotNext, NotPayable, OnPlan
from app.payments.models import PaymentAttempt
from app.payments.rules import ONCE_ONLY, RECURRING
from app.stock import actions as stock


@dataclass(frozen=True, slots=True)
class Terms:
    """How long an unpaid order is kept, in minutes: its stock, itself, and both for money that comes by hand."""

    hold_minutes: int
    lives_minutes: int
    waits_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class StartedPayment:
    """The attempt to pay with. `is_new`: the provider cannot have heard of it; `is_mine`: nobody else is telling it."""

    attempt: PaymentAttempt
    is_new: bool
    is_mine: bool


def start_payment(
    order_id: uuid.UUID,
    *,
    provider: str,
    method: str,
    terms: Terms,
    bank: str = "",
    key: uuid.UUID | None = None,
    rest: bool = False,
    part: int | None = None,
) -> StartedPayment:
    """Freeze the lock and name the attempt to pay with, before the provider hears of it.

    `terms` say how long the order is kept for this way to pay. With a `key` that was used for this order before, the answer
    is that attempt, whatever became of it. Of an order with instalments the next one is paid, or all the `rest`;
    `part` is the one that the payer takes for the next. Raises NotPayable, Covered (nothing is left to pay), NotNext,
    LockLost (hold again first), TooManyAttempts or KeyReused.
    """
    order = orders.locked(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    attempts = payment_queries.lock_attempts(payment.id)
    if (known := _of_key(attempts, key, method=method)) and known.provider_order_id is not None:
        return StartedPayment(known, is_new=False, is_mine=False)
    if order.state not in PAYABLE or order.payment_method == RECURRING:  # those the provider charges by itself
        raise NotPayable()
    if payment.parts > 1 and method in ONCE_ONLY:
        raise NotPayable()
    if not payment.due:
        raise Covered()
    portion = instalments.portion(payment, rest=rest)
    if part not in (None, portion.first):
        raise NotNext()
    stock.start_paying(order.id, orders.wanted(order))
    attempt = payments.open_attempt(
        payment, attempts, provider=provider, method=method, bank=bank, reference=order.reference, portion=portion
    )
    is_new = attempt not in attempts
    if is_new:
        orders.note(order.id, "payment_started", actor="customer", attempt=attempt.position, provider=provider)
        if payment.is_on_plan:
            _tell_how(order, attempt)
        else:
            _keep(order, attempt, attempts, terms)
        if key is not None and known is None:
            attempt.key = key
    order.payment_method = method
    return StartedPayment(attempt, is_new, is_new or payments.claim_initiation(attempt))


def cancel(order_id: uuid.UUID, *, is_own: bool) -> bool:
    """The customer does not want it any more. False when it cannot be cancelled any more.

    Raises OnPlan when some of it is paid and who asks has its link only (not `is_own`): others may have that too.
    """
    order = orders.locked(order_id)
    if not is_own and payment_queries.lock_payment_of_order(order.id).is_on_plan:
        raise OnPlan()
    return orders.cancel(order.id, actor="customer", reason="by_customer")


def _tell_how(order: Order, attempt: PaymentAttempt) -> None:
    """An instalment by hand: the order is kept anyway."""
    if attempt.is_by_hand:
        outbox.record(OrderPromised(order.id, attempt.id, is_first=False))


def _of_key(attempts: Sequence[PaymentAttempt], key: uuid.UUID | None, *, method: str) -> PaymentAttempt | None:
    found = next((each for each in attempts if key is not None and each.key == key), None)
    if found is not None and found.method != method:
        raise KeyReused()
    return found


def _keep(order: Order, attempt: PaymentAttempt, earlier: Sequence[PaymentAttempt], terms: Terms) -> None:
    """Stock and order wait for days for money by hand, counted from the order's beginning: choosing it again gains nothing.
    Once another way is tried they wait no longer than usual."""
    expires_at: Any = order.expires_at
    if earlier and earlier[-1].is_by_hand:
        stock.keep_at_most(order.id, minutes=terms.hold_minutes)
        expires_at = func.least(expires_at, func.clock_timestamp() + timedelta(minutes=terms.lives_minutes))
    if attempt.is_by_hand and terms.waits_minutes:
        until = order.created_at + timedelta(minutes=terms.waits_minutes)
        stock.keep_until(order.id, until)
        expires_at = func.greatest(expires_at, until)
        is_first, order.promised_at = order.promised_at is None, order.promised_at or clock.now()
        outbox.record(OrderPromised(order.id, attempt.id, is_first))
    if expires_at is not order.expires_at:
        order.expires_at = expires_at

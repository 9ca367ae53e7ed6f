"""Money that comes by hand (N8): staff say that it has come, or that it will not. Each once, whoever clicks how often."""

from __future__ import annotations

import uuid
from typing import Any

from app.audit import actions as audit
from app.core.money import Money
from app.orders import actions as orders
from app.orders import queries
from app.orders.models import Order
from app.orders.rules import PAYABLE
from app.payments import queries as payment_queries
from app.payments.actions import by_hand as promises
from app.payments.errors import AmountDiffers, NotByHand, ReferenceUsed
from app.payments.gateway import ProviderPayment, Standing
from app.payments.models import PaymentAttempt


def note_arrival(order_id: uuid.UUID, *, receipt: str, amount: Money, reference: str, by: str) -> bool:
    """The money that was promised by hand under this `receipt` is here: settle it, whatever has become of the order meanwhile.

    `reference` is the bank's or the courier's. False when that was said before.
    Raises NotFound, NotByHand, ReferenceUsed (that line of the bank paid another instalment) or AmountDiffers: then nothing
    changes.
    """
    order = orders.locked(order_id)
    promised = [attempt for attempt in _attempts(order_id) if attempt.is_by_hand]
    if not promised:
        raise NotByHand()
    attempt = next((each for each in promised if each.receipt == receipt), None)
    if attempt is None or payment_queries.capture_by_provider_id(attempt.provider, attempt.receipt) is not None:
        return False
    if reference in queries.references_of(order.id):
        raise ReferenceUsed()
    if amount != attempt.amount:
        raise AmountDiffers(due=attempt.amount)
    facts = {"amount_minor": amount.minor, "currency": amount.currency, "reference": reference}
    orders.note(order.id, "money_arrived", actor=by, **facts)
    was = order.state
    report = ProviderPayment(attempt.receipt, "captured", amount, method=attempt.method)
    orders.settle(order.id, {attempt.id: Standing((report,), is_payable=False)})
    _record("money_arrived", order, was, by=by, **facts)
    return True


def give_up(order_id: uuid.UUID, *, by: str) -> bool:
    """It will not come: cancel the order and free its stock; one that is on a plan goes on, and waits for this instalment by
    whatever way. False when the order is over or paid already.

    Raises NotFound, or NotByHand when the customer pays another way now.
    """
    order = orders.locked(order_id)
    was = order.state
    if was not in PAYABLE:
        return False
    attempts = _attempts(order_id)
    if _last_by_hand(attempts) is not attempts[-1]:
        raise NotByHand()
    if payment_queries.lock_payment_of_order(order.id).is_on_plan:
        if attempts[-1].state not in ("created", "open"):
            return False
        promises.close(order.id)
    else:
        orders.cancel(order.id, actor=by, reason="no_money")
    _record("given_up", order, was, by=by)
    return True


def end_plan(order_id: uuid.UUID, *, actor: str) -> bool:
    """The other instalments will not come: cancel the order, free its stock and send back what has come. False when it is
    over, paid, or never had begun."""
    order = orders.locked(order_id)
    payment, was = payment_queries.lock_payment_of_order(order.id), order.state
    if not payment.is_on_plan or not orders.cancel(order.id, actor=actor, reason="plan_ended"):
        return False
    _record("plan_ended", order, was, by=actor, received_minor=payment.received_minor, currency=payment.currency)
    return True


def _record(what: str, order: Order, was: str, *, by: str, **facts: Any) -> None:
    """`was`: the order's state before."""
    before, after = {"state": was}, {"state": order.state}
    audit.record(
        f"order.{what}", actor=by, object_kind="order", object_id=order.id, before=before, after=after, **facts
    )


def _attempts(order_id: uuid.UUID) -> list[PaymentAttempt]:
    return payment_queries.lock_attempts(payment_queries.lock_payment_of_order(order_id).id)


def _last_by_hand(attempts: list[PaymentAttempt]) -> PaymentAttempt:
    found = next((attempt for attempt in reversed(attempts) if attempt.is_by_hand), None)
    if found is None:
        raise NotByHand()
    return found

"""Orders that a provider charges by itself (PAY-30): the attempt is its charge, not a click of the shopper."""

from __future__ import annotations

import uuid
from contextlib import suppress

from app.core import db
from app.orders import actions as orders
from app.orders.rules import PAYABLE
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.gateway import Opened
from app.payments.models import PaymentAttempt
from app.payments.rules import RECURRING, Portion
from app.stock import actions as stock
from app.stock.errors import LockLost


def start_charge(order_id: uuid.UUID, *, provider: str, charge: Opened | None = None) -> PaymentAttempt:
    """The attempt that a charge belongs to; `charge` is what the provider calls it, when it is known already.

    What the order holds is frozen: only the provider's answer frees it. One that holds nothing (any more) is settled by what
    is left when the money comes. An order that is over takes the attempt too, so that its money can go back.
    """
    order = orders.locked(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    attempts = payment_queries.lock_attempts(payment.id)
    known = next((each for each in attempts if charge and each.provider_order_id == charge.id), None)
    if known is not None:
        return known
    attempt = payments.add_attempt(
        payment,
        attempts,
        provider=provider,
        method=RECURRING,
        reference=order.reference,
        portion=Portion(1, 1, payment.due),
    )
    if charge is not None:
        payments.remember_provider_order(attempt.id, charge)
    orders.note(order.id, "payment_started", attempt=attempt.position, provider=provider)
    if order.state in PAYABLE:
        _freeze(order_id, orders.wanted(order))
    return attempt


def _freeze(order_id: uuid.UUID, wanted: dict[uuid.UUID, int]) -> None:
    with suppress(LockLost), db.session.begin_nested():
        stock.start_paying(order_id, wanted)

"""Whose recurring orders are, as `app/orders/actions/belonging.py` says of orders. In the caller's transaction."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, update

from app.core import db
from app.orders.actions.belonging import ERASED
from app.recurring import queries
from app.recurring.models import RecurringOrder


def attach(customer_id: uuid.UUID) -> None:
    """What a guest subscribed to is the customer's once an order of it is."""
    db.rows(
        "UPDATE recurring_order r SET customer_id = :customer WHERE r.customer_id IS NULL AND r.id IN"
        " (SELECT c.recurring_id FROM recurring_cycle c JOIN orders o ON o.id = c.order_id WHERE o.customer_id = :customer)"
        " RETURNING r.id",
        customer=customer_id,
    )


def hand_over(guest: str, visitor: str) -> None:
    """A click of before signing in, sent once more, is still the same subscription."""
    db.rows(
        "UPDATE recurring_order SET visitor = :visitor WHERE visitor = :guest RETURNING id",
        guest=guest,
        visitor=visitor,
    )


def let_go(customer_id: uuid.UUID) -> None:
    """The customer is to be forgotten, and all of these are over: the orders that were paid know what is needed."""
    _forget(RecurringOrder.customer_id == customer_id)


def let_guest_go(email: str, *, since: datetime | None) -> None:
    """The same for who subscribed without an account, from a moment on."""
    _forget(RecurringOrder.id.in_(queries.ids_of_guest(email, since=since)))


def _forget(which: ColumnElement[bool]) -> None:
    theirs = update(RecurringOrder).where(which)
    db.session.execute(
        theirs.values(email="", phone="", address={}, customer_id=None, visitor=ERASED).execution_options(
            synchronize_session=False
        )
    )

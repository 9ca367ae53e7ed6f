"""Whose orders are: a visitor's who signs in, a customer's whose e-mail is proven. In the caller's transaction."""

from __future__ import annotations

import uuid

from sqlalchemy import Text, cast, func, select, update

from app.core import crypto, db
from app.orders.models import Order, OrderLine
from app.orders.rules import MEASURES_DAYS, MEASURES_DAYS_OF_GUEST

OVER = ("cancelled", "expired")
ERASED = "erased"


def attach(customer_id: uuid.UUID, email: str) -> int:
    """The orders that this address made as a guest become the customer's. Call it only once the address is proven theirs.

    Returns how many they were.
    """
    found = db.rows(
        "UPDATE orders SET customer_id = :customer WHERE email_index = ANY(:email) AND customer_id IS NULL RETURNING id",
        customer=customer_id,
        email=crypto.blind_indexes(email),
    )
    return len(found)


def hand_over(guest: str, visitor: str) -> None:
    """What a guest has not paid yet stays theirs after signing in: it may be replaced, and its stock is not in the way."""
    db.rows(
        "UPDATE orders SET visitor = :visitor WHERE visitor = :guest AND state = 'pending' RETURNING id",
        guest=guest,
        visitor=visitor,
    )


def follow_cart(*, old: uuid.UUID, new: uuid.UUID) -> None:
    """The cart these orders came from is part of another one now, and being paid empties that: also of what was paid a moment
    ago, or has expired and money comes late."""
    db.rows("UPDATE orders SET cart_id = :new WHERE cart_id = :old RETURNING id", old=old, new=new)


def let_go(customer_id: uuid.UUID) -> None:
    """The customer is to be forgotten. Orders that never came about lose whom they were for; those that were paid keep it, as
    tax law, refunds and disputes need it, and are nobody's account's any more. Of their body nothing is kept anywhere."""
    theirs = update(Order).where(Order.customer_id == customer_id).execution_options(synchronize_session=False)
    db.session.execute(
        theirs.where(Order.confirmed_at.is_(None), Order.state.in_(OVER)).values(
            email="",
            email_index=func.sha256(func.convert_to(cast(Order.id, Text), "UTF8")),  # equal to nobody's
            phone="",
            phone_index=None,
            address={},
            client_index=b"",
        )
    )
    measured = update(OrderLine).where(OrderLine.fitting_key != "").execution_options(synchronize_session=False)
    whose = select(Order.id).where(Order.customer_id == customer_id)
    db.session.execute(measured.where(OrderLine.order_id.in_(whose)).values(fitting=None, fitting_key=""))
    db.session.execute(theirs.values(customer_id=None, visitor=ERASED))


def forget_measures() -> int:
    """What somebody measures, once no order needs it any more. Returns how many lines forgot it."""
    found = db.rows(
        "UPDATE order_line l SET fitting = NULL, fitting_key = '' FROM orders o WHERE o.id = l.order_id AND l.fitting_key <> ''"
        " AND CASE WHEN o.confirmed_at IS NULL THEN o.state = ANY(:over) AND o.created_at < now() - make_interval(days => :never)"
        " ELSE o.customer_id IS NULL AND o.confirmed_at < now() - make_interval(days => :guest) END RETURNING l.id",
        over=list(OVER),
        never=MEASURES_DAYS,
        guest=MEASURES_DAYS_OF_GUEST,
    )
    return len(found)

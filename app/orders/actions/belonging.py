"""Whose orders are: a visitor's who signs in, a customer's whose e-mail is proven. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, update

from app.core import db
from app.orders.models import Order

ERASED = "erased"


def attach(customer_id: uuid.UUID, email_index: bytes) -> int:
    """The orders that this address made as a guest become the customer's. Call it only once the address is proven theirs.

    Returns how many they were.
    """
    found = db.rows(
        "UPDATE orders SET customer_id = :customer WHERE email_index = :email AND customer_id IS NULL RETURNING id",
        customer=customer_id,
        email=email_index,
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


def let_go(customer_id: uuid.UUID) -> list[uuid.UUID]:
    """The customer is to be forgotten: their orders are nobody's account's any more. Returns them. Whom they were for goes with
    `forget`, of what was paid after the time that goods, refunds and disputes take."""
    return _let_go(Order.customer_id == customer_id)


def let_guest_go(email_index: bytes) -> list[uuid.UUID]:
    """The same for who ordered without an account."""
    return _let_go((Order.email_index == email_index) & Order.customer_id.is_(None))


def _let_go(theirs: ColumnElement[bool]) -> list[uuid.UUID]:
    gone = update(Order).where(theirs).values(customer_id=None, visitor=ERASED).returning(Order.id)
    return list(db.session.scalars(gone.execution_options(synchronize_session=False)))


def to_forget(which: str, *, limit: int, **values: Any) -> list[uuid.UUID]:
    """Orders that know somebody still and may forget them, locked; those that somebody else is at are left out. `which` is SQL of
    our own."""
    found = db.rows(
        f"SELECT id FROM orders WHERE forgotten_at IS NULL AND {which} LIMIT :limit FOR UPDATE SKIP LOCKED",  # noqa: S608
        limit=limit,
        **values,
    )
    return sorted(row.id for row in found)


def forget(order_ids: Sequence[uuid.UUID]) -> None:
    """Whom these orders were for; locked. Money, goods and documents stay."""
    theirs = update(Order).where(Order.id.in_(order_ids)).execution_options(synchronize_session=False)
    db.session.execute(
        theirs.values(
            email="",
            email_index=func.sha256(func.convert_to(cast(Order.id, Text), "UTF8")),  # equal to nobody's
            phone="",
            phone_index=None,
            address={},
            fingerprint="",
            client_index=b"",
            visitor=ERASED,
            forgotten_at=func.clock_timestamp(),
        )
    )

"""Whose orders are: a visitor's who signs in, a customer's whose e-mail is proven. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, select, update

from app.core import crypto, db
from app.orders import queries
from app.orders.models import Order, OrderLine
from app.orders.rules import OVER_UNPAID

ERASED = "erased"


def attach(customer_id: uuid.UUID, email: str, *, since: datetime | None) -> int:
    """The orders that this address made as a guest become the customer's, from the moment on since it may be theirs. Call it only
    once the address is proven theirs.

    Returns how many they were.
    """
    found = db.rows(
        "UPDATE orders o SET customer_id = :customer WHERE email_index = ANY(:email) AND customer_id IS NULL"  # noqa: S608  # nosec B608
        f" AND {queries.SINCE} RETURNING id",
        customer=customer_id,
        email=crypto.blind_indexes(email),
        since=since,
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
    """The customer is to be forgotten: their orders are nobody's account's any more. Returns those that know them still, locked, for
    `forget`."""
    return _let_go(Order.customer_id == customer_id)


def let_guest_go(email: str, *, since: datetime | None) -> list[uuid.UUID]:
    """The same for who ordered without an account, from a moment on."""
    return _let_go(queries.of_guest(email, since=since))


def _let_go(theirs: ColumnElement[bool]) -> list[uuid.UUID]:
    gone = update(Order).where(theirs).values(customer_id=None).returning(Order.id, Order.forgotten_at)
    let_go = db.session.execute(gone.execution_options(synchronize_session=False))
    return sorted(row.id for row in let_go if row.forgotten_at is None)


def _forget_measures(order_ids: Sequence[uuid.UUID]) -> None:
    measured = update(OrderLine).where(OrderLine.order_id.in_(order_ids), OrderLine.fitting_key != "")
    db.session.execute(measured.values(fitting=None, fitting_key="").execution_options(synchronize_session=False))


def to_forget(which: str, *, limit: int, **values: Any) -> list[uuid.UUID]:
    """Orders that know somebody still and may forget them, locked; those that somebody else is at are left out. `which` is SQL of
    our own."""
    found = db.rows(
        f"SELECT id FROM orders WHERE forgotten_at IS NULL AND {which} LIMIT :limit FOR UPDATE SKIP LOCKED",  # noqa: S608  # nosec B608
        limit=limit,
        **values,
    )
    return sorted(row.id for row in found)


def forget(order_ids: Sequence[uuid.UUID]) -> None:
    """Whom these orders were for; locked. Money, goods and documents stay, and in India the state: a credit note to come splits
    its tax by it."""
    in_india = select(Order.id, Order.address).where(Order.id.in_(order_ids), Order.country == "IN")
    states = {row.id: row.address.get("state", "") for row in db.session.execute(in_india)}
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
    for order_id, state in states.items():
        its = update(Order).where(Order.id == order_id).execution_options(synchronize_session=False)
        db.session.execute(its.values(address={"state": state}))
    _forget_measures(order_ids)


def forget_measures(*, never_days: int, guest_days: int, limit: int) -> int:
    """What somebody measures, once no order needs it any more: so many days after an order that never came about, or was paid by
    somebody without an account. Returns how many lines forgot it."""
    found = db.rows(
        "WITH old AS (SELECT l.id FROM order_line l JOIN orders o ON o.id = l.order_id WHERE l.fitting_key <> '' AND"  # noqa: S608  # nosec B608
        f" (({OVER_UNPAID}) AND o.created_at < now() - make_interval(days => :never)"
        " OR o.confirmed_at < now() - make_interval(days => :guest) AND o.customer_id IS NULL)"
        " LIMIT :limit FOR UPDATE OF l SKIP LOCKED)"
        " UPDATE order_line SET fitting = NULL, fitting_key = '' WHERE id IN (SELECT id FROM old) RETURNING id",
        never=never_days,
        guest=guest_days,
        limit=limit,
    )
    return len(found)

"""Placing an order: its snapshot, its stock, its payment and the value that pays a part of it, all or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func

from app.core import crypto, db, outbox
from app.core.ids import new_id, new_reference, new_token
from app.customers import queries as customers
from app.orders import actions as orders
from app.orders.events import OrderCreated
from app.orders.models import Order, OrderLine
from app.orders.rules import TERMS_VERSION
from app.payments import actions as payments
from app.payments.rules import PlanTerms
from app.stock import actions as stock
from app.value import actions as value
from app.value.rules import Share


@dataclass(frozen=True, slots=True)
class NewOrder:
    """The snapshot an order is opened with. `priced` is the stored pricing result, `amounts` its sums as columns.

    With `lock_minutes` 0 nothing is held: the money has come already, and settling it finds out what can be had.
    """

    place_key: uuid.UUID
    fingerprint: str
    currency: str
    amounts: Mapping[str, int]
    snapshot: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    locale: str
    visitor: str
    client_index: bytes
    cart_id: uuid.UUID | None
    email: str
    phone: str
    address: Mapping[str, str]
    shipping_method: str
    payment_method: str
    lock_minutes: int
    lives_minutes: int
    placed_by: str = "customer"
    customer_id: uuid.UUID | None = None  # who is signed in
    value: Sequence[Share] = ()  # what gift cards and credit pay of it
    plan: PlanTerms | None = None  # the rest is paid in instalments


def open(new: NewOrder) -> Order:
    """Write the order with its lines, hold its stock and make its payment row, all in the caller's one transaction.

    Raises OutOfStock or ValueGone, and then the caller must not commit.
    """
    order = Order(
        id=new_id(),
        reference=new_reference(),
        token=new_token(),
        place_key=new.place_key,
        fingerprint=new.fingerprint,
        state="pending",
        currency=new.currency,
        snapshot=dict(new.snapshot),
        locale=new.locale,
        visitor=new.visitor,
        client_index=new.client_index,
        cart_id=new.cart_id,
        customer_id=new.customer_id or _whose(new.email),
        email=new.email,
        email_index=crypto.blind_index(new.email),
        phone=new.phone,
        phone_index=crypto.blind_index(new.phone) if new.phone else None,
        address=dict(new.address),
        country=new.address["country"],
        shipping_method=new.shipping_method,
        payment_method=new.payment_method,
        terms_version=TERMS_VERSION,
        expires_at=func.clock_timestamp() + timedelta(minutes=new.lives_minutes),
        lines=[OrderLine(id=new_id(), position=n, **line) for n, line in enumerate(new.lines, start=1)],
        **new.amounts,
    )
    db.session.add(order)
    db.session.flush()
    if new.value:
        value.hold(order.id, new.value)
    if new.lock_minutes:
        stock.lock(order.id, orders.demands(order), minutes=new.lock_minutes)
    covered = sum(share.amount_minor for share in new.value)
    payments.create(order.id, order.total, value_minor=covered, plan=new.plan)
    orders.note(order.id, "placed", actor=new.placed_by, total_minor=order.total_minor, currency=order.currency)
    outbox.record(OrderCreated(order.id))
    return order


def _whose(email: str) -> Any:
    """A guest's order is the customer's who has proven to own its e-mail; found out by the INSERT itself."""
    return customers.verified_by(email)

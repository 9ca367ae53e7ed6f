"""All that is known of a customer, as tables of plain values (DAT-08)."""

from __future__ import annotations

import uuid
from typing import Any

from app.cart import queries as cart
from app.core import db
from app.core.errors import NotFound
from app.customers import queries as customers
from app.customers.models import Customer
from app.orders import queries as orders
from app.orders.models import Order

Table = list[dict[str, Any]]


def everything(customer_id: uuid.UUID) -> dict[str, Table]:
    """Amounts are minor units of the order's currency, moments ISO 8601 in UTC. Raises NotFound."""
    person = customers.customer(customer_id)
    if person is None:
        raise NotFound()
    bought = orders.everything_of(customer_id)
    return {
        "profile": [_profile(person)],
        "addresses": [
            {
                **each.address,
                "usual_for_delivery": each.is_default_shipping,
                "usual_for_invoices": each.is_default_billing,
            }
            for each in customers.addresses(customer_id)
        ],
        "preferences": [
            {"channel": channel, "about": kind, "enabled": enabled}
            for (channel, kind), enabled in customers.preferences(customer_id).items()
        ],
        "orders": [_order(each) for each in bought],
        "order_lines": [line for each in bought for line in _lines(each)],
        "cart": _cart(person.visitor),
        "wishlist": [{"product": name} for name in _names(customers.wishes(person.visitor))],
        "sessions": [
            {
                "device": each.user_agent,
                "address": each.address,
                "since": each.created_at,
                "last_seen": each.last_seen_at,
            }
            for each in customers.sessions(customer_id)
        ],
        "sign_ins": [
            {"way": each.way, "successful": each.was_right, "at": each.created_at}
            for each in customers.tries_of(person.email_index)
        ],
        "mails": _mails(person.email_index),
    }


def _profile(person: Customer) -> dict[str, Any]:
    return {
        "name": person.name,
        "email": person.email,
        "email_confirmed_at": person.email_verified_at,
        "phone": person.phone,
        "language": person.locale,
        "currency": person.currency,
        "customer_since": person.created_at,
    }


def _order(order: Order) -> dict[str, Any]:
    names = (
        "number", "reference", "state", "currency", "subtotal_minor", "discount_minor", "shipping_minor", "tax_added_minor",
        "tax_included_minor", "total_minor", "email", "phone", "shipping_method", "payment_method", "created_at", "confirmed_at",
    )  # fmt: skip
    return {name: getattr(order, name) for name in names} | {
        f"to_{name}": value for name, value in order.address.items()
    }


def _lines(order: Order) -> Table:
    names = ("sku", "name", "options", "unit", "quantity", "unit_price_minor", "total_minor")
    return [
        {"order": order.number or order.reference} | {name: getattr(each, name) for name in names}
        for each in order.lines
    ]


def _cart(visitor: str) -> Table:
    found = cart.stored(visitor)
    lines = cart.lines(found, currency="MYR", locale="en", with_stock=False)
    return [
        {"product": each.facts.name, "options": each.facts.options, "quantity": each.entry.quantity} for each in lines
    ]


def _names(product_ids: list[uuid.UUID]) -> list[str]:
    found = db.rows("SELECT id, coalesce(name->>'en', '') FROM product WHERE id = ANY(:ids)", ids=product_ids)
    known = {row[0]: row[1] for row in found}
    return [known[each] for each in product_ids if each in known]


def _mails(email_index: bytes) -> Table:
    found = db.rows(
        "SELECT template, state, created_at FROM mail_message WHERE recipient_index = :email ORDER BY created_at",
        email=email_index,
    )
    return [{"about": row.template, "state": row.state, "at": row.created_at} for row in found]

"""All that is known of a customer, as tables of plain values (DAT-08)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.cart import queries as cart
from app.core import crypto, db
from app.core.errors import NotFound
from app.customers import queries as customers
from app.customers.models import Customer
from app.orders import queries as orders
from app.orders.models import Order
from app.passkeys import queries as passkeys
from app.passkeys.models import Owner
from app.recurring import queries as recurring
from app.recurring.models import RecurringOrder
from app.returns import queries as returns
from app.tailoring import queries as tailoring
from app.value import queries as value

Table = list[dict[str, Any]]


class Waiting(NamedTuple):
    """What is still under way, so that a customer cannot be forgotten yet."""

    orders: bool
    subscriptions: bool


_WAITING = f"({orders.UNDER_WAY}), ({recurring.UNDER_WAY})"


def waits_for(customer_id: uuid.UUID) -> Waiting:
    found = db.rows(f"SELECT {_WAITING} FROM customer c WHERE c.id = :id", id=customer_id)  # noqa: S608 - our own words  # nosec B608
    return Waiting(*found[0]) if found else Waiting(orders=False, subscriptions=False)


def due(*, limit: int = 50) -> list[uuid.UUID]:
    """Customers whose time of grace is over and who can be forgotten now, the first first."""
    found = db.rows(
        "SELECT c.id FROM customer c WHERE c.closes_at <= now() AND c.is_active"  # noqa: S608 - our own words
        f" AND NOT ({orders.UNDER_WAY} OR {recurring.UNDER_WAY}) ORDER BY c.closes_at LIMIT :limit",  # nosec B608
        limit=limit,
    )
    return [row.id for row in found]


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
        "measurements": [
            {"name": each.name, "note": each.note, "usual": each.is_default, **_measures(each.measures)}
            for each in tailoring.profiles(customer_id)
        ],
        "preferences": [
            {"channel": channel, "about": kind, "enabled": enabled}
            for (channel, kind), enabled in customers.preferences(customer_id).items()
        ],
        "orders": [_order(each) for each in bought],
        "order_lines": [line for each in bought for line in _lines(each)],
        "subscriptions": [_subscription(each) for each in recurring.of_customer(customer_id)],
        "gift_cards_and_credit": [
            _picked(each, "kind", "last_four", "currency", "balance_minor", "state", "expires_at", "created_at")
            for each in value.accounts_of(person.email)
        ],
        "refunds": _refunds(customer_id),
        "refund_wishes": [
            {"order": name, **_picked(each, "state", "reason", "note", "answer", "created_at")}
            for name, each in returns.wishes_of(customer_id)
        ],
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
        "passkeys": [
            _picked(each, "name", "created_at", "last_used_at") for each in passkeys.of(Owner(customer_id=customer_id))
        ],
        "sign_in_providers": [
            {"provider": each.provider, "email": each.email, "since": each.created_at}
            for each in customers.identities(customer_id)
        ],
        "sign_ins": [
            {"way": each.way, "successful": each.was_right, "at": each.created_at}
            for each in customers.tries_of(person.email)
        ],
        "mails": _mails(person.email),
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


def _picked(row: object, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _order(order: Order) -> dict[str, Any]:
    names = (
        "number", "reference", "state", "currency", "subtotal_minor", "discount_minor", "shipping_minor", "tax_added_minor",
        "tax_included_minor", "total_minor", "email", "phone", "shipping_method", "payment_method", "created_at", "confirmed_at",
    )  # fmt: skip
    return _picked(order, *names) | _to(order.address)


def _to(address: Mapping[str, Any]) -> dict[str, Any]:
    return {f"to_{name}": each for name, each in address.items()}


def _lines(order: Order) -> Table:
    names = ("sku", "name", "options", "unit", "quantity", "unit_price_minor", "total_minor")
    number = order.number or order.reference
    return [{"order": number} | _picked(each, *names) | _made_to(each.fitting) for each in order.lines]


def _made_to(fitting: Mapping[str, Any] | None) -> dict[str, Any]:
    """The measures of a line that is made to measure."""
    if fitting is None:
        return {}
    return {"measures_of": fitting["name"], "measures_note": fitting["note"], **_measures(fitting["mm"])}


def _measures(lengths: Mapping[str, int]) -> dict[str, int]:
    return {f"{name}_mm": mm for name, mm in lengths.items()}


def _subscription(row: RecurringOrder) -> dict[str, Any]:
    names = (
        "state", "quantity", "period", "every", "amount_minor", "currency", "email", "phone", "next_charge_at", "created_at",
        "started_at", "closed_at",
    )  # fmt: skip
    return {"product": row.terms["lines"][0]["name"]} | _picked(row, *names) | _to(row.address)


def _refunds(customer_id: uuid.UUID) -> Table:
    found = db.rows(
        "SELECT coalesce(o.number, o.reference) AS order, r.amount_minor, r.currency, r.reason, r.state, r.created_at"
        " FROM orders o JOIN payment p ON p.order_id = o.id JOIN refund r ON r.payment_id = p.id"
        " WHERE o.customer_id = :customer ORDER BY r.created_at, r.id",
        customer=customer_id,
    )
    return [dict(row._mapping) for row in found]


def _cart(visitor: str) -> Table:
    found = cart.stored(visitor)
    lines = cart.lines(found, currency="MYR", locale="en", with_stock=False)
    return [
        {"product": each.facts.name, "options": each.facts.options, "quantity": each.entry.quantity}
        | _made_to(each.fitting.record() if each.fitting else None)
        for each in lines
    ]


def _names(product_ids: list[uuid.UUID]) -> list[str]:
    found = db.rows("SELECT id, coalesce(name->>'en', '') FROM product WHERE id = ANY(:ids)", ids=product_ids)
    known = {row[0]: row[1] for row in found}
    return [known[each] for each in product_ids if each in known]


def _mails(email: str) -> Table:
    found = db.rows(
        "SELECT template, state, created_at FROM mail_message WHERE recipient_index = ANY(:email) ORDER BY created_at",
        email=crypto.blind_indexes(email),
    )
    return [{"about": row.template, "state": row.state, "at": row.created_at} for row in found]

"""The copy of all that is known of somebody, as tables of plain values (DAT-08). `inventory.COPIED` says which tables of ours are
in it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.cart import queries as cart
from app.checkout.models import CheckoutSession
from app.core import db
from app.core.errors import NotFound
from app.customers import queries as customers
from app.customers.models import Customer
from app.customers.queries import Mailbox
from app.orders import queries as orders
from app.orders.models import Order
from app.passkeys import queries as passkeys
from app.passkeys.models import Owner
from app.privacy import queries
from app.recurring import queries as recurring
from app.recurring.models import RecurringOrder
from app.returns import queries as returns
from app.tailoring import queries as tailoring

Table = list[dict[str, Any]]


def of_customer(customer_id: uuid.UUID) -> dict[str, Table]:
    """Amounts are minor units of the order's currency, moments ISO 8601 in UTC. Raises NotFound."""
    person = customers.customer(customer_id)
    if person is None:
        raise NotFound()
    return {
        **_account(person),
        **_browser(person.visitor),
        **_bought(orders.everything_of(customer_id), recurring.of_customer(customer_id)),
        **_by_address(customers.mailboxes(person), person.id),
    }


def of_guest(email: str) -> dict[str, Table]:
    """The same of an address without an account, for staff who have seen that it is theirs; nothing from before an account gave it
    up."""
    mailbox = customers.mailbox(email)
    return {
        "profile": [{"email": email}],
        **_bought(
            orders.everything_of_guest(email, since=mailbox.since), recurring.of_guest(email, since=mailbox.since)
        ),
        **_by_address([mailbox]),
    }


def _account(person: Customer) -> dict[str, Table]:
    return {
        "profile": [_profile(person)],
        "former_addresses": [
            {"email": each.email, "until": each.until} for each in customers.mailboxes(person) if each.until
        ],
        "addresses": [
            {
                **each.address,
                "usual_for_delivery": each.is_default_shipping,
                "usual_for_invoices": each.is_default_billing,
            }
            for each in customers.addresses(person.id)
        ],
        "measurements": [
            {"name": each.name, "note": each.note, "usual": each.is_default, **_measures(each.measures)}
            for each in tailoring.profiles(person.id)
        ],
        "preferences": [
            {"channel": channel, "about": kind, "enabled": enabled}
            for (channel, kind), enabled in customers.preferences(person.id).items()
        ],
        "sessions": [
            {
                "device": each.user_agent,
                "address": each.address,
                "since": each.created_at,
                "last_seen": each.last_seen_at,
            }
            for each in customers.sessions(person.id)
        ],
        "passkeys": [
            _picked(each, "name", "created_at", "last_used_at") for each in passkeys.of(Owner(customer_id=person.id))
        ],
        "sign_in_providers": [
            {"provider": each.provider, "email": each.email, "since": each.created_at}
            for each in customers.identities(person.id)
        ],
    }


def _browser(visitor: str) -> dict[str, Table]:
    return {
        "cart": _cart(visitor),
        "checkout": [
            {**(each.contact or {}), **_to(each.address or {}), "shipping_method": each.shipping_method}
            for each in db.session.scalars(select(CheckoutSession).where(CheckoutSession.visitor == visitor))
        ],
        "wishlist": [{"product": name} for name in _names(customers.wishes(visitor))],
    }


def _bought(bought: Sequence[Order], subscriptions: Sequence[RecurringOrder]) -> dict[str, Table]:
    ids = [each.id for each in bought]
    return {
        "orders": [_order(each) for each in bought],
        "order_lines": [line for each in bought for line in _lines(each)],
        "subscriptions": [_subscription(each) for each in subscriptions],
        "refund_wishes": [
            {"order": name, **_picked(each, "state", "reason", "note", "answer", "created_at")}
            for name, each in returns.wishes_of(ids)
        ],
        **{name: _told(sql, ids=ids) for name, sql in _OF_ORDERS.items()},
    }


def _by_address(mailboxes: Sequence[Mailbox], customer_id: uuid.UUID | None = None) -> dict[str, Table]:
    """The account's own address is the last."""
    return {
        "requests": [
            _picked(each, "reference", "kind", "state", "note", "answer", "created_at", "due_at", "closed_at")
            for each in queries.requests_of(mailboxes[-1], customer_id, limit=1000)
        ],
        "consents": [
            _picked(each, "channel", "purpose", "is_given", "version", "way", "created_at")
            for each in customers.consents_of(customer_id, mailboxes[-1].email, limit=10_000)
        ],
        **{
            name: [row for each in mailboxes for row in _told(sql, **queries.of_mailbox(each))]
            for name, sql in _OF_ADDRESS.items()
        },
    }


_OF_ORDERS = {
    "order_history": "SELECT coalesce(o.number, o.reference) AS order, e.kind AS what, e.created_at AS at"
    " FROM order_event e JOIN orders o ON o.id = e.order_id WHERE o.id = ANY(:ids) ORDER BY e.created_at, e.id",
    "payments": "SELECT coalesce(o.number, o.reference) AS order, c.provider, c.method, c.amount_minor, c.currency, c.state,"
    " c.refunded_minor, c.captured_at FROM orders o JOIN payment p ON p.order_id = o.id JOIN payment_capture c ON c.payment_id = p.id"
    " WHERE o.id = ANY(:ids) ORDER BY c.created_at, c.id",
    "instalments": "SELECT coalesce(o.number, o.reference) AS order, i.position, i.amount_minor, o.currency, i.state, i.due_at"
    " FROM orders o JOIN payment p ON p.order_id = o.id JOIN instalment i ON i.payment_id = p.id"
    " WHERE o.id = ANY(:ids) ORDER BY o.created_at, i.position",
    "disputes": "SELECT coalesce(o.number, o.reference) AS order, d.amount_minor, d.currency, d.reason, d.state, d.created_at"
    " FROM orders o JOIN payment p ON p.order_id = o.id JOIN payment_dispute d ON d.payment_id = p.id"
    " WHERE o.id = ANY(:ids) ORDER BY d.created_at, d.id",
    "refunds": "SELECT coalesce(o.number, o.reference) AS order, r.amount_minor, r.currency, r.reason, r.state, r.created_at"
    " FROM orders o JOIN payment p ON p.order_id = o.id JOIN refund r ON r.payment_id = p.id"
    " WHERE o.id = ANY(:ids) ORDER BY r.created_at, r.id",
    "documents": "SELECT coalesce(o.number, o.reference) AS order, d.kind, d.number, d.total_minor, d.tax_minor, d.currency, d.issued_at"
    " FROM document d JOIN orders o ON o.id = d.order_id WHERE o.id = ANY(:ids) ORDER BY d.issued_at, d.id",
}
_UNDER_ADDRESS = queries.came_to("email_index", "created_at")
_OF_ADDRESS = {
    "gift_cards_and_credit": "SELECT kind, last_four, currency, balance_minor, state, expires_at, created_at FROM value_account a"  # noqa: S608 - our own words  # nosec B608
    f" WHERE {queries.VALUE_SENT_TO} ORDER BY created_at, id",
    "gift_cards_and_credit_movements": "SELECT a.kind AS of, a.last_four, v.kind, v.balance_delta AS change_minor, a.currency,"  # noqa: S608  # nosec B608
    f" v.created_at AS at FROM value_account a JOIN value_entry v ON v.account_id = a.id WHERE {queries.VALUE_SENT_TO}"
    " ORDER BY v.created_at, v.id",
    "sign_ins": "SELECT way, was_right AS successful, created_at AS at FROM customer_sign_in"  # noqa: S608  # nosec B608
    f" WHERE {_UNDER_ADDRESS} ORDER BY created_at",
    "mailed_links": "SELECT kind, created_at AS asked_at, mailed_at, used_at FROM customer_request"  # noqa: S608  # nosec B608
    f" WHERE {_UNDER_ADDRESS} ORDER BY created_at",
    "newsletter": "SELECT state, since, locale AS language, way AS asked, created_at FROM newsletter_subscriber"
    " WHERE email_index = ANY(:email) AND CAST(:until AS timestamptz) IS NULL",  # it goes along to a new address
    "mails": "SELECT template AS about, state, created_at AS at FROM mail_message m"  # noqa: S608  # nosec B608
    f" WHERE {queries.MAILED_TO} ORDER BY created_at",
}


def _told(sql: str, **values: Any) -> Table:
    return [dict(row._asdict()) for row in db.rows(sql, **values)]


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

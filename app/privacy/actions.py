from __future__ import annotations

import uuid

from app.core import clock, db
from app.customers import queries as customers
from app.customers.actions import closing
from app.orders.actions import belonging


def erase(customer_id: uuid.UUID) -> str | None:
    """Forget a customer whose time of grace is over. Returns whose hot cart is stale now; None when nothing was done: they
    have changed their mind, or an order of theirs is still under way."""
    person = customers.lock_customer(customer_id)
    if person is None or person.closes_at is None or person.closes_at > clock.now() or belonging.has_open(customer_id):
        return None
    visitor = person.visitor
    db.rows(
        "DELETE FROM mail_message m WHERE recipient_index = :email AND NOT EXISTS"
        " (SELECT FROM orders o WHERE o.id = m.order_id AND o.confirmed_at IS NOT NULL) RETURNING id",
        email=person.email_index,
    )
    for table in ("checkout_session", "cart_notice", "cart"):
        db.rows(f"DELETE FROM {table} WHERE visitor = :visitor RETURNING id", visitor=visitor)  # noqa: S608 - our own words
    belonging.let_go(customer_id)
    closing.erase(person)
    return visitor

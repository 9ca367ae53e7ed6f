from __future__ import annotations

import uuid

from app.core import clock, crypto, db
from app.customers import queries as customers
from app.customers.actions import closing
from app.orders.actions import belonging
from app.privacy import queries
from app.recurring.actions import belonging as subscriptions


def erase(customer_id: uuid.UUID) -> str | None:
    """Forget a customer whose time of grace is over. Returns whose hot cart is stale now; None when nothing was done: they
    have changed their mind, or something is still under way (`queries.waits_for`)."""
    person = customers.lock_customer(customer_id)
    if (
        person is None
        or person.closes_at is None
        or person.closes_at > clock.now()
        or any(queries.waits_for(customer_id))
    ):
        return None
    visitor, theirs = person.visitor, crypto.blind_indexes(person.email)
    db.rows(
        "DELETE FROM mail_message m WHERE recipient_index = ANY(:email) AND NOT EXISTS"
        " (SELECT FROM orders o WHERE o.id = m.order_id AND o.confirmed_at IS NOT NULL) RETURNING id",
        email=theirs,
    )
    db.rows(  # one with money on it is the way to send its code once more
        "UPDATE value_account SET email = NULL, email_index = NULL, mail_code = NULL"
        " WHERE email_index = ANY(:email) AND balance_minor = 0 RETURNING id",
        email=theirs,
    )
    for table, more in (("checkout_session", ""), ("cart_notice", ""), ("cart", " AND is_open")):
        db.rows(f"DELETE FROM {table} WHERE visitor = :visitor{more} RETURNING id", visitor=visitor)  # noqa: S608 - our own words  # nosec B608
    subscriptions.let_go(customer_id)
    belonging.let_go(customer_id)
    closing.erase(person)
    return visitor

"""What tells whether a sign-in looks suspicious (SEC-12)."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from app.core import crypto, db
from app.customers import rules
from app.customers.models import CustomerSession, CustomerSignIn


def attempt(attempt_id: uuid.UUID) -> CustomerSignIn | None:
    return db.session.get(CustomerSignIn, attempt_id)


def has_tried_many(address: str) -> bool:
    """Whether wrong passwords were typed at MANY_ACCOUNTS from an address (`rules.household`), within the last quarter of an hour.
    As each account bears TRIES only, the newest few tell, however many there are."""
    sql, values = db.each_of(
        "SELECT count(DISTINCT email_index) FROM (SELECT email_index FROM customer_sign_in WHERE address_index = ANY(:address)"
        " AND NOT was_right AND created_at > clock_timestamp() - make_interval(mins => :minutes)"
        " ORDER BY created_at DESC LIMIT :most) tried",
        address=crypto.blind_indexes(address),
    )
    most = (rules.MANY_ACCOUNTS - 1) * rules.TRIES + 1
    return bool(db.scalar(sql, **values, minutes=rules.TRIES_MINUTES, most=most) >= rules.MANY_ACCOUNTS)


def is_told(address: str) -> bool:
    """Whether that was announced of this address less than a quarter of an hour ago."""
    return bool(
        db.scalar(
            "SELECT EXISTS (SELECT FROM customer_sign_in WHERE address_index = ANY(:address)"
            " AND told_at > clock_timestamp() - make_interval(mins => :minutes))",
            address=crypto.blind_indexes(address),
            minutes=rules.TRIES_MINUTES,
        )
    )


def session(session_id: uuid.UUID) -> CustomerSession | None:
    return db.session.get(CustomerSession, session_id)


def known_places(customer_id: uuid.UUID, *, apart_from: uuid.UUID) -> set[tuple[str, ...]]:
    """Where an account was signed in from, as far back as sessions are kept."""
    theirs = select(CustomerSession.address, CustomerSession.user_agent).where(
        CustomerSession.customer_id == customer_id, CustomerSession.is_trusted, CustomerSession.id != apart_from
    )
    newest = db.session.execute(theirs.order_by(CustomerSession.created_at.desc()).limit(rules.PLACES))
    return {rules.place(*each) for each in newest}

"""Verbs of leaving: say so, change one's mind, be forgotten. In the caller's transaction."""

from __future__ import annotations

import uuid

from sqlalchemy import delete, func

from app.core import crypto, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.customers import actions as customers
from app.customers import queries
from app.customers.events import AccountClosing
from app.customers.models import Customer, CustomerOidcFlow, CustomerRequest, CustomerSignIn, Wish
from app.customers.rules import GRACE_DAYS


def close(customer_id: uuid.UUID, *, session_id: uuid.UUID) -> None:
    """To be deleted after the time of grace; saying it again changes nothing. Every other session ends. Raises NotFound."""
    person = queries.lock_customer(customer_id)
    if person is None:
        raise NotFound()
    customers.end_sessions(customer_id, but=session_id)
    if person.closes_at is None:
        person.closes_at = func.clock_timestamp() + func.make_interval(0, 0, 0, GRACE_DAYS)
        outbox.record(AccountClosing(customer_id, new_id()))


def keep(customer_id: uuid.UUID) -> None:
    """The owner has changed their mind."""
    person = queries.lock_customer(customer_id)
    if person is not None:
        person.closes_at = None


def erase(person: Customer) -> None:
    """The account and all that only it needed; its orders must have been let go of before."""
    theirs = crypto.blind_indexes(person.email)
    db.session.execute(delete(CustomerRequest).where(CustomerRequest.email_index.in_(theirs)))
    db.session.execute(delete(CustomerSignIn).where(CustomerSignIn.email_index.in_(theirs)))
    db.session.execute(delete(CustomerOidcFlow).where(CustomerOidcFlow.email_index.in_(theirs)))
    db.session.execute(delete(Wish).where(Wish.visitor == person.visitor))
    db.session.execute(delete(Customer).where(Customer.id == person.id))

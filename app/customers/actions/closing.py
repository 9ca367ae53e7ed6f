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
from app.customers.models import Customer, CustomerOidcFlow, CustomerRequest, CustomerSignIn, NewsletterSubscriber
from app.customers.queries import Mailbox


def close(customer_id: uuid.UUID, *, session_id: uuid.UUID | None, days: int) -> Customer:
    """To be deleted after so many days; saying it again changes nothing. Every other session ends. Raises NotFound."""
    person = queries.lock_customer(customer_id)
    if person is None:
        raise NotFound()
    customers.end_sessions(customer_id, but=session_id)
    if person.closes_at is None:
        person.closes_at = func.clock_timestamp() + func.make_interval(0, 0, 0, days)
        outbox.record(AccountClosing(customer_id, new_id()))
    return person


def keep(customer_id: uuid.UUID) -> Customer | None:
    """The owner has changed their mind."""
    person = queries.lock_customer(customer_id)
    if person is not None:
        person.closes_at = None
    return person


def erase(person: Customer) -> None:
    """The account and all that only it needed; its orders must have been let go of before."""
    for each in queries.mailboxes(person):
        forget_address(each)
    db.session.execute(delete(Customer).where(Customer.id == person.id))


def forget_address(mailbox: Mailbox) -> None:
    """What was asked for and tried at an address; and its news, of which there is one row that goes along when an account has
    another address."""
    theirs = crypto.blind_indexes(mailbox.email)
    for table in (CustomerRequest, CustomerSignIn, CustomerOidcFlow):
        gone = delete(table).where(table.email_index.in_(theirs))
        if mailbox.since is not None:
            gone = gone.where(table.created_at >= mailbox.since)
        if mailbox.until is not None:
            gone = gone.where(table.created_at < mailbox.until)
        db.session.execute(gone)
    if mailbox.until is None:
        db.session.execute(delete(NewsletterSubscriber).where(NewsletterSubscriber.email_index.in_(theirs)))

"""Verbs of the account itself: profile, password, e-mail, address book. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import delete, func, update

from app.core import crypto, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.customers import actions as customers
from app.customers import queries
from app.customers.actions import newsletter
from app.customers.errors import EmailTaken, NotYourLink, TooManyAddresses
from app.customers.events import EmailChanged
from app.customers.models import Customer, CustomerAddress, CustomerFormerEmail
from app.customers.rules import MAX_ADDRESSES

FIELDS = ("name", "line1", "line2", "postcode", "city", "state", "country")


def save(customer_id: uuid.UUID, *, name: str, phone: str | None, locale: str, currency: str | None) -> None:
    """`phone` is E.164. Raises NotFound."""
    person = _locked(customer_id)
    person.name, person.phone, person.locale, person.currency = name, phone, locale, currency
    person.phone_index = crypto.blind_index(phone) if phone else None
    person.updated_at = func.clock_timestamp()


def change_password(customer_id: uuid.UUID, password_hash: str, *, session_id: uuid.UUID) -> int:
    """Every other session ends. Returns how many. Raises NotFound."""
    return customers.set_password(_locked(customer_id), password_hash, except_session=session_id)


def change_email(token: str, *, by: uuid.UUID) -> None:
    """By the link in the mail to the new address; the old one is told. Two proofs: who follows it reads the new address, and
    `by`, who is signed in, is the account that asked. One alone would let an account take an address whose owner only clicked.

    Raises LinkOver, NotYourLink (and the link stays good) or EmailTaken.
    """
    person = queries.lock_customer(by)
    wish = customers.spend(token, kind="new_email")
    if person is None or wish.customer_id != person.id:
        raise NotYourLink()
    queries.lock_tries(wish.email)
    other = queries.lock_customer_by_email(wish.email)
    if other is not None and other.id != person.id:
        raise EmailTaken()
    newsletter.follow(person.email, wish.email)
    db.session.add(
        CustomerFormerEmail(
            id=wish.id, customer_id=person.id, email=person.email, email_index=crypto.blind_index(person.email)
        )
    )
    person.email, person.email_index = wish.email, crypto.blind_index(wish.email)
    person.email_verified_at = person.updated_at = func.clock_timestamp()
    outbox.record(EmailChanged(person.id, wish.id))


def _locked(customer_id: uuid.UUID) -> Customer:
    person = queries.lock_customer(customer_id)
    if person is None:
        raise NotFound()
    return person


def save_address(
    customer_id: uuid.UUID,
    fields: Mapping[str, str],
    *,
    address_id: uuid.UUID | None = None,
    is_default_shipping: bool = False,
    is_default_billing: bool = False,
) -> CustomerAddress:
    """Add or change an entry of the address book; the first is the usual one for both. Raises NotFound (also for somebody
    else's) or TooManyAddresses."""
    _locked(customer_id)  # one change of a book at a time: there is one usual address
    known = queries.addresses(customer_id)
    row = next((each for each in known if each.id == address_id), None)
    if address_id is not None and row is None:
        raise NotFound()
    if row is None and len(known) >= MAX_ADDRESSES:
        raise TooManyAddresses()
    is_first = not [each for each in known if each is not row]
    _clear_defaults(customer_id, shipping=is_default_shipping, billing=is_default_billing)
    values = {name: fields[name] for name in FIELDS}
    if row is None:
        row = CustomerAddress(id=new_id(), customer_id=customer_id, address=values)
        db.session.add(row)
    row.address = values
    row.is_default_shipping = is_default_shipping or is_first or bool(row.is_default_shipping)
    row.is_default_billing = is_default_billing or is_first or bool(row.is_default_billing)
    db.session.flush()
    return row


def remember_address(customer_id: uuid.UUID, fields: Mapping[str, str]) -> None:
    """Add it unless it is in the book already. Raises NotFound or TooManyAddresses."""
    values = {name: fields[name] for name in FIELDS}
    if all(each.address != values for each in queries.addresses(customer_id)):
        save_address(customer_id, values)


def _clear_defaults(customer_id: uuid.UUID, *, shipping: bool, billing: bool) -> None:
    mine = update(CustomerAddress).where(CustomerAddress.customer_id == customer_id)
    if shipping:
        db.session.execute(mine.values(is_default_shipping=False))
    if billing:
        db.session.execute(mine.values(is_default_billing=False))


def remove_address(customer_id: uuid.UUID, address_id: uuid.UUID) -> None:
    """Raises NotFound. When it was the usual one, the oldest that is left becomes it."""
    _locked(customer_id)
    row = queries.address(customer_id, address_id)
    if row is None:
        raise NotFound()
    was_shipping, was_billing = row.is_default_shipping, row.is_default_billing
    db.session.execute(delete(CustomerAddress).where(CustomerAddress.id == address_id))
    left = queries.addresses(customer_id)
    if left and was_shipping:
        left[0].is_default_shipping = True
    if left and was_billing:
        left[0].is_default_billing = True

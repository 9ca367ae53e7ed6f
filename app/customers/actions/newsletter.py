"""Verbs of the newsletter (N25): ask for it, confirm by the link of a letter, leave. In the caller's transaction.

There is one row for an address, whoever's it is, so an account and a form can never say different things.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func

from app.audit import actions as audit
from app.core import clock, crypto, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.customers import queries
from app.customers.errors import LinkOver
from app.customers.events import NewsWanted
from app.customers.models import Consent, Customer, NewsletterSubscriber
from app.customers.queries import newsletter
from app.customers.rules import CONSENT_VERSIONS, NEWS, NEWS_LETTER_HOURS

VERSION = CONSENT_VERSIONS["marketing"]


def ask(email: str, *, locale: str, way: str) -> None:
    """Write down that an address wants the news. The same statements whoever's it is, and whether it has them already: the worker
    finds out whether there is a letter to write."""
    newsletter.lock_address(email)
    subscriber_id = db.scalar(
        _ASK,
        known=crypto.blind_indexes(email),
        id=new_id(),
        email=crypto.encrypt(email),
        email_index=crypto.blind_index(email),
        locale=locale,
        way=way,
        version=VERSION,
    )
    outbox.record(NewsWanted(subscriber_id, new_id()))


_ASK = (
    "WITH known AS (SELECT id FROM newsletter_subscriber WHERE email_index = ANY(:known)),"
    " asked AS (UPDATE newsletter_subscriber s SET state = 'pending', since = clock_timestamp(), locale = :locale, way = :way,"
    " version = :version FROM known WHERE s.id = known.id AND s.state <> 'confirmed'),"
    " new AS (INSERT INTO newsletter_subscriber (id, email, email_index, state, locale, way, version)"
    " SELECT :id, :email, :email_index, 'pending', :locale, :way, :version WHERE NOT EXISTS (SELECT FROM known) RETURNING id)"
    " SELECT id FROM known UNION ALL SELECT id FROM new"
)


def want(email: str, *, customer_id: uuid.UUID | None, locale: str, way: str) -> None:
    """A box that was ticked on the way to something else. Whoever is signed in has proven their own address; any other gets a
    letter first."""
    person = queries.customer(customer_id) if customer_id else None
    if person is not None and crypto.blind_index(email) in crypto.blind_indexes(person.email):
        _subscribe(person, way=way)
    else:
        ask(email, locale=locale, way=way)


def prefer(customer_id: uuid.UUID, is_wanted: bool, *, way: str) -> None:
    """What somebody with an account says, whose address is proven. Saying again what is so changes nothing; a letter of
    confirmation that is under way stays good for who did not tick the box."""
    person = queries.lock_customer(customer_id)
    if person is None:
        return
    if is_wanted:
        _subscribe(person, way=way)
        return
    row = newsletter.lock_of_address(person.email)
    if row is not None and row.state == "confirmed":
        _leave(row, customer_id, way=way)


def _subscribe(person: Customer, *, way: str) -> None:
    newsletter.lock_address(person.email)
    row = newsletter.lock_of_address(person.email) or _new(person, way=way)
    _join(row, person.id, way=way, version=VERSION)


def _new(person: Customer, *, way: str) -> NewsletterSubscriber:
    row = NewsletterSubscriber(
        id=new_id(),
        email=person.email,
        email_index=crypto.blind_index(person.email),
        state="pending",
        locale=person.locale,
        way=way,
        version=VERSION,
    )
    db.session.add(row)
    db.session.flush()  # before the consent that names it
    return row


def claim_letter(subscriber_id: uuid.UUID, letter_id: uuid.UUID) -> NewsletterSubscriber | None:
    """The address that is to get this letter now, locked; None when there is nothing to confirm, or a letter lies in that mailbox
    that is younger than NEWS_LETTER_HOURS."""
    row = newsletter.lock_subscriber(subscriber_id)
    if row is None or row.state != "pending":
        return None
    if row.letter_id == letter_id:  # it is being tried again
        return row
    if row.mailed_at is not None and row.mailed_at > clock.now() - timedelta(hours=NEWS_LETTER_HOURS):
        return None
    row.letter_id, row.mailed_at = letter_id, func.clock_timestamp()
    return row


def confirm(token: str) -> None:
    """By the link of a letter; once more changes nothing. Raises LinkOver."""
    known = newsletter.by_link(token)
    row, customer_id = _locked(known.id) if known else (None, None)
    if row is None or row.state == "left":
        raise LinkOver()
    _join(row, customer_id, way=row.way, version=row.version)


def end(subscriber_id: uuid.UUID, *, way: str) -> None:
    """No more news, and no letter's link is good. Whoever is not there any more gets none either."""
    row, customer_id = _locked(subscriber_id)
    if row is not None:
        _leave(row, customer_id, way=way)


def remove(subscriber_id: uuid.UUID, *, by: str) -> bool:
    """By staff. False when the address had left already. Raises NotFound."""
    row, customer_id = _locked(subscriber_id)
    if row is None:
        raise NotFound()
    before = row.state
    if not _leave(row, customer_id, way="staff"):
        return False
    audit.record(
        "newsletter.removed",
        actor=by,
        object_kind="newsletter_subscriber",
        object_id=subscriber_id,
        before={"state": before},
        after={"state": row.state},
    )
    return True


def follow(old_email: str, new_email: str) -> None:
    """An account has another address now, and is proven to read it: its news go there. Without any, what the new one had
    asked for itself stays. The old one gets nothing more."""
    newsletter.lock_address(old_email, new_email)
    old, new = newsletter.lock_of_address(old_email), newsletter.lock_of_address(new_email)
    if old is None or old is new:  # the same mailbox, written another way
        return
    if old.state != "confirmed":
        db.session.delete(old)
        return
    if new is not None:
        db.session.delete(new)
        db.session.flush()
    old.email, old.email_index = new_email, crypto.blind_index(new_email)


def _locked(subscriber_id: uuid.UUID) -> tuple[NewsletterSubscriber | None, uuid.UUID | None]:
    """The row, and who has an account with its address: locked before it, as by everybody."""
    known = newsletter.subscriber(subscriber_id)
    person = queries.lock_customer_by_email(known.email) if known else None
    return newsletter.lock_subscriber(subscriber_id), person.id if person else None


def _join(row: NewsletterSubscriber, customer_id: uuid.UUID | None, *, way: str, version: str) -> None:
    if row.state == "confirmed":
        return
    row.move_to("confirmed")
    row.since, row.way, row.version = func.clock_timestamp(), way, version
    _note(row, customer_id, is_given=True, way=way, version=version)


def _leave(row: NewsletterSubscriber, customer_id: uuid.UUID | None, *, way: str) -> bool:
    """False when it has left before. Who never confirmed has allowed nothing, so there is nothing to take back."""
    if row.state == "left":
        return False
    if row.state == "confirmed":
        _note(row, customer_id, is_given=False, way=way, version=VERSION)
    row.move_to("left")
    row.since = func.clock_timestamp()
    return True


def _note(row: NewsletterSubscriber, customer_id: uuid.UUID | None, *, is_given: bool, way: str, version: str) -> None:
    channel, purpose = NEWS
    db.session.add(
        Consent(
            id=new_id(),
            customer_id=customer_id,
            subscriber_id=row.id,
            channel=channel,
            purpose=purpose,
            is_given=is_given,
            version=version,
            way=way,
        )
    )

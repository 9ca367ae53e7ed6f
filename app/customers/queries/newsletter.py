"""Which addresses want the news, and which links of letters are good."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.core import crypto, db
from app.customers.models import Consent, NewsletterSubscriber
from app.customers.queries import links
from app.customers.rules import NEWS_LINK_HOURS

A_BATCH = 1000


def lock_address(*emails: str) -> None:
    """Let whatever is asked for an address come one after the other, also where there is no row. Until the transaction ends."""
    db.lock_words([f"newsletter {index.hex()}" for email in emails for index in crypto.blind_indexes(email)])


def of_address(email: str) -> NewsletterSubscriber | None:
    return db.session.scalars(select(NewsletterSubscriber).where(_is_of(email))).one_or_none()


def lock_of_address(email: str) -> NewsletterSubscriber | None:
    return _locked(_is_of(email))


def subscriber(subscriber_id: uuid.UUID) -> NewsletterSubscriber | None:
    return db.session.get(NewsletterSubscriber, subscriber_id)


def lock_subscriber(subscriber_id: uuid.UUID) -> NewsletterSubscriber | None:
    return _locked(NewsletterSubscriber.id == subscriber_id)


def is_subscribed(email: str) -> bool:
    return bool(
        db.scalar(
            "SELECT EXISTS (SELECT FROM newsletter_subscriber WHERE email_index = ANY(:email) AND state = 'confirmed')",
            email=crypto.blind_indexes(email),
        )
    )


def by_link(token: str) -> NewsletterSubscriber | None:
    """Whom the link of a letter confirms, or has confirmed; None when it is too old, withdrawn, or none of ours."""
    lasts = func.make_interval(0, 0, 0, 0, NEWS_LINK_HOURS)
    is_open = (NewsletterSubscriber.state == "pending") & (
        NewsletterSubscriber.mailed_at > func.clock_timestamp() - lasts
    )
    statement = select(NewsletterSubscriber).where(
        NewsletterSubscriber.id == links.subscriber_id_of(token),
        or_(NewsletterSubscriber.state == "confirmed", is_open),
    )
    row = db.session.scalars(statement).one_or_none()
    return row if row is not None and row.letter_id and links.is_confirmation_of(row, token) else None


def is_consent_of(email: str) -> ColumnElement[bool]:
    """A part of another statement: the consents that an address gave and took back."""
    return Consent.subscriber_id.in_(select(NewsletterSubscriber.id).where(_is_of(email)))


def page(
    *, state: str = "", before: tuple[datetime, uuid.UUID] | None = None, limit: int
) -> list[NewsletterSubscriber]:
    """The latest change first; `before` is (since, id) of the last row of the page before."""
    statement = select(NewsletterSubscriber)
    if state:
        statement = statement.where(NewsletterSubscriber.state == state)
    if before is not None:
        statement = statement.where(func.row(NewsletterSubscriber.since, NewsletterSubscriber.id) < func.row(*before))
    statement = statement.order_by(NewsletterSubscriber.since.desc(), NewsletterSubscriber.id.desc())
    return list(db.session.scalars(statement.limit(limit)))


def confirmed() -> Iterator[NewsletterSubscriber]:
    """All who are to be written to, in batches by key."""
    last = uuid.UUID(int=0)
    statement = select(NewsletterSubscriber).where(NewsletterSubscriber.state == "confirmed")
    while True:
        following = statement.where(NewsletterSubscriber.id > last).order_by(NewsletterSubscriber.id).limit(A_BATCH)
        rows = list(db.session.scalars(following))
        yield from rows
        if len(rows) < A_BATCH:
            return
        last = rows[-1].id


def _is_of(email: str) -> ColumnElement[bool]:
    return NewsletterSubscriber.email_index.in_(crypto.blind_indexes(email))


def _locked(which: Any) -> NewsletterSubscriber | None:
    statement = select(NewsletterSubscriber).where(which).with_for_update()
    found: NewsletterSubscriber | None = db.session.scalars(
        statement, execution_options={"populate_existing": True}
    ).one_or_none()
    return found

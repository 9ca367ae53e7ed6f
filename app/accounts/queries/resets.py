"""Links by mail to choose another password."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from app.accounts import queries, rules
from app.accounts.models import StaffReset
from app.core import crypto, db


def reset(reset_id: uuid.UUID) -> StaffReset | None:
    return db.session.get(StaffReset, reset_id, populate_existing=True)


def is_link(token: str) -> bool:
    """Whether there ever was a link with this token, good or not."""
    return db.session.scalar(select(StaffReset.id).where(_is_by(token))) is not None


def open_reset(token: str) -> StaffReset | None:
    """None when it was used, is too old, or never was."""
    statement = select(StaffReset).where(
        _is_by(token), StaffReset.used_at.is_(None), StaffReset.expires_at > func.clock_timestamp()
    )
    return db.session.scalars(statement).one_or_none()


def _is_by(token: str) -> ColumnElement[bool]:
    return StaffReset.token_hash == queries.token_hash(token)


def good_letters(email: str) -> int:
    """How many mails were sent to the address whose link still works, for minutes to come."""
    found: int = db.scalar(
        "SELECT count(*) FROM staff_reset WHERE email_index = ANY(:email) AND mailed_at IS NOT NULL AND used_at IS NULL"
        " AND expires_at > clock_timestamp() + make_interval(mins => :left)",
        email=crypto.blind_indexes(email),
        left=rules.GOOD_MINUTES,
    )
    return found

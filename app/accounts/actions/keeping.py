"""Forms that staff sent when their session was over, or a fresh code was asked for: kept until they are back, so that nothing
typed is lost (UX 2.8). In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.sql.elements import ColumnElement

from app.accounts import queries, rules
from app.accounts.models import Staff, StaffKeptForm, StaffSession
from app.accounts.queries import SignedIn
from app.core import db
from app.core.ids import new_id


def keep(staff_id: uuid.UUID, browser_hash: bytes, path: str, fields: Sequence[tuple[str, str]]) -> uuid.UUID:
    """The newest few of each person are kept. Returns the id."""
    kept = StaffKeptForm(
        id=new_id(),
        staff_id=staff_id,
        browser_hash=browser_hash,
        form={"path": path, "fields": [list(each) for each in fields]},
        expires_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, rules.KEPT_MINUTES),
    )
    db.session.add(kept)
    db.session.flush()
    theirs = StaffKeptForm.staff_id == staff_id
    newest = select(StaffKeptForm.id).where(theirs).order_by(StaffKeptForm.id.desc()).limit(rules.MOST_KEPT)
    db.session.execute(delete(StaffKeptForm).where(theirs, StaffKeptForm.id.not_in(newest)))
    return kept.id


def take(kept_id: uuid.UUID, browser_hash: bytes, *, by: SignedIn) -> str | None:
    """It is sent now: returns its path, once. The DELETE itself decides: twice at the same moment is once."""
    gone = delete(StaffKeptForm).where(*_open(kept_id, browser_hash, by)).returning(StaffKeptForm.form)
    form = db.session.scalar(gone.execution_options(synchronize_session=False))
    return str(form["path"]) if form else None


def kept(kept_id: uuid.UUID, browser_hash: bytes, *, by: SignedIn) -> StaffKeptForm | None:
    """None for what is another's, another browser's, sent, or too old."""
    return db.session.scalars(select(StaffKeptForm).where(*_open(kept_id, browser_hash, by))).one_or_none()


def _open(kept_id: uuid.UUID, browser_hash: bytes, by: SignedIn) -> tuple[ColumnElement[bool], ...]:
    return (
        StaffKeptForm.id == kept_id,
        StaffKeptForm.staff_id == by.staff_id,
        StaffKeptForm.browser_hash == browser_hash,
        StaffKeptForm.expires_at > func.clock_timestamp(),
    )


def forget_old() -> None:
    """What nobody came back for."""
    db.session.execute(delete(StaffKeptForm).where(StaffKeptForm.expires_at < func.now()))


def owner_of_rested(token: str) -> uuid.UUID | None:
    """Whose session this cookie's token opened until it ran out or rested too long; None for one that somebody ended."""
    statement = select(StaffSession.staff_id).join(Staff, Staff.id == StaffSession.staff_id)
    was_in = (StaffSession.passed_totp_at.is_not(None), StaffSession.ended_at.is_(None), Staff.is_active)
    return db.session.scalar(statement.where(StaffSession.token_hash == queries.token_hash(token), *was_in))

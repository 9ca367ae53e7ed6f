"""Browsers that their owners trust for some weeks (SEC-22): there the password is enough, up to what asks for a fresh code."""

from __future__ import annotations

import secrets
import uuid

from sqlalchemy import func, update
from sqlalchemy.sql.elements import ColumnElement

from app.accounts import queries
from app.accounts.models import StaffDevice
from app.accounts.queries import SignedIn
from app.audit import actions as audit
from app.core import db, origin
from app.core.errors import NotFound
from app.core.ids import new_id


def trust(who: SignedIn, *, days: int) -> str | None:
    """Trust the browser in which a code was just given. Returns the token for its cookie; None without a fresh code."""
    session = queries.session(who.session_id)
    if session is None or session.passed_totp_at is None or not who.is_fresh:
        return None
    token, where = secrets.token_urlsafe(32), origin.current()
    device = StaffDevice(
        id=new_id(),
        staff_id=who.staff_id,
        token_hash=queries.token_hash(token),
        confirmed_at=session.passed_totp_at,
        expires_at=db.scalar("SELECT clock_timestamp() + make_interval(days => :days)", days=days),
        address=where.address,
        agent=where.agent[: origin.LONGEST_AGENT],
    )
    db.session.add(device)
    audit.record("staff.device_trusted", actor=who.actor, object_kind="staff", object_id=who.staff_id)
    return token


def forget(who: SignedIn, device_id: uuid.UUID) -> None:
    """One of one's own; raises NotFound for anybody else's."""
    if device_id not in {each.id for each in queries.devices_of(who.staff_id)}:
        raise NotFound()
    end(StaffDevice.id == device_id)
    audit.record("staff.device_forgotten", actor=who.actor, object_kind="staff", object_id=who.staff_id)


def end_all(staff_id: uuid.UUID) -> None:
    end(StaffDevice.staff_id == staff_id)


def end(*which: ColumnElement[bool]) -> None:
    statement = update(StaffDevice).where(*which, StaffDevice.ended_at.is_(None))
    db.session.execute(statement.values(ended_at=func.clock_timestamp()))

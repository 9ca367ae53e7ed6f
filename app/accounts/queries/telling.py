"""Whom to write to, in which language, and whose clock the mail goes by."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.accounts import rules
from app.accounts.models import Staff, StaffInvitation, StaffRole
from app.core import db


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who works here. `language` and `timezone` are empty where they chose none."""

    email: str
    language: str
    timezone: str


COLUMNS = (Staff.email, func.coalesce(Staff.language, ""), func.coalesce(Staff.timezone, ""))


def reader(staff_id: uuid.UUID) -> Reader | None:
    found = readers([staff_id])
    return found[0] if found else None


def readers(staff_ids: Iterable[uuid.UUID], *, only_active: bool = False) -> list[Reader]:
    """Those of them there are; `only_active` leaves out who may not sign in any more."""
    statement = select(*COLUMNS).where(Staff.id.in_(list(staff_ids)))
    found = db.session.execute((statement.where(Staff.is_active) if only_active else statement).order_by(Staff.id))
    return [Reader(*row) for row in found]


def holders(right: str) -> list[Reader]:
    """All who work here and hold this right, by whichever role."""
    statement = select(*COLUMNS, Staff.role, StaffRole.rights).outerjoin(StaffRole, StaffRole.id == Staff.role_id)
    people = db.session.execute(statement.where(Staff.is_active).order_by(Staff.id))
    return [Reader(*row[:3]) for row in people if right in rules.rights_of(row.role, row.rights)]


@dataclass(frozen=True, slots=True)
class MailInvitation:
    email: str
    token: str
    expires_at: datetime


def mail_invitation(invitation_id: uuid.UUID, number: int) -> MailInvitation | None:
    """What the mail of an invitation needs; None when there is nothing to send any more."""
    found = db.session.get(StaffInvitation, invitation_id)
    if found is None or not found.mail_token or found.mail_number != number:
        return None
    return MailInvitation(found.email, found.mail_token, found.expires_at)

"""Whom to write to when something waits for the staff."""

from __future__ import annotations

from sqlalchemy import select

from app.accounts import rules
from app.accounts.models import Staff, StaffRole
from app.core import db


def emails_of_holders(right: str) -> list[str]:
    """The addresses of all who work here and hold this right, by whichever role."""
    statement = select(Staff.email, Staff.role, StaffRole.rights).outerjoin(StaffRole, StaffRole.id == Staff.role_id)
    people = db.session.execute(statement.where(Staff.is_active).order_by(Staff.id))
    return [each.email for each in people if right in rules.rights_of(each.role, each.rights)]

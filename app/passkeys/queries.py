from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from app.core import db
from app.core.errors import NotFound
from app.passkeys.models import Owner, Passkey


def of(owner: Owner) -> list[Passkey]:
    """The oldest first; at most `rules.MOST`."""
    statement = select(Passkey).where(belongs_to(owner)).order_by(Passkey.created_at, Passkey.id)
    return list(db.session.scalars(statement))


def demand(owner: Owner, passkey_id: uuid.UUID) -> None:
    """Raises NotFound for another's: whose it is comes before what was typed."""
    if passkey_id not in {each.id for each in of(owner)}:
        raise NotFound()


def count(owner: Owner) -> int:
    return db.session.scalar(select(func.count()).select_from(Passkey).where(belongs_to(owner))) or 0


def belongs_to(owner: Owner) -> ColumnElement[bool]:
    if owner.staff_id is not None:
        return Passkey.staff_id == owner.staff_id
    return Passkey.customer_id == owner.customer_id


def staff_has_any(staff_id: Any) -> ColumnElement[bool]:
    """Whether there are passkeys of that member of staff, as a part of another statement."""
    return select(Passkey.id).where(Passkey.staff_id == staff_id).exists()


def owner_of(credential_id: bytes) -> Owner | None:
    statement = select(Passkey.staff_id, Passkey.customer_id).where(Passkey.credential_id == credential_id)
    row = db.session.execute(statement).one_or_none()
    return Owner(*row) if row else None


def lock_by_credential(credential_id: bytes) -> Passkey | None:
    return _locked(Passkey.credential_id == credential_id)


def lock_one(owner: Owner, passkey_id: uuid.UUID) -> Passkey | None:
    """Their own one; another's is none."""
    return _locked(belongs_to(owner), Passkey.id == passkey_id)


def _locked(*where: ColumnElement[bool]) -> Passkey | None:
    statement = select(Passkey).where(*where).with_for_update()
    return db.session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()

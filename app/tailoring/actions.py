"""Verbs of measurement profiles, in the caller's transaction."""

from __future__ import annotations

import uuid

from sqlalchemy import update

from app.core import db
from app.core.errors import NotFound
from app.core.ids import new_id
from app.customers import queries as customers
from app.tailoring import queries
from app.tailoring.errors import NameTaken, TooManyProfiles
from app.tailoring.models import MeasurementProfile
from app.tailoring.rules import MAX_PROFILES, Fitting


def save(
    customer_id: uuid.UUID, new: Fitting, *, profile_id: uuid.UUID | None = None, is_default: bool = False
) -> MeasurementProfile:
    """Add or change a profile; the first is the usual one. What was ordered keeps the measures it was ordered with.

    Raises NotFound (also for somebody else's), NameTaken or TooManyProfiles.
    """
    _lock_owner(customer_id)  # names are encrypted and cannot be UNIQUE: one change of a customer's profiles at a time
    known = queries.profiles(customer_id)
    row = next((each for each in known if each.id == profile_id), None)
    others = [each for each in known if each is not row]
    if profile_id is not None and row is None:
        raise NotFound()
    if any(each.name.casefold() == new.name.casefold() for each in others):
        raise NameTaken()
    if row is None and len(known) >= MAX_PROFILES:
        raise TooManyProfiles()
    if is_default:
        _clear_default(customer_id)
    if row is None:
        row = MeasurementProfile(id=new_id(), customer_id=customer_id)
        db.session.add(row)
    row.name, row.measures, row.note, row.unit = new.name, dict(new.measures), new.note, new.unit
    row.is_default = is_default or not others or bool(row.is_default)
    db.session.flush()
    return row


def remove(customer_id: uuid.UUID, profile_id: uuid.UUID) -> None:
    """Raises NotFound. When it was the usual one, the oldest that is left becomes it."""
    _lock_owner(customer_id)
    known = queries.profiles(customer_id)
    row = next((each for each in known if each.id == profile_id), None)
    if row is None:
        raise NotFound()
    db.session.delete(row)
    db.session.flush()
    left = [each for each in known if each is not row]
    if left and row.is_default:
        left[0].is_default = True


def _lock_owner(customer_id: uuid.UUID) -> None:
    if customers.lock_customer(customer_id) is None:
        raise NotFound()


def _clear_default(customer_id: uuid.UUID) -> None:
    mine = update(MeasurementProfile).where(MeasurementProfile.customer_id == customer_id)
    db.session.execute(mine.values(is_default=False))

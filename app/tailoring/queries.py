from __future__ import annotations

import json
import uuid

from sqlalchemy import select

from app.core import crypto, db
from app.tailoring import rules
from app.tailoring.models import MeasurementProfile
from app.tailoring.rules import Fitting, Sealed


def profiles(customer_id: uuid.UUID) -> list[MeasurementProfile]:
    """The usual one first, then as they were added; at most MAX_PROFILES."""
    mine = select(MeasurementProfile).where(MeasurementProfile.customer_id == customer_id)
    order = (MeasurementProfile.is_default.desc(), MeasurementProfile.created_at, MeasurementProfile.id)
    return list(db.session.scalars(mine.order_by(*order)))


def profile(customer_id: uuid.UUID, profile_id: uuid.UUID) -> MeasurementProfile | None:
    """Their own one; another customer's is none."""
    mine = select(MeasurementProfile).where(MeasurementProfile.customer_id == customer_id)
    return db.session.scalars(mine.where(MeasurementProfile.id == profile_id)).one_or_none()


def sealed(fitting: Fitting) -> Sealed:
    """As a cart line keeps it. A profile's key is the profile, so that a line follows it when it is changed."""
    record = json.dumps(fitting.record(), ensure_ascii=False, sort_keys=True)
    key = str(fitting.profile_id) if fitting.profile_id else crypto.blind_index(f"fitting {record}").hex()
    return Sealed(key, crypto.encrypt(record), fitting.profile_id)


def sealed_anew(key: str, text: str | None) -> Sealed:
    """A line's measures for a copy of the line: by the key of today, for a rotation of keys may have passed that place already."""
    return Sealed(key, crypto.encrypt(crypto.decrypt(text)) if text else "")


def opened(text: str) -> Fitting:
    """What a line carries, to be read."""
    return rules.fitting(json.loads(crypto.decrypt(text)))

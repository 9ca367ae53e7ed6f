"""What a customer wants to be told, and the consents that come of it (DAT-04, NOT-31). In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from app.core import db
from app.core.ids import new_id
from app.customers.actions import newsletter
from app.customers.models import Consent
from app.customers.rules import CHANNELS, CONSENT_VERSIONS, LOCKED, NEWS, TYPES


def prefer(customer_id: uuid.UUID, choices: Mapping[tuple[str, str], bool], *, way: str) -> None:
    """Note what is wanted; what nobody may choose, and what there is not, is left as it is. `way` is how they said so."""
    for channel in CHANNELS:
        for kind in TYPES:
            if (channel, kind) in choices and (channel, kind) not in LOCKED:
                say(customer_id, channel, kind, choices[channel, kind], way=way)


def say(customer_id: uuid.UUID, channel: str, kind: str, enabled: bool, *, way: str) -> None:
    """One cell. Where a yes is needed, each change of mind is a consent of its own (DAT-04): the row's lock lets them come one
    after the other."""
    if (channel, kind) == NEWS:
        newsletter.prefer(customer_id, enabled, way=way)
        return
    before = db.scalar(
        "INSERT INTO notification_preference AS p (customer_id, channel, type, enabled)"
        " VALUES (:customer, :channel, :kind, :enabled) ON CONFLICT (customer_id, channel, type)"
        " DO UPDATE SET enabled = excluded.enabled, updated_at = clock_timestamp() RETURNING coalesce(old.enabled, false)",
        customer=customer_id,
        channel=channel,
        kind=kind,
        enabled=enabled,
    )
    if kind in CONSENT_VERSIONS and before != enabled:
        consent = Consent(
            id=new_id(),
            customer_id=customer_id,
            channel=channel,
            purpose=kind,
            is_given=enabled,
            version=CONSENT_VERSIONS[kind],
            way=way,
        )
        db.session.add(consent)

"""Passkeys of customers, who sign in by them without a password. In the caller's transaction."""

from __future__ import annotations

import uuid

from app.core import outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.customers import actions as customers
from app.customers import queries
from app.customers.actions import Device, NewSession
from app.customers.events import PasskeyChanged
from app.passkeys import actions as passkeys
from app.passkeys import queries as known_passkeys
from app.passkeys.actions import Given
from app.passkeys.models import Owner


def sign_in(given: Given, *, device: Device, is_kept: bool) -> NewSession | None:
    """None for a passkey that is not believed, or whose account is gone or blocked: the same steps, and an entry in the log
    of tries, for one nobody knows. Raises TooManyTries."""
    known = known_passkeys.owner_of(given.answer.credential_id)
    person = queries.lock_customer(known.customer_id) if known and known.customer_id else None
    account = person.email if person else f"passkey {given.answer.credential_id.hex()}"
    attempt_id = customers.claim_try(account, way="passkey")
    verdict = passkeys.use(given, "customer_sign_in", owner=Owner(customer_id=person.id) if person else None)
    if verdict == "right" and person:
        customers.note_right(attempt_id)
        return customers.start_session(person, device=device, is_kept=is_kept)
    if verdict == "copied" and person:
        _tell(person.id, "copied")
    return None


def add(customer_id: uuid.UUID, given: Given, *, name: str, session_id: uuid.UUID) -> bool:
    """False for an answer that is not believed, or when the session has ended meanwhile: who throws a thief out must not leave
    a key of theirs behind. A mail tells. Raises NotFound."""
    if queries.lock_customer(customer_id) is None:
        raise NotFound()
    if queries.lock_live_session(session_id) is None:
        return False
    if passkeys.add(Owner(customer_id=customer_id), given, "customer_add", name=name) is None:
        return False
    _tell(customer_id, "added")
    return True


def remove(customer_id: uuid.UUID, passkey_id: uuid.UUID) -> None:
    """A mail tells. Raises NotFound."""
    passkeys.remove(Owner(customer_id=customer_id), passkey_id)
    _tell(customer_id, "removed")


def _tell(customer_id: uuid.UUID, what: str) -> None:
    outbox.record(PasskeyChanged(customer_id, new_id(), what))

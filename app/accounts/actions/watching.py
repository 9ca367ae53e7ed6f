"""What about a sign-in looks suspicious (SEC-12): noted for the page, and announced. It stops nobody: limits do that."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import func

from app.accounts import queries, rules
from app.accounts.events import StaffAlerted
from app.accounts.models import Staff, StaffAlert, StaffSession
from app.core import clock, crypto, db, origin, outbox
from app.core.ids import new_id
from app.core.origin import Origin


def look_at_wrong_try() -> None:
    """Somebody goes through many accounts from one address. Told once for each quarter of an hour of it."""
    where = origin.current()
    if not where.address:
        return
    if queries.is_alerted(where.address):  # whoever goes on for long must not make tries wait for each other
        return
    queries.lock_account(where.address, kind="alert")
    if queries.has_tried_many(where.address) and not queries.is_alerted(where.address):
        _raise("many_accounts", None)


def look_at_sign_in(person: Staff, session: StaffSession) -> None:
    """A place and browser never seen with this person, who is locked, or two networks within minutes. The first sign-in of all
    is neither; one after so long that no earlier place is known any more is from a new one."""
    network = rules.network(session.address)
    place = f"{network} {rules.browser(session.agent)}"
    session.place_index = crypto.blind_index(place)
    others = [each for each in queries.sessions_of(session.staff_id) if each.id != session.id]
    if person.signed_in_at is not None and not queries.is_known_place(person.id, place, apart_from=session.id):
        _raise("new_place", session.staff_id)
    if any(rules.network(each.address) != network for each in queries.seen_lately(others)):
        _raise("pace", session.staff_id)
    person.signed_in_at = clock.now()


def note_tries_at_customers(address: str, *, at: datetime) -> None:
    """Somebody goes through many accounts of customers from one address, as whoever looks at those has found."""
    _raise("many_customers", None, where=Origin(address), at=at)


def note_stolen_token(session: StaffSession) -> None:
    """A token that renews a program's session came a second time."""
    _raise("stolen_token", session.staff_id)


def note_copied_passkey(staff_id: uuid.UUID) -> None:
    """The counter of one of their passkeys went back: somebody else may have it too."""
    _raise("copied_passkey", staff_id)


def _raise(kind: str, staff_id: uuid.UUID | None, *, where: Origin | None = None, at: datetime | None = None) -> None:
    """`where` and `at`, if not here and now."""
    where = where or origin.current()
    alert = StaffAlert(
        id=new_id(),
        kind=kind,
        staff_id=staff_id,
        address=where.address,
        address_index=crypto.blind_index(where.address) if where.address else None,
        agent=where.agent[: origin.LONGEST_AGENT],
        created_at=at or func.clock_timestamp(),
    )
    db.session.add(alert)
    outbox.record(StaffAlerted(alert.id, kind, staff_id))

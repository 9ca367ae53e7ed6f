"""What about a customer's sign-in looks suspicious (SEC-12) is announced. It stops nobody: limits do that."""

from __future__ import annotations

import uuid

from sqlalchemy import func

from app.core import outbox
from app.customers import queries, rules
from app.customers.events import ManyAccountsTried, NewPlaceSeen
from app.customers.models import CustomerSession
from app.customers.queries import watching


def look_at_wrong_try(attempt_id: uuid.UUID) -> None:
    """Somebody goes through many accounts from one address. Told once for each quarter of an hour of it."""
    attempt = watching.attempt(attempt_id)
    if attempt is None or attempt.address is None:
        return
    if watching.is_told(attempt.address):  # whoever goes on for long must not make tries wait for each other
        return
    queries.lock_tries(f"from {attempt.address}")
    if watching.has_tried_many(attempt.address) and not watching.is_told(attempt.address):
        attempt.told_at = func.clock_timestamp()
        outbox.record(ManyAccountsTried(attempt.id))


def look_at_sign_in(session: CustomerSession) -> None:
    """From where the account was not seen, as far back as its sessions are kept. Under the lock of the customer: of two sign-ins
    at once, one is news."""
    known = watching.known_places(session.customer_id, apart_from=session.id)
    if rules.place(session.address, session.user_agent) not in known:
        outbox.record(NewPlaceSeen(session.customer_id, session.id))

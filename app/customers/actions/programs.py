"""Sessions of programs: renewed by tokens that are good once."""

from __future__ import annotations

from app.core import db, outbox, tokens
from app.customers import actions, queries
from app.customers.events import TokenStolen
from app.customers.models import CustomerSpentToken


def renew(token: str) -> str | None:
    """The token that follows `token`, which is spent now; see `tokens.renew`. None for one that renews nothing.

    One that was spent before ends its session, and with it every access token, whoever has them: its owner hears of it.
    """
    known = queries.program_session(token)
    person = queries.lock_customer(known[1]) if known else None
    session = queries.lock_live_session(known[0]) if known else None
    if person is None or session is None:
        return None
    following = tokens.renew(session, CustomerSpentToken, tokens.hashed(token))
    if following is None:
        actions.end_session_of(person.id, session.id)
        outbox.record(TokenStolen(person.id, session.id))
        return None
    session.last_seen_at = db.now()
    return following


def sign_out(token: str) -> None:
    """Whoever has a token of a session, an old one too, may end it."""
    known = queries.program_session(token)
    if known:
        actions.end_session_of(known[1], known[0], is_trusted=True)

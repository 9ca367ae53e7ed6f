"""Sessions of programs: renewed by tokens that are good once."""

from __future__ import annotations

from app.accounts import actions, queries
from app.accounts.actions import watching
from app.accounts.models import StaffSession, StaffSpentToken
from app.accounts.queries import access
from app.audit import actions as audit
from app.core import db, tokens


def renew(token: str) -> str | None:
    """The token that follows `token`, which is spent now; see `tokens.renew`. None for one that renews nothing.

    One that was spent before ends its session, and with it every access token, whoever has them: its owner hears of it.
    """
    known = access.session(token)
    person = queries.lock_staff(known.staff_id) if known else None  # before the session, as signing in does
    session = queries.lock_live_session(known.id) if known else None
    if person is None or not person.is_active or session is None or session.passed_totp_at is None:
        return None
    following = tokens.renew(session, StaffSpentToken, tokens.hashed(token))
    if following is None:
        _end_stolen(session)
        return None
    session.last_seen_at = db.now()
    return following


def _end_stolen(session: StaffSession) -> None:
    actions.end_sessions(StaffSession.id == session.id)
    watching.note_stolen_token(session)
    audit.record(
        "staff.token_reused", actor="system", object_kind="staff", object_id=session.staff_id, session=str(session.id)
    )


def sign_out(token: str) -> None:
    """Whoever has a token of a session, an old one too, may end it."""
    known = access.session(token)
    session = queries.lock_live_session(known.id) if known else None
    if session is None:
        return
    actions.end_sessions(StaffSession.id == session.id)
    if session.passed_totp_at is not None:  # else they were not in yet
        audit.record("staff.left", actor=f"staff:{session.staff_id}", object_kind="staff", object_id=session.staff_id)

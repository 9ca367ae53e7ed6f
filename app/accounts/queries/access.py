"""Sessions of programs: whose an access token is, and what a program may know of the second factor."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select

from app.accounts import queries
from app.accounts.models import Staff, StaffSession, StaffSpentToken
from app.accounts.queries import SignedIn
from app.core import clock, crypto, db
from app.core.tokens import Claims


def signed_in(claims: Claims) -> SignedIn | None:
    """Whose living session an access token names; who has given the password only brings a challenge, and nobody else does."""
    # The moment is written down in whole seconds, by another server perhaps.
    age = clock.now() - claims.issued_at - timedelta(seconds=5)
    is_it = and_(StaffSession.id == claims.session_id, Staff.id == claims.owner_id, StaffSession.is_program)
    person = queries.who(is_it, known_for=age)
    return person if person and person.has_passed != claims.is_challenge else None


@dataclass(frozen=True, slots=True)
class Session:
    id: uuid.UUID
    staff_id: uuid.UUID
    expires_at: datetime


def session(token: str) -> Session | None:
    """The session that this token renews, or once did."""
    presented = queries.token_hash(token)
    spent = select(StaffSpentToken.session_id).where(StaffSpentToken.token_hash == presented).scalar_subquery()
    statement = select(StaffSession.id, StaffSession.staff_id, StaffSession.expires_at).where(
        StaffSession.is_program, or_(StaffSession.token_hash == presented, StaffSession.id == spent)
    )
    row = db.session.execute(statement).one_or_none()
    return Session(*row) if row else None


@dataclass(frozen=True, slots=True)
class SecondFactor:
    confirmed_at: datetime | None  # None: no authenticator is set up
    codes_left: int
    has_passkeys: bool

    @property
    def is_on(self) -> bool:
        """Whether there is one at all: nobody sets up a first one any more."""
        return self.confirmed_at is not None or self.has_passkeys


def second_factor(staff_id: uuid.UUID) -> SecondFactor:
    row = db.rows(
        "SELECT totp_confirmed_at, (SELECT count(*) FROM staff_backup_code WHERE staff_id = :id AND used_at IS NULL),"
        " EXISTS (SELECT 1 FROM passkey WHERE staff_id = :id) FROM staff WHERE id = :id",
        id=staff_id,
    )[0]
    return SecondFactor(*row)


def next_secrets(who: SignedIn) -> list[str]:
    """The secret of the authenticator that could replace the one somebody has, by each key that may have told it, the newest
    first; nothing while they have none.

    It follows from this session and its last code: asking changes nothing, another session is told another one, and as soon
    as it was taken nobody is told it again.
    """
    found = db.rows(
        "SELECT CAST(s.totp_confirmed_at AS text), CAST(t.passed_totp_at AS text) FROM staff s JOIN staff_session t ON t.staff_id = s.id"
        " WHERE t.id = :session AND s.totp_confirmed_at IS NOT NULL AND t.passed_totp_at IS NOT NULL",
        session=who.session_id,
    )
    if not found:
        return []
    seeds = crypto.blind_indexes(f"next authenticator {who.session_id} {found[0][0]} {found[0][1]}")
    return [base64.b32encode(seed[:20]).decode() for seed in seeds]

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select, text

from app.accounts.models import Staff, StaffSession
from app.accounts.rules import FRESH_MINUTES, IDLE_MINUTES, TRIES_MINUTES
from app.core import crypto, db


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody with a living session. Without `has_passed` only the password was given: nothing is open to them yet."""

    session_id: uuid.UUID
    staff_id: uuid.UUID
    email: str
    role: str
    has_passed: bool
    is_enrolled: bool  # the authenticator is set up
    has_codes: bool  # the backup codes were saved
    is_stale: bool  # last seen long enough ago to note it again
    is_fresh: bool  # password and code were given within the last quarter of an hour

    @property
    def actor(self) -> str:
        return f"staff:{self.staff_id}"


def signed_in(token: str) -> SignedIn | None:
    """Whose session this cookie's token opens; None once it has ended, run out or rested too long."""
    now = func.clock_timestamp()
    statement = (
        select(
            StaffSession.id,
            Staff.id,
            Staff.email,
            Staff.role,
            StaffSession.passed_totp_at.is_not(None),
            Staff.totp_confirmed_at.is_not(None),
            Staff.backup_codes_saved_at.is_not(None),
            StaffSession.last_seen_at < now - text("interval '1 minute'"),
            func.coalesce(
                StaffSession.passed_totp_at > now - func.make_interval(0, 0, 0, 0, 0, FRESH_MINUTES), text("false")
            ),
        )
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(StaffSession.token_hash == token_hash(token), StaffSession.ended_at.is_(None), Staff.is_active)
        .where(StaffSession.expires_at > now)
        .where(StaffSession.last_seen_at > now - func.make_interval(0, 0, 0, 0, 0, IDLE_MINUTES))
    )
    row = db.session.execute(statement).one_or_none()
    return SignedIn(*row) if row else None


def token_hash(token: str) -> bytes:
    """What the table keeps of a session token. The token has 256 random bits: a plain hash cannot be turned around."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def lock_staff_by_email(email: str) -> Staff | None:
    statement = select(Staff).where(Staff.email_index == crypto.blind_index(email)).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def credentials(email: str) -> tuple[uuid.UUID | None, str | None]:
    """(staff id, password hash) of somebody who may sign in; (None, None) for everybody else."""
    statement = select(Staff.id, Staff.password_hash).where(
        Staff.email_index == crypto.blind_index(email), Staff.is_active
    )
    row = db.session.execute(statement).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def lock_staff(staff_id: uuid.UUID) -> Staff | None:
    statement = select(Staff).where(Staff.id == staff_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def lock_account(account_index: bytes, *, kind: str) -> None:
    """Let tries at one account come one after the other, also at accounts that do not exist. Until the end of the
    transaction."""
    db.scalar("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))", key=f"sign-in {kind} {account_index.hex()}")


def email_of(staff_id: uuid.UUID) -> str | None:
    return db.session.scalar(select(Staff.email).where(Staff.id == staff_id))


def wrong_tries(account_index: bytes, *, kind: str) -> tuple[int, int]:
    """(how many in the last quarter of an hour, minutes until the oldest of them no longer counts)."""
    row = db.rows(
        "SELECT count(*), ceil(extract(epoch FROM min(created_at) + make_interval(mins => :minutes) - clock_timestamp()) / 60)"
        " FROM login_attempt WHERE account_index = :account AND kind = :kind AND NOT was_right"
        " AND created_at > clock_timestamp() - make_interval(mins => :minutes)",
        account=account_index,
        kind=kind,
        minutes=TRIES_MINUTES,
    )[0]
    return row[0], max(int(row[1] or 0), 1)


def fresh_codes(session_id: uuid.UUID) -> list[str]:
    """Backup codes that this sign-in made and nobody has confirmed to have saved."""
    found = db.session.scalar(select(StaffSession.fresh_codes).where(StaffSession.id == session_id))
    return found.splitlines() if found else []


def open_secret(staff_id: uuid.UUID) -> str:
    """The TOTP secret of somebody whose authenticator does not have it yet; empty as soon as it does."""
    statement = select(Staff.totp_secret).where(Staff.id == staff_id, Staff.totp_confirmed_at.is_(None))
    return db.session.scalar(statement) or ""

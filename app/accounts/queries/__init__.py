from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ScalarResult, Select, and_, func, select, text, tuple_
from sqlalchemy.sql.elements import ColumnElement

from app.accounts import rules
from app.accounts.models import LoginAttempt, Staff, StaffAlert, StaffDevice, StaffInvitation, StaffRole, StaffSession
from app.core import crypto, db, tokens
from app.passkeys import queries as passkeys

Row = TypeVar("Row")
token_hash = tokens.hashed
OPEN = (StaffInvitation.accepted_at.is_(None), StaffInvitation.revoked_at.is_(None))


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
    is_fresh: bool  # a code was given within the last quarter of an hour
    role_id: uuid.UUID | None = None
    role_name: str | None = None  # of a role of the shop's own
    rights: frozenset[str] = frozenset()
    preferences: rules.Preferences = rules.NOTHING_CHOSEN

    @property
    def actor(self) -> str:
        return f"staff:{self.staff_id}"


def signed_in(token: str) -> SignedIn | None:
    """Whose session this cookie's token opens; None once it has ended, run out or rested too long."""
    return who(StaffSession.token_hash == token_hash(token), StaffSession.is_program.is_(False))


def who(*session: ColumnElement[bool], known_for: timedelta | None = None) -> SignedIn | None:
    """Whose living session this is. A code given less than `known_for` ago makes it no fresher."""
    now, passed = func.clock_timestamp(), StaffSession.passed_totp_at
    fresh = passed > now - func.make_interval(0, 0, 0, 0, 0, rules.FRESH_MINUTES)
    statement = (
        select(
            StaffSession.id,
            Staff.id,
            Staff.email,
            Staff.role,
            passed.is_not(None),
            Staff.totp_confirmed_at.is_not(None),
            Staff.backup_codes_saved_at.is_not(None),
            StaffSession.last_seen_at < now - text("interval '1 minute'"),
            func.coalesce(fresh if known_for is None else and_(fresh, passed <= now - known_for), text("false")),
            Staff.role_id,
            StaffRole.name,
            StaffRole.rights,
            Staff.language,
            Staff.timezone,
            Staff.theme,
            Staff.density,
        )
        .join(Staff, Staff.id == StaffSession.staff_id)
        .outerjoin(StaffRole, StaffRole.id == Staff.role_id)
        .where(*session, Staff.is_active, _is_alive())
    )
    row: Any = db.session.execute(statement).one_or_none()
    if row is None:
        return None
    *known, rights, language, timezone, theme, density = row
    chosen = rules.Preferences(language, timezone, theme, density)
    return SignedIn(*(*known, rules.rights_of(row.role, rights), chosen))


def _is_alive() -> ColumnElement[bool]:
    """Neither ended nor run out nor rested too long."""
    now = func.clock_timestamp()
    return and_(
        StaffSession.ended_at.is_(None),
        StaffSession.expires_at > now,
        StaffSession.last_seen_at > now - func.make_interval(0, 0, 0, 0, 0, rules.IDLE_MINUTES),
    )


def lock_staff_by_email(email: str) -> Staff | None:
    return _locked(select(Staff).where(_is_by(email))).one_or_none()


def _is_by(email: str) -> ColumnElement[bool]:
    return Staff.email_index.in_(crypto.blind_indexes(email))


def _locked(statement: Select[Row]) -> ScalarResult[Row]:
    return db.session.scalars(statement.with_for_update().execution_options(populate_existing=True))


def credentials(email: str) -> tuple[uuid.UUID | None, str | None]:
    """(staff id, password hash) of somebody who may sign in; (None, None) for everybody else."""
    statement = select(Staff.id, Staff.password_hash).where(_is_by(email), Staff.is_active)
    row = db.session.execute(statement).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def lock_staff(staff_id: uuid.UUID) -> Staff | None:
    return _locked(select(Staff).where(Staff.id == staff_id)).one_or_none()


def lock_account(account: str, *, kind: str) -> None:
    """Let tries at one account (an e-mail, mostly) come one after the other, also at accounts that do not exist. Until the end
    of the transaction."""
    db.lock_words([f"sign-in {kind} {index.hex()}" for index in crypto.blind_indexes(account)])


def wrong_tries(account: str, *, kind: str) -> tuple[int, int]:
    """(how many in the last quarter of an hour, minutes until the oldest of them no longer counts)."""
    row = db.rows(
        "SELECT count(*), ceil(extract(epoch FROM min(created_at) + make_interval(mins => :minutes) - clock_timestamp()) / 60)"
        " FROM login_attempt WHERE account_index = ANY(:account) AND kind = :kind AND NOT was_right"
        " AND created_at > clock_timestamp() - make_interval(mins => :minutes)",
        account=crypto.blind_indexes(account),
        kind=kind,
        minutes=rules.TRIES_MINUTES,
    )[0]
    return row[0], max(int(row[1] or 0), 1)


def has_tried_many(address: str) -> bool:
    """Whether something wrong was typed at MANY_ACCOUNTS from an address, within the last quarter of an hour. As each account
    bears so many tries only, the newest few tell, however many there are."""
    sql, values = db.each_of(
        "SELECT count(DISTINCT account_index) FROM (SELECT account_index FROM login_attempt WHERE address_index = ANY(:address)"
        " AND NOT was_right AND created_at > clock_timestamp() - make_interval(mins => :minutes)"
        " ORDER BY created_at DESC LIMIT :most) tried",
        address=crypto.blind_indexes(address),
    )
    most = (rules.MANY_ACCOUNTS - 1) * rules.TRIES * len(rules.TRY_KINDS) + 1
    return bool(db.scalar(sql, **values, minutes=rules.TRIES_MINUTES, most=most) >= rules.MANY_ACCOUNTS)


def is_alerted(address: str) -> bool:
    """Whether an alert about many accounts from this address is less than a quarter of an hour old."""
    return bool(
        db.scalar(
            "SELECT EXISTS (SELECT 1 FROM staff_alert WHERE address_index = ANY(:address) AND kind = 'many_accounts'"
            " AND created_at > clock_timestamp() - make_interval(mins => :minutes))",
            address=crypto.blind_indexes(address),
            minutes=rules.TRIES_MINUTES,
        )
    )


def is_known_place(staff_id: uuid.UUID, place: str, *, apart_from: uuid.UUID) -> bool:
    """Whether somebody has signed in from there before, as far back as sessions are kept."""
    theirs = (StaffSession.staff_id == staff_id, StaffSession.place_index.in_(crypto.blind_indexes(place)))
    known = select(StaffSession.id).where(*theirs, StaffSession.id != apart_from).limit(1)
    return db.session.scalar(known) is not None


def seen_lately(sessions: Sequence[StaffSession]) -> list[StaffSession]:
    since: datetime = db.scalar(
        "SELECT clock_timestamp() - make_interval(mins => :minutes)", minutes=rules.PACE_MINUTES
    )
    return [each for each in sessions if each.last_seen_at > since]


def alerts(*, limit: int) -> list[Any]:
    """(alert, e-mail of whom it concerns), newest first."""
    statement = select(StaffAlert, Staff.email).outerjoin(Staff, Staff.id == StaffAlert.staff_id)
    return list(db.session.execute(statement.order_by(StaffAlert.created_at.desc()).limit(limit)))


def alert(alert_id: uuid.UUID) -> StaffAlert | None:
    return db.session.get(StaffAlert, alert_id)


def fresh_codes(session_id: uuid.UUID) -> list[str]:
    """Backup codes that this sign-in made and nobody has confirmed to have saved."""
    found = db.session.scalar(select(StaffSession.fresh_codes).where(StaffSession.id == session_id))
    return found.splitlines() if found else []


def open_secret(staff_id: uuid.UUID, *, beside_passkeys: bool = False) -> str:
    """The TOTP secret of somebody without a second factor, or without any but passkeys; empty as soon as they have one."""
    unset = (Staff.totp_confirmed_at.is_(None), *(() if beside_passkeys else (~passkeys.staff_has_any(Staff.id),)))
    return db.session.scalar(select(Staff.totp_secret).where(Staff.id == staff_id, *unset)) or ""


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as colleagues see them."""

    id: uuid.UUID
    email: str
    role: str
    role_id: uuid.UUID | None
    role_name: str | None
    is_active: bool
    is_enrolled: bool  # has a second factor
    has_codes: bool
    created_at: datetime
    last_seen_at: datetime | None  # at least when they signed in last
    sessions: int  # where they are signed in now
    rights: frozenset[str]


def people(*, before: uuid.UUID | None = None, limit: int) -> list[Person]:
    """Newest first, by key; those who left too."""
    where = [Staff.id < before] if before else []
    return _people(*where, limit=limit)


def person(staff_id: uuid.UUID) -> Person | None:
    found = _people(Staff.id == staff_id, limit=1)
    return found[0] if found else None


def _people(*where: ColumnElement[bool], limit: int) -> list[Person]:
    passed = StaffSession.passed_totp_at.is_not(None)
    mine = select(func.max(StaffSession.last_seen_at)).where(StaffSession.staff_id == Staff.id, passed)
    alive = select(func.count()).select_from(StaffSession).where(StaffSession.staff_id == Staff.id, passed, _is_alive())
    statement = (
        select(
            Staff.id,
            Staff.email,
            Staff.role,
            Staff.role_id,
            StaffRole.name,
            Staff.is_active,
            Staff.totp_confirmed_at.is_not(None) | passkeys.staff_has_any(Staff.id),
            Staff.backup_codes_saved_at.is_not(None),
            Staff.created_at,
            func.greatest(mine.scalar_subquery(), Staff.signed_in_at),
            alive.scalar_subquery(),
            StaffRole.rights,
        )
        .outerjoin(StaffRole, StaffRole.id == Staff.role_id)
        .where(*where)
        .order_by(Staff.id.desc())
        .limit(limit)
    )
    rows: list[Any] = list(db.session.execute(statement))
    return [Person(*(*row[:-1], rules.rights_of(row.role, row.rights))) for row in rows]


def lock_owners() -> Sequence[Staff]:
    """Everybody who owns the shop and may sign in, so that no two of them leave at the same moment."""
    return _locked(select(Staff).where(Staff.role == rules.OWNER, Staff.is_active).order_by(Staff.id)).all()


def sessions_of(staff_id: uuid.UUID) -> Sequence[StaffSession]:
    """Where somebody is signed in now, password and code given; the latest first."""
    statement = select(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.passed_totp_at.is_not(None))
    return db.session.scalars(statement.where(_is_alive()).order_by(StaffSession.id.desc())).all()


def session(session_id: uuid.UUID) -> StaffSession | None:
    return db.session.get(StaffSession, session_id)


def lock_live_session(session_id: uuid.UUID) -> StaffSession | None:
    return _locked(select(StaffSession).where(StaffSession.id == session_id, _is_alive())).one_or_none()


def devices_of(staff_id: uuid.UUID) -> Sequence[StaffDevice]:
    """The browsers that somebody trusts now; the latest first."""
    statement = select(StaffDevice).where(StaffDevice.staff_id == staff_id, _is_trusted())
    return db.session.scalars(statement.order_by(StaffDevice.id.desc()).limit(50)).all()


def trusted_device(token: str, *, staff_id: uuid.UUID) -> StaffDevice | None:
    """The browser with this token, if this very person trusts it."""
    mine = (StaffDevice.token_hash == token_hash(token), StaffDevice.staff_id == staff_id)
    return db.session.scalars(select(StaffDevice).where(*mine, _is_trusted())).one_or_none()


def is_trusted_for(token: str, email: str) -> bool:
    """Whether whoever works here under this address trusts the browser with this token."""
    theirs = select(StaffDevice.id).join(Staff, Staff.id == StaffDevice.staff_id).where(_is_by(email))
    found = theirs.where(StaffDevice.token_hash == token_hash(token), Staff.is_active, _is_trusted())
    return db.session.scalar(found) is not None


def _is_trusted() -> ColumnElement[bool]:
    return and_(StaffDevice.ended_at.is_(None), StaffDevice.expires_at > func.clock_timestamp())


def roles() -> Sequence[StaffRole]:
    """The shop's own roles, by name."""
    return db.session.scalars(select(StaffRole).order_by(func.lower(StaffRole.name))).all()


def role(role_id: uuid.UUID) -> StaffRole | None:
    return db.session.get(StaffRole, role_id)


def lock_role(role_id: uuid.UUID) -> StaffRole | None:
    return _locked(select(StaffRole).where(StaffRole.id == role_id)).one_or_none()


def holders() -> dict[uuid.UUID, int]:
    """How many people and open invitations have each of the shop's own roles."""
    statement = (
        "SELECT role_id, count(*) FROM (SELECT role_id FROM staff UNION ALL SELECT role_id FROM staff_invitation"
        " WHERE accepted_at IS NULL AND revoked_at IS NULL) held WHERE role_id IS NOT NULL GROUP BY role_id"
    )
    return {row[0]: row[1] for row in db.rows(statement)}


def open_invitations(*, limit: int) -> list[Any]:
    """(invitation, name of its own role, whether it has run out), newest first."""
    statement = (
        select(StaffInvitation, StaffRole.name, StaffInvitation.expires_at < func.clock_timestamp())
        .outerjoin(StaffRole, StaffRole.id == StaffInvitation.role_id)
        .where(*OPEN)
        .order_by(StaffInvitation.created_at.desc())
        .limit(limit)
    )
    return list(db.session.execute(statement))


def invitation(invitation_id: uuid.UUID) -> StaffInvitation | None:
    return db.session.get(StaffInvitation, invitation_id)


def open_invitation_to(email: str) -> uuid.UUID | None:
    theirs = StaffInvitation.email_index.in_(crypto.blind_indexes(email))
    return db.session.scalar(select(StaffInvitation.id).where(theirs, *OPEN))


def invitation_by_token(token: str) -> tuple[StaffInvitation, bool] | None:
    """(invitation, whether it can be accepted); None for a token that was never sent."""
    is_open = and_(*OPEN, StaffInvitation.expires_at > func.clock_timestamp())
    statement = select(StaffInvitation, is_open).where(StaffInvitation.token_hash == token_hash(token))
    row = db.session.execute(statement).one_or_none()
    return (row[0], row[1]) if row else None


def lock_invitations_by(staff_id: uuid.UUID) -> Sequence[StaffInvitation]:
    """The open ones that somebody sent."""
    statement = select(StaffInvitation).where(StaffInvitation.invited_by == staff_id, *OPEN)
    return _locked(statement.order_by(StaffInvitation.id)).all()


def lock_invitation(invitation_id: uuid.UUID) -> StaffInvitation | None:
    return _locked(select(StaffInvitation).where(StaffInvitation.id == invitation_id)).one_or_none()


@dataclass(frozen=True, slots=True)
class Try:
    """A password or code that was tried. `email` is None where nobody works here under the address that was typed."""

    id: uuid.UUID
    created_at: datetime
    kind: str
    was_right: bool
    address: str | None
    agent: str
    staff_id: uuid.UUID | None
    email: str | None


def tries(
    *,
    staff_id: uuid.UUID | None = None,
    address: str = "",
    only_wrong: bool = False,
    before: tuple[datetime, uuid.UUID] | None = None,
    limit: int,
) -> list[Try]:
    """The sign-in log, newest first, by key."""
    statement = select(
        LoginAttempt.id,
        LoginAttempt.created_at,
        LoginAttempt.kind,
        LoginAttempt.was_right,
        LoginAttempt.address,
        LoginAttempt.agent,
        Staff.id,
        Staff.email,
    ).outerjoin(Staff, Staff.email_index == LoginAttempt.account_index)
    if staff_id:
        statement = statement.where(Staff.id == staff_id)
    if address:
        statement = statement.where(LoginAttempt.address_index.in_(crypto.blind_indexes(address)))
    if only_wrong:
        statement = statement.where(LoginAttempt.was_right.is_(False))
    if before:
        statement = statement.where(tuple_(LoginAttempt.created_at, LoginAttempt.id) < before)
    statement = statement.order_by(LoginAttempt.created_at.desc(), LoginAttempt.id.desc()).limit(limit)
    return [Try(*row) for row in db.session.execute(statement)]


def emails_of(staff_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """For a page that names several people: one question for all of them."""
    if not staff_ids:
        return {}
    return {row[0]: row[1] for row in db.session.execute(select(Staff.id, Staff.email).where(Staff.id.in_(staff_ids)))}

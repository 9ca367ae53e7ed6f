"""Verbs of staff accounts, in the caller's transaction: create, try a code, start and end sessions."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyotp
from sqlalchemy import delete, func, text, update
from sqlalchemy.sql.elements import ColumnElement

from app.accounts import queries, rules
from app.accounts.actions import devices, phones, totp, watching
from app.accounts.actions.totp import Clock
from app.accounts.errors import EmailTaken, TooManySessions, TooManyTries
from app.accounts.events import StaffAccessChanged, StaffBackupCodeUsed, StaffSignInBlocked
from app.accounts.models import LoginAttempt, Staff, StaffBackupCode, StaffSession
from app.accounts.queries import SignedIn
from app.audit import actions as audit
from app.core import crypto, db, origin, outbox, passwords
from app.core.ids import new_id
from app.passkeys import actions as passkeys
from app.passkeys import queries as known_passkeys
from app.passkeys.models import Owner


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Shown once: only hashes and the encrypted secret are kept."""

    staff_id: uuid.UUID
    email: str
    password: str
    otpauth_url: str


def create_staff(email: str, *, role: str, issuer: str) -> NewStaff:
    """A new account with a password and a TOTP secret of our choosing, enrolled at once. Raises EmailTaken."""
    if queries.lock_staff_by_email(email):
        raise EmailTaken(f"{email} has an account already")
    password, secret = secrets.token_urlsafe(24)[: rules.PASSWORD_LENGTH], pyotp.random_base32()
    person = Staff(
        id=new_id(),
        email=email,
        email_index=crypto.blind_index(email),
        password_hash=passwords.hashed(password),
        role=role,
        totp_secret=secret,
        totp_confirmed_at=db.now(),
    )
    db.session.add(person)
    audit.record("staff.created", actor="command", object_kind="staff", object_id=person.id, role=role)
    return NewStaff(person.id, email, password, rules.otpauth_url(secret, email=email, issuer=issuer))


def reset_totp(email: str, *, actor: str) -> bool:
    """A lost phone: a new secret, shown at the next sign-in after the password; old codes, passkeys and sessions are dead.

    False when nobody works here under this address.
    """
    person = queries.lock_staff_by_email(email)
    if person is None:
        return False
    forget_totp(person, actor=actor)
    return True


def forget_totp(person: Staff, *, actor: str) -> None:
    """What `reset_totp` does, to somebody who is locked. A mail tells them."""
    before = factors(person)
    drop_totp(person)
    passkeys.remove_all(Owner(staff_id=person.id))
    end_all_sessions(person.id)
    devices.end_all(person.id)
    outbox.record(StaffAccessChanged(person.id, new_id(), "totp"))
    audit.record(
        "staff.totp_reset", actor=actor, object_kind="staff", object_id=person.id, before=before, after=factors(person)
    )


def factors(person: Staff) -> dict[str, Any]:
    """What somebody has beside the password, for the audit: that it is there, never what it is."""
    return {
        "authenticator": person.totp_confirmed_at is not None,
        "passkeys": known_passkeys.count(Owner(staff_id=person.id)),
        "phone": person.phone is not None,
    }


def drop_totp(person: Staff) -> None:
    """The authenticator of somebody who is locked, and what hangs on it: backup codes, and the phone, which may be lost."""
    person.totp_secret, person.totp_confirmed_at, person.last_totp_step = pyotp.random_base32(), None, 0
    person.backup_codes_saved_at = None
    phones.forget(person)
    _forget_codes(person.id)


def claim_try(account: str, *, kind: str) -> uuid.UUID:
    """Count a try as wrong before anybody looks whether it is right, so that tries at the same moment count too.

    Raises TooManyTries.
    """
    queries.lock_account(account, kind=kind)
    wrong, minutes = queries.wrong_tries(account, kind=kind)
    if wrong >= rules.TRIES:
        raise TooManyTries(minutes=minutes)
    where = origin.current()
    attempt = LoginAttempt(
        id=new_id(),
        account_index=crypto.blind_index(account),
        kind=kind,
        was_right=False,
        address=where.address,
        address_index=crypto.blind_index(where.address) if where.address else None,
        agent=where.agent[: origin.LONGEST_AGENT],
    )
    db.session.add(attempt)
    db.session.flush()
    return attempt.id


def note_right(attempt_id: uuid.UUID) -> None:
    db.session.execute(update(LoginAttempt).where(LoginAttempt.id == attempt_id).values(was_right=True))


def note_wrong(attempt_id: uuid.UUID, account: str, person: Staff | None, *, kind: str) -> None:
    """The last wrong try that counts is announced, so that the owner of the account, who is locked, hears of it: of several
    at the same moment one, and once in a quarter of an hour, however long somebody goes on."""
    watching.look_at_wrong_try()
    wrong, _minutes = queries.wrong_tries(account, kind=kind)
    if wrong >= rules.TRIES and person is not None and _is_to_be_told(person):
        outbox.record(StaffSignInBlocked(person.id, attempt_id))


def _is_to_be_told(person: Staff) -> bool:
    now, since = func.clock_timestamp(), func.make_interval(0, 0, 0, 0, 0, rules.TRIES_MINUTES)
    told = (
        update(Staff)
        .where(Staff.id == person.id, func.coalesce(Staff.blocked_told_at < now - since, text("true")))
        .values(blocked_told_at=now)
        .returning(Staff.id)
    )
    return db.session.scalar(told.execution_options(synchronize_session=False)) is not None


def pass_code(
    who: SignedIn, typed: str, *, most_sessions: int, end_others: bool = False, clock: Clock | None = None
) -> str | None:
    """The second step: a TOTP code, a backup code or one by SMS, each good for one sign-in. Returns the token of the new
    session, None when the code is wrong (`clock`: see `totp.accept`). One that a code by SMS opened is never fresh.

    The old session ends: an id seen before the code is worth nothing after it; a program goes on as one. Raises TooManyTries;
    TooManySessions, before the code is looked at, for who is at work in `most_sessions` places and does not ask to
    `end_others`.
    """
    return pass_with(
        who,
        lambda person: accept_code(person, typed, kind="code", sms_session=who.session_id, clock=clock),
        most_sessions=most_sessions,
        end_others=end_others,
    )


def pass_with(
    who: SignedIn, accept: Callable[[Staff], str | None], *, most_sessions: int, end_others: bool = False
) -> str | None:
    """The second step, with whatever `accept` looks at: it says by what somebody has passed. As `pass_code`."""
    person = queries.lock_staff(who.staff_id)
    half = queries.lock_live_session(who.session_id)
    if person is None or not person.is_active or half is None:
        return None
    if not end_others and len(queries.sessions_of(person.id)) >= most_sessions:
        raise TooManySessions(most=most_sessions)
    way = accept(person)
    if way is None:
        return None
    end_sessions(StaffSession.staff_id == person.id if end_others else StaffSession.id == who.session_id)
    return open_passed(person, is_program=half.is_program, is_weak=way == "sms")


def open_passed(person: Staff, *, is_program: bool = False, is_weak: bool = False) -> str:
    """A session at work, for somebody who is locked and has given all that is asked for. `is_weak`: it is never fresh, and must
    not show what asks for more than it."""
    is_new = person.backup_codes_saved_at is None and not is_weak
    codes = replace_backup_codes(person.id) if is_new else []
    token, session = _open(person.id, minutes=rules.LIFETIME_HOURS * 60, is_program=is_program)
    session.passed_totp_at = _stale() if is_weak else db.now()
    session.fresh_codes = "\n".join(codes) or None
    db.session.flush()
    watching.look_at_sign_in(person, session)
    return token


def accept_code(
    person: Staff,
    typed: str,
    *,
    kind: str,
    may_enrol: bool = False,
    sms_session: uuid.UUID | None = None,
    clock: Clock | None = None,
) -> str | None:
    """What kind of code of a locked person it is (`totp`, `backup`, or `sms` for the session that asked), each good once; None
    for a wrong one, which counts among its kind (`clock`: see `totp.accept`). Raises TooManyTries.

    The first code of an authenticator sets it up: for who has no second factor yet, or `may_enrol`.
    """
    attempt_id = claim_try(person.email, kind=kind)
    may_use = may_enrol or person.totp_confirmed_at is not None or not has_second_factor(person)
    plain = rules.plain_code(typed)
    way = "totp" if may_use and totp.accept(person, plain, clock) else _other_way(person, plain, sms_session)
    if way is None:
        note_wrong(attempt_id, person.email, person, kind=kind)
    else:
        note_right(attempt_id)
    return way


def _other_way(person: Staff, plain: str, sms_session: uuid.UUID | None) -> str | None:
    if _accept_backup_code(person, plain):
        return "backup"
    is_sent = sms_session is not None and phones.accept(person, plain, session_id=sms_session)
    return "sms" if is_sent else None


def has_second_factor(person: Staff) -> bool:
    return person.totp_confirmed_at is not None or known_passkeys.count(Owner(staff_id=person.id)) > 0


def _accept_backup_code(person: Staff, plain: str) -> bool:
    if not rules.is_backup_code(plain):
        return False
    spent = (
        update(StaffBackupCode)
        .where(StaffBackupCode.staff_id == person.id, StaffBackupCode.code_hash.in_(_code_hashes(person.id, plain)))
        .where(StaffBackupCode.used_at.is_(None))
        .values(used_at=func.clock_timestamp())
        .returning(StaffBackupCode.id)
    )
    code_id = db.session.scalar(spent.execution_options(synchronize_session=False))
    if code_id is None:
        return False
    left = db.scalar("SELECT count(*) FROM staff_backup_code WHERE staff_id = :id AND used_at IS NULL", id=person.id)
    outbox.record(StaffBackupCodeUsed(person.id, code_id, left))
    return True


def replace_backup_codes(staff_id: uuid.UUID) -> list[str]:
    """New codes instead of those nobody has saved. Returns them in clear; the table keeps keyed hashes."""
    codes = [_new_code() for _ in range(rules.BACKUP_CODES)]
    _forget_codes(staff_id)
    db.session.add_all(StaffBackupCode(staff_id=staff_id, code_hash=_code_hashes(staff_id, code)[0]) for code in codes)
    return [rules.grouped(code) for code in codes]


def _new_code() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(rules.BACKUP_LENGTH))


def _forget_codes(staff_id: uuid.UUID) -> None:
    db.session.execute(delete(StaffBackupCode).where(StaffBackupCode.staff_id == staff_id))
    db.session.execute(update(StaffSession).where(StaffSession.staff_id == staff_id).values(fresh_codes=None))


def _code_hashes(staff_id: uuid.UUID, plain: str) -> list[bytes]:
    """By each key that may have made it, the newest first."""
    return crypto.blind_indexes(f"{staff_id} {plain}")


def confirm_codes_saved(who: SignedIn) -> None:
    """“I saved them”: from now on nobody can see the codes any more, and no sign-in makes new ones."""
    db.session.execute(
        update(Staff)
        .where(Staff.id == who.staff_id, Staff.backup_codes_saved_at.is_(None))
        .values(backup_codes_saved_at=func.clock_timestamp())
    )
    db.session.execute(update(StaffSession).where(StaffSession.staff_id == who.staff_id).values(fresh_codes=None))
    audit.record("staff.backup_codes_saved", actor=who.actor, object_kind="staff", object_id=who.staff_id)


def start_session(staff_id: uuid.UUID, *, is_program: bool = False) -> str:
    """A session that opens the page for the code and nothing else. Returns the token for the cookie."""
    token, _session = _open(staff_id, minutes=rules.CODE_MINUTES, is_program=is_program)
    return token


def start_trusted(person: Staff, device_token: str, *, most_sessions: int) -> str | None:
    """A session for whoever gave the password in a browser they trust; its code is as old as that trust, and never fresh.

    None, and the page for the code comes as ever: in another browser, or at work in as many places as there may be.
    """
    device = queries.trusted_device(device_token, staff_id=person.id) if device_token else None
    if device is None or not has_second_factor(person) or len(queries.sessions_of(person.id)) >= most_sessions:
        return None
    token, session = _open(person.id, minutes=rules.LIFETIME_HOURS * 60)
    session.passed_totp_at = min(device.confirmed_at, _stale())
    db.session.flush()
    watching.look_at_sign_in(person, session)
    return token


def _stale() -> datetime:
    """When a code was given that is just not fresh any more."""
    found: datetime = db.scalar(
        "SELECT clock_timestamp() - make_interval(mins => :minutes)", minutes=rules.FRESH_MINUTES
    )
    return found


def _open(staff_id: uuid.UUID, *, minutes: int, is_program: bool = False) -> tuple[str, StaffSession]:
    token = secrets.token_urlsafe(32)
    expires_at = db.scalar("SELECT clock_timestamp() + make_interval(mins => :minutes)", minutes=minutes)
    where = origin.current()
    session = StaffSession(
        id=new_id(),
        staff_id=staff_id,
        token_hash=queries.token_hash(token),
        expires_at=expires_at,
        address=where.address,
        agent=where.agent[: origin.LONGEST_AGENT],
        is_program=is_program,
    )
    db.session.add(session)
    return token, session


def renew_token(session: StaffSession) -> str:
    """The same session under another token, as whoever copied the old one must not share what was just given."""
    token = secrets.token_urlsafe(32)
    session.token_hash = queries.token_hash(token)
    return token


def note_seen(session_id: uuid.UUID) -> None:
    seen = update(StaffSession).where(StaffSession.id == session_id).values(last_seen_at=func.clock_timestamp())
    db.session.execute(seen)


def end_session(token: str) -> None:
    """From now on this token opens nothing, whoever kept a copy of the cookie."""
    end_sessions(StaffSession.token_hash == queries.token_hash(token))


def sign_out(who: SignedIn, token: str) -> None:
    """End one's own session, this one."""
    end_session(token)
    if who.has_passed:  # else they were not in yet
        audit.record("staff.left", actor=who.actor, object_kind="staff", object_id=who.staff_id)


def end_all_sessions(staff_id: uuid.UUID) -> None:
    end_sessions(StaffSession.staff_id == staff_id)


def end_sessions(*which: ColumnElement[bool]) -> None:
    db.session.execute(
        update(StaffSession)
        .where(*which, StaffSession.ended_at.is_(None))
        .values(ended_at=func.clock_timestamp(), fresh_codes=None)
    )

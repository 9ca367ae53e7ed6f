"""A phone for codes by SMS (SEC-21), in the caller's transaction: ask for a code, give it, forget the number.

A code by SMS is a way in for whoever left the authenticator at home, never instead of having one: it opens no session that
counts as fresh, is good in the browser that asked, and counts among the same tries as every other code.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select, update

from app.accounts import queries, rules
from app.accounts.events import StaffCodeWanted
from app.accounts.models import Staff, StaffSmsCode
from app.accounts.queries import SignedIn, telling
from app.accounts.queries.telling import Reader
from app.core import clock, crypto, db, outbox
from app.core.ids import new_id


def ask_for_code(who: SignedIn, *, daily: int) -> None:
    """To sign in with. Nothing happens, and nobody is told so, without a proven phone, or when enough were sent."""
    person = queries.lock_staff(who.staff_id)
    if person is None or not person.is_active or person.phone is None or person.totp_confirmed_at is None:
        return
    if queries.lock_live_session(who.session_id) is not None and _may_send(person.id, daily=daily):
        _write(person.id, who.session_id, purpose="sign_in")


def ask_to_prove(who: SignedIn, phone: str, *, daily: int) -> bool:
    """A code to a number (E.164) that is to be theirs. False when enough were sent."""
    person = queries.lock_staff(who.staff_id)
    if person is None or not _may_send(person.id, daily=daily):
        return False
    _write(person.id, who.session_id, purpose="phone", phone=phone)
    return True


def _may_send(staff_id: uuid.UUID, *, daily: int) -> bool:
    """Whoever has the password of an account must not make the shop pay for messages without end."""
    lately, today = db.rows(
        "SELECT count(*) FILTER (WHERE created_at > clock_timestamp() - make_interval(mins => :minutes)), count(*)"
        " FROM staff_sms_code WHERE staff_id = :id AND created_at > clock_timestamp() - interval '1 day'",
        id=staff_id,
        minutes=rules.TRIES_MINUTES,
    )[0]
    if lately >= rules.SMS_IN_A_ROW or today >= rules.SMS_A_DAY:
        return False
    sent: int = db.scalar("SELECT count(*) FROM staff_sms_code WHERE created_at > clock_timestamp() - interval '1 day'")
    return sent < daily


def _write(staff_id: uuid.UUID, session_id: uuid.UUID, *, purpose: str, phone: str | None = None) -> None:
    """Only the newest code of a session is good."""
    _end(StaffSmsCode.staff_id == staff_id, StaffSmsCode.session_id == session_id)
    code_id, code = new_id(), "".join(secrets.choice("0123456789") for _ in range(rules.TOTP_LENGTH))
    db.session.add(
        StaffSmsCode(
            id=code_id,
            staff_id=staff_id,
            session_id=session_id,
            purpose=purpose,
            phone=phone,
            code=code,
            code_hash=_code_hashes(code_id, code)[0],
            expires_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, rules.SMS_CODE_MINUTES),
        )
    )
    db.session.flush()
    outbox.record(StaffCodeWanted(code_id))


def _code_hashes(code_id: uuid.UUID, code: str) -> list[bytes]:
    return crypto.blind_indexes(f"sms {code_id} {code}")


def accept(person: Staff, plain: str, *, session_id: uuid.UUID) -> bool:
    """Whether it is the code that was sent to a locked person for this session. Only beside an authenticator."""
    if person.phone is None or person.totp_confirmed_at is None:
        return False
    return spend(person.id, plain, session_id=session_id, purpose="sign_in") is not None


def spend(staff_id: uuid.UUID, plain: str, *, session_id: uuid.UUID, purpose: str) -> str | None:
    """Use a code up, decided by the UPDATE itself: twenty at once are one. Returns the number that it proves, if any."""
    mine = (StaffSmsCode.staff_id == staff_id, StaffSmsCode.session_id == session_id, StaffSmsCode.purpose == purpose)
    open_one = _open_code(*mine)
    if open_one is None or not rules.is_totp_code(plain):
        return None
    phone = open_one.phone or ""
    used = _end(StaffSmsCode.id == open_one.id, StaffSmsCode.code_hash.in_(_code_hashes(open_one.id, plain)))
    return phone if used else None


def _open_code(*which: object) -> StaffSmsCode | None:
    is_open = (StaffSmsCode.used_at.is_(None), StaffSmsCode.expires_at > func.clock_timestamp())
    statement = select(StaffSmsCode).where(*which, *is_open).order_by(StaffSmsCode.id.desc()).limit(1)  # type: ignore[arg-type]
    return db.session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def _end(*which: object) -> bool:
    ended = (
        update(StaffSmsCode)
        .where(*which, StaffSmsCode.used_at.is_(None), StaffSmsCode.expires_at > func.clock_timestamp())  # type: ignore[arg-type]
        .values(used_at=func.clock_timestamp(), code=None, phone=None)
        .returning(StaffSmsCode.id)
    )
    return bool(list(db.session.scalars(ended.execution_options(synchronize_session=False))))


def set_number(person: Staff, phone: str) -> None:
    """Of a locked person, who has proven it: codes to sign in with that went to the one before are good no more."""
    person.phone, person.phone_confirmed_at = phone, clock.now()
    _end(StaffSmsCode.staff_id == person.id, StaffSmsCode.purpose == "sign_in")


def forget(person: Staff) -> None:
    """Of a locked person: the number, and codes that are on their way."""
    person.phone = person.phone_confirmed_at = None
    _end(StaffSmsCode.staff_id == person.id)
    db.session.execute(update(StaffSmsCode).where(StaffSmsCode.staff_id == person.id).values(phone=None, code=None))


def phone_of(staff_id: uuid.UUID) -> str | None:
    """E.164."""
    return db.session.scalar(select(Staff.phone).where(Staff.id == staff_id))


def phone_to_prove(who: SignedIn) -> str | None:
    """The number that a code was sent to from this session, while that is good."""
    found = _open_code(
        StaffSmsCode.staff_id == who.staff_id,
        StaffSmsCode.session_id == who.session_id,
        StaffSmsCode.purpose == "phone",
    )
    return found.phone if found else None


@dataclass(frozen=True, slots=True)
class ToSend:
    phone: str
    code: str
    to: Reader


def to_send(code_id: uuid.UUID) -> ToSend | None:
    """What the message needs; None when there is nothing to send any more."""
    found = _open_code(StaffSmsCode.id == code_id)
    phone = (found.phone or phone_of(found.staff_id)) if found else None
    to = telling.reader(found.staff_id) if found else None
    return ToSend(phone, found.code, to) if found and found.code and phone and to else None


def note_sent(code_id: uuid.UUID) -> None:
    """From now on only the phone knows the code."""
    sent = update(StaffSmsCode).where(StaffSmsCode.id == code_id)
    db.session.execute(sent.values(code=None, sent_at=func.clock_timestamp()))

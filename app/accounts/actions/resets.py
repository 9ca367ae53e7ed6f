"""The way back of whoever forgot their password: a link by mail, good once and for an hour. It opens no session, and the second
factor stays as it is (ASVS 6.4.3). In the caller's transaction."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, update

from app.accounts import actions, queries, rules
from app.accounts.actions import devices
from app.accounts.errors import ResetOver
from app.accounts.events import StaffAccessChanged, StaffResetWanted
from app.accounts.models import Staff, StaffReset
from app.accounts.queries import resets, telling
from app.accounts.queries.telling import Reader
from app.audit import actions as audit
from app.core import crypto, db, outbox
from app.core.ids import new_id


def ask(email: str) -> None:
    """Write down that this address wants a link. It asks nothing about accounts: the worker does."""
    token = secrets.token_urlsafe(32)
    wish = StaffReset(
        id=new_id(),
        email=email,
        email_index=crypto.blind_index(email),
        token=token,
        token_hash=queries.token_hash(token),
        expires_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, rules.RESET_MINUTES),
    )
    db.session.add(wish)
    db.session.flush()
    outbox.record(StaffResetWanted(wish.id))


@dataclass(frozen=True, slots=True)
class Letter:
    """`to` has the account's own address, never one that was only taken for it."""

    to: Reader
    token: str
    expires_at: datetime


def claim_letter(reset_id: uuid.UUID) -> Letter | None:
    """The mail that is to be sent now, to somebody who may sign in; None when there is nothing to send, or enough good links
    lie in that mailbox."""
    wish = resets.reset(reset_id)
    if wish is None or wish.token is None:
        return None
    queries.lock_account(wish.email, kind="reset")
    staff_id, _password_hash = queries.credentials(wish.email)
    to = telling.reader(staff_id) if staff_id else None
    is_first = wish.mailed_at is None  # else it is being tried again
    if to is None or (is_first and resets.good_letters(wish.email) >= rules.GOOD_RESETS):
        return None
    letter = Letter(to, wish.token, wish.expires_at)
    wish.mailed_at = func.clock_timestamp()
    return letter


def forget_token(reset_id: uuid.UUID) -> None:
    """Its mail has left: from now on only the mail knows the link."""
    db.session.execute(update(StaffReset).where(StaffReset.id == reset_id).values(token=None))


def reset_password(token: str, *, password_hash: str) -> None:
    """Another password by the link of a mail. Every session, trusted browser and other link ends; a mail tells.

    Raises ResetOver, also for who may not sign in any more: however many use the link at once, one of them does.
    """
    wish = resets.open_reset(token)
    # The account is locked before the link, as by everybody who ends links along with something else.
    person = queries.lock_staff_by_email(wish.email) if wish else None
    if wish is None or person is None or not person.is_active or not _spend(wish):
        raise ResetOver()
    person.password_hash = password_hash
    end_access(person)
    outbox.record(StaffAccessChanged(person.id, new_id(), "password_reset"))
    audit.record("staff.password_reset", actor=f"staff:{person.id}", object_kind="staff", object_id=person.id)


def _spend(wish: StaffReset) -> bool:
    """Decided by the UPDATE itself."""
    spent = (
        update(StaffReset)
        .where(StaffReset.id == wish.id, StaffReset.used_at.is_(None), StaffReset.expires_at > func.clock_timestamp())
        .values(used_at=func.clock_timestamp(), token=None)
        .returning(StaffReset.id)
    )
    return db.session.scalar(spent.execution_options(synchronize_session=False)) is not None


def end_access(person: Staff) -> None:
    """Of somebody who is locked: wherever they are signed in they are not any more, and no link that lies in a mailbox opens
    anything."""
    actions.end_all_sessions(person.id)
    devices.end_all(person.id)
    end_links(person)


def end_links(person: Staff) -> None:
    """Whoever asked for them, or took them out of the mailbox, may be why the password is another one now."""
    theirs = update(StaffReset).where(StaffReset.email_index.in_(crypto.blind_indexes(person.email)))
    ended = theirs.where(StaffReset.used_at.is_(None)).values(used_at=func.clock_timestamp(), token=None)
    db.session.execute(ended.execution_options(synchronize_session=False))

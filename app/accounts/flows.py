"""Signing in, step by step: short transactions around the slow look at the password. Called with none open."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from app.accounts import actions, queries
from app.accounts.actions import own, people
from app.accounts.errors import InvitationOver, TooManyTries, WrongPassword
from app.accounts.queries import SignedIn
from app.core import crypto, db, passwords
from app.core.transaction import in_transaction

log = logging.getLogger(__name__)


class _HashIsNew(Exception):
    """The password's hash is not the one any more that was looked at: somebody signed in at the same moment and renewed it,
    or the password has changed."""


def sign_in(
    email: str, password: str, *, instead_of: str | None = None, device: str = "", most_sessions: int = 0
) -> str | None:
    """The first step. Returns the token of a session that may give a code, None when e-mail and password do not fit. In a
    browser that they trust (`device` is its token) it is the only step.

    `instead_of` is the token of an earlier session of this browser, which ends. Raises TooManyTries: wrong tries of
    strangers do not count in a browser that they trust.
    """
    account = crypto.blind_index(email)
    kind = "trusted" if device and queries.is_trusted_for(device, account) else "password"
    db.release()
    attempt_id = _claimed(account, kind=kind)

    def look(*, is_last: bool) -> str | None:
        staff_id, password_hash = queries.credentials(email)
        db.release()
        is_right = passwords.is_right(password_hash, password)
        renewed = passwords.renewed(password_hash, password) if is_right and password_hash else None

        def finish() -> str | None:
            person = queries.lock_staff(staff_id) if staff_id else None
            is_same = person is not None and person.password_hash == password_hash
            if person is not None and is_right and not is_same and not is_last:
                raise _HashIsNew()
            if person is None or not (is_right and is_same and person.is_active):
                actions.note_wrong(attempt_id, account, person, kind=kind)
                return None
            actions.note_right(attempt_id)
            person.password_hash = renewed or person.password_hash
            if instead_of:
                actions.end_session(instead_of)
            trusted = actions.start_trusted(person, device, most_sessions=most_sessions)
            return trusted or actions.start_session(person.id)

        return in_transaction(finish)

    try:
        token = look(is_last=False)
    except _HashIsNew:
        token = look(is_last=True)
    if token is None:
        log.warning("staff sign-in refused", extra={"step": "password"})
    return token


def _claimed(account: bytes, *, kind: str) -> uuid.UUID:
    try:
        return in_transaction(lambda: actions.claim_try(account, kind=kind))
    except TooManyTries:
        log.warning("staff sign-in blocked", extra={"step": "password"})
        raise


def pass_code(who: SignedIn, typed: str, *, most_sessions: int, end_others: bool = False) -> str | None:
    """The second step; see `actions.pass_code`."""
    return _with_code(
        who, lambda: actions.pass_code(who, typed, most_sessions=most_sessions, end_others=end_others), "signed in"
    )


def confirm(who: SignedIn, typed: str) -> str | None:
    """A code once more; see `own.confirm`."""
    return _with_code(who, lambda: own.confirm(who, typed), "confirmed by code")


def _with_code(who: SignedIn, work: Callable[[], str | None], done: str) -> str | None:
    try:
        token = in_transaction(work)
    except TooManyTries:
        log.warning("staff sign-in blocked", extra={"step": "code", "staff": str(who.staff_id)})
        raise
    if token is None:
        log.warning("staff sign-in refused", extra={"step": "code", "staff": str(who.staff_id)})
    else:
        log.info(f"staff {done}", extra={"staff": str(who.staff_id)})
    return token


def join(token: str, password: str) -> str:
    """Accept an invitation. Returns the token of a session that may set up the authenticator, and nothing else yet.

    Raises InvitationOver.
    """
    found = queries.invitation_by_token(token)
    db.release()
    if found is None or not found[1]:
        raise InvitationOver()
    password_hash = passwords.hashed(password)

    def work() -> str:
        return actions.start_session(people.accept(token, password_hash=password_hash))

    return in_transaction(work)


def change_password(who: SignedIn, current: str, new: str) -> None:
    """Raises WrongPassword, TooManyTries."""
    demand_password(who, current)
    password_hash = passwords.hashed(new)
    in_transaction(lambda: own.set_password(who, password_hash=password_hash))


def demand_password(who: SignedIn, password: str) -> None:
    """Raises WrongPassword unless it is theirs, TooManyTries after too many that were not: counted like signing in, apart
    from what strangers try."""
    account = crypto.blind_index(who.email)
    attempt_id = _claimed(account, kind="own")
    _staff_id, password_hash = queries.credentials(who.email)
    db.release()
    is_right = passwords.is_right(password_hash, password)

    def note() -> None:
        if is_right:
            actions.note_right(attempt_id)
        else:
            actions.note_wrong(attempt_id, account, queries.lock_staff(who.staff_id), kind="own")

    in_transaction(note)
    if not is_right:
        raise WrongPassword()

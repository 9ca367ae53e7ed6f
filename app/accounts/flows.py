"""Signing in, step by step: short transactions around the slow look at the password. Called with none open."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import TypeVar

from app.accounts import actions, queries, rules
from app.accounts.actions import keeping, keys, own, people, programs
from app.accounts.actions import resets as mailed
from app.accounts.actions.keys import Entry
from app.accounts.actions.totp import Clock
from app.accounts.errors import CodeOfAnotherTime, InvitationOver, ResetOver, TooManyTries, WrongPassword
from app.accounts.queries import SignedIn, resets
from app.core import db, passwords
from app.core.transaction import in_transaction
from app.passkeys.actions import Given

log = logging.getLogger(__name__)
Result = TypeVar("Result")

NOBODY = uuid.UUID(int=0)  # looked for where there is no account: the same statements for both


class _HashIsNew(Exception):
    """The password's hash is not the one any more that was looked at: somebody signed in at the same moment and renewed it,
    or the password has changed."""


def sign_in(
    email: str,
    password: str,
    *,
    instead_of: str | None = None,
    device: str = "",
    most_sessions: int = 0,
    is_program: bool = False,
) -> str | None:
    """The first step. Returns the token of a session that may give a code, None when e-mail and password do not fit. In a
    browser that they trust (`device` is its token) it is the only step.

    `instead_of` is the token of an earlier session of this browser, which ends. Raises TooManyTries, Busy: in a browser that
    they trust, wrong tries of strangers do not count and nobody waits for them.
    """
    kind = "trusted" if device and queries.is_trusted_for(device, email) else "password"
    db.release()
    if kind != "trusted":
        passwords.demand_time()
    attempt_id = _claimed(email, kind=kind)

    def look(*, is_last: bool) -> str | None:
        staff_id, password_hash = queries.credentials(email)
        db.release()
        is_right = passwords.is_right(password_hash, password)
        renewed = passwords.renewed(password_hash, password) if is_right and password_hash else None

        def finish() -> str | None:
            person = queries.lock_staff(staff_id or NOBODY)
            is_same = person is not None and person.password_hash == password_hash
            if person is not None and is_right and not is_same and not is_last:
                raise _HashIsNew()
            if person is None or not (is_right and is_same and person.is_active):
                actions.note_wrong(attempt_id, email, person, kind=kind)
                return None
            actions.note_right(attempt_id)
            person.password_hash = renewed or person.password_hash
            if instead_of:
                actions.end_session(instead_of)
            trusted = actions.start_trusted(person, device, most_sessions=most_sessions)
            return trusted or actions.start_session(person.id, is_program=is_program)

        return in_transaction(finish)

    try:
        token = look(is_last=False)
    except _HashIsNew:
        token = look(is_last=True)
    if token is None:
        log.warning("staff sign-in refused", extra={"step": "password"})
    return token


def _claimed(account: str, *, kind: str) -> uuid.UUID:
    try:
        return in_transaction(lambda: actions.claim_try(account, kind=kind))
    except TooManyTries:
        log.warning("staff sign-in blocked", extra={"step": "password"})
        raise


def pass_code(who: SignedIn, typed: str, *, most_sessions: int, end_others: bool = False) -> str | None:
    """The second step; see `actions.pass_code`. Raises CodeOfAnotherTime."""

    def work(clock: Clock) -> str | None:
        return actions.pass_code(who, typed, most_sessions=most_sessions, end_others=end_others, clock=clock)

    return _in_time(work, lambda once: _with_code(who, once, "signed in"))


def confirm(who: SignedIn, typed: str) -> str | None:
    """A code once more; see `own.confirm`. Raises CodeOfAnotherTime."""
    return _in_time(
        lambda clock: own.confirm(who, typed, clock=clock), lambda once: _with_code(who, once, "confirmed by code")
    )


def sign_in_with_key(given: Given, *, instead_of: str | None, most_sessions: int) -> Entry | None:
    """Both steps at once; see `keys.sign_in`."""
    try:
        entry = in_transaction(lambda: keys.sign_in(given, instead_of=instead_of, most_sessions=most_sessions))
    except TooManyTries:
        log.warning("staff sign-in blocked", extra={"step": "passkey"})
        raise
    if entry is None:
        log.warning("staff sign-in refused", extra={"step": "passkey"})
    return entry


def set_key_up(who: SignedIn, given: Given, *, name: str, most_sessions: int, end_others: bool = False) -> str | None:
    """A passkey as the first second factor; see `keys.set_up`."""
    return _with_code(
        who,
        lambda: keys.set_up(who, given, name=name, most_sessions=most_sessions, end_others=end_others),
        "signed in by a new passkey",
    )


def pass_with_key(who: SignedIn, given: Given, *, most_sessions: int, end_others: bool = False) -> str | None:
    """The second step by passkey; see `keys.pass_with_key`."""
    return _with_code(
        who,
        lambda: keys.pass_with_key(who, given, most_sessions=most_sessions, end_others=end_others),
        "signed in by passkey",
    )


def confirm_with_key(who: SignedIn, given: Given) -> str | None:
    """A passkey once more; see `keys.confirm`."""
    return _with_code(who, lambda: keys.confirm(who, given), "confirmed by passkey")


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


def _in_time(work: Callable[[Clock], Result], run: Callable[[Callable[[], Result]], Result] = in_transaction) -> Result:
    """What `work` returns, run by `run` in a transaction. Nothing, for a wrong code: then, its try counted and committed, raises
    CodeOfAnotherTime for one that is right at another time."""
    clock = Clock()

    def once() -> Result:
        nonlocal clock
        clock = Clock()
        return work(clock)

    result = run(once)
    if not result and clock.steps:
        minutes = rules.minutes_of_drift(clock.steps)
        log.warning("a staff code of another time", extra={"minutes": minutes})
        raise CodeOfAnotherTime(minutes=minutes, is_first=clock.is_first)
    return result


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


def forget_kept() -> None:
    """By the clock; see `keeping.forget_old`."""
    in_transaction(keeping.forget_old)


def reset_password(token: str, password: str) -> None:
    """Another password by the link of a mail; nobody is signed in by it. Raises ResetOver."""
    is_open = resets.open_reset(token) is not None
    db.release()
    if not is_open:
        raise ResetOver()
    password_hash = passwords.hashed(password)
    in_transaction(lambda: mailed.reset_password(token, password_hash=password_hash))


def change_password(who: SignedIn, current: str, new: str) -> None:
    """Raises WrongPassword, TooManyTries."""
    demand_password(who, current)
    password_hash = passwords.hashed(new)
    in_transaction(lambda: own.set_password(who, password_hash=password_hash))


def demand_password(who: SignedIn, password: str) -> None:
    """Raises WrongPassword unless it is theirs, TooManyTries after too many that were not: counted like signing in, apart
    from what strangers try."""
    attempt_id = _claimed(who.email, kind="own")
    _staff_id, password_hash = queries.credentials(who.email)
    db.release()
    is_right = passwords.is_right(password_hash, password)

    def note() -> None:
        if is_right:
            actions.note_right(attempt_id)
        else:
            actions.note_wrong(attempt_id, who.email, queries.lock_staff(who.staff_id), kind="own")

    in_transaction(note)
    if not is_right:
        raise WrongPassword()


def renew(token: str) -> str | None:
    """A program's next token; see `programs.renew`."""
    following = in_transaction(lambda: programs.renew(token))
    if following is None:
        log.warning("staff session not renewed")
    return following


def renew_codes(who: SignedIn, password: str, typed: str) -> list[str] | None:
    """Ten new backup codes, for a program: told once and now, so they count as saved. None for a wrong code of the
    authenticator; a backup code makes no others. Raises WrongPassword, TooManyTries, CodeOfAnotherTime."""

    def work(clock: Clock) -> list[str] | None:
        if not own.is_code(who, typed, totp_only=True, clock=clock):
            return None
        own.renew_codes(who)
        return take_codes(who)

    demand_password(who, password)
    return _in_time(work)


def take_codes(who: SignedIn) -> list[str]:
    """The codes that this sign-in made, told now and never again."""
    codes = queries.fresh_codes(who.session_id)
    if codes:
        actions.confirm_codes_saved(who)
    return codes


def set_authenticator(who: SignedIn, password: str, typed: str) -> bool:
    """See `own.set_authenticator`. Raises WrongPassword, TooManyTries, CodeOfAnotherTime."""
    demand_password(who, password)
    return _in_time(lambda clock: own.set_authenticator(who, typed, clock=clock))


def drop_authenticator(who: SignedIn, password: str, typed: str) -> bool:
    """See `own.drop_authenticator`. False for a wrong code. Raises WrongPassword, TooManyTries, CodeOfAnotherTime."""

    def work(clock: Clock) -> bool:
        is_right = own.is_code(who, typed, clock=clock)
        if is_right:
            own.drop_authenticator(who)
        return is_right

    demand_password(who, password)
    return _in_time(work)

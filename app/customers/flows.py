"""Steps around the slow look at a password: short transactions, and none open while it is hashed."""

from __future__ import annotations

import logging
import uuid

from app.core import crypto, db, passwords
from app.core.transaction import in_transaction
from app.customers import actions, queries
from app.customers.actions import Device, NewSession, Registration, profile
from app.customers.errors import LinkOver, TooManyTries, WrongPassword

log = logging.getLogger(__name__)

NOBODY = uuid.UUID(int=0)  # looked for where there is no account: the same statements for both


def register(email: str, password: str, *, name: str, wants_news: bool, locale: str, visitor: str) -> None:
    """The same work whoever it is, and one hash: the worker finds out whether the address has an account."""
    registration = Registration(name, passwords.hashed(password), wants_news)
    in_transaction(lambda: actions.ask("register", email, locale=locale, visitor=visitor, registration=registration))


def finish_registration(token: str, password: str | None, *, visitor: str | None, device: Device) -> NewSession:
    """Follow the link of a registration. In another browser than it was typed in, the password must be given again: else
    somebody could register another one's address and wait for them to confirm it.

    Raises LinkOver, WrongPassword or EmailTaken.
    """
    wish = queries.open_request(token, kind="register")
    if wish is None:
        raise LinkOver()
    is_same_browser, password_hash = wish.visitor == visitor, wish.password_hash
    db.release()
    if not is_same_browser and not passwords.is_right(password_hash, password or ""):
        raise WrongPassword()
    session = in_transaction(lambda: actions.finish_registration(token, device=device))
    log.info("customer registered", extra={"customer": str(session.customer_id)})
    return session


class _HashIsNew(Exception):
    """The password's hash is not the one any more that was looked at: somebody signed in at the same moment and renewed it,
    or the password has changed."""


def sign_in(email: str, password: str, *, device: Device, is_kept: bool) -> NewSession | None:
    """None when e-mail and password do not fit; one verification, be there an account or not. Raises TooManyTries."""
    account = crypto.blind_index(email)
    attempt_id = _claimed(account)
    try:
        session = _sign_in(email, password, attempt_id, device=device, is_kept=is_kept)
    except _HashIsNew:
        session = _sign_in(email, password, attempt_id, device=device, is_kept=is_kept, is_last=True)
    if session is None:
        log.warning("customer sign-in refused")
    else:
        log.info("customer signed in", extra={"customer": str(session.customer_id)})
    return session


def _sign_in(
    email: str, password: str, attempt_id: uuid.UUID, *, device: Device, is_kept: bool, is_last: bool = False
) -> NewSession | None:
    customer_id, password_hash = queries.credentials(email)
    db.release()
    is_right = passwords.is_right(password_hash, password)
    renewed = passwords.renewed(password_hash, password) if is_right and password_hash else None

    def finish() -> NewSession | None:
        person = queries.lock_customer(customer_id or NOBODY)
        is_same = person is not None and person.password_hash == password_hash
        if person is not None and is_right and not is_same and not is_last:
            raise _HashIsNew()
        if person is None or not is_right or not is_same:
            actions.note_wrong(attempt_id, crypto.blind_index(email), person)
            return None
        actions.note_right(attempt_id)
        person.password_hash = renewed or person.password_hash
        return actions.start_session(person, device=device, is_kept=is_kept)

    return in_transaction(finish)


def check_password(customer_id: uuid.UUID, password: str, *, session_id: uuid.UUID) -> None:
    """Ask somebody who is signed in for the password once more; counted like a sign-in, for the session may be stolen, but by
    session: strangers who try passwords at the address keep its owner from nothing here.

    Raises WrongPassword or TooManyTries.
    """
    account = crypto.blind_index(f"session {session_id}")
    attempt_id = _claimed(account)
    password_hash = queries.password_hash_of(customer_id)
    db.release()
    is_right = passwords.is_right(password_hash, password)

    def finish() -> None:
        if is_right:
            actions.note_right(attempt_id)
        else:
            actions.note_wrong(attempt_id, account, queries.lock_customer(customer_id))

    in_transaction(finish)
    if not is_right:
        raise WrongPassword()


def change_password(customer_id: uuid.UUID, old: str, new: str, *, session_id: uuid.UUID) -> int:
    """Returns how many other sessions ended. Raises WrongPassword or TooManyTries."""
    check_password(customer_id, old, session_id=session_id)
    password_hash = passwords.hashed(new)
    return in_transaction(lambda: profile.change_password(customer_id, password_hash, session_id=session_id))


def reset_password(token: str, password: str, *, device: Device) -> NewSession:
    """Raises LinkOver."""
    if queries.open_request(token, kind="reset") is None:
        raise LinkOver()
    db.release()
    password_hash = passwords.hashed(password)
    return in_transaction(lambda: actions.reset_password(token, password_hash, device=device))


def _claimed(account: bytes) -> uuid.UUID:
    try:
        return in_transaction(lambda: actions.claim_try(account))
    except TooManyTries:
        log.warning("customer sign-in blocked")
        raise

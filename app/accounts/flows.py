"""Signing in, step by step: short transactions around the slow look at the password. Called with none open."""

from __future__ import annotations

import logging
import uuid

from app.accounts import actions, queries
from app.accounts.errors import TooManyTries
from app.accounts.queries import SignedIn
from app.core import crypto, db
from app.core.transaction import in_transaction

log = logging.getLogger(__name__)


def sign_in(email: str, password: str, *, instead_of: str | None = None) -> str | None:
    """The first step. Returns the token of a session that may give a code, None when e-mail and password do not fit.

    `instead_of` is the token of an earlier session of this browser, which ends. Raises TooManyTries.
    """
    account = crypto.blind_index(email)
    attempt_id = _claimed(account)
    staff_id, password_hash = queries.credentials(email)
    db.release()
    is_right = actions.is_password_right(password_hash, password)

    def finish() -> str | None:
        person = queries.lock_staff(staff_id) if staff_id else None
        if person is None or not is_right:
            actions.note_wrong(attempt_id, account, person, kind="password")
            return None
        actions.note_right(attempt_id)
        actions.renew_hash(person, password)
        if instead_of:
            actions.end_session(instead_of)
        return actions.start_session(person.id)

    token = in_transaction(finish)
    if token is None:
        log.warning("staff sign-in refused", extra={"step": "password"})
    return token


def _claimed(account: bytes) -> uuid.UUID:
    try:
        return in_transaction(lambda: actions.claim_try(account, kind="password"))
    except TooManyTries:
        log.warning("staff sign-in blocked", extra={"step": "password"})
        raise


def pass_code(who: SignedIn, typed: str) -> str | None:
    """The second step; see `actions.pass_code`."""
    try:
        token = in_transaction(lambda: actions.pass_code(who, typed))
    except TooManyTries:
        log.warning("staff sign-in blocked", extra={"step": "code", "staff": str(who.staff_id)})
        raise
    if token is None:
        log.warning("staff sign-in refused", extra={"step": "code", "staff": str(who.staff_id)})
    else:
        log.info("staff signed in", extra={"staff": str(who.staff_id)})
    return token


def forget_old() -> None:
    in_transaction(actions.forget_old)

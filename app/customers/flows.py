"""Steps around the slow look at a password: short transactions, and none open while it is hashed."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

from app.core import db, passwords
from app.core.transaction import in_transaction
from app.customers import actions, gateway, queries
from app.customers.actions import Device, NewSession, Registration, identities, keys, profile, programs
from app.customers.errors import (
    IdentityTaken,
    LinkOver,
    SignInCancelled,
    SignInOver,
    SignInRefused,
    TooManyTries,
    WrongPassword,
)
from app.customers.models import Customer
from app.passkeys.actions import Given

log = logging.getLogger(__name__)

NOBODY = uuid.UUID(int=0)  # looked for where there is no account: the same statements for both


def register(email: str, password: str, *, name: str, wants_news: bool, locale: str, visitor: str) -> None:
    """The same work whoever it is, and one hash: the worker finds out whether the address has an account."""
    registration = Registration(name, passwords.hashed(password), wants_news)
    in_transaction(lambda: actions.ask("register", email, locale=locale, visitor=visitor, registration=registration))


def finish_registration(token: str, password: str | None, *, visitor: str | None, device: Device) -> NewSession:
    """Follow the link of a registration. In another browser than it was typed in, the password must be given again: else
    somebody could register another one's address and wait for them to confirm it.

    Raises LinkOver, WrongPassword, TooManyTries, Busy or EmailTaken.
    """
    wish = queries.open_request(token, kind="register")
    if wish is None:
        raise LinkOver()
    is_same_browser, password_hash, request_id = wish.visitor == visitor, wish.password_hash, wish.id
    db.release()
    if not is_same_browser:
        _demand_chosen(password_hash, password or "", request_id=request_id)
    session = in_transaction(lambda: actions.finish_registration(token, device=device))
    log.info("customer registered", extra={"customer": str(session.customer_id)})
    return session


def _demand_chosen(password_hash: str | None, password: str, *, request_id: uuid.UUID) -> None:
    """Counted by registration: what is tried is no account's password. Raises WrongPassword, TooManyTries, Busy."""
    passwords.demand_time()
    attempt_id = _claimed(f"registration {request_id}")
    if not passwords.is_right(password_hash, password):
        raise WrongPassword()
    in_transaction(lambda: actions.note_right(attempt_id))


class _HashIsNew(Exception):
    """The password's hash is not the one any more that was looked at: somebody signed in at the same moment and renewed it,
    or the password has changed."""


def sign_in(email: str, password: str, *, device: Device, is_kept: bool, is_program: bool = False) -> NewSession | None:
    """None when e-mail and password do not fit; one verification, be there an account or not. Raises TooManyTries, Busy."""
    passwords.demand_time()
    attempt_id = _claimed(email, address=device.address)
    start = partial(actions.start_session, device=device, is_kept=is_kept, is_program=is_program)
    try:
        session = _sign_in(email, password, attempt_id, start)
    except _HashIsNew:
        session = _sign_in(email, password, attempt_id, start, is_last=True)
    if session is None:
        log.warning("customer sign-in refused")
    else:
        log.info("customer signed in", extra={"customer": str(session.customer_id)})
    return session


def _sign_in(
    email: str,
    password: str,
    attempt_id: uuid.UUID,
    start: Callable[[Customer], NewSession],
    *,
    is_last: bool = False,
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
            actions.note_wrong(attempt_id, email, person)
            return None
        actions.note_right(attempt_id)
        person.password_hash = renewed or person.password_hash
        return start(person)

    return in_transaction(finish)


def renew(token: str) -> str | None:
    """A program's next token; see `programs.renew`."""
    following = in_transaction(lambda: programs.renew(token))
    if following is None:
        log.warning("customer session not renewed")
    return following


def sign_in_with_key(given: Given, *, device: Device, is_kept: bool) -> NewSession | None:
    """By passkey; see `keys.sign_in`. Raises TooManyTries."""
    try:
        session = in_transaction(lambda: keys.sign_in(given, device=device, is_kept=is_kept))
    except TooManyTries:
        log.warning("customer sign-in blocked", extra={"step": "passkey"})
        raise
    if session is None:
        log.warning("customer sign-in refused", extra={"step": "passkey"})
    else:
        log.info("customer signed in by passkey", extra={"customer": str(session.customer_id)})
    return session


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody back from a provider: signed in, or on their way to prove the account (`flow_id`), or `is_connected` with the
    account they are signed in to."""

    flow_id: uuid.UUID
    session: NewSession | None = None
    is_connected: bool = False


def leave_for(
    code: str, *, back: str, visitor: str, locale: str, next_path: str = "", customer_id: uuid.UUID | None = None
) -> str:
    """The provider's page to sign in; `back` is ours. Raises NotFound, ProviderSilent."""
    provider = gateway.provider(code)
    begun = in_transaction(
        lambda: identities.begin(code, visitor=visitor, next_path=next_path, customer_id=customer_id)
    )
    return provider.page_url(back=back, state=begun.state, nonce=begun.nonce, verifier=begun.verifier, locale=locale)


def come_back(
    provider: str,
    answer: Mapping[str, str],
    *,
    back: str,
    visitor: str | None,
    customer_id: uuid.UUID | None,
    device: Device,
    locale: str,
) -> Arrival:
    """What the browser brings from a provider: looked at once, in the browser that left for it.

    Raises NotFound, SignInOver, SignInCancelled, SignInRefused, ProviderSilent or IdentityTaken.
    """
    door = gateway.provider(provider)
    spent = in_transaction(lambda: identities.spend(answer.get("state", ""), provider=provider, visitor=visitor))
    if spent.customer_id != customer_id:
        raise SignInOver()
    if "error" in answer:
        raise SignInCancelled()
    try:
        somebody = door.identify(
            answer.get("code", ""),
            back=back,
            nonce=spent.nonce,
            verifier=spent.verifier,
            told_issuer=answer.get("iss"),
        )
    except SignInRefused as refusal:
        log.warning("sign-in by provider refused", extra={"provider": provider, "why": str(refusal)})
        raise
    if customer_id is not None:
        in_transaction(lambda: identities.connect(customer_id, asdict(somebody)))
        return Arrival(spent.id, is_connected=True)
    session = in_transaction(lambda: identities.enter(spent.id, asdict(somebody), device=device, locale=locale))
    if session is not None:
        log.info("customer signed in", extra={"customer": str(session.customer_id), "provider": provider})
    return Arrival(spent.id, session=session)


def prove_by_password(flow_id: uuid.UUID, password: str, *, visitor: str | None, device: Device) -> NewSession | None:
    """The account of the address that the provider vouches for, entered by its password and connected; None for a wrong one.

    Raises SignInOver, IdentityTaken or TooManyTries.
    """
    flow = queries.pending_flow(flow_id, visitor=visitor)
    if flow is None or flow.somebody is None or not flow.somebody["is_email_verified"]:
        raise SignInOver()
    email = flow.somebody["email"]
    db.release()
    session = sign_in(email, password, device=device, is_kept=False)
    if session is None:
        return None
    try:
        in_transaction(lambda: identities.connect_pending(flow_id, session.customer_id))
    except (SignInOver, IdentityTaken):
        in_transaction(lambda: actions.end_session(session.token))  # which nobody will be handed
        raise
    return session


def check_password(customer_id: uuid.UUID, password: str, *, session_id: uuid.UUID) -> None:
    """Ask somebody who is signed in for the password once more; counted like a sign-in, for the session may be stolen, but by
    session: strangers who try passwords at the address keep its owner from nothing here.

    Raises WrongPassword or TooManyTries.
    """
    account = f"session {session_id}"
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


def _claimed(account: str, *, address: str = "") -> uuid.UUID:
    try:
        return in_transaction(lambda: actions.claim_try(account, address=address))
    except TooManyTries:
        log.warning("customer sign-in blocked")
        raise

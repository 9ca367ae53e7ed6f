"""Verbs of customers, in the caller's transaction: ask for a link, follow it, start and end sessions."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update

from app.core import clock, crypto, db, outbox
from app.core.ids import new_id, new_token
from app.customers import queries, rules
from app.customers.actions import consents, watching
from app.customers.errors import EmailTaken, LinkOver, TooManyTries
from app.customers.events import CustomerRegistered, LinkWanted, PasswordChanged, SignInBlocked
from app.customers.models import (
    Customer,
    CustomerRequest,
    CustomerSession,
    CustomerSignIn,
)


@dataclass(frozen=True, slots=True)
class Device:
    """What signs in: for the list of sessions."""

    user_agent: str
    address: str  # on the network


@dataclass(frozen=True, slots=True)
class NewSession:
    """`token` is for the cookie and kept nowhere."""

    token: str
    customer_id: uuid.UUID
    visitor: str
    is_kept: bool
    locale: str
    currency: str | None
    next_path: str = ""
    ended: int = 0  # other sessions that ended along with it
    session_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    name: str
    password_hash: str
    wants_news: bool


def ask(
    kind: str,
    email: str,
    *,
    locale: str,
    visitor: str,
    registration: Registration | None = None,
    next_path: str = "",
    customer_id: uuid.UUID | None = None,
    flow_id: uuid.UUID | None = None,
) -> CustomerRequest:
    """Write down that this address wants a mail with a link. It asks nothing about accounts: the worker does."""
    token = secrets.token_urlsafe(32)
    wish = CustomerRequest(
        id=new_id(),
        kind=kind,
        email=email,
        email_index=crypto.blind_index(email),
        name=registration.name if registration else None,
        password_hash=registration.password_hash if registration else None,
        wants_news=registration.wants_news if registration else False,
        locale=locale,
        visitor=visitor,
        next_path=next_path,
        token=token,
        token_hash=queries.token_hash(token),
        customer_id=customer_id,
        flow_id=flow_id,
        expires_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, rules.LINK_MINUTES[kind]),
    )
    db.session.add(wish)
    db.session.flush()
    outbox.record(LinkWanted(wish.id))
    return wish


def ask_again(visitor: str, *, locale: str) -> None:
    """The mail of this browser's registration once more, with a new link. Nothing happens when there is none."""
    known = queries.last_registration(visitor)
    if known is None or known.name is None or known.password_hash is None:
        return
    again = Registration(known.name, known.password_hash, known.wants_news)
    ask("register", known.email, locale=locale, visitor=visitor, registration=again)


def claim_letter(request_id: uuid.UUID) -> CustomerRequest | None:
    """The wish whose mail is to be sent now; None when there is nothing to send any more, or enough good links lie in that
    mailbox: nobody can flood it, and nobody can keep its owner from having a link that works.

    `note_letter` says that there is a mail. Under the lock of the address until the transaction ends.
    """
    wish = queries.request(request_id)
    if wish is None or wish.token is None or wish.used_at is not None:
        return None
    queries.lock_tries(wish.email)
    is_first = wish.mailed_at is None  # else it is being tried again
    return None if is_first and _are_enough_there(wish) else wish


def _are_enough_there(wish: CustomerRequest) -> bool:
    there, for_them = queries.good_letters(wish.email, kind=wish.kind, visitor=wish.visitor)
    most = rules.GOOD_CONNECT_LETTERS if wish.kind == "connect" else rules.GOOD_LETTERS
    return there >= most or for_them >= rules.GOOD_LETTERS


def note_letter(wish: CustomerRequest) -> None:
    wish.mailed_at = func.clock_timestamp()


def forget_token(request_id: uuid.UUID) -> None:
    """Its mail has left: from now on only the mail knows the link."""
    db.session.execute(update(CustomerRequest).where(CustomerRequest.id == request_id).values(token=None))


def spend(token: str, *, kind: str) -> CustomerRequest:
    """Follow the link of a mail, once: the UPDATE itself decides, twenty at once are one. Raises LinkOver."""
    spent = (
        update(CustomerRequest)
        .where(CustomerRequest.token_hash == queries.token_hash(token), CustomerRequest.kind == kind)
        .where(CustomerRequest.used_at.is_(None), CustomerRequest.expires_at > func.clock_timestamp())
        .values(used_at=func.clock_timestamp(), token=None)
        .returning(CustomerRequest)
    )
    found = db.session.scalars(spent, execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        raise LinkOver()
    return found


def finish_registration(token: str, *, device: Device) -> NewSession:
    """Make the account and sign in. Raises LinkOver, or EmailTaken for an address that has an account meanwhile."""
    wish = spend(token, kind="register")
    queries.lock_tries(wish.email)  # two links of one address, followed at once: one account
    if queries.lock_customer_by_email(wish.email):
        raise EmailTaken()
    person = Customer(
        id=new_id(),
        email=wish.email,
        email_index=crypto.blind_index(wish.email),
        name=wish.name,
        password_hash=wish.password_hash,
        visitor=new_token(),
        locale=wish.locale,
    )
    db.session.add(person)
    db.session.flush()
    if wish.wants_news:
        consents.say(person.id, "email", "marketing", True, way="registration")
    outbox.record(CustomerRegistered(person.id))
    note(wish.email, "register", was_right=True)
    return start_session(person, device=device, is_kept=False, is_expected=True)


def sign_in_by_link(token: str, *, device: Device) -> NewSession:
    """Raises LinkOver, also when the account is gone."""
    wish, person = _spend_own(token, kind="sign_in")
    note(wish.email, "link", was_right=True)
    return start_session(person, device=device, is_kept=False, next_path=wish.next_path)


def reset_password(token: str, password_hash: str, *, device: Device) -> NewSession:
    """A new password by the link of a mail; every session ends, and a new one begins. Raises LinkOver."""
    wish, person = _spend_own(token, kind="reset")
    ended = set_password(person, password_hash)
    note(wish.email, "reset", was_right=True)
    return start_session(person, device=device, is_kept=False, ended=ended, is_expected=True)


def _spend_own(token: str, *, kind: str) -> tuple[CustomerRequest, Customer]:
    """The account is locked before the link, as by everybody who ends links along with something else."""
    wish = queries.open_request(token, kind=kind)
    person = queries.lock_customer_by_email(wish.email) if wish else None
    if person is None or not person.is_active:
        raise LinkOver()
    return spend(token, kind=kind), person


def set_password(person: Customer, password_hash: str, *, except_session: uuid.UUID | None = None) -> int:
    """Every session but that one ends, and the owner is told. Returns how many ended."""
    person.password_hash = password_hash
    person.updated_at = func.clock_timestamp()
    _forget_links(person)
    outbox.record(PasswordChanged(person.id, new_id()))
    return end_sessions(person.id, but=except_session)


def _forget_links(person: Customer) -> None:
    """Links that lie in a mailbox still: whoever asked for them, or took them out of it, may be why the password is new."""
    theirs = CustomerRequest.email_index.in_(crypto.blind_indexes(person.email)) & CustomerRequest.kind.in_(
        ("sign_in", "reset", "connect")
    )
    db.session.execute(
        update(CustomerRequest)
        .where(theirs | (CustomerRequest.customer_id == person.id), CustomerRequest.used_at.is_(None))
        .values(used_at=func.clock_timestamp(), token=None)
        .execution_options(synchronize_session=False)
    )


def claim_try(account: str, *, way: str = "password", address: str = "") -> uuid.UUID:
    """Count a try as wrong before anybody looks whether it is right, so that tries at the same moment count too. With the address
    on the network that it came from, it counts there too (`watching.look_at_wrong_try`).

    Raises TooManyTries.
    """
    queries.lock_tries(account)
    wrong, minutes = queries.wrong_tries(account, way=way)
    if wrong >= rules.TRIES:
        raise TooManyTries(minutes=minutes)
    return note(account, way, was_right=False, address=rules.household(address))


def note(account: str, way: str, *, was_right: bool, address: str = "") -> uuid.UUID:
    attempt = CustomerSignIn(
        id=new_id(),
        email_index=crypto.blind_index(account),
        way=way,
        was_right=was_right,
        address=address or None,
        address_index=crypto.blind_index(address) if address else None,
    )
    db.session.add(attempt)
    db.session.flush()
    return attempt.id


def note_right(attempt_id: uuid.UUID) -> None:
    db.session.execute(update(CustomerSignIn).where(CustomerSignIn.id == attempt_id).values(was_right=True))


def note_wrong(attempt_id: uuid.UUID, account: str, person: Customer | None) -> None:
    """The owner of an account that waits now hears of it, once a day however often it is tried. `person` is locked."""
    watching.look_at_wrong_try(attempt_id)
    wrong, _minutes = queries.wrong_tries(account)
    if wrong >= rules.TRIES and person is not None and _is_news(person.blocked_told_at):
        person.blocked_told_at = clock.now()
        outbox.record(SignInBlocked(person.id, attempt_id))


def _is_news(told_at: datetime | None) -> bool:
    return told_at is None or told_at < clock.now() - timedelta(days=1)


def start_session(
    person: Customer,
    *,
    device: Device,
    is_kept: bool,
    next_path: str = "",
    ended: int = 0,
    is_program: bool = False,
    is_expected: bool = False,
) -> NewSession:
    """Of a locked customer. Unless it `is_expected`, because another mail has told of it, one from a new place is told."""
    token, session_id = secrets.token_urlsafe(32), new_id()
    hours = rules.KEPT_DAYS * 24 if is_kept else rules.LONGEST_HOURS
    session = CustomerSession(
        id=session_id,
        customer_id=person.id,
        token_hash=queries.token_hash(token),
        is_kept=is_kept,
        is_program=is_program,
        user_agent=device.user_agent[:300],
        address=device.address[:60],
        expires_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, hours),
    )
    db.session.add(session)
    db.session.flush()
    if not is_expected:
        watching.look_at_sign_in(session)
    _end_surplus(person.id)
    return NewSession(
        token, person.id, person.visitor, is_kept, person.locale, person.currency, next_path, ended, session_id
    )


def _end_surplus(customer_id: uuid.UUID) -> None:
    living = (
        select(CustomerSession.id)
        .where(CustomerSession.customer_id == customer_id, CustomerSession.ended_at.is_(None))
        .where(CustomerSession.expires_at > func.clock_timestamp())
        .order_by(CustomerSession.last_seen_at.desc(), CustomerSession.id.desc())
        .offset(rules.MAX_SESSIONS)
    )
    _end(CustomerSession.id.in_(living))


def note_seen(session_id: uuid.UUID) -> None:
    seen = update(CustomerSession).where(CustomerSession.id == session_id).values(last_seen_at=func.clock_timestamp())
    db.session.execute(seen)


def end_session(token: str) -> None:
    """From now on this token opens nothing, whoever kept a copy of the cookie."""
    _end(CustomerSession.token_hash == queries.token_hash(token))


def end_sessions(customer_id: uuid.UUID, *, but: uuid.UUID | None = None) -> int:
    """Sign out everywhere else, where whoever signs in again is news. Returns how many sessions ended."""
    which = CustomerSession.customer_id == customer_id
    others = which if but is None else which & (CustomerSession.id != but)
    _distrust(others)
    return _end(others)


def end_session_of(customer_id: uuid.UUID, session_id: uuid.UUID, *, is_trusted: bool = False) -> bool:
    """False when it is not theirs, or over already. Unless it `is_trusted`, it was ended from elsewhere: a sign-in from there is
    news."""
    which = (CustomerSession.customer_id == customer_id) & (CustomerSession.id == session_id)
    if not is_trusted:
        _distrust(which)
    return _end(which) == 1


def _distrust(which: ColumnElement[bool]) -> None:
    gone = update(CustomerSession).where(which).values(is_trusted=False)
    db.session.execute(gone.execution_options(synchronize_session=False))


def _end(which: object) -> int:
    ended = (
        update(CustomerSession)
        .where(which, CustomerSession.ended_at.is_(None))  # type: ignore[arg-type]
        .values(ended_at=func.clock_timestamp())
        .returning(CustomerSession.id)
    )
    return len(list(db.session.scalars(ended.execution_options(synchronize_session=False))))

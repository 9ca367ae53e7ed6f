from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, and_, bindparam, func, or_, select, text
from sqlalchemy.sql.elements import ColumnElement

from app.core import crypto, db, tokens
from app.customers.events import EmailChanged
from app.customers.models import (
    Consent,
    Customer,
    CustomerAddress,
    CustomerFormerEmail,
    CustomerIdentity,
    CustomerOidcFlow,
    CustomerRequest,
    CustomerSession,
    CustomerSpentToken,
    NotificationPreference,
    Wish,
)
from app.customers.queries import newsletter
from app.customers.rules import GOOD_MINUTES, IDLE_MINUTES, LOCKED, NEWS, TRIES_MINUTES

token_hash = tokens.hashed


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody with a living session. `visitor` is whose cart they have."""

    session_id: uuid.UUID
    customer_id: uuid.UUID
    visitor: str
    name: str
    email: str
    phone: str | None
    is_kept: bool
    is_stale: bool  # last seen long enough ago to note it again
    closes_at: datetime | None  # when the account will be deleted, as its owner wished

    @property
    def first_name(self) -> str:
        return self.name.split(" ")[0][:40]


def signed_in(token: str) -> SignedIn | None:
    """Whose session this cookie's token opens; None once it has ended, run out or rested too long."""
    row = db.session.execute(_BY_COOKIE, {"of": token_hash(token)}).one_or_none()
    return SignedIn(*row) if row else None


def signed_in_program(claims: tokens.Claims) -> SignedIn | None:
    """The same for what an access token says."""
    row = db.session.execute(_BY_CLAIMS, {"session": claims.session_id, "owner": claims.owner_id}).one_or_none()
    return SignedIn(*row) if row else None


# Built once: every page of somebody who is signed in asks it.
_NOW = func.clock_timestamp()
_ALIVE = and_(
    CustomerSession.ended_at.is_(None),
    CustomerSession.expires_at > _NOW,
    or_(
        CustomerSession.is_kept,
        CustomerSession.last_seen_at > _NOW - func.make_interval(0, 0, 0, 0, 0, IDLE_MINUTES),
    ),
)
_SIGNED_IN = (
    select(
        CustomerSession.id,
        Customer.id,
        Customer.visitor,
        Customer.name,
        Customer.email,
        Customer.phone,
        CustomerSession.is_kept,
        CustomerSession.last_seen_at < _NOW - text("interval '1 minute'"),
        Customer.closes_at,
    )
    .join(Customer, Customer.id == CustomerSession.customer_id)
    .where(Customer.is_active, _ALIVE)
)
_BY_COOKIE = _SIGNED_IN.where(
    CustomerSession.token_hash == bindparam("of", type_=LargeBinary), CustomerSession.is_program.is_(False)
)
_BY_CLAIMS = _SIGNED_IN.where(
    CustomerSession.id == bindparam("session"), Customer.id == bindparam("owner"), CustomerSession.is_program
)


def program_session(token: str) -> tuple[uuid.UUID, uuid.UUID, datetime] | None:
    """(id, customer, end) of the session that this token renews, or once did."""
    spent = select(CustomerSpentToken.session_id).where(CustomerSpentToken.token_hash == token_hash(token))
    statement = select(CustomerSession.id, CustomerSession.customer_id, CustomerSession.expires_at).where(
        CustomerSession.is_program,
        or_(CustomerSession.token_hash == token_hash(token), CustomerSession.id == spent.scalar_subquery()),
    )
    row = db.session.execute(statement).one_or_none()
    return (row[0], row[1], row[2]) if row else None


def lock_live_session(session_id: uuid.UUID) -> CustomerSession | None:
    statement = select(CustomerSession).where(CustomerSession.id == session_id, _ALIVE)
    return db.session.scalars(statement.with_for_update(), execution_options={"populate_existing": True}).one_or_none()


def sessions(customer_id: uuid.UUID) -> list[CustomerSession]:
    """The living ones, the one seen last first; there are at most MAX_SESSIONS."""
    idle = CustomerSession.last_seen_at > _NOW - func.make_interval(0, 0, 0, 0, 0, IDLE_MINUTES)
    statement = (
        select(CustomerSession)
        .where(CustomerSession.customer_id == customer_id, CustomerSession.ended_at.is_(None))
        .where(CustomerSession.expires_at > _NOW, or_(CustomerSession.is_kept, idle))
        .order_by(CustomerSession.last_seen_at.desc(), CustomerSession.id)
    )
    return list(db.session.scalars(statement))


def credentials(email: str) -> tuple[uuid.UUID | None, str | None]:
    """(customer id, password hash) of somebody who may sign in; (None, None) for everybody else."""
    statement = select(Customer.id, Customer.password_hash).where(
        Customer.email_index.in_(crypto.blind_indexes(email)), Customer.is_active
    )
    row = db.session.execute(statement).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def password_hash_of(customer_id: uuid.UUID) -> str | None:
    return db.session.scalar(select(Customer.password_hash).where(Customer.id == customer_id, Customer.is_active))


def customer(customer_id: uuid.UUID) -> Customer | None:
    return db.session.get(Customer, customer_id)


def customer_by_email(email: str) -> Customer | None:
    statement = select(Customer).where(Customer.email_index.in_(crypto.blind_indexes(email)), Customer.is_active)
    return db.session.scalars(statement).one_or_none()


def former_email(change_id: uuid.UUID) -> CustomerFormerEmail | None:
    return db.session.get(CustomerFormerEmail, change_id)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, and what of all that stands under it is somebody's: what came from `since` on and before `until` (None: without
    bound), and `farewell`, the topic of the mail that told it of the change; but no farewell of `others` who had it."""

    email: str
    since: datetime | None = None
    until: datetime | None = None
    farewell: str = ""
    others: tuple[str, ...] = ()


def mailbox(email: str, *, of: uuid.UUID | None = None) -> Mailbox:
    """An address of whoever proves it now, with an account (`of`) or without: from the last moment on when another account gave
    it up."""
    return _had(email, _given_up([email], but=of))


def mailboxes(person: Customer) -> list[Mailbox]:
    """The proven address of an account, which is the last, and those it had: one for each time, if others had it meanwhile."""
    statement = select(CustomerFormerEmail).where(CustomerFormerEmail.customer_id == person.id)
    former = list(db.session.scalars(statement.order_by(CustomerFormerEmail.until, CustomerFormerEmail.id)))
    others = _given_up([*(each.email for each in former), person.email], but=person.id)
    found: dict[tuple[bytes, datetime | None], Mailbox] = {}
    for each in [*(_had(row.email, others, row) for row in former), _had(person.email, others)]:
        key = (crypto.blind_index(each.email), each.since)
        found.pop(key, None)  # what was had again with nobody between
        found[key] = each
    return list(found.values())


def _given_up(emails: Sequence[str], *, but: uuid.UUID | None) -> list[CustomerFormerEmail]:
    """Which other accounts had one of these addresses."""
    indexes = [index for email in emails for index in crypto.blind_indexes(email)]
    statement = select(CustomerFormerEmail).where(CustomerFormerEmail.email_index.in_(indexes))
    if but is not None:
        statement = statement.where(CustomerFormerEmail.customer_id != but)
    return list(db.session.scalars(statement))


def _had(email: str, others: Sequence[CustomerFormerEmail], row: CustomerFormerEmail | None = None) -> Mailbox:
    """`row` is how the account gave it up, if it did."""
    until = row.until if row else None
    before = [each for each in others if each.email_index in crypto.blind_indexes(email)]
    return Mailbox(
        email,
        since=max((each.until for each in before if until is None or each.until < until), default=None),
        until=until,
        farewell=_farewell(row) if row else "",
        others=tuple(_farewell(each) for each in before),
    )


def _farewell(row: CustomerFormerEmail) -> str:
    return f"{EmailChanged.name}:{row.id}"


def verified_by(email: str) -> Any:
    """The id of the customer whose proven e-mail this is, as a part of another statement."""
    theirs = Customer.email_index.in_(crypto.blind_indexes(email))
    return select(Customer.id).where(theirs, Customer.is_active).scalar_subquery()


def lock_customer(customer_id: uuid.UUID) -> Customer | None:
    return _locked(select(Customer).where(Customer.id == customer_id, Customer.is_active))


def lock_customer_by_email(email: str) -> Customer | None:
    return _locked(select(Customer).where(Customer.email_index.in_(crypto.blind_indexes(email))))


def _locked(statement: Any) -> Any:
    return db.session.scalars(statement.with_for_update(), execution_options={"populate_existing": True}).one_or_none()


def lock_flow(which: ColumnElement[bool]) -> CustomerOidcFlow | None:
    """A sign-in at a provider that is not over yet."""
    found: CustomerOidcFlow | None = _locked(
        select(CustomerOidcFlow).where(which, CustomerOidcFlow.expires_at > func.clock_timestamp())
    )
    return found


def pending_flow(flow_id: uuid.UUID, *, visitor: str | None) -> CustomerOidcFlow | None:
    """What a provider said of somebody at this browser who has to prove yet which account is theirs; a stranger's is none."""
    statement = select(CustomerOidcFlow).where(
        CustomerOidcFlow.id == flow_id,
        CustomerOidcFlow.visitor == visitor,
        CustomerOidcFlow.somebody.is_not(None),
        CustomerOidcFlow.expires_at > func.clock_timestamp(),
    )
    return db.session.scalars(statement).one_or_none() if visitor else None


def flow_of(flow_id: uuid.UUID) -> CustomerOidcFlow | None:
    return db.session.get(CustomerOidcFlow, flow_id)


def identity(identity: str) -> CustomerIdentity | None:
    return db.session.scalars(
        select(CustomerIdentity).where(CustomerIdentity.identity_index.in_(crypto.blind_indexes(identity)))
    ).one_or_none()


def identities(customer_id: uuid.UUID) -> list[CustomerIdentity]:
    """By which providers somebody may enter; at most one identity of each."""
    statement = select(CustomerIdentity).where(CustomerIdentity.customer_id == customer_id)
    return list(db.session.scalars(statement.order_by(CustomerIdentity.provider)))


def lock_tries(account: str) -> None:
    """Let tries at one address come one after the other, also where there is no account. Until the transaction ends."""
    db.lock_words([f"customer sign-in {index.hex()}" for index in crypto.blind_indexes(account)])


def wrong_tries(account: str, *, way: str = "password") -> tuple[int, int]:
    """(how many in the last quarter of an hour, minutes until the oldest of them no longer counts)."""
    row = db.rows(
        "SELECT count(*), ceil(extract(epoch FROM min(created_at) + make_interval(mins => :minutes) - clock_timestamp()) / 60)"
        " FROM customer_sign_in WHERE email_index = ANY(:account) AND way = :way AND NOT was_right"
        " AND created_at > clock_timestamp() - make_interval(mins => :minutes)",
        account=crypto.blind_indexes(account),
        way=way,
        minutes=TRIES_MINUTES,
    )[0]
    return row[0], max(int(row[1] or 0), 1)


def request(request_id: uuid.UUID) -> CustomerRequest | None:
    return db.session.get(CustomerRequest, request_id)


def open_request(token: str, *, kind: str) -> CustomerRequest | None:
    """The wish that this link of a mail belongs to; None when it was followed, is too old, or never was."""
    statement = select(CustomerRequest).where(
        CustomerRequest.token_hash == token_hash(token),
        CustomerRequest.kind == kind,
        CustomerRequest.used_at.is_(None),
        CustomerRequest.expires_at > func.clock_timestamp(),
    )
    return db.session.scalars(statement).one_or_none()


def good_letters(email: str, *, kind: str, visitor: str) -> tuple[int, int]:
    """How many mails of this kind were sent to the address within the hour whose link still works, for minutes to come; and how
    many of them this visitor asked for."""
    row = db.rows(
        "SELECT count(*), count(*) FILTER (WHERE visitor = :visitor) FROM customer_request WHERE email_index = ANY(:email)"
        " AND kind = :kind AND mailed_at IS NOT NULL AND used_at IS NULL AND expires_at > clock_timestamp() + make_interval(mins => :left)"
        " AND created_at > clock_timestamp() - interval '1 hour'",
        email=crypto.blind_indexes(email),
        kind=kind,
        visitor=visitor,
        left=GOOD_MINUTES,
    )[0]
    return row[0], row[1]


def last_registration(visitor: str) -> CustomerRequest | None:
    """What this browser asked for and has not followed yet; for the mail to be sent again."""
    statement = (
        select(CustomerRequest)
        .where(CustomerRequest.visitor == visitor, CustomerRequest.kind == "register")
        .where(CustomerRequest.used_at.is_(None), CustomerRequest.expires_at > func.clock_timestamp())
        .order_by(CustomerRequest.created_at.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def addresses(customer_id: uuid.UUID) -> list[CustomerAddress]:
    """The usual one to send to first, then as they were added; at most MAX_ADDRESSES."""
    statement = (
        select(CustomerAddress)
        .where(CustomerAddress.customer_id == customer_id)
        .order_by(CustomerAddress.is_default_shipping.desc(), CustomerAddress.created_at, CustomerAddress.id)
    )
    return list(db.session.scalars(statement))


def address(customer_id: uuid.UUID, address_id: uuid.UUID) -> CustomerAddress | None:
    """Their own one; another customer's is none."""
    statement = select(CustomerAddress).where(
        CustomerAddress.id == address_id, CustomerAddress.customer_id == customer_id
    )
    return db.session.scalars(statement).one_or_none()


def wishes(visitor: str) -> list[uuid.UUID]:
    """Product ids, the newest wish first."""
    statement = select(Wish.product_id).where(Wish.visitor == visitor).order_by(Wish.created_at.desc(), Wish.id)
    return list(db.session.scalars(statement))


def preferences(customer_id: uuid.UUID) -> dict[tuple[str, str], bool]:
    """(channel, type) -> whether to write, for what was ever said. News go by the address (docs/adr/0027)."""
    statement = select(NotificationPreference).where(NotificationPreference.customer_id == customer_id)
    said = {(each.channel, each.type): each.enabled for each in db.session.scalars(statement)}
    person = customer(customer_id)
    return said | {NEWS: newsletter.is_subscribed(person.email)} if person else said


def wants(customer_id: uuid.UUID, *, channel: str, kind: str) -> bool:
    """Whether this customer is to be told (NOT-34)."""
    return (channel, kind) in LOCKED or preferences(customer_id).get((channel, kind), False)


def consents_of(customer_id: uuid.UUID | None, email: str, *, limit: int = 100) -> list[Consent]:
    """What somebody with an account, or only an address, allowed and took back; the latest first."""
    theirs = newsletter.is_consent_of(email)
    whose = theirs | (Consent.customer_id == customer_id) if customer_id else theirs
    statement = select(Consent).where(whose).order_by(Consent.created_at.desc(), Consent.id.desc())
    return list(db.session.scalars(statement.limit(limit)))

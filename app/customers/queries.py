from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, bindparam, func, or_, select, text

from app.core import crypto, db
from app.customers.models import (
    Consent,
    Customer,
    CustomerAddress,
    CustomerRequest,
    CustomerSession,
    NotificationPreference,
    Wish,
)
from app.customers.rules import GOOD_MINUTES, IDLE_MINUTES, OPT_IN, TRIES_MINUTES, TYPES, unsubscribe_subject

HEX_ID = re.compile(r"[0-9a-f]{32}")


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


def token_hash(token: str) -> bytes:
    """What tables keep of a token. It has 256 random bits: a plain hash cannot be turned around."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def signed_in(token: str) -> SignedIn | None:
    """Whose session this cookie's token opens; None once it has ended, run out or rested too long."""
    row = db.session.execute(_SIGNED_IN, {"of": token_hash(token)}).one_or_none()
    return SignedIn(*row) if row else None


# Built once: every page of somebody who is signed in asks it.
_NOW = func.clock_timestamp()
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
    .where(CustomerSession.token_hash == bindparam("of", type_=LargeBinary), CustomerSession.ended_at.is_(None))
    .where(Customer.is_active, CustomerSession.expires_at > _NOW)
    .where(
        or_(
            CustomerSession.is_kept,
            CustomerSession.last_seen_at > _NOW - func.make_interval(0, 0, 0, 0, 0, IDLE_MINUTES),
        )
    )
)


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
        Customer.email_index == crypto.blind_index(email), Customer.is_active
    )
    row = db.session.execute(statement).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def password_hash_of(customer_id: uuid.UUID) -> str | None:
    return db.session.scalar(select(Customer.password_hash).where(Customer.id == customer_id, Customer.is_active))


def customer(customer_id: uuid.UUID) -> Customer | None:
    return db.session.get(Customer, customer_id)


def customer_by_email(email: str) -> Customer | None:
    statement = select(Customer).where(Customer.email_index == crypto.blind_index(email), Customer.is_active)
    return db.session.scalars(statement).one_or_none()


def verified_by(email_index: bytes) -> Any:
    """The id of the customer whose proven e-mail this is, as a part of another statement."""
    return select(Customer.id).where(Customer.email_index == email_index, Customer.is_active).scalar_subquery()


def lock_customer(customer_id: uuid.UUID) -> Customer | None:
    return _locked(select(Customer).where(Customer.id == customer_id, Customer.is_active))


def lock_customer_by_email(email: str) -> Customer | None:
    return _locked(select(Customer).where(Customer.email_index == crypto.blind_index(email)))


def _locked(statement: Any) -> Customer | None:
    found: Customer | None = db.session.scalars(
        statement.with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    return found


def lock_tries(email_index: bytes) -> None:
    """Let tries at one address come one after the other, also where there is no account. Until the transaction ends."""
    db.scalar("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))", key=f"customer sign-in {email_index.hex()}")


def wrong_tries(email_index: bytes) -> tuple[int, int]:
    """(how many in the last quarter of an hour, minutes until the oldest of them no longer counts)."""
    row = db.rows(
        "SELECT count(*), ceil(extract(epoch FROM min(created_at) + make_interval(mins => :minutes) - clock_timestamp()) / 60)"
        " FROM customer_sign_in WHERE email_index = :account AND way = 'password' AND NOT was_right"
        " AND created_at > clock_timestamp() - make_interval(mins => :minutes)",
        account=email_index,
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


def good_letters(email_index: bytes, *, kind: str) -> int:
    """How many mails of this kind were sent to the address within the hour whose link still works, for minutes to come."""
    found = db.scalar(
        "SELECT count(*) FROM customer_request WHERE email_index = :email AND kind = :kind AND mailed_at IS NOT NULL"
        " AND used_at IS NULL AND expires_at > clock_timestamp() + make_interval(mins => :left)"
        " AND created_at > clock_timestamp() - interval '1 hour'",
        email=email_index,
        kind=kind,
        left=GOOD_MINUTES,
    )
    return int(found)


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
    """(channel, type) -> whether to write, for what was ever said."""
    statement = select(NotificationPreference).where(NotificationPreference.customer_id == customer_id)
    return {(each.channel, each.type): each.enabled for each in db.session.scalars(statement)}


def wants(customer_id: uuid.UUID, *, channel: str, kind: str) -> bool:
    """Whether this customer is to be told (NOT-34)."""
    said = preferences(customer_id).get((channel, kind))
    return (channel, kind) not in OPT_IN if said is None else said


def unsubscribe_token(customer_id: uuid.UUID, kind: str) -> str:
    """Ends this kind of mails, without signing in and for ever: it stands in mails that may be years old."""
    return f"{customer_id.hex}-{kind}-{_signature(customer_id, kind)}"


def unsubscribed_by(token: str) -> tuple[uuid.UUID, str] | None:
    """(customer id, type) of a link that we signed; None for every other."""
    parts = token.split("-")
    if len(parts) != 3 or parts[1] not in TYPES or not HEX_ID.fullmatch(parts[0]):
        return None
    customer_id = uuid.UUID(parts[0])
    is_ours = hmac.compare_digest(parts[2].encode(), _signature(customer_id, parts[1]).encode())
    return (customer_id, parts[1]) if is_ours else None


def _signature(customer_id: uuid.UUID, kind: str) -> str:
    return crypto.blind_index(unsubscribe_subject(customer_id, kind)).hex()[:40]


def tries_of(email_index: bytes) -> list[Any]:
    """(way, was_right, created_at) of what was tried at this account within the month that is kept."""
    return db.rows(
        "SELECT way, was_right, created_at FROM customer_sign_in WHERE email_index = :email ORDER BY created_at",
        email=email_index,
    )


def consents_of(customer_id: uuid.UUID, *, limit: int = 100) -> list[Consent]:
    """What they allowed and took back, the latest first."""
    statement = select(Consent).where(Consent.customer_id == customer_id)
    return list(db.session.scalars(statement.order_by(Consent.created_at.desc(), Consent.id.desc()).limit(limit)))

"""Requests about personal data, and who can be forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select

from app.core import crypto, db
from app.customers import queries as customers
from app.customers.queries import Mailbox
from app.orders import queries as orders
from app.privacy.models import DataRequest
from app.recurring import queries as recurring


class Waiting(NamedTuple):
    """What is still under way, so that somebody cannot be forgotten yet."""

    orders: bool
    subscriptions: bool


_WAITING = f"({orders.UNDER_WAY}), ({recurring.UNDER_WAY})"
_GUEST_ORDERS = orders.under_way(f"o.customer_id IS NULL AND o.email_index = ANY(:email) AND {orders.SINCE}")
_GUEST_WAITING = f"({_GUEST_ORDERS}), ({recurring.under_way(recurring.OF_GUEST)})"


def waits_for(customer_id: uuid.UUID, *, delivery_days: int) -> Waiting:
    """`delivery_days`: `Retention.delivery_days`."""
    found = db.rows(
        f"SELECT {_WAITING} FROM customer c WHERE c.id = :id",  # noqa: S608 - our own words  # nosec B608
        id=customer_id,
        delivery_days=delivery_days,
    )
    return Waiting(*found[0]) if found else Waiting(orders=False, subscriptions=False)


def guest_waits_for(mailbox: Mailbox, *, delivery_days: int) -> Waiting:
    theirs = of_mailbox(mailbox)
    return Waiting(*db.rows(f"SELECT {_GUEST_WAITING}", **theirs, delivery_days=delivery_days)[0])


def came_to(index: str, moment: str) -> str:
    """SQL: whether a row with this fingerprint and of this moment is of a mailbox, by the values of `of_mailbox`."""
    return (
        f"{index} = ANY(:email) AND (CAST(:since AS timestamptz) IS NULL OR {moment} >= :since)"
        f" AND (CAST(:until AS timestamptz) IS NULL OR {moment} < :until)"
    )


VALUE_SENT_TO = came_to("a.email_index", "a.created_at")
MAILED_TO = (
    f"({came_to('m.recipient_index', 'm.created_at')} AND m.topic <> ALL(CAST(:others AS text[]))"
    " OR m.recipient_index = ANY(:email) AND m.topic = :farewell)"
)


def of_mailbox(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "email": crypto.blind_indexes(mailbox.email),
        "since": mailbox.since,
        "until": mailbox.until,
        "farewell": mailbox.farewell,
        "others": list(mailbox.others),
    }


def orders_under_way(order_ids: Sequence[uuid.UUID], *, delivery_days: int) -> bool:
    under_way = orders.under_way("o.id = ANY(:ids)")
    return bool(db.scalar(f"SELECT {under_way}", ids=list(order_ids), delivery_days=delivery_days))


def without_invoice(order_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those of these orders that were paid and whose invoice is late."""
    found = db.rows(
        "SELECT id FROM orders o WHERE id = ANY(:ids) AND confirmed_at IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM document d WHERE d.order_id = o.id) ORDER BY id",
        ids=list(order_ids),
    )
    return [row.id for row in found]


def browsers_of(mailbox: Mailbox) -> list[str]:
    """The visitors that ordered without an account under this address."""
    found = db.rows(
        "SELECT DISTINCT visitor FROM orders o WHERE email_index = ANY(:email) AND customer_id IS NULL AND visitor <> 'erased'"  # noqa: S608  # nosec B608
        f" AND {orders.SINCE}",
        **of_mailbox(mailbox),
    )
    return [row.visitor for row in found]


class Known(NamedTuple):
    """What there is of an e-mail address."""

    customer_id: uuid.UUID | None
    closes_at: datetime | None
    guest_orders: int


def known_of(email: str) -> Known:
    person = customers.customer_by_email(email)
    guest_orders = db.scalar(
        f"SELECT count(*) FROM orders o WHERE email_index = ANY(:email) AND customer_id IS NULL AND {orders.SINCE}",  # noqa: S608  # nosec B608
        **of_mailbox(customers.mailbox(email)),
    )
    return Known(person.id if person else None, person.closes_at if person else None, int(guest_orders))


def known_of_asker(row: DataRequest) -> Known | None:
    """Of whose request it is: of its account, whose address somebody else may have by now, else of its address."""
    if row.email is None:
        return None
    person = customers.customer(row.customer_id) if row.customer_id else None
    return known_of(person.email if person else row.email)


def lock_address(email: str) -> None:
    """Let requests of one address come one after the other. Until the transaction ends."""
    db.lock_words([f"data request {index.hex()}" for index in crypto.blind_indexes(email)])


def open_of(kind: str, mailbox: Mailbox) -> DataRequest | None:
    wanted = (DataRequest.kind == kind) & (DataRequest.state == "open")
    return db.session.scalars(select(DataRequest).where(wanted, whose_requests(mailbox))).one_or_none()


def lock_open_deletion(mailbox: Mailbox, customer_id: uuid.UUID) -> DataRequest | None:
    wanted = (DataRequest.kind == "deletion") & (DataRequest.state == "open")
    statement = select(DataRequest).where(wanted, whose_requests(mailbox, customer_id)).order_by(DataRequest.id)
    return _locked(statement.limit(1))


def whose_requests(mailbox: Mailbox, customer_id: uuid.UUID | None = None) -> ColumnElement[bool]:
    """Of an address, while it was theirs, and of the account that may have had another one then."""
    theirs: ColumnElement[bool] = DataRequest.email_index.in_(crypto.blind_indexes(mailbox.email))
    if mailbox.since is not None:
        theirs &= DataRequest.created_at >= mailbox.since
    if mailbox.until is not None:
        theirs &= DataRequest.created_at < mailbox.until
    return theirs | (DataRequest.customer_id == customer_id) if customer_id else theirs


def lock_request(request_id: uuid.UUID) -> DataRequest | None:
    return _locked(select(DataRequest).where(DataRequest.id == request_id))


def _locked(statement: Any) -> DataRequest | None:
    found: DataRequest | None = db.session.scalars(
        statement.with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    return found


def request(request_id: uuid.UUID) -> DataRequest | None:
    return db.session.get(DataRequest, request_id)


def requests_open(*, limit: int = 200) -> list[DataRequest]:
    """The most urgent first."""
    statement = select(DataRequest).where(DataRequest.state == "open").order_by(DataRequest.due_at, DataRequest.id)
    return list(db.session.scalars(statement.limit(limit)))


def requests_closed(*, before: tuple[datetime, uuid.UUID] | None = None, limit: int) -> list[DataRequest]:
    """The one answered last first; `before` is (closed_at, id) of the last row of the page before."""
    statement = select(DataRequest).where(DataRequest.state != "open")
    if before is not None:
        place = func.row(DataRequest.closed_at, DataRequest.id)
        statement = statement.where(place < func.row(*before))
    return list(
        db.session.scalars(statement.order_by(DataRequest.closed_at.desc(), DataRequest.id.desc()).limit(limit))
    )


def requests_of(mailbox: Mailbox, customer_id: uuid.UUID | None = None, *, limit: int = 20) -> list[DataRequest]:
    """What somebody asked about their data, the latest first."""
    statement = select(DataRequest).where(whose_requests(mailbox, customer_id))
    return list(
        db.session.scalars(statement.order_by(DataRequest.created_at.desc(), DataRequest.id.desc()).limit(limit))
    )


def waiting_count() -> tuple[int, int]:
    """(requests to be answered, those of them that should have been already)."""
    row = db.rows("SELECT count(*), count(*) FILTER (WHERE due_at < now()) FROM data_request WHERE state = 'open'")[0]
    return row[0], row[1]


class Due(NamedTuple):
    """How many open requests should have been answered already, and how many others have to be soon."""

    overdue: int
    soon: int


def requests_due(*, days: int) -> Due:
    """`soon` is within so many days."""
    found = db.rows(
        "SELECT count(*) FILTER (WHERE due_at < now()), count(*) FILTER (WHERE due_at >= now()) FROM data_request"
        " WHERE state = 'open' AND due_at < now() + make_interval(days => :days)",
        days=days,
    )
    return Due(*found[0])


def due(*, delivery_days: int, limit: int = 50) -> list[uuid.UUID]:
    """Customers whose time of grace is over and who can be forgotten now, the first first."""
    found = db.rows(
        "SELECT c.id FROM customer c WHERE c.closes_at <= now() AND c.is_active"  # noqa: S608 - our own words  # nosec B608
        f" AND NOT ({orders.UNDER_WAY} OR {recurring.UNDER_WAY}) ORDER BY c.closes_at LIMIT :limit",
        limit=limit,
        delivery_days=delivery_days,
    )
    return [row.id for row in found]

"""Verbs of requests about personal data: open, answer, and what an account does by itself. In the caller's transaction."""

from __future__ import annotations

import uuid
from datetime import date
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import case, func, update

from app.audit import actions as audit
from app.core import clock, crypto, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id, new_reference
from app.customers import queries as customers
from app.customers.actions import closing
from app.customers.models import Customer
from app.customers.queries import Mailbox
from app.privacy import queries
from app.privacy.errors import AlreadyAnswered
from app.privacy.events import RequestsDue
from app.privacy.models import DataRequest

CUSTOMER = "customer"


def open_request(
    kind: str, email: str, *, customer_id: uuid.UUID | None, proof: str, note: str, by: str, days: int
) -> DataRequest:
    """To be answered within so many days. The one that is open already, when there is one of this kind for the address: the same
    click sent twice is one request. One of an account that gave the address up is that one's."""
    queries.lock_address(email)
    known = queries.open_of(kind, customers.mailbox(email, of=customer_id))
    if known is not None:
        return known
    row = DataRequest(
        id=new_id(),
        reference=new_reference(),
        kind=kind,
        state="open",
        customer_id=customer_id,
        email=email,
        email_index=crypto.blind_index(email),
        proof=proof,
        note=note,
        answer="",
        opened_by=by,
        due_at=func.clock_timestamp() + func.make_interval(0, 0, 0, days),
    )
    db.session.add(row)
    db.session.flush()
    if by != CUSTOMER:
        audit.record(
            "privacy.request_opened", actor=by, object_kind="data_request", object_id=row.id, kind=kind, proof=proof
        )
    return row


def note_copy_taken(customer_id: uuid.UUID, email: str) -> None:
    """They took it themselves: asked for and answered at once."""
    db.session.add(
        DataRequest(
            id=new_id(),
            reference=new_reference(),
            kind="access",
            state="done",
            customer_id=customer_id,
            email=email,
            email_index=crypto.blind_index(email),
            proof="account",
            note="",
            answer="",
            opened_by=CUSTOMER,
            closed_by=CUSTOMER,
            due_at=func.clock_timestamp(),
            closed_at=func.clock_timestamp(),
        )
    )


def note_copy_by_staff(request_id: uuid.UUID, *, by: str) -> None:
    audit.record("privacy.copy_taken", actor=by, object_kind="data_request", object_id=request_id)


def tell_due(day: date, *, days: int) -> None:
    """Announce, at most once for a day, that requests are to be answered within so many days or should have been already."""
    if any(queries.requests_due(days=days)):
        event = RequestsDue(day.isoformat(), days)
        outbox.record_once(event, event_id=uuid5(NAMESPACE_OID, f"{event.name} {event.day}"))


def answer(request_id: uuid.UUID, *, state: str, words: str, by: str) -> None:
    """`done` or `refused`, with what was done or why not. Raises NotFound or AlreadyAnswered."""
    row = queries.lock_request(request_id)
    if row is None:
        raise NotFound()
    if row.state != "open":
        raise AlreadyAnswered()
    _close(row, state, by=by)
    row.answer = words
    audit.record(
        "privacy.request_answered",
        actor=by,
        object_kind="data_request",
        object_id=row.id,
        before={"state": "open"},
        after={"state": state},
        kind=row.kind,
    )


def _close(row: DataRequest, state: str, *, by: str) -> None:
    row.move_to(state)
    row.closed_at, row.closed_by = clock.now(), by


def close_account(
    customer_id: uuid.UUID, *, session_id: uuid.UUID | None, grace_days: int, answer_days: int, by: str = CUSTOMER
) -> None:
    """Delete it after the time of grace, as its owner wishes: in the account, or in a letter that staff answer. Raises
    NotFound."""
    person = closing.close(customer_id, session_id=session_id, days=grace_days)
    row = open_request(
        "deletion", person.email, customer_id=person.id, proof="account", note="", by=by, days=answer_days
    )
    if by != CUSTOMER:
        audit.record("privacy.account_closed", actor=by, object_kind="data_request", object_id=row.id)


def keep_account(customer_id: uuid.UUID) -> None:
    """They have changed their mind."""
    person = closing.keep(customer_id)
    if person is not None:
        _withdraw(person)


def _withdraw(person: Customer) -> None:
    row = queries.lock_open_deletion(customers.mailbox(person.email, of=person.id), person.id)
    if row is not None:
        _close(row, "withdrawn", by=CUSTOMER)


def finish_deletion(mailbox: Mailbox, customer_id: uuid.UUID | None = None, *, by: str = "system") -> None:
    """The person is forgotten: so are their requests, also those of an address they had before, but for the fact that they were
    answered."""
    mine = update(DataRequest).where(queries.whose_requests(mailbox, customer_id))
    state = case((DataRequest.kind == "deletion", "done"), else_="withdrawn")
    done = {"state": state, "closed_at": func.clock_timestamp(), "closed_by": by}
    unsynchronised = {"synchronize_session": False}
    db.session.execute(mine.where(DataRequest.state == "open").values(**done).execution_options(**unsynchronised))
    blank = {"email": None, "email_index": None, "note": "", "answer": "", "customer_id": None}
    db.session.execute(mine.values(**blank).execution_options(**unsynchronised))

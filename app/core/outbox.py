"""The outbox: everything asynchronous is a row written in the transaction that caused it, delivered afterwards.

`record` inserts the event and one delivery per subscribed handler; after the commit RQ is woken with the ids. A lost
wake, a dead worker or a flushed Redis costs time, never a delivery: `sweep` finds what is due.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core import db
from app.core.db import Base, CreatedAt, Key
from app.core.errors import NotFound
from app.core.events import Event
from app.core.ids import new_id
from app.core.masks import mask
from app.core.transaction import note_wake, transaction

log = logging.getLogger(__name__)

LEASE = "2 minutes"
BACK_OFF_SECONDS = (5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # then dead: about a day of tries
MAX_ATTEMPTS = len(BACK_OFF_SECONDS) + 1
STATES = ("pending", "done", "dead")


class OutboxEvent(Base):
    __tablename__ = "outbox_event"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]


class OutboxDelivery(Base):
    __tablename__ = "outbox_delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "handler"),
        CheckConstraint("state IN ('pending', 'done', 'dead')", name="state"),
        Index("ix_outbox_delivery_due", "due_at", postgresql_where=text("state = 'pending'")),
        Index("ix_outbox_delivery_dead", "created_at", postgresql_where=text("state = 'dead'")),
    )

    id: Mapped[Key]
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outbox_event.id", ondelete="CASCADE"))
    handler: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    leased_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Handler:
    """A reaction. `network` ones are called with no transaction open and at least once, so they need an idempotency key.

    With `after_seconds` it comes that much later: what happens meanwhile may make it needless.
    """

    call: Callable[[Any], object]
    network: bool = False
    after_seconds: int = 0

    @property
    def name(self) -> str:
        module = self.call.__module__.removeprefix("app.").removesuffix(".handlers")
        return f"{module}.{self.call.__name__}"


def network(call: Callable[[Any], object], *, after_seconds: int = 0) -> Handler:
    """Mark a handler that talks to the outside: it takes a lease instead of a row lock."""
    return Handler(call, network=True, after_seconds=after_seconds)


_subscriptions: dict[str, list[Handler]] = {}
_events: dict[str, type[Event]] = {}
_handlers: dict[str, Handler] = {}


def configure(table: Mapping[type[Event], Sequence[Callable[[Any], object] | Handler]]) -> None:
    """Take the table of `app/subscriptions.py`. Called once by the factory."""
    for registry in (_subscriptions, _events, _handlers):
        registry.clear()
    for event, reactions in table.items():
        handlers = [h if isinstance(h, Handler) else Handler(h) for h in reactions]
        _events[event.name] = event
        _subscriptions[event.name] = handlers
        _handlers.update({h.name: h for h in handlers})


def record(event: Event, *, event_id: uuid.UUID | None = None) -> None:
    """Announce a fact in the current transaction. Subscribers hear of it after the commit, or never.

    With an `event_id` of its own it can be asked for with `has_not_begun`.
    """
    _record([(event_id or new_id(), event)])


def record_all(events: Sequence[Event]) -> None:
    """`record` for many events, with all their deliveries in one statement."""
    if events:
        _record([(new_id(), event) for event in events])


def record_once(event: Event, *, event_id: uuid.UUID) -> None:
    """`record`, unless it was: `event_id` is made of what must be told once. Whoever else says it at this moment waits for us."""
    db.lock_words([f"event {event_id}"])
    if not db.scalar("SELECT EXISTS (SELECT FROM outbox_event WHERE id = :id)", id=event_id):
        _record([(event_id, event)])


def has_not_begun(event: type[Event], event_ids: Sequence[uuid.UUID]) -> bool:
    """Whether a delivery of one of these events is due and nobody is at it. None that is found so begins before the current
    transaction ends, so whatever this transaction writes, that delivery will see."""
    return bool(event_ids) and bool(db.scalar(_NOT_BEGUN, name=event.name, ids=list(event_ids)))


# As plain SQL: every order comes through here several times, and the ORM would take ten times as long to write it.
_RECORD = """
WITH told AS (
    INSERT INTO outbox_event (id, name, payload)
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:payloads AS jsonb[]))
)
INSERT INTO outbox_delivery (id, event_id, handler, due_at)
SELECT t.id, t.event_id, t.handler, clock_timestamp() + make_interval(secs => t.wait) FROM unnest(
    CAST(:tasks AS uuid[]), CAST(:of AS uuid[]), CAST(:handlers AS text[]), CAST(:waits AS integer[])
) AS t (id, event_id, handler, wait)
"""


def _record(told: Sequence[tuple[uuid.UUID, Event]]) -> None:
    tasks = [(new_id(), id_, handler) for id_, event in told for handler in _subscriptions.get(event.name, ())]
    db.rows(
        _RECORD,
        ids=[id_ for id_, _ in told],
        names=[event.name for _, event in told],
        payloads=[json.dumps(event.payload()) for _, event in told],
        tasks=[task[0] for task in tasks],
        of=[task[1] for task in tasks],
        handlers=[task[2].name for task in tasks],
        waits=[task[2].after_seconds for task in tasks],
    )
    for task_id, _, handler in tasks:
        if not handler.after_seconds:  # the sweep finds the others when they are due
            note_wake(task_id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waits: who is to hear of what."""

    id: uuid.UUID
    handler: str
    event: str
    payload: dict[str, Any]

    @property
    def lane(self) -> str | None:
        """None for plain handlers; the domain of those that talk to the outside, whose slow partner holds back nobody else."""
        handler = _handlers.get(self.handler)
        return self.handler.partition(".")[0] if handler and handler.network else None


def waiting(ids: Sequence[uuid.UUID]) -> list[Waiting]:
    """Those of `ids` that still wait, in their order."""
    found = db.rows(
        "SELECT d.id, d.handler, e.name, e.payload FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id"
        " WHERE d.id = ANY(:ids) AND d.state = 'pending'",
        ids=list(ids),
    )
    db.release()
    by_id = {row[0]: Waiting(*row) for row in found}
    return [by_id[each] for each in ids if each in by_id]


def deliver(task: Waiting) -> bool:
    """Run one delivery if it is due. True when it was done now; a failure is noted with its next try, never raised."""
    try:
        if task.handler not in _handlers or task.event not in _events:
            raise LookupError(f"nobody handles {task.handler} for {task.event} any more")
        handler, event = _handlers[task.handler], _events[task.event].load(task.payload)
        return (_deliver_leased if handler.network else _deliver_inside)(task.id, handler, event)
    except Exception as error:  # a handler may fail in any way: it must not take the worker or other deliveries along
        _note_failure(task.id, error)
        return False
    finally:
        db.forget()


def due(limit: int = 500) -> list[uuid.UUID]:
    """Ids of the deliveries that wait for a worker, the longest waiting first."""
    statement = (
        select(OutboxDelivery.id)
        .where(OutboxDelivery.state == "pending", OutboxDelivery.due_at <= func.clock_timestamp())
        .where(func.coalesce(OutboxDelivery.leased_until, OutboxDelivery.due_at) <= func.clock_timestamp())
        .order_by(OutboxDelivery.due_at)
        .limit(limit)
    )
    ids = list(db.session.scalars(statement))
    db.release()
    return ids


def drain(*, rounds: int = 50) -> int:
    """Run due deliveries inline until none is due. Returns how many were done."""
    done = 0
    for _ in range(rounds):
        tasks = waiting(due())
        if not tasks:
            break
        done += sum(deliver(each) for each in tasks)
    return done


def retry(delivery_id: uuid.UUID) -> bool:
    """Give a dead delivery another chance, by hand. False when it is not dead. Raises NotFound."""
    row = lock_delivery(delivery_id)
    if row is None:
        raise NotFound()
    if row.state != "dead":
        return False
    row.state, row.attempts, row.due_at = "pending", 0, db.scalar("SELECT clock_timestamp()")
    note_wake(row.id)
    return True


def handler_of(delivery_id: uuid.UUID) -> str | None:
    """Who is to react; None when there is no such delivery."""
    return db.session.scalar(select(OutboxDelivery.handler).where(OutboxDelivery.id == delivery_id))


def lock_delivery(delivery_id: uuid.UUID) -> OutboxDelivery | None:
    statement = select(OutboxDelivery).where(OutboxDelivery.id == delivery_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def _deliver_inside(delivery_id: uuid.UUID, handler: Handler, event: Event) -> bool:
    """Lock, call, mark done in one transaction: the database effects happen exactly once."""
    with transaction():
        if not db.scalar(_LOCK_DUE, id=delivery_id):
            return False
        handler.call(event)
        db.rows(_FINISH, id=delivery_id)
    return True


def _deliver_leased(delivery_id: uuid.UUID, handler: Handler, event: Event) -> bool:
    """Take a lease, commit, call with no transaction open, then record the result: at least once.

    Neither commit waits for the disk: what a power cut takes back is a call more, which these handlers bear.
    """
    with transaction(relaxed=True):
        is_leased = db.scalar(_LEASE, id=delivery_id, lease=LEASE)
    if not is_leased:
        return False
    handler.call(event)
    with transaction(relaxed=True):
        db.rows(_FINISH, id=delivery_id)
    return True


_LOCK_DUE = (
    "SELECT true FROM outbox_delivery WHERE id = :id AND state = 'pending' AND due_at <= clock_timestamp()"
    " FOR UPDATE SKIP LOCKED"
)
_LEASE = (
    "UPDATE outbox_delivery SET leased_until = clock_timestamp() + CAST(:lease AS interval)"
    " WHERE id = :id AND state = 'pending' AND due_at <= clock_timestamp()"
    " AND coalesce(leased_until, due_at) <= clock_timestamp() RETURNING true"
)
_NOT_BEGUN = (
    "SELECT true FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id WHERE e.id = ANY(:ids) AND e.name = :name"
    " AND d.state = 'pending' AND d.attempts = 0 AND d.leased_until IS NULL LIMIT 1 FOR SHARE OF d SKIP LOCKED"
)
_FINISH = (
    "UPDATE outbox_delivery SET state = 'done', finished_at = clock_timestamp(), leased_until = NULL,"
    " attempts = attempts + 1 WHERE id = :id AND state = 'pending'"
)


def _note_failure(delivery_id: uuid.UUID, error: Exception) -> None:
    log.warning("delivery failed", extra={"delivery": str(delivery_id), "error": type(error).__name__}, exc_info=True)
    db.forget()
    try:
        with transaction():
            row = lock_delivery(delivery_id)
            if row is None or row.state != "pending":
                return
            row.attempts += 1
            row.leased_until = None
            row.last_error = mask(f"{type(error).__name__}: {error}")[:1000]
            if row.attempts >= MAX_ATTEMPTS:
                row.state = "dead"
            else:
                row.due_at = db.scalar(
                    "SELECT clock_timestamp() + make_interval(secs => :s)", s=BACK_OFF_SECONDS[row.attempts - 1]
                )
    except Exception:  # the database is away: the lease or the sweep brings the delivery back
        log.exception("could not note a failed delivery")


def dead_page(*, limit: int = 50) -> list[Any]:
    """Deliveries that were given up, the latest first, with their event."""
    return db.rows(
        "SELECT d.id, d.handler, d.attempts, d.last_error, d.created_at, e.name, e.payload FROM outbox_delivery d"
        " JOIN outbox_event e ON e.id = d.event_id WHERE d.state = 'dead' ORDER BY d.created_at DESC, d.id LIMIT :limit",
        limit=limit,
    )


def count_dead() -> int:
    """Deliveries that were given up and wait for a person."""
    return int(db.scalar("SELECT count(*) FROM outbox_delivery WHERE state = 'dead'"))

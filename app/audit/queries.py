"""Reads of the audit: pages of it with filters, and the walk along the chain."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.sql.elements import ColumnElement

from app.audit.models import AuditEntry, AuditSeal
from app.core import crypto, db

A_WALK = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; what is empty does not matter."""

    actor: str = ""
    area: str = ""
    object_id: str = ""
    address: str = ""
    api_key: str = ""
    since: datetime | None = None
    until: datetime | None = None


def page(wanted: Wanted, *, before: tuple[datetime, uuid.UUID] | None = None, limit: int) -> Sequence[AuditEntry]:
    """Newest first, by key."""
    statement = select(AuditEntry).where(*_conditions(wanted))
    if before is not None:
        statement = statement.where(tuple_(AuditEntry.created_at, AuditEntry.id) < before)
    statement = statement.order_by(AuditEntry.created_at.desc(), AuditEntry.id.desc()).limit(limit)
    return db.session.scalars(statement).all()


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.actor:
        found.append(AuditEntry.actor == wanted.actor)
    if wanted.area:
        found.append(func.split_part(AuditEntry.action, text("'.'"), text("1")) == wanted.area)
    if wanted.object_id:
        found.append(AuditEntry.object_id == wanted.object_id)
    if wanted.address:
        found.append(AuditEntry.address_index.in_(crypto.blind_indexes(wanted.address)))
    if wanted.api_key:
        found.append(AuditEntry.facts["api_key"].astext == wanted.api_key)
    if wanted.since:
        found.append(AuditEntry.created_at >= wanted.since)
    if wanted.until:
        found.append(AuditEntry.created_at < wanted.until)
    return found


def areas() -> list[str]:
    """The first words of all actions, found by skipping along the index."""
    skip = (
        "WITH RECURSIVE area AS ("
        " (SELECT split_part(action, '.', 1) AS name FROM audit_entry ORDER BY 1 LIMIT 1)"
        " UNION ALL SELECT (SELECT split_part(action, '.', 1) FROM audit_entry"
        " WHERE split_part(action, '.', 1) > area.name ORDER BY 1 LIMIT 1) FROM area WHERE area.name IS NOT NULL"
        ") SELECT name FROM area WHERE name IS NOT NULL"
    )
    return [row[0] for row in db.rows(skip)]


def lock_chain() -> bool:
    """Until the end of the transaction; False when somebody else is sealing."""
    return bool(db.scalar("SELECT pg_try_advisory_xact_lock(hashtextextended('audit chain', 0))"))


def head() -> AuditSeal | None:
    return db.session.scalars(select(AuditSeal).order_by(AuditSeal.position.desc()).limit(1)).one_or_none()


def unsealed(*, after: AuditSeal | None) -> Iterator[AuditEntry]:
    """Entries with a fingerprint and without a seal, oldest first. Transactions that ended late are at most an hour late."""
    where: list[ColumnElement[bool]] = [AuditEntry.mac.is_not(None)]
    if after is not None:
        last = select(AuditEntry.created_at).where(AuditEntry.id == after.entry_id).scalar_subquery()
        where.append(AuditEntry.created_at > last - text("interval '1 hour'"))
    return _without_seal(*where)


def from_before() -> Iterator[AuditEntry]:
    """Entries from before there were fingerprints, oldest first."""
    return _without_seal(AuditEntry.mac.is_(None))


def all_unsealed() -> Iterator[AuditEntry]:
    """Every entry that no seal names, of whatever age."""
    return _without_seal()


def _without_seal(*where: ColumnElement[bool]) -> Iterator[AuditEntry]:
    """Page by page, by key: whatever is left unsealed on one page hides nothing on the next."""
    statement = select(AuditEntry).outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
    statement = statement.where(AuditSeal.position.is_(None), *where)
    statement = statement.order_by(AuditEntry.created_at, AuditEntry.id).limit(A_WALK)
    rows = db.session.scalars(statement).all()
    while rows:
        yield from rows
        last = tuple_(AuditEntry.created_at, AuditEntry.id) > (rows[-1].created_at, rows[-1].id)
        rows = db.session.scalars(statement.where(last)).all()


def chain() -> Iterator[tuple[AuditSeal, AuditEntry | None]]:
    """Seals in their order, each with its entry if that is still there."""
    position = 0
    while True:
        statement = (
            select(AuditSeal, AuditEntry)
            .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
            .where(AuditSeal.position > position)
            .order_by(AuditSeal.position)
            .limit(A_WALK)
        )
        rows: list[Any] = list(db.session.execute(statement))
        yield from ((row[0], row[1]) for row in rows)
        if len(rows) < A_WALK:
            return
        position = rows[-1][0].position
        db.session.expunge_all()

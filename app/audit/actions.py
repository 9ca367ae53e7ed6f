"""Verbs of the audit, in the caller's transaction: note an act, and seal what was noted into the chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from itertools import islice
from typing import Any

from app.audit import queries, rules
from app.audit.models import AuditEntry, AuditSeal
from app.core import clock, crypto, db, origin
from app.core.ids import new_id

MOST_AT_ONCE = 500

_noted: ContextVar[bool] = ContextVar("audit_noted", default=False)


def record(
    action: str,
    *,
    actor: str,
    object_kind: str,
    object_id: object,
    before: Any = None,
    after: Any = None,
    **facts: Any,
) -> None:
    """Note an act in the current transaction. `facts`, and the mappings `before` and `after`, hold plain values, never
    personal data or secrets. From where it was done is known already (`core.origin`), and whether with an API key."""
    where = origin.current()
    if where.api_key:
        facts["api_key"] = where.api_key
    entry = AuditEntry(
        id=new_id(),
        action=action,
        actor=actor,
        object_kind=object_kind,
        object_id=str(object_id),
        facts=_plain(facts),
        before=_plain(before),
        after=_plain(after),
        address=where.address,
        address_index=crypto.blind_index(where.address) if where.address else None,
        request_id=where.request_id,
        created_at=clock.now(),
    )
    entry.mac = crypto.seal(entry.content())
    db.session.add(entry)
    _noted.set(True)


def _plain(values: Mapping[str, Any] | None) -> Any:
    """As the table will give it back, so that the fingerprint still fits."""
    return None if values is None else json.loads(json.dumps(values))


def expect() -> None:
    """From now on `was_noted` tells whether anything was noted in this context."""
    _noted.set(False)


def was_noted() -> bool:
    return _noted.get()


def seal_next() -> int:
    """Seal what was noted since the last pass, at most MOST_AT_ONCE entries; returns how many. One pass at a time: another
    finds nothing to do. Entries without our fingerprint are left for `verify` to tell of, but those from before there were
    any: they begin the chain, all in one transaction, for later nobody could tell them from forged ones."""
    if not queries.lock_chain():
        return 0
    head = queries.head()
    if head is None and (opened := _seal(None, queries.from_before())):
        return opened
    ours = (entry for entry in queries.unsealed(after=head) if is_ours(entry))
    return _seal(head, islice(ours, MOST_AT_ONCE))


def _seal(head: AuditSeal | None, entries: Iterable[AuditEntry]) -> int:
    position, previous = (head.position, head.hash) if head else (0, b"")
    sealed = 0
    for sealed, entry in enumerate(entries, 1):
        previous = crypto.seal(rules.link(position + sealed, previous, entry.content()))
        db.session.add(AuditSeal(position=position + sealed, entry_id=entry.id, hash=previous))
    return sealed


def is_ours(entry: AuditEntry, *, is_opening: bool = False) -> bool:
    """Whether the shop wrote this. Entries from before there were fingerprints are believed when the chain begins."""
    if entry.mac is None:
        return is_opening
    return crypto.is_seal(entry.mac, entry.content())

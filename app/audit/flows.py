"""The chain of the audit: sealing by schedule, aside from the transactions that note something, and verifying it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from app.audit import actions, queries, rules
from app.core import crypto, db
from app.core.transaction import in_transaction

log = logging.getLogger(__name__)


def seal() -> int:
    """Seal all that was noted. The log keeps the head: somewhere outside of the database has to know how long the chain was."""
    total = 0
    while sealed := in_transaction(actions.seal_next):
        total += sealed
    if total:
        log.info("audit sealed", extra={"entries": total, "head": head()})
    return total


def head() -> str:
    """`<position>:<hash>` of the last seal; empty while there is none."""
    last = queries.head()
    return f"{last.position}:{last.hash.hex()}" if last else ""


@dataclass(slots=True)
class Found:
    """What a walk along the chain found. `changed`, `removed` and `inserted` name positions and entries."""

    sealed: int = 0
    pending: int = 0
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    inserted: list[str] = field(default_factory=list)
    head: str = ""

    @property
    def is_whole(self) -> bool:
        return not (self.changed or self.removed or self.inserted)


def verify(*, known_head: str = "") -> Found:
    """Walk the whole chain. `known_head` is a head that was noted outside earlier: it must still be part of the chain, or its
    end was cut off."""
    found = Found()
    position, previous, known = 0, b"", not known_head
    for each, entry in queries.chain():
        found.removed += [str(gone) for gone in range(position + 1, each.position)]
        if entry is None:
            found.removed.append(str(each.position))
        elif position + 1 == each.position:
            _compare(found, each, entry, previous)
        elif not _is_ours_alone(entry, each.position):  # what stood before it is gone
            found.changed.append(str(each.position))
        position, previous = each.position, each.hash
        found.sealed += 1
        found.head = f"{position}:{previous.hex()}"
        known = known or found.head == known_head
    if not known:
        found.removed.append(known_head.partition(":")[0])
    for entry in queries.all_unsealed():
        if actions.is_ours(entry, is_opening=not found.sealed):
            found.pending += 1
        else:
            found.inserted.append(str(entry.id))
    db.release()
    return found


def _compare(found: Found, seal: queries.AuditSeal, entry: queries.AuditEntry, previous: bytes) -> None:
    link = rules.link(seal.position, previous, entry.content())
    if not (crypto.is_seal(seal.hash, link, position=seal.position) and _is_address_ours(entry)):
        found.changed.append(str(seal.position))


def _is_ours_alone(entry: queries.AuditEntry, position: int) -> bool:
    is_ours = entry.mac is None or crypto.is_seal(entry.mac, entry.content(), position=position)
    return is_ours and _is_address_ours(entry)


def _is_address_ours(entry: queries.AuditEntry) -> bool:
    """Forgotten, or the one that was noted: one that cannot be read is neither."""
    return entry.address is None or entry.address_index in crypto.blind_indexes(entry.address)

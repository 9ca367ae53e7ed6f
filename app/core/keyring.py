"""Rotating the keys of personal data, beside live traffic: every value is encrypted anew with the first key of the settings.

What no key can be changed of outlives its secret: the audit's seals, and fingerprints of what nobody knows any more (the codes
of gift cards, for instance). So of a key that leaves, the index key and the seal key are kept, encrypted by the one that stays.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.core import crypto, db
from app.core.crypto import EncryptedJSON, EncryptedText, KeptKey
from app.core.db import Base, CreatedAt
from app.core.transaction import in_transaction

BATCH = 200
PASSES = 5  # what others have locked is left for the next


class KeptKeyRow(Base):
    """`derived` is {"index", "seal"} in hex, and {"seals_until"}: the position of the audit's chain up to which its seals count."""

    __tablename__ = "kept_key"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    derived: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    created_at: Mapped[CreatedAt]


def load() -> Sequence[KeptKey]:
    """The keys that outlived their secrets, the newest first."""
    found = db.rows("SELECT id, derived FROM kept_key ORDER BY created_at DESC, id")
    return [_kept(row.id, json.loads(crypto.decrypt(row.derived))) for row in found]


def _kept(key_id: str, derived: dict[str, Any]) -> KeptKey:
    return KeptKey(key_id, bytes.fromhex(derived["index"]), bytes.fromhex(derived["seal"]), derived["seals_until"])


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A table with encrypted columns; `indexes` are the blind indexes that are computed from one of them, `copies` of such an
    index the columns elsewhere that follow it."""

    table: Table
    columns: tuple[str, ...]
    indexes: dict[str, str]  # encrypted column -> its index
    copies: dict[str, tuple[tuple[str, str], ...]]  # index -> (table, column)

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.primary_key)


def tables() -> list[Encrypted]:
    """All of them, from what the models say: a new column is rotated without being listed anywhere."""
    found = []
    for table in Base.metadata.sorted_tables:
        columns = tuple(each.name for each in table.columns if isinstance(each.type, (EncryptedText, EncryptedJSON)))
        if columns:
            indexes = {name: f"{name}_index" for name in columns if _is_computed(table.columns.get(f"{name}_index"))}
            copies = {index: _copies_of(f"{table.name}.{index}") for index in indexes.values()}
            found.append(Encrypted(table, columns, indexes, copies))
    return found


def _is_computed(column: Column[Any] | None) -> bool:
    return column is not None and isinstance(column.type, LargeBinary) and crypto.INDEX not in column.info


def _copies_of(index: str) -> tuple[tuple[str, str], ...]:
    every = (column for table in Base.metadata.sorted_tables for column in table.columns)
    return tuple((each.table.name, each.name) for each in every if each.info.get(crypto.INDEX) == index)


def status() -> dict[str, Counter[str]]:
    """How many values each key has encrypted: `table.column` -> key id -> count."""
    found = {}
    for each in tables():
        for column in each.columns:
            key = (
                f"coalesce(substring({column} FROM '^(1|[0-9a-f]{{8}})[.]'), '?')"  # never the start of something else
            )
            sql = f"SELECT {key}, count(*) FROM {each.table.name} WHERE {column} <> '' GROUP BY 1"  # noqa: S608  # nosec B608
            found[f"{each.table.name}.{column}"] = Counter({row[0]: row[1] for row in _patiently(sql)})
    return found


def place_of(key_id: str) -> str:
    """Where the settings have a key, in the operator's words."""
    if key_id == crypto.current().id:
        return "FIELD_KEY"
    if key_id == crypto.FIRST_ID:
        return "from before keys had names"
    return (
        "FIELD_KEY_FALLBACKS" if key_id in {key.id for key in crypto.fallbacks()} else "no key that the settings know"
    )


def by_key(counts: dict[str, Counter[str]]) -> Counter[str]:
    return sum(counts.values(), Counter())


def _patiently(sql: str) -> list[Any]:
    def work() -> list[Any]:
        db.rows("SET LOCAL statement_timeout = 0")
        return db.rows(sql)

    return in_transaction(work)


def rotate(*, tell: Callable[[str], None] = lambda _: None) -> int:
    """Encrypt and index everything by the first key, a batch a transaction: killed at any moment, it is begun again and goes
    on. Returns how many rows it wrote. What no key of ours opens is left as it is; `status` shows it."""
    total = 0
    for _ in range(PASSES):
        written = sum(_rewrite(each, tell) for each in tables())
        total += written
        if not written:
            break
    return total


def _rewrite(each: Encrypted, tell: Callable[[str], None]) -> int:
    last: tuple[Any, ...] = ()
    total = 0
    while page := in_transaction(partial(_rewrite_page, each, last)):
        last, written = page
        total += written
        tell(f"{each.table.name}: {total}")
    return total


def _rewrite_page(each: Encrypted, last: tuple[Any, ...]) -> tuple[tuple[Any, ...], int] | None:
    """(key of the last row, how many were written) of the next rows by key; None at the end."""
    db.rows("SET LOCAL statement_timeout = 0")
    rows = _lock_stale(each, last)
    if not rows:
        return None
    written = sum(_rewrite_row(each, row._asdict()) for row in rows)
    return tuple(getattr(rows[-1], name) for name in each.key), written


def _lock_stale(each: Encrypted, last: tuple[Any, ...]) -> list[Any]:
    """The next rows that another key wrote, by key. Those that somebody is changing now are left for the next pass."""
    names = ", ".join(dict.fromkeys((*each.key, *each.columns, *each.indexes.values())))
    stale = " OR ".join(f"{name} NOT LIKE :current AND {name} <> ''" for name in each.columns)
    after = f" AND ({', '.join(each.key)}) > ({', '.join(f':after_{n}' for n in range(len(last)))})" if last else ""
    return db.rows(
        f"SELECT {names} FROM {each.table.name} WHERE ({stale}){after}"  # noqa: S608 - names of our models  # nosec B608
        f" ORDER BY {', '.join(each.key)} LIMIT {BATCH} FOR NO KEY UPDATE SKIP LOCKED",
        current=f"{crypto.current().id}.%",
        **{f"after_{n}": value for n, value in enumerate(last)},
    )


def _rewrite_row(each: Encrypted, row: dict[str, Any]) -> bool:
    changed: dict[str, Any] = {}
    for column in each.columns:
        stored = row[column]
        if not stored or stored.startswith(f"{crypto.current().id}."):
            continue
        try:
            plain = crypto.decrypt(stored)
        except (InvalidTag, ValueError):
            continue
        changed[column] = crypto.encrypt(plain)
        index = each.indexes.get(column)
        if index and row[index] in crypto.blind_indexes(plain)[1:]:  # else it was made to find nobody
            changed[index] = crypto.blind_index(plain)
    if changed:
        _write(each, row, changed)
    return bool(changed)


def _write(each: Encrypted, row: dict[str, Any], changed: dict[str, Any]) -> None:
    indexes = {name: value for name, value in changed.items() if name in each.copies}
    _update(each, row, {name: value for name, value in changed.items() if name not in indexes})
    if not indexes:
        return
    try:
        with db.session.begin_nested():
            _update(each, row, indexes)
            for index, value in indexes.items():
                _update_copies(each.copies[index], old=row[index], new=value)
    except IntegrityError:  # a newer row says the same already: this one is found by the key that is kept
        pass


def _update(each: Encrypted, row: dict[str, Any], values: dict[str, Any]) -> None:
    sets = ", ".join(f"{name} = :{name}" for name in values)
    where = " AND ".join(f"{name} = :key_{name}" for name in each.key)
    keys = {f"key_{name}": row[name] for name in each.key}
    db.rows(f"UPDATE {each.table.name} SET {sets} WHERE {where}", **values, **keys)  # noqa: S608 - names of our models  # nosec B608


def _update_copies(copies: tuple[tuple[str, str], ...], *, old: bytes, new: bytes) -> None:
    for table, column in copies:
        db.rows(f"UPDATE {table} SET {column} = :new WHERE {column} = :old", old=old, new=new)  # noqa: S608  # nosec B608


def keep(*, seals_until: int) -> list[str]:
    """Keep what has to outlive the keys that only read. Returns their ids: nothing needs their secrets any more.

    `seals_until` is the position of the audit's last seal.
    """
    for key in crypto.fallbacks():
        derived = {"index": key.index.hex(), "seal": key.seal.hex(), "seals_until": seals_until}
        kept = insert(KeptKeyRow).values(id=key.id, derived=derived)
        again = kept.on_conflict_do_update(index_elements=["id"], set_={"derived": kept.excluded.derived})
        db.session.execute(again)
    return [key.id for key in crypto.fallbacks()]

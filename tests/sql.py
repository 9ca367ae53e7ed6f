"""What this process sends to the database, seen at the driver: texts of the shop and statements of SQLAlchemy alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest


@contextmanager
def watched() -> Iterator[list[str]]:
    """The SQL of each statement, in a list that grows."""
    with _between(lambda _seen, send: send()) as seen:
        yield seen


@contextmanager
def failing(number: int, *, at_server: bool) -> Iterator[list[str]]:
    """The same, and the statement with this number fails: at the server, which then refuses the rest of its transaction, or
    in this process, before it is sent."""

    def answer(seen: list[str], send: Callable[..., Any]) -> Any:
        if len(seen) != number:
            return send()
        if at_server:
            return send(instead="DO $$ BEGIN RAISE EXCEPTION 'a fault of the test'; END $$")
        raise RuntimeError("a fault of the test")

    with _between(answer) as seen:
        yield seen


@contextmanager
def _between(answer: Callable[[list[str], Callable[..., Any]], Any]) -> Iterator[list[str]]:
    """`answer` is given what was seen, each statement noted, and how to send the one that was (or another `instead`)."""
    seen: list[str] = []
    execute = psycopg.Cursor.execute

    def noting(usual: Any) -> Any:
        def sent(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            def send(instead: str = "") -> Any:
                return execute(cursor, instead) if instead else usual(cursor, query, *args, **kwargs)

            seen.append(query if isinstance(query, str) else query.as_string(cursor))
            return answer(seen, send)

        return sent

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany"):
            patch.setattr(psycopg.Cursor, name, noting(getattr(psycopg.Cursor, name)))
        yield seen

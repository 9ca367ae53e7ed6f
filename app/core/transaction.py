"""Transactions: entry points and the outbox runner open them, domains never do. `commit()` appears in this file only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from app.core import db
from app.core.errors import Unavailable

RETRYABLE = {"40001", "40P01", "55P03"}  # serialisation failure, deadlock, lock not available
ATTEMPTS = 3

_here = threading.local()
Result = TypeVar("Result")
_after_commit: list[Callable[[list[object]], None]] = []


class Nested(RuntimeError):
    """A transaction was opened inside another: the caller's belongs further out."""


def is_open() -> bool:
    return getattr(_here, "open", False)


@contextmanager
def transaction(*, relaxed: bool = False) -> Iterator[None]:
    """Leaving the block commits, an exception rolls back, nesting raises `Nested`.

    `relaxed` lets PostgreSQL answer before the WAL is on disk: for carts and counters, never for money or stock.
    """
    if is_open():
        raise Nested
    _here.open, _here.wakes = True, []
    try:
        db.begin_writing(relaxed=relaxed)
        yield
        db.session.commit()
        wakes = _here.wakes
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _here.open, _here.wakes = False, []
    for call in _after_commit if wakes else ():
        call(wakes)


def in_transaction(work: Callable[[], Result], *, relaxed: bool = False) -> Result:
    """Run `work` in a transaction of its own; deadlocks and serialisation failures are tried again, at most three times.

    A connection lost at COMMIT leaves the outcome unknown, so `work` must be safe to run again (keys, state checks).
    Raises Unavailable when the last try fails too.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction(relaxed=relaxed):
                return work()
        except DBAPIError as error:
            if not _is_retryable(error):
                raise
            if attempt == ATTEMPTS:
                raise Unavailable("The shop is very busy. Please try again.") from error
            db.forget()
    raise AssertionError("unreachable")


def after_commit(call: Callable[[list[object]], None]) -> None:
    """Register what is told, once per commit, the things noted with `note_wake` (the outbox wakes its worker so)."""
    if call not in _after_commit:
        _after_commit.append(call)


def note_wake(thing: object) -> None:
    """Remember `thing` for the after-commit call. A roll-back forgets it. Raises when no transaction is open."""
    if not is_open():
        raise RuntimeError("no transaction is open")
    _here.wakes.append(thing)


def _is_retryable(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state in RETRYABLE or (isinstance(error, OperationalError) and error.connection_invalidated)

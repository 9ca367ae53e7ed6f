"""File locks. The kernel drops them when their process ends, however it ends, so no stale lock can block a start."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from run.problem import Problem


def open_lock(path: Path) -> int:
    """Opens (or creates) a lock file; the descriptor is not inherited by programs that are started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_exclusive(descriptor: int) -> bool:
    """Takes the lock alone if nobody has it; never waits."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share(descriptor: int) -> None:
    """Takes the lock together with others, waiting for one who has it alone."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock file at `path`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_exclusive(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Waits for the lock file at `path` and holds it alone inside the block. A folder serves as its own lock file."""
    descriptor = os.open(path, os.O_RDONLY) if path.is_dir() else open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def wait_exclusive(descriptor: int, *, seconds: float) -> None:
    """Takes the lock alone, outwaiting somebody who only looks whether it is held. Raises Problem after `seconds`."""
    deadline = time.monotonic() + seconds
    while not try_exclusive(descriptor):
        if time.monotonic() > deadline:
            raise Problem("Another process is starting the same server: try again in a moment.")
        time.sleep(0.01)


def is_shared(path: Path) -> bool:
    """Whether the lock file is held by processes that share it, as opposed to by one alone or by none."""
    descriptor = open_lock(path)
    try:
        if try_exclusive(descriptor):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)

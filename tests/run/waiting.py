"""Waiting for what another process is about to do, with an end."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    """Returns when `condition` holds; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)

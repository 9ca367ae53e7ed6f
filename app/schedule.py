"""TABLE every -> action: the work done by the clock. RQ's cron (`python worker.py cron`) enqueues each line's tick.

An action takes no arguments, opens its own transactions, and may be run by two workers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core import outbox

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Line:
    """One line of the table: every `seconds`, or daily by the `cron` expression (UTC)."""

    action: Callable[[], object]
    seconds: int | None = None
    cron: str | None = None

    @property
    def name(self) -> str:
        return f"{self.action.__module__.removeprefix('app.')}.{self.action.__name__}"


def every(interval: str, action: Callable[[], object]) -> Line:
    """`every("30s", sweep)`, `every("1m", …)`, `every("6h", …)`."""
    return Line(action, seconds=int(interval[:-1]) * UNITS[interval[-1]])


def daily(time: str, action: Callable[[], object]) -> Line:
    """`daily("04:00", …)`, in UTC."""
    hour, minute = time.split(":")
    return Line(action, cron=f"{int(minute)} {int(hour)} * * *")


SCHEDULE = [
    every("10s", outbox.drain),  # wakes that were lost, tries that are due again
]

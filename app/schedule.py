"""TABLE every -> action: the work done by the clock. RQ's cron (`python worker.py cron`) enqueues each line's tick.

An action takes no arguments, opens its own transactions, and may be run by two workers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.cart import handlers as cart
from app.checkout import handlers as checkout
from app.core import outbox
from app.orders import handlers as orders

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Line:
    """One line of the table: every `seconds`, or daily by the `cron` expression (UTC)."""

    action: Callable[[], object]
    seconds: int | None = None
    cron: str | None = None
    switch: str = ""  # the setting that turns the schedule of this line off

    @property
    def name(self) -> str:
        return f"{self.action.__module__.removeprefix('app.')}.{self.action.__name__}"


def every(interval: str, action: Callable[[], object], *, switch: str = "") -> Line:
    """`every("30s", sweep)`, `every("1m", …)`, `every("6h", …)`."""
    return Line(action, seconds=int(interval[:-1]) * UNITS[interval[-1]], switch=switch)


def daily(time: str, action: Callable[[], object]) -> Line:
    """`daily("04:00", …)`, in UTC."""
    hour, minute = time.split(":")
    return Line(action, cron=f"{int(minute)} {int(hour)} * * *")


SCHEDULE = [
    every("10s", outbox.drain),  # wakes that were lost, tries that are due again
    every("1m", orders.release_expired, switch="cleanup_enabled"),
    every("30s", orders.reconcile_open),  # payments that are not final, with back-off per attempt
    daily("03:10", cart.forget_expired),
    daily("03:20", checkout.forget_old),
]

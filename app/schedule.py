"""TABLE every -> action: the work done by the clock. `python worker.py cron` enqueues ticks, the worker runs them.

An action takes no arguments, opens its own transactions, and must bear being run by two workers at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app import jobs
from app.accounts import flows as accounts
from app.api_keys import flows as api_keys
from app.audit import flows as audit
from app.core.settings import Settings
from app.notifications import flows as notifications
from app.orders import flows as orders
from app.passkeys import flows as passkeys
from app.privacy import flows as privacy
from app.reconciliation import flows as reconciliation
from app.recurring import flows as recurring
from app.returns import flows as returns
from app.search import flows as search
from app.value import flows as value

UNITS = {"s": 1, "m": 60, "h": 3600}

log = logging.getLogger(__name__)


def always(_settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Line:
    """One line: every `seconds`, or daily by the `cron` expression (UTC); `when` switches it by a setting."""

    action: Callable[[], object]
    seconds: int | None = None
    cron: str | None = None
    when: Callable[[Settings], bool] = always

    @property
    def name(self) -> str:
        return f"{self.action.__module__.removeprefix('app.')}.{self.action.__name__}"


def every(interval: str, action: Callable[[], object], when: Callable[[Settings], bool] = always) -> Line:
    """`every("30s", sweep)`, `every("1m", …)`, `every("6h", …, when=lambda settings: settings.cleanup_enabled)`."""
    return Line(action, seconds=int(interval[:-1]) * UNITS[interval[-1]], when=when)


def daily(time: str, action: Callable[[], object], when: Callable[[Settings], bool] = always) -> Line:
    """`daily("04:00", …)`, in UTC."""
    hour, minute = time.split(":")
    return Line(action, cron=f"{int(minute)} {int(hour)} * * *", when=when)


# What is daily runs from 19:00 UTC on, whatever SHOP_TIMEZONE says: past midnight in India and Malaysia, evening in Europe.
SCHEDULE: Sequence[Line] = (
    every("10s", jobs.sweep),
    every("15s", orders.reconcile_open),
    every("1m", orders.release_expired, when=lambda settings: settings.cleanup_enabled),
    every("1m", orders.expire_left_behind, when=lambda settings: not settings.cleanup_enabled),
    every("1m", recurring.follow_by_schedule),
    every("15m", orders.remind_by_schedule),
    every("5m", returns.look_by_schedule),
    every("1h", returns.find_disputes_by_schedule),
    every("1m", search.refresh_sold_out),
    every("1m", audit.seal),
    every("15m", notifications.tell_wishes),
    daily("19:10", privacy.forget_old),
    every("10m", accounts.forget_kept),
    every("1h", api_keys.tell_ending),
    every("1h", api_keys.forget_nonces),
    every("1h", passkeys.forget_old),
    every("1h", privacy.erase_closed),
    every("1h", privacy.tell_due),
    daily("19:40", value.expire_overdue),
    every("10m", reconciliation.watch_webhooks),
    daily("20:00", reconciliation.reconcile_nightly),
)  # fmt: skip


def tick(name: str) -> None:
    """Run one line of the table, aside. While its last run goes on, this one is left out: ticks do not pile up."""
    line = next((line for line in SCHEDULE if line.name == name), None)
    if line is None:
        log.warning("no such line in the schedule", extra={"tick": name})
        return
    jobs.aside("clock", name, line.action)

"""How far the clock of a machine of ours is from others: from whoever answers it over HTTP, and from the database (J11).

The last differences are kept in Redis for a day, each with its machine, so that whichever process is asked can tell. Without Redis
nothing is known, and nothing waits. To note one costs a comparison: Redis is told once a minute, or when it has changed.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from app.core import cache, db

log = logging.getLogger(__name__)

MOST_SECONDS = 60  # more is worth a warning: Stripe's webhooks are refused after 300
KEPT_SECONDS = 24 * 3600
AGAIN_SECONDS, CHANGED_SECONDS = 60.0, 5.0
DATABASE = "database"
_KEY = "skew"
# By source: when this process told Redis last (monotonic seconds), and which difference.
_told: dict[str, tuple[float, float]] = {}


@dataclass(frozen=True, slots=True)
class Difference:
    """By how many seconds the clock of `machine` is ahead of that of `source` (negative: behind)."""

    machine: str
    source: str
    seconds: float

    @property
    def is_large(self) -> bool:
        return abs(self.seconds) > MOST_SECONDS


def note(source: str, date: str | None, *, at: float) -> None:
    """What the `Date` header of an answer says about our clock; `at` is the middle between question and answer by it, in
    seconds since the epoch. A header that is none says nothing. Never raises."""
    try:
        theirs = parsedate_to_datetime(date or "").astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return
    seconds = at - theirs.timestamp() - 0.5  # it is cut to whole seconds
    told_at, told = _told.get(source, (float("-inf"), 0.0))
    if time.monotonic() - told_at < AGAIN_SECONDS and abs(seconds - told) < CHANGED_SECONDS:
        return
    _told[source] = time.monotonic(), seconds
    _keep(Difference(socket.gethostname(), source, seconds))


def _keep(found: Difference) -> None:
    if found.is_large:
        log.warning("the clock is off", extra={"source": found.source, "seconds": round(found.seconds)})
    if not cache.is_configured():
        return
    if now := cache.attempt("time"):  # whoever's clock is off must not decide what is old
        kept = json.dumps([now[0], round(found.seconds, 1)])
        cache.attempt("hset", _KEY, f"{found.machine} {found.source}", kept)
        cache.attempt("expire", _KEY, KEPT_SECONDS)


def noted() -> list[Difference]:
    """The last difference of each machine with each source of answers, of the last day."""
    kept, now = cache.attempt("hgetall", _KEY) or {}, cache.attempt("time")
    if not now:
        return []
    found = []
    for field, value in sorted(kept.items()):
        at, seconds = json.loads(value)
        if now[0] - at > KEPT_SECONDS:
            cache.attempt("hdel", _KEY, field)
            continue
        machine, _, source = field.decode().rpartition(" ")
        found.append(Difference(machine, source, seconds))
    return found


def of_database() -> Difference:
    """Of this machine with the database, asked now. Locks, limits and codes go by the database's clock."""
    before = time.time()
    theirs = db.now().timestamp()
    return Difference(socket.gethostname(), DATABASE, (before + time.time()) / 2 - theirs)


def known() -> list[Difference]:
    return [*noted(), of_database()]

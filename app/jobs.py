"""What RQ carries: “deliver these”, and the ticks of `app/schedule.py`. And how a commit wakes the worker.

RQ only wakes. What has to be done stands in PostgreSQL: a job that is lost, doubled or late changes nothing but the hour.

Plain deliveries run one after the other in the worker's main thread. Those that talk to the outside run in a few threads
for each domain: a mail server that takes thirty seconds to fail must not hold back orders that were paid.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.core import cache, db, outbox

QUEUE = "shop"
JOB_SECONDS = 300
SECONDS_TO_START = 600  # a job that nobody took for so long is forgotten: the sweep has its work in hand
THREADS = 4  # of each lane

log = logging.getLogger(__name__)


def queue(connection: redis.Redis) -> Queue:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, default_timeout=JOB_SECONDS)


def wake(ids: Sequence[object]) -> None:
    """Push one job with all ids. Redis being away is nothing to worry about: the schedule sweeps what was not woken."""
    if cache.is_resting():
        return
    try:
        queue(cache.client()).enqueue(deliver, *map(str, ids), result_ttl=0, failure_ttl=0, ttl=SECONDS_TO_START)
    except (redis.RedisError, OSError) as error:
        cache.rest(error)


def deliver(*ids: str) -> None:
    """Run these deliveries, those that still wait."""
    tasks = outbox.waiting([uuid.UUID(each) for each in ids])
    for task in tasks:
        if task.lane is not None:
            aside(task.lane, task.id, outbox.deliver, task)
    for task in tasks:
        if task.lane is None:
            outbox.deliver(task)


def sweep() -> None:
    """Deliver whatever is due: wakes that were lost, tries whose time has come again."""
    deliver(*map(str, outbox.due()))


def aside(lane: str, key: Hashable, work: Callable[..., object], *args: object) -> None:
    """Do `work` in one of the lane's threads, unless the same (by `key`) is still waiting or being done there."""
    with _lock:
        if key in _in_hand:
            return
        _in_hand.add(key)
        threads = _lanes.setdefault(lane, ThreadPoolExecutor(THREADS, thread_name_prefix=lane))
    threads.submit(_do, key, work, *args)


def finish() -> None:
    """Wait for what is being done aside; what has not begun is left to the next worker."""
    for threads in _lanes.values():
        threads.shutdown(wait=True, cancel_futures=True)
    _lanes.clear()
    _in_hand.clear()


def _do(key: Hashable, work: Callable[..., object], *args: object) -> None:
    try:
        work(*args)
    except Exception:  # whatever it is: the thread, the worker and the clock must go on
        log.exception("failed aside", extra={"work": str(key)})
    finally:
        db.forget()
        with _lock:
            _in_hand.discard(key)


_lock = threading.Lock()
_lanes: dict[str, ThreadPoolExecutor] = {}
_in_hand: set[Hashable] = set()

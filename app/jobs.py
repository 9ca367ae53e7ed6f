"""The two jobs that RQ knows: deliver these deliveries, run this line of the schedule. And how a commit wakes the worker.

RQ only wakes: what has to be done stands in PostgreSQL. A job that is lost, doubled or late changes nothing but the hour.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.core import cache, db, outbox
from app.schedule import SCHEDULE

QUEUE = "shop"
JOB_SECONDS = 300

log = logging.getLogger(__name__)


def queue(connection: redis.Redis) -> Queue:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, default_timeout=JOB_SECONDS)


def wake(ids: Sequence[object]) -> None:
    """Push one job with all ids. Redis being away is nothing to worry about: the schedule sweeps what was not woken."""
    if cache.is_resting():
        return
    try:
        queue(cache.client()).enqueue(deliver, *map(str, ids), result_ttl=0, failure_ttl=0)
    except (redis.RedisError, OSError) as error:
        cache.rest(error)


def deliver(*ids: str) -> int:
    """Run these deliveries, those that are still due. Returns how many were done."""
    return sum(outbox.deliver(uuid.UUID(each)) for each in ids)


def tick(name: str) -> None:
    """Run one line of the schedule now. An error is logged, not raised: the next tick is the retry."""
    line = next((line for line in SCHEDULE if line.name == name), None)
    if line is None:
        log.warning("no such line in the schedule", extra={"tick": name})
        return
    try:
        line.action()
    except Exception:  # whatever it is, the worker must live and the clock must go on
        log.exception("a scheduled action failed", extra={"tick": name})
    finally:
        db.forget()

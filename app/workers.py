"""The two processes behind the shop: one that does jobs, one that tells the time. Redis may come and go under both."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from app import jobs, schedule
from app.core.settings import Settings

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds
HEARTBEAT_SECONDS = 15
WORKER_TTL = 60

log = logging.getLogger(__name__)


def work(settings: Settings) -> None:
    """Do jobs until SIGTERM or SIGINT; what is being done then is finished first."""
    connection = _connect(settings)

    def run() -> None:
        worker = ShopWorker(
            [jobs.queue(connection)], connection=connection, serializer=JSONSerializer, worker_ttl=WORKER_TTL
        )
        worker.work(logging_level="WARNING")

    _persist(run)
    jobs.finish()


def tell_time(settings: Settings) -> None:
    """Enqueue the ticks of the schedule until SIGTERM or SIGINT."""
    clock = ShopClock(_connect(settings), logging_level=logging.WARNING)
    clock.adopt(line for line in schedule.SCHEDULE if line.when(settings))
    _persist(clock.start)


def _connect(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(
        settings.redis_url, socket_connect_timeout=5, socket_timeout=10, retry=Retry(NoBackoff(), 0)
    )


def _persist(run: Callable[[], None]) -> None:
    """Call `run` again and again until we are told to stop; after a failure with a pause that doubles."""
    pause = SHORTEST_PAUSE
    with suppress(StopRequested):
        while not told_to_stop.is_set():
            _listen()
            started = time.monotonic()
            try:
                run()
            except Exception as error:  # refused, lost, or back with nothing of what RQ had registered in it
                log.warning("redis is away; trying again", extra={"error": type(error).__name__})
            has_lasted = time.monotonic() - started > 2 * LONGEST_PAUSE
            pause = SHORTEST_PAUSE if has_lasted else min(LONGEST_PAUSE, pause * 2)
            told_to_stop.wait(pause)


def _listen() -> None:
    """The signals that end us. RQ's classes install handlers of their own while they run; those set the same flag."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: told_to_stop.set())


told_to_stop = threading.Event()


class ShopWorker(SimpleWorker):
    """RQ's worker without the book-keeping that our jobs have no use for: a quarter of the processor time per job.

    Results, retries and states of a job usually stand in Redis; ours stand in the outbox, where a restart finds them.
    """

    max_connection_wait_time = LONGEST_PAUSE
    _is_busy = False
    _last_heartbeat = 0.0

    def execute_job(self, job: Job, queue: Queue) -> None:
        self._is_busy = True
        try:
            job.perform()
        except Exception:  # a job may fail in any way; its work is still in the outbox
            log.exception("a job failed", extra={"job": job.func_name})
        finally:
            self._is_busy = False
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            pipeline.execute()
        if told_to_stop.is_set():
            raise StopRequested

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """At once when idle, after the present job otherwise."""
        told_to_stop.set()
        if not self._is_busy:
            raise StopRequested

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        if time.monotonic() - self._last_heartbeat > HEARTBEAT_SECONDS:
            super().heartbeat(timeout, pipeline)
            self._last_heartbeat = time.monotonic()

    def subscribe(self) -> None:
        """We are told to stop by signals; commands over Redis would cost a thread and a connection."""

    def unsubscribe(self) -> None:
        pass

    def procline(self, message: str) -> None:
        pass

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGINT, self.request_stop)
        signal.signal(signal.SIGTERM, self.request_stop)


class ShopClock(CronScheduler):
    """RQ's cron with our table instead of a configuration file."""

    def adopt(self, lines: Iterable[schedule.Line]) -> None:
        self._cron_jobs = [Tick(line) for line in lines]

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        told_to_stop.set()
        raise StopRequested


class Tick(CronJob):
    """A line of the schedule as RQ's cron knows it. Its job is forgotten when nobody took it before the next is due."""

    def __init__(self, line: schedule.Line) -> None:
        super().__init__(
            jobs.QUEUE, func=schedule.tick, args=(line.name,), interval=line.seconds, cron=line.cron, name=line.name
        )

    def enqueue(self, connection: redis.Redis) -> Job:
        ttl = max(self.interval or 3600, 10)
        return jobs.queue(connection).enqueue(schedule.tick, *self.args, ttl=ttl, result_ttl=0, failure_ttl=0)

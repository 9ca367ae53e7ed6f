"""What the worker does with a wake and a tick, without its process (J1 … J5)."""

import json
import logging
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from app import jobs, schedule
from app.core import cache, db, outbox
from app.core.events import Event
from app.core.transaction import transaction
from app.subscriptions import SUBSCRIPTIONS
from app.workers import Tick

PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class BellRang(Event):
    name = "test.bell_rang"
    n: int


class Desk:
    """Handlers that note what reached them; the slow one waits until it is let go."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.posted: list[int] = []
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def note(self, event: BellRang) -> None:
        self.seen.append(event.n)

    def post(self, event: BellRang) -> None:
        self.begun.set()
        self.may_go_on.wait(PATIENCE)
        self.posted.append(event.n)


@pytest.fixture
def desk(database: None) -> Iterator[Desk]:
    desk = Desk()

    def note(event: BellRang) -> None:
        desk.note(event)

    def post(event: BellRang) -> None:
        desk.post(event)

    outbox.configure({BellRang: [note, outbox.network(post)]})
    yield desk
    desk.may_go_on.set()
    jobs.finish()
    outbox.configure(SUBSCRIPTIONS)


def ring(n: int = 1) -> list[str]:
    with transaction():
        outbox.record(BellRang(n))
    ids = [str(row.id) for row in db.rows("SELECT id FROM outbox_delivery ORDER BY id")]
    db.release()
    return ids


def states() -> list[str]:
    found = [row.state for row in db.rows("SELECT state FROM outbox_delivery ORDER BY state")]
    db.release()
    return found


def test_a_commit_wakes_the_worker_once_with_all_ids(desk: Desk) -> None:
    with transaction():
        outbox.record_all([BellRang(1), BellRang(2)])
    waiting = jobs.queue(cache.client()).jobs
    assert [(job.func_name, len(job.args)) for job in waiting] == [("app.jobs.deliver", 4)]


def test_a_roll_back_wakes_nobody(desk: Desk) -> None:
    def fail() -> None:
        with transaction():
            outbox.record(BellRang(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(jobs.queue(cache.client())) == 0
    assert states() == []


def test_a_slow_partner_holds_nobody_back(desk: Desk) -> None:
    ids = ring()
    jobs.deliver(*ids)
    assert desk.begun.wait(PATIENCE)
    assert (desk.seen, desk.posted) == ([1], [])
    assert states() == ["done", "pending"]
    desk.may_go_on.set()
    jobs.finish()
    assert (desk.posted, states()) == ([1], ["done", "done"])


def test_the_same_work_is_taken_up_once_however_often_it_is_asked_for(desk: Desk) -> None:
    ids = ring()
    for _ in range(5):
        jobs.deliver(*ids)
        jobs.sweep()
    desk.may_go_on.set()
    jobs.finish()
    assert (desk.seen, desk.posted) == ([1], [1])


def test_a_lost_wake_is_found_by_the_sweep(desk: Desk) -> None:
    ring()
    cache.client().flushdb()
    desk.may_go_on.set()
    jobs.sweep()
    jobs.finish()
    assert states() == ["done", "done"]


def test_unknown_ids_are_nothing(desk: Desk) -> None:
    jobs.deliver(str(uuid.uuid4()))
    assert desk.seen == []


def test_with_redis_away_a_commit_is_still_a_commit(desk: Desk, environment: dict[str, str]) -> None:
    cache.connect("redis://127.0.0.1:1/0")
    started = time.monotonic()
    ring()
    ring(2)
    assert time.monotonic() - started < 1
    cache.connect(environment["REDIS_URL"])
    assert states() == ["pending"] * 4


def test_ticks_do_not_pile_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def slow() -> None:
        runs.append(1)
        desk.may_go_on.wait(PATIENCE)

    line = schedule.every("10s", slow)
    monkeypatch.setattr(schedule, "SCHEDULE", (line,))
    for _ in range(5):
        schedule.tick(line.name)
    desk.may_go_on.set()
    jobs.finish()
    assert len(runs) == 1


def test_a_failing_tick_is_logged_and_the_next_one_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    line = schedule.every("10s", broken)
    monkeypatch.setattr(schedule, "SCHEDULE", (line,))
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            schedule.tick(line.name)
            jobs.finish()
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_a_tick_that_nobody_took_is_forgotten_before_the_next(database: None) -> None:
    job = Tick(schedule.every("30s", jobs.sweep)).enqueue(cache.client())
    assert (job.func_name, list(job.args), job.ttl, job.result_ttl) == ("app.schedule.tick", ["jobs.sweep"], 30, 0)


def test_a_line_of_the_schedule_says_when() -> None:
    assert schedule.every("5m", jobs.sweep).seconds == 300
    assert schedule.daily("04:30", jobs.sweep).cron == "30 4 * * *"
    names = [line.name for line in schedule.SCHEDULE]
    assert len(names) == len(set(names))
    without = SimpleNamespace(cleanup_enabled=False)
    names = [line.name for line in schedule.SCHEDULE if line.when(without)]  # type: ignore[arg-type]
    assert ("orders.flows.expire_left_behind" in names, "orders.flows.release_expired" in names) == (True, False)


def test_jobs_are_json(desk: Desk) -> None:
    """Nothing that came through Redis is unpickled (ASVS 1.5.2)."""
    ring()
    stored: dict[Any, bytes] = cache.client().hgetall(next(iter(cache.client().scan_iter("rq:job:*"))))
    assert json.loads(zlib.decompress(stored[b"data"]))[0] == "app.jobs.deliver"

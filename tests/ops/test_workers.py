"""`python worker.py` and `python worker.py cron` as processes, with a Redis of their own that is killed under them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.catalog.events import ProductChanged
from app.core import cache, db, outbox
from app.core.ids import new_id
from app.core.transaction import transaction
from run import servers

ROOT = Path(__file__).parents[2]
PATIENCE = 30  # seconds


@pytest.fixture(scope="module")
def redis_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("redis")
    hold = servers.Hold.take(home, "redis", lasting=False)
    yield home
    hold.release()


@pytest.fixture
def start(
    environment: dict[str, str], app: object, redis_home: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts worker processes on this test's database; they are stopped at the end."""
    url = servers.addresses(redis_home)["REDIS_URL"]
    environ = {**os.environ, **environment, "REDIS_URL": url, "LOG_LEVEL": "WARNING"}
    cache.connect(url)
    running: list[subprocess.Popen[bytes]] = []

    def run(*role: str) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, "worker.py", *role], cwd=ROOT, env=environ))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()
    cache.connect(environment["REDIS_URL"])


def announce() -> None:
    with transaction():
        outbox.record(ProductChanged(new_id()))


def eventually(is_so: Callable[[], object]) -> bool:
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if is_so():
            return True
        pause.wait(0.02)
    return False


def count(state: str) -> int:
    found = db.scalar("SELECT count(*) FROM outbox_delivery WHERE state = :state", state=state)
    db.release()
    return int(found)


def test_what_is_announced_is_done_and_sigterm_ends_the_worker(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    announce()
    worker = start()
    assert eventually(lambda: count("done") == 1)
    announce()
    assert eventually(lambda: count("done") == 2)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0


def test_both_outlive_a_killed_redis_and_what_was_lost_in_it(
    start: Callable[..., subprocess.Popen[bytes]], redis_home: Path
) -> None:
    worker, clock = start(), start("cron")
    announce()
    assert eventually(lambda: count("done") == 1)
    cache.client().set("before", "the crash")
    os.kill(servers.pid(redis_home, "redis"), signal.SIGKILL)
    assert eventually(lambda: not cache.is_up() or cache.client().get("before") is None)
    with transaction():  # nobody can be woken now: the clock's sweep has to find it
        outbox.record(ProductChanged(new_id()))
    assert eventually(lambda: count("done") == 2)
    assert (worker.poll(), clock.poll()) == (None, None)
    for process in (worker, clock):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("role", [(), ("cron",)])
def test_they_wait_for_a_redis_that_is_not_there_yet(
    environment: dict[str, str], app: object, role: tuple[str]
) -> None:
    environ = {**os.environ, **environment, "REDIS_URL": "redis://127.0.0.1:1/0", "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, "worker.py", *role], cwd=ROOT, env=environ, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        assert b"redis is away" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("command", [("-c", "import wsgi"), ("worker.py",), ("worker.py", "cron")])
def test_a_setting_without_effect_is_said_once_at_the_start(
    environment: dict[str, str], app: object, command: tuple[str, ...]
) -> None:
    environ = {**os.environ, **environment, "SENTRY_DSN": "https://key@sentry.example/1", "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environ, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        said = process.stdout.readline()
        assert b"SENTRY_DSN is set, and not used yet" in said
        assert b"sentry.example" not in said
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

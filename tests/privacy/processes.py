"""The shop's own processes as `make run` starts them, on the database of the tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from app import jobs
from app.core import cache, db
from run import ports
from run.environment import PROJECT
from run.supervisor import Child, read_procfile
from tests.run.waiting import wait_until
from tests.wire import Wire

OURS = ("web", "worker", "cron")  # the other lines of the Procfile stand in for a bank and a post office


class Processes(Wire):
    """Its logs lie in `SHOP_HOME/logs`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(ports.pick())
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        key = {
            "FIELD_KEY": settings["SECRET_KEY"]
        }  # else each `SHOP_HOME` draws its own, and this process has that of old
        environ = {**kept, **key, **settings, "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        lines = read_procfile(PROJECT / "Procfile")
        home = Path(settings["SHOP_HOME"])
        self.children = [Child(name, lines[name], home=home, folder=PROJECT, environ=environ) for name in OURS]

    def __enter__(self) -> Processes:
        for child in self.children:
            child.log.unlink(missing_ok=True)
            child.start()
        wait_until(self.answers, seconds=60)
        return self

    def __exit__(self, *_why: object) -> None:
        for child in self.children:
            child.signal(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()

    def answers(self) -> bool:
        with suppress(OSError, HTTPException):
            return self.test_client().get("/health/live").status_code == 200
        return False

    def wait_for_worker(self) -> None:
        """Until it has done what is due, also what nobody woke it for."""
        jobs.queue(cache.client()).enqueue(jobs.sweep, result_ttl=0)
        wait_until(is_all_done, seconds=60)

    def log_of(self, name: str) -> str:
        return next(child.log for child in self.children if child.name == name).read_text()


def is_all_done() -> bool:
    waiting = db.scalar(
        "SELECT EXISTS (SELECT FROM outbox_delivery WHERE state = 'pending' AND due_at <= clock_timestamp())"
    )
    db.release()
    return not waiting

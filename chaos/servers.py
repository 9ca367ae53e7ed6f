"""A PostgreSQL and a Redis of our own that can be killed, frozen and started again at any moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from run import ground, ports
from run.postgres import SHOP_ROLE, Postgres
from run.problem import Problem
from run.redis_server import Redis

START_SECONDS = 60


class Server:
    """One of the two servers. Only the main thread may start it: it ends with the thread that started it."""

    def __init__(self, program: Postgres | Redis, log: Path) -> None:
        self.program, self.log = program, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it takes connections."""
        self.program.prepare()
        with open(self.log, "ab") as log:
            self.process = self.program.start(log=log)
        wait_for(self.program.is_ready, seconds=START_SECONDS, why=f"{type(self.program).__name__} does not start")
        self.program.finish()

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ends it, by default as an operator would; SIGKILL is a crash."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how or self.program.stop_signal)
        self.process.wait(timeout=START_SECONDS)
        self.process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing: what a black-holed network looks like."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGCONT)


class Servers:
    """Both servers in a scratch folder, and databases on them."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="kedai-chaos-"))
        place = self._place()
        self.password, self.shop_password = os.urandom(16).hex(), os.urandom(16).hex()
        database, cache = ports.pick(), ports.pick()
        self.postgres = Server(
            Postgres(place, port=database, password=self.password, lasting=False, shop_password=self.shop_password),
            self.home / "postgres.log",
        )
        self.redis = Server(Redis(place, port=cache, password=self.password, lasting=False), self.home / "redis.log")
        self.database_url = f"postgresql://{SHOP_ROLE}:{self.shop_password}@127.0.0.1:{database}/kedai"
        self._owner_url = f"postgresql://kedai:{self.password}@127.0.0.1:{database}/kedai"
        self.redis_url = f"redis://:{self.password}@127.0.0.1:{cache}/0"

    def _place(self) -> ground.Ground:
        try:
            return ground.prepare(self.home)
        except Problem:
            shutil.rmtree(self.home)
            raise

    def start(self) -> None:
        self.postgres.start()
        self.redis.start()

    def end(self) -> None:
        self.redis.stop()
        self.postgres.stop()
        ground.erase(self.home)
        shutil.rmtree(self.home, ignore_errors=True)

    def new_database(self, name: str) -> str:
        """The URL of another, empty database, for the shop's role."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        with psycopg.connect(_named(self._owner_url, "postgres"), autocommit=True) as connection:
            connection.execute(statement)
        return _named(self.database_url, name)

    def as_owner(self, url: str) -> str:
        """The same database for the role that owns its tables."""
        return _named(self._owner_url, urlsplit(url).path.strip("/"))


@contextmanager
def own_servers() -> Iterator[Servers]:
    servers = Servers()
    try:
        servers.start()
        yield servers
    finally:
        servers.end()


def wait_for(condition: Callable[[], object], *, seconds: float, why: str) -> None:
    """Asks until `condition` holds. Raises TimeoutError saying `why` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(why)
        time.sleep(0.02)


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

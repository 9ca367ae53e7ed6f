"""The stand: embedded servers, the demo shop filled to size, its processes and the yardstick, all in a temporary SHOP_HOME.

Web, worker, cron, sandbox and mail catcher are the lines of the Procfile. The shop runs behind one proxy (the load tells
each visitor's address), with its limits on, and logs what production logs.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from app import factory
from app.core import db
from app.core.settings import load
from run import environment, ground, ports, servers, supervisor
from run.environment import PROJECT
from run.steps import run_silently, step

PRODUCTS, PRODUCTS_LARGE = 1_000, 100_000
START_SECONDS = 60
OF_PEOPLE = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")  # all that is taken from the caller's environment
SERVER = ("web", "worker", "cron", "sandbox", "mail")


@dataclass
class Stand:
    """What runs, and where."""

    home: Path
    environ: dict[str, str]
    children: dict[str, supervisor.Child] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def shop(self) -> int:
        return self.ports["web"]

    @property
    def large(self) -> int:
        return self.ports["large"]

    @property
    def yardstick(self) -> int:
        return self.ports["yardstick"]

    def start(self, name: str, command: str, **changed: str) -> None:
        child = supervisor.Child(name, command, home=self.home, folder=PROJECT, environ={**self.environ, **changed})
        child.start()
        self.children[name] = child

    def serve(
        self, name: str, *, app: str = "wsgi:app", workers: int = 2, path: str = "/health/live", **changed: str
    ) -> None:
        """A web server by the Procfile's own line; only port, application and number of workers may differ."""
        port = int(self.environ["PORT"]) if name == "web" else ports.pick()
        command = procfile()["web"].replace("wsgi:app", app).replace("--workers 2", f"--workers {workers}")
        self.start(name, command, PORT=str(port), **changed)
        self.ports[name] = port
        wait_for(port, path)

    def stop(self, *names: str) -> None:
        for name in names:
            self.children[name].ask_to_end()
        for name in names:
            child = self.children.pop(name)
            try:
                child.process.wait(timeout=20) if child.process else None
            except subprocess.TimeoutExpired:
                child.signal(9)

    def workers_of(self, name: str) -> list[int]:
        """The process ids of a web server's workers."""
        head = self.children[name].process
        assert head is not None
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(head.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in found.split()] or [head.pid]

    def use_database(self, url: str) -> None:
        """Let this very process speak to that database with the shop's own code."""
        factory.configure_process(load({**self.environ, "DATABASE_URL": url}))


@contextmanager
def built(*, with_large: bool) -> Iterator[Stand]:
    """The whole stand, ready to be measured; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="kedai-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stack.callback(ground.erase, home)
        stack.enter_context(servers.ensure(home))
        stand = Stand(home, _environment(home))
        stack.callback(lambda: stand.stop(*reversed(stand.children)))
        _fill(stand, stand.environ["DATABASE_URL"], PRODUCTS)
        if with_large:
            _fill(stand, large_database(stand), PRODUCTS_LARGE)
        _start(stand, with_large=with_large)
        factory.import_models()
        stand.use_database(stand.environ["DATABASE_URL"])
        stack.callback(db.forget)
        yield stand


def procfile() -> dict[str, str]:
    return supervisor.read_procfile(PROJECT / "Procfile")


def wait_for(port: int, path: str) -> None:
    """Until a server answers with anything below 500."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise TimeoutError(f"nothing answers on port {port}")


def run(module: str, job: dict[str, Any]) -> Any:
    """A part of the load in a process of its own: a job in, a result out, both JSON."""
    command = [sys.executable, "-m", module]
    result = subprocess.run(command, input=json.dumps(job), cwd=PROJECT, capture_output=True, text=True, timeout=900)
    if result.returncode:
        raise RuntimeError(f"{module} failed:\n{result.stderr[-3000:]}")
    return json.loads(result.stdout)


def large_database(stand: Stand) -> str:
    return other_database(stand, "kedai_large")


def other_database(stand: Stand, name: str) -> str:
    """The URL of another database on the same server."""
    parts = urlsplit(stand.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{name}"))


def migrate(stand: Stand, url: str) -> None:
    _flask(stand, {**stand.environ, "DATABASE_URL": url}, "db", "upgrade")


def _environment(home: Path) -> dict[str, str]:
    given = {name: os.environ[name] for name in OF_PEOPLE if name in os.environ}
    wanted = {"PROXY_HOPS": "1", "LOG_LEVEL": "WARNING", "PORT": str(ports.pick())}
    environ = environment.resolve({**given, **wanted, "SHOP_HOME": str(home)})
    environ["DATABASE_URL"] = environ.pop(
        servers.OWNER, environ["DATABASE_URL"]
    )  # we make databases and tables of our own
    environ["SANDBOX_WEBHOOK_URL"] = f"http://127.0.0.1:{environ['PORT']}/api/v1/payment/webhook"
    return environ


def _fill(stand: Stand, url: str, products: int) -> None:
    if "kedai_large" in url:
        with psycopg.connect(stand.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("CREATE DATABASE kedai_large")
    environ = {**stand.environ, "DATABASE_URL": url}
    commands = (("db", "upgrade"), ("assets", "build"), ("demo", "load", "--products", str(products)))
    step(f"A shop of {products:,} products", lambda: [_flask(stand, environ, *each) for each in commands])


def _flask(stand: Stand, environ: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    failure = f"`flask {' '.join(arguments)}` failed"
    run_silently(command, failure=failure, home=stand.home, folder=PROJECT, environ=environ)


def _start(stand: Stand, *, with_large: bool) -> None:
    for name in SERVER[1:]:
        stand.start(name, procfile()[name])
    stand.serve("web")
    stand.serve("yardstick", app="bench.yardstick:app", path="/1000")
    if with_large:
        stand.serve(
            "large", DATABASE_URL=large_database(stand), REDIS_URL=stand.environ["REDIS_URL"].removesuffix("0") + "1"
        )

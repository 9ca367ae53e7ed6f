"""`make run` as a whole: what it prints, what its processes know, what other commands see, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from run import environment, ground, ports, processes, servers
from run.environment import PROJECT
from tests.run.waiting import wait_until


class Run:
    """A running shop without the demo data: what it printed, by the first word of the line."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = ports.pick()
        self.environ = {"PATH": os.environ["PATH"], "APP_ENV": "test", "SHOP_HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "run"],
            cwd=PROJECT,
            env={**self.environ, "PORT": str(self.port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: dict[str, str] = {}

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            name, _, rest = line.strip().partition(" ")
            self.lines[name] = rest
            if name == "ready":
                return
        assert self.process.stderr is not None
        pytest.fail(self.process.stderr.read())

    def children(self) -> dict[str, int]:
        """The ids of the processes in the Procfile, by what their command line holds."""
        marks = {
            "web": "granian",
            "worker": "worker.py",
            "cron": "worker.py cron",
            "sandbox": "-m sandbox",
            "mail": "-m mail",
        }
        found = {}
        for pid in processes.children_of(self.process.pid):
            line = processes.command_line(pid)
            found |= {
                name: pid for name, mark in marks.items() if mark in line and (name != "worker" or "cron" not in line)
            }
        return found

    def get(self, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return int(answer.status)


@pytest.fixture(scope="module")
def run(private: Path) -> Iterator[Run]:
    run = Run(private / "shop")
    try:
        run.wait_until_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
        run.process.communicate(timeout=60)
        ground.erase(run.home)


def environment_of(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if pair)


def test_it_prints_where_everything_is_once_it_answers(run: Run) -> None:
    assert run.lines["ready"] == f"http://127.0.0.1:{run.port}"
    assert run.get("/api/health") == 200
    for page in (f"{run.lines['mail']}/messages.json", f"{run.lines['sandbox']}/_sandbox/health"):
        assert urllib.request.urlopen(page, timeout=10).status == 200


def test_every_process_carries_the_addresses(run: Run) -> None:
    addresses = servers.addresses(run.home)
    assert set(run.children()) == {"web", "worker", "cron", "sandbox", "mail"}
    for pid in run.children().values():
        known = environment_of(pid)
        assert known["SHOP_HOME"] == str(run.home)
        assert {name: known[name] for name in addresses} == addresses


def test_a_flask_command_uses_the_running_servers(run: Run) -> None:
    before = {kind: servers.pid(run.home, kind) for kind in servers.VARIABLES}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "shop", "audit", "--json"]
    result = subprocess.run(
        command, cwd=PROJECT, env=run.environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert set(json.loads(result.stdout).values()) == {0}
    assert {kind: servers.pid(run.home, kind) for kind in servers.VARIABLES} == before
    assert environment.resolve(run.environ)["BASE_URL"] == f"http://127.0.0.1:{run.port}"


@pytest.mark.parametrize("name", ["web", "worker", "sandbox", "mail"])
def test_a_killed_process_comes_back(run: Run, name: str) -> None:
    before = run.children()[name]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: run.children().get(name, before) != before)


def test_a_killed_web_worker_comes_back(run: Run) -> None:
    web = run.children()["web"]
    wait_until(lambda: len(processes.children_of(web)) >= 2)
    before = processes.children_of(web)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(set(processes.children_of(web)) - {before[0]}) >= len(before))


def test_it_ends_with_everything_it_started(run: Run) -> None:  # the last test of this run
    started = [*run.children().values(), *(servers.pid(run.home, kind) for kind in servers.VARIABLES)]
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(timeout=30) == 0
    assert [pid for pid in started if processes.command_line(pid)] == []
    assert ports.is_free(run.port)


def test_a_killed_run_leaves_nothing_behind(private: Path) -> None:
    run = Run(private / "killed")
    run.wait_until_ready()
    started = [*run.children().values(), *(servers.pid(run.home, kind) for kind in servers.VARIABLES)]
    run.process.kill()
    run.process.communicate()
    wait_until(lambda: not any(map(processes.command_line, started)))
    wait_until(lambda: ports.is_free(run.port))
    ground.erase(run.home)

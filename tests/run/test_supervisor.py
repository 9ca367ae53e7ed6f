"""The processes of a run: started again when they die, and all gone when the run ends, however it ends."""

import os
import signal
from pathlib import Path

import pytest

from run import processes, supervisor
from run.__main__ import _children as shop_of_processes
from run.environment import PROJECT
from tests.run.conftest import Start
from tests.run.waiting import wait_until

# A process with a child of its own, which writes both ids down and would live for an hour.
FAMILY = """exec python3 -c '
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "3600"])
with open("{file}.draft", "w") as file: file.write(f"{{os.getpid()}} {{child.pid}}")
os.replace("{file}.draft", "{file}")
time.sleep(3600)'"""
RUN = """
import sys, time
from pathlib import Path
from run import supervisor
import os
folder = Path(sys.argv[1])
child = supervisor.Child("family", (folder / "command").read_text(), home=folder, folder=folder, environ=os.environ)
run = supervisor.Supervisor([child])
run.start()
print("started", flush=True)
while True:
    run.look()
    time.sleep(0.02)
"""


def test_in_production_who_serves_is_not_told_the_owners_address(tmp_path: Path) -> None:
    owner = {
        "MIGRATIONS_DATABASE_URL": "postgresql://owner:secret@db/shop",
        "MIGRATIONS_DATABASE_URL_FILE": "/run/secrets/owner",
    }
    environ = {"APP_ENV": "production", "DATABASE_URL": "postgresql://shop@db/shop", **owner}
    children = shop_of_processes(tmp_path, environ)
    assert [child.name for child in children] == ["web", "worker", "cron"]
    assert [dict(child.environ) for child in children] == [
        {name: value for name, value in environ.items() if name not in owner}
    ] * 3
    assert {child.environ.get("MIGRATIONS_DATABASE_URL") for child in shop_of_processes(tmp_path, owner)} == {
        owner["MIGRATIONS_DATABASE_URL"]
    }


def family(file: Path) -> list[int]:
    wait_until(file.exists)
    return [int(word) for word in file.read_text().split()]


def gone(pid: int) -> bool:
    return not processes.command_line(pid)


@pytest.fixture
def child(tmp_path: Path) -> supervisor.Child:
    command = FAMILY.format(file=tmp_path / "pids")
    return supervisor.Child("family", command, home=tmp_path, folder=tmp_path, environ=os.environ)


def test_a_killed_process_comes_back_and_its_orphans_go(tmp_path: Path, child: supervisor.Child) -> None:
    run = supervisor.Supervisor([child])
    run.start()
    try:
        head, orphan = family(tmp_path / "pids")
        (tmp_path / "pids").unlink()
        os.kill(head, signal.SIGKILL)
        wait_until(lambda: run.look() or (tmp_path / "pids").exists())
        assert family(tmp_path / "pids")[0] != head
        wait_until(lambda: gone(orphan))
        assert child.deaths == 1
    finally:
        run.stop()


def test_stopping_ends_the_children_of_the_children(tmp_path: Path, child: supervisor.Child) -> None:
    run = supervisor.Supervisor([child])
    run.start()
    pids = family(tmp_path / "pids")
    run.stop()
    wait_until(lambda: all(map(gone, pids)))


def test_a_killed_supervisor_takes_its_processes_along(tmp_path: Path, start: Start) -> None:
    (tmp_path / "command").write_text(FAMILY.format(file=tmp_path / "pids"))
    run = start("-c", RUN, str(tmp_path))
    head, _ = family(tmp_path / "pids")
    os.kill(run.pid, signal.SIGKILL)
    wait_until(lambda: gone(head))


def test_a_process_that_keeps_dying_waits_longer_each_time(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    child = supervisor.Child("short", "exit 3", home=tmp_path, folder=tmp_path, environ=os.environ)
    run = supervisor.Supervisor([child])
    run.start()
    wait_until(lambda: run.look() or child.deaths == 3)
    run.stop()
    said = capfd.readouterr().err.splitlines()
    assert [line.partition("; see")[0] for line in said] == [
        "short ended (exit 3) and starts again in 0.2 s",
        "short ended (exit 3) and starts again in 0.4 s",
        "short ended (exit 3) and starts again in 0.8 s",
    ]


def test_what_processes_say_goes_to_their_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    child = supervisor.Child(
        "talker", "echo out; echo err >&2; exec sleep 60", home=tmp_path, folder=tmp_path, environ={}
    )
    run = supervisor.Supervisor([child])
    run.start()
    wait_until(lambda: child.log.read_text() == "out\nerr\n")
    run.stop()
    assert capfd.readouterr() == ("", "")


def test_the_procfile_names_the_web_server_and_its_workers() -> None:
    commands = supervisor.read_procfile(PROJECT / "Procfile")
    assert list(commands) == ["web", "worker", "cron", "sandbox", "mail"]
    assert "--workers 2" in commands["web"]

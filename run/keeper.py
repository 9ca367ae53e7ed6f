"""The process that watches one embedded server: starts it, restarts it when it dies, ends it when nobody uses it.

    python -m run.keeper postgres|redis SHOP_HOME lasting|fleeting PIPE

Writes one line to the descriptor PIPE: `ready`, or a sentence about why not. Started by run.servers only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from run import ground, locks
from run import home as homes
from run.postgres import Postgres
from run.problem import Problem
from run.redis_server import Redis

KINDS: dict[str, type[Postgres] | type[Redis]] = {"postgres": Postgres, "redis": Redis}
START_SECONDS = 60
LOOK_SECONDS = 0.1
LONGEST_PAUSE = 5.0


def main(kind: str, home: Path, mode: str, pipe: int) -> int:
    """Runs until nobody uses the server; 0 then, 1 when it could not start."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    folder = homes.server_folder(home, kind)
    keeper = Keeper(kind, home, lasting=mode == "lasting")
    try:
        keeper.begin()
    except (Problem, OSError) as error:
        keeper.stop()
        os.write(pipe, str(error).encode())
        return 1
    os.write(pipe, b"ready")
    os.close(pipe)
    users = locks.open_lock(folder / "users.lock")
    try:
        while not locks.try_exclusive(users):
            keeper.look()
            time.sleep(LOOK_SECONDS)
    finally:
        keeper.stop()
        os.close(keeper.lock)  # first this, then the users' lock: who waits for that one must find no keeper
    os.close(users)
    if not keeper.lasting:
        _erase_if_last(home)
    return 0


class Keeper:
    """The server process and what is known about its deaths."""

    def __init__(self, kind: str, home: Path, *, lasting: bool) -> None:
        self.kind, self.home, self.lasting = kind, home, lasting
        self.folder = homes.server_folder(home, kind)
        self.lock = locks.open_lock(self.folder / "keeper.lock")
        self.process: subprocess.Popen[bytes] | None = None
        self.pause = 0.0
        self.started = 0.0

    def begin(self) -> None:
        """Starts the server and waits until it answers. Raises Problem when it does not."""
        locks.wait_exclusive(self.lock, seconds=5)
        access = homes.read_json(self.folder / "access.json")
        more = {"shop_password": str(access["shop_password"])} if self.kind == "postgres" else {}
        self.server = KINDS[self.kind](
            ground.prepare(self.home),
            port=int(access["port"]),
            password=str(access["password"]),
            lasting=self.lasting,
            **more,
        )
        self.server.prepare()
        self._start()
        deadline = time.monotonic() + START_SECONDS
        while not self.server.is_ready():
            self._fail_if_dead(deadline)
            time.sleep(0.02)
        self.server.finish()

    def look(self) -> None:
        """Restarts a dead server, after a pause that doubles while it keeps dying."""
        assert self.process is not None
        code = self.process.poll()
        if code is None:
            return
        self.pause = 0.2 if time.monotonic() - self.started > 10 else min(LONGEST_PAUSE, self.pause * 2 + 0.2)
        _say(f"{self.kind} ended with code {code}; starting it again in {self.pause:.1f} s")
        time.sleep(self.pause)
        try:
            self.server.prepare()
            self._start()
        except (Problem, OSError) as error:
            _say(f"{self.kind} did not start: {error}")

    def stop(self) -> None:
        """Asks the server to end, and makes it end when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        for way in (self.server.stop_signal, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(way)
            try:
                self.process.wait(timeout=self.server.stop_seconds)
                return
            except subprocess.TimeoutExpired:
                _say(f"{self.kind} ignores {way.name}")

    def _start(self) -> None:
        self.started = time.monotonic()
        self.process = self.server.start()
        homes.write_json(self.folder / "status.json", {"pid": self.process.pid, "keeper": os.getpid()})

    def _fail_if_dead(self, deadline: float) -> None:
        assert self.process is not None
        if self.process.poll() is not None or time.monotonic() > deadline:
            log = homes.log_file(self.home, self.kind)
            raise Problem(f"The embedded {self.kind} did not start: {_last_line(log)} (more in {log}).")


def _erase_if_last(home: Path) -> None:
    """The tests that used this server may have been killed: then nobody else clears up after them."""
    locked = [homes.server_folder(home, kind) / name for kind in KINDS for name in ("keeper.lock", "users.lock")]
    if not any(map(locks.is_held, locked)):
        ground.erase(home)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _say(text: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))

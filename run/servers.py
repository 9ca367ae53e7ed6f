"""PostgreSQL 18 and Redis without installing them: the servers out of PyPI wheels, for as long as somebody uses them.

    with servers.ensure(home) as urls:      # {"DATABASE_URL": …, "REDIS_URL": …}

Each server has a keeper process (run.keeper). Whoever uses the server shares one file lock; the keeper ends the server
when it can have that lock alone. The kernel drops a lock when its process ends, so there is no count that a kill -9
could leave wrong.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from run import ground, locks, ports
from run import home as homes
from run.postgres import SHOP_ROLE
from run.problem import Problem, tail

OWNER = "MIGRATIONS_DATABASE_URL"
VARIABLES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
PROJECT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 30


@contextmanager
def ensure(home: Path, *, lasting: bool = True) -> Iterator[dict[str, str]]:
    """Has PostgreSQL and Redis running inside the block and yields their URLs; they end with their last user.

    `lasting=False` is for tests: nothing survives a power cut, and what lies outside `home` is erased at the end.
    Raises Problem when a server cannot start.
    """
    with ExitStack() as stack:
        if not lasting:
            stack.callback(ground.erase, home)
        for kind in VARIABLES:
            stack.callback(Hold.take(home, kind, lasting=lasting).release)
        yield addresses(home)


def addresses(home: Path) -> dict[str, str]:
    """The URLs of the embedded servers, whether they run now or not; empty before their first start. Of PostgreSQL there are
    two: of the shop's role, and of the one that owns the tables."""
    urls = {}
    for kind, name in VARIABLES.items():
        access = homes.read_json(homes.server_folder(home, kind) / "access.json")
        if access:
            urls[name] = _url(kind, access)
        if access and kind == "postgres":
            urls[OWNER] = f"postgresql://kedai:{access['password']}@127.0.0.1:{access['port']}/kedai"
    return urls


def is_running(home: Path, kind: str) -> bool:
    """Whether the server ("postgres" or "redis") is being kept; it may be restarting after a crash."""
    return locks.is_held(homes.server_folder(home, kind) / "keeper.lock")


def pid(home: Path, kind: str) -> int:
    """The process id of the running server (its postmaster, for PostgreSQL)."""
    return int(homes.read_json(homes.server_folder(home, kind) / "status.json")["pid"])


class Hold:
    """One process's use of one server. Ends with the process, or earlier by `release`."""

    def __init__(self, home: Path, kind: str, *, lasting: bool) -> None:
        self.home, self.kind, self.lasting = home, kind, lasting
        self.folder = homes.server_folder(home, kind)
        self._users: int | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    @classmethod
    def take(cls, home: Path, kind: str, *, lasting: bool = True) -> Hold:
        """Starts the server unless it runs, waits until it answers, and keeps it running."""
        homes.make(home)
        hold = cls(home, kind, lasting=lasting)
        hold._users = locks.open_lock(hold.folder / "users.lock")
        locks.share(hold._users)  # waits while a keeper is stopping the server
        try:
            hold.renew()
        except BaseException:
            hold.release()
            raise
        return hold

    def renew(self) -> None:
        """Starts a new keeper if the old one was killed."""
        with locks.exclusive(self.folder / "start.lock"):
            if not is_running(self.home, self.kind):
                self._start_keeper()

    def renew_if_lost(self) -> None:
        """The same without waiting and without raising, for a loop that asks all the time."""
        if not is_running(self.home, self.kind):
            with contextlib.suppress(Problem, OSError):
                self.renew()

    @property
    def keeper_pid(self) -> int:
        """The process id of the keeper this hold started; 0 if somebody else started it."""
        return self._keeper.pid if self._keeper is not None else 0

    def release(self) -> None:
        """Ends this use; if it was the last one, waits until the server has stopped."""
        if self._users is None:
            return
        os.close(self._users)
        self._users = None
        self._wait_for_end()

    def _start_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.wait()
        _settle_access(self.folder)
        reading, writing = os.pipe()
        with open(homes.log_file(self.home, self.kind), "ab") as log:
            self._keeper = subprocess.Popen(
                self._keeper_command(writing),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writing,),
                start_new_session=True,  # a Ctrl-C in this terminal is for the command, not for the database under it
            )
        os.close(writing)
        with open(reading, encoding="utf-8") as pipe:
            answer = pipe.read().strip()
        if answer != "ready":
            raise Problem(answer or self._failure())

    def _keeper_command(self, pipe: int) -> list[str]:
        mode = "lasting" if self.lasting else "fleeting"
        return [sys.executable, "-m", "run.keeper", self.kind, str(self.home), mode, str(pipe)]

    def _failure(self) -> str:
        log = homes.log_file(self.home, self.kind)
        return f"{self.kind} did not start: see {log}.\n{tail(log)}"

    def _wait_for_end(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and is_running(self.home, self.kind):
            if locks.is_shared(self.folder / "users.lock"):
                self._let_go()
                return
            time.sleep(0.02)
        if self._keeper is not None:
            self._keeper.wait(timeout=STOP_SECONDS)

    def _let_go(self) -> None:
        """The keeper goes on for the others; Python is not to warn about a child that outlives its object."""
        if self._keeper is not None and self._keeper.poll() is None:
            self._keeper.returncode = 0


def _settle_access(folder: Path) -> None:
    """Draws the password once; keeps the port of last time unless another program took it."""
    access = homes.read_json(folder / "access.json")
    if not access:
        access = {"password": _password(), "port": ports.pick()}
    elif not ports.is_free(int(access["port"])):
        access["port"] = ports.pick()
    access.setdefault("shop_password", _password())
    homes.write_json(folder / "access.json", access)


def _password() -> str:
    return os.urandom(24).hex()


def _url(kind: str, access: dict[str, str]) -> str:
    port = access["port"]
    if kind == "redis":
        return f"redis://:{access['password']}@127.0.0.1:{port}/0"
    return f"postgresql://{SHOP_ROLE}:{access.get('shop_password', '')}@127.0.0.1:{port}/kedai"

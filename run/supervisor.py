"""Keeps the processes of a Procfile running: logs to files, restarts with back-off, and an end that is one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from run import home as homes
from run import processes

FIRST_PAUSE = 0.2  # seconds; doubles with every quick death
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 10.0  # a process that ran this long starts again at FIRST_PAUSE
PATIENCE = 10.0  # seconds that everybody has together to end by themselves
LARGEST_LOG = 20_000_000  # bytes; a longer one is put aside at the next start


def read_procfile(path: Path) -> dict[str, str]:
    """Name and shell command of each line."""
    pairs = (
        line.partition(":")
        for line in path.read_text(encoding="utf-8").splitlines()
        if ":" in line and not line.startswith("#")
    )
    return {name.strip(): command.strip() for name, _, command in pairs}


class Child:
    """One line of the Procfile: its process, and what is known about its deaths."""

    def __init__(self, name: str, command: str, *, home: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self.name, self.command, self.folder, self.environ = name, command, folder, environ
        self.log = homes.log_file(home, name)
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self._pause = 0.0
        self._begun = 0.0
        self._again_at = 0.0

    def start(self) -> None:
        """Starts the process as the head of a group of its own, so that its children can be ended with it."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", self.command],
                cwd=self.folder,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=processes.leash(signal.SIGTERM),
            )
        self._begun = time.monotonic()

    def look(self) -> None:
        """Notices a death, ends what the dead process left behind, and starts it again when its pause is over."""
        if self.process is not None and self.process.poll() is not None:
            self._note_death(self.process)
        if self.process is None and time.monotonic() >= self._again_at:
            self.start()

    def signal(self, number: int) -> None:
        """Signals the process and all of its group, whether its head still lives or not."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def ask_to_end(self) -> None:
        """Signals the head alone: it knows best how to end its own children."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _note_death(self, process: subprocess.Popen[bytes]) -> None:
        self.deaths += 1
        self.signal(signal.SIGKILL)  # orphans would keep its port
        quick = time.monotonic() - self._begun < STEADY_SECONDS
        self._pause = min(LONGEST_PAUSE, self._pause * 2) if quick and self._pause else FIRST_PAUSE
        self._again_at = time.monotonic() + self._pause
        self.process = None
        report(
            f"{self.name} ended ({_cause(process.returncode)}) and starts again in {self._pause:.1f} s; see {self.log}"
        )


class Supervisor:
    """All processes of a run."""

    def __init__(self, children: list[Child]) -> None:
        self.children = children
        self._next_sweep = 0.0
        processes.adopt_orphans()

    def start(self) -> None:
        for child in self.children:
            child.start()

    def look(self) -> None:
        """One round: restarts what died."""
        for child in self.children:
            child.look()
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + 10
            self._reap_orphans()

    def stop(self) -> None:
        """Ends everything: first asked, after PATIENCE seconds made to."""
        for child in self.children:
            child.ask_to_end()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(child.is_running() for child in self.children):
            time.sleep(0.05)
        for child in self.children:
            if child.is_running():
                report(f"{child.name} did not end by itself within {PATIENCE:.0f} s; see {child.log}")
            child.signal(signal.SIGKILL)
        for child in self.children:
            if child.process is not None:
                child.process.wait()

    def _reap_orphans(self) -> None:
        """Takes leave of adopted processes that have ended, so that they do not stay in the list as zombies."""
        own = {child.process.pid for child in self.children if child.process is not None}
        for pid in processes.children_of(os.getpid()):
            if pid not in own and not processes.command_line(pid):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def end_orphans(*, but: set[int]) -> None:
    """Kills the adopted children that are still there (a job whose worker was killed, for instance)."""
    for pid in processes.children_of(os.getpid()):
        if pid not in but:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def report(text: str) -> None:
    """A line on stderr; a terminal that went away is no reason to end."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"

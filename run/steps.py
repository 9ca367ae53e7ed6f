"""Work the person at the terminal waits for: one line each, silent installers, a log for when something fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from run import home as homes
from run import processes
from run.problem import Problem, tail

NETWORK_WORDS = (
    *("NewConnectionError", "Name or service not known", "name resolution", "ReadTimeout", "ProxyError"),  # pip
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ERR_SOCKET", "SELF_SIGNED_CERT"),  # npm
)


def step(title: str, work: Callable[[], object]) -> None:
    """Runs `work` and says on stderr what it was and how long it took."""
    print(f"· {title} … ", end="", file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        work()
    except BaseException:
        print("failed", file=sys.stderr, flush=True)
        raise
    print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)


def run_silently(
    command: Sequence[str], *, failure: str, home: Path, folder: Path, environ: Mapping[str, str] | None = None
) -> str:
    """Runs a program as Silent does and waits for it; returns its standard output or raises Problem."""
    return Silent(command, failure=failure, home=home, folder=folder, environ=environ).finish()


class Silent:
    """A program running in `folder` beside us, its words in SHOP_HOME/logs/<log>.log. It ends when we do."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        failure: str,
        home: Path,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        log: str = "setup",
    ) -> None:
        homes.make(home)
        self.failure, self.folder = failure, folder
        self.log = homes.log_file(home, log)
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 read by finish(); a pipe could fill up before that
        with open(self.log, "ab") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(command)}\n".encode())
            file.flush()
            self.begun = file.tell()
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=file,
                env=environ or os.environ,
                preexec_fn=processes.leash(signal.SIGTERM),
            )

    def finish(self) -> str:
        """Waits for the end and returns the standard output.

        Raises Problem with the failure, its likely reason and the end of what the program said when it failed.
        """
        try:
            code = self.process.wait()
        except BaseException:
            self.process.terminate()
            raise
        self.output.seek(0)
        output = self.output.read()
        self.output.close()
        with open(self.log, "ab") as file:
            file.write(output)
        if code != 0:
            said = self.log.read_bytes()[self.begun :].decode("utf-8", "replace")
            raise Problem(f"{self.failure}: {_reason(said, self.folder)} (all of it in {self.log})\n{tail(self.log)}")
        return output.decode("utf-8", "replace")


def _reason(said: str, folder: Path) -> str:
    if any(word in said for word in ("No space left", "ENOSPC", "Disk quota")):
        return "the disk is full, make room for 1.5 GB and start again"
    if any(word in said for word in NETWORK_WORDS):
        return "the network does not answer, check the connection and start again"
    if "Permission denied" in said or "EACCES" in said:
        return f"this user may not write below {folder}, start it as its owner"
    return "the last lines say why"

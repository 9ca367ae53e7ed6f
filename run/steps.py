"""Work the person at the terminal waits for: one line each, silent installers, a log for when something fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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
    """Runs a program in `folder`, its words into SHOP_HOME/logs/setup.log, and returns its standard output.

    Raises Problem with `failure`, the likely reason and the end of what the program said when it fails.
    """
    homes.make(home)
    log = homes.log_file(home, "setup")
    with open(log, "ab") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(command)}\n".encode())
        file.flush()
        begun = file.tell()
        result = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            preexec_fn=processes.leash(signal.SIGTERM),
            stdout=subprocess.PIPE,
            stderr=file,
            env=environ or os.environ,
        )
        file.write(result.stdout)
    if result.returncode != 0:
        said = log.read_bytes()[begun:].decode("utf-8", "replace")
        raise Problem(f"{failure}: {_reason(said, folder)} (all of it in {log})\n{tail(log)}")
    return result.stdout.decode("utf-8", "replace")


def _reason(said: str, folder: Path) -> str:
    if any(word in said for word in ("No space left", "ENOSPC", "Disk quota")):
        return "the disk is full, make room for 1.5 GB and start again"
    if any(word in said for word in NETWORK_WORDS):
        return "the package index does not answer, check the network and start again"
    if "Permission denied" in said or "EACCES" in said:
        return f"this user may not write below {folder}, start it as its owner"
    return "the last lines say why"

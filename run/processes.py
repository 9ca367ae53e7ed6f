"""Starting programs that cannot outlive us, and finding what is left of them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def leash(death_signal: int) -> Callable[[], None]:
    """A `preexec_fn` that makes the kernel send `death_signal` to the new process when this one dies, even by kill -9.

    Only the thread that starts the process counts as its parent, so call it from a main thread. Elsewhere than on
    Linux it does nothing: there a killed starter leaves its servers behind and the next start clears them away.
    """
    parent = os.getpid()

    def bind() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return bind


def follow_parent(death_signal: int) -> None:
    """Ends this process with `death_signal` when its parent dies."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def adopt_orphans() -> None:
    """Makes the grandchildren whose own parent died our children, so that we can end them."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(parent: int) -> list[int]:
    """The ids of a process's children, ended ones that wait to be reaped included; empty where /proc is missing."""
    return [pid for pid in _all_pids() if _parent_of(pid) == parent]


def command_line(pid: int) -> str:
    """The command line of a running process with its arguments separated by spaces; empty when there is none."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _all_pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0

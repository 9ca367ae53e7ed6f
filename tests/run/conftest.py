"""Homes of mode 700 and processes that are ended whatever happens."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from run import servers
from run.environment import PROJECT

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that its owner alone can enter."""
    folder = tmp_path_factory.mktemp("private")
    folder.chmod(0o700)
    return folder


@pytest.fixture(scope="module")
def home(private: Path) -> Iterator[Path]:
    """A SHOP_HOME whose servers run for the length of a test file."""
    home = private / "home"
    with servers.ensure(home, lasting=False):
        yield home


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program in the project and reads what it prints: start("-m", "run", SHOP_HOME=…)."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, folder: Path = PROJECT, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)

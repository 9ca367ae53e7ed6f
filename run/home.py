"""SHOP_HOME: the folder of everything a shop keeps outside its database. Only its owner can read what lies in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from run.problem import Problem


def make(home: Path) -> None:
    """Creates the folder for its owner alone; one that exists keeps its permissions."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(
            f"{home} cannot be created ({error.strerror}): set SHOP_HOME to a folder you may write to."
        ) from None


def log_file(home: Path, name: str) -> Path:
    folder = home / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{name}.log"


def server_folder(home: Path, kind: str) -> Path:
    """Where the locks and notes about an embedded server lie (not always its data, see run.ground)."""
    return home / "servers" / kind


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no such file."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise Problem(
            f"{path} cannot be read: restore it from a backup, or start afresh with another SHOP_HOME."
        ) from None


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Replaces the file as a whole, readable by its owner alone from the first byte."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(values, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise Problem(
            f"{path} cannot be written ({error.strerror}): make room or set SHOP_HOME to another folder."
        ) from None

"""Reads names from the environment, else from a secrets manager (`sources.py`), and gathers what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class Reader:
    """Reads names and gathers faults instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.kept: Mapping[str, str] = {}  # what a secrets manager has
        self.faults: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        path = self.environ.get(f"{name}_FILE")
        if path and not self.environ.get(name):
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                self.faults.append(f"{name}_FILE={path} cannot be read ({error.strerror})")
        return self.environ.get(name, "").strip() or self.kept.get(name, "").strip() or default

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            self.faults.append(f"{name}={text} must be a whole number from {low} to {high}")
            return default
        return int(text)

    def optional_number(self, name: str, *, low: int, high: int) -> int | None:
        return self.number(name, low, low=low, high=high) if self.text(name) else None

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name, str(default)).lower()
        if text not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
            self.faults.append(f"{name}={text} must be true or false")
        return text in ("true", "1", "yes", "on")

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(name, default)
        if text not in choices:
            self.faults.append(f"{name}={text} must be one of {', '.join(choices)}")
            return default
        return text

    def lines(self, name: str) -> tuple[str, ...]:
        """Lines, or parts between semicolons: an environment file has no line breaks."""
        parts = self.text(name).replace("\n", ";").split(";")
        return tuple(part.strip() for part in parts if part.strip())

    def words(self, name: str, default: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word.strip() for word in self.text(name, default).split(",") if word.strip()))

"""The memory of a process in front of Redis: bounded, keyed by version, indifferent to Redis being away."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.core import cache
from app.core.memory import Memory, edition


def recall(memory: Memory[list[int]], key: str, raw: list[int] | None = None) -> list[int]:
    def read() -> list[int]:
        assert raw is not None, "read although it was remembered"
        return raw

    return memory.recall((key,), shared=key, read=read, load=lambda value: [*value])


def test_read_once_then_from_the_process_then_from_redis(database: None):
    memory: Memory[list[int]] = Memory("test", entries=4)
    assert recall(memory, "a", [1]) == [1]
    assert recall(memory, "a") == [1]
    memory.clear()
    assert recall(memory, "a") == [1]
    memory.clear()
    cache.client().flushdb()
    assert recall(memory, "a", [2]) == [2]


def test_the_least_recently_used_goes_first(database: None):
    memory: Memory[list[int]] = Memory("test", entries=2)
    for key in ("a", "b", "a", "c"):
        recall(memory, key, [1])
    assert memory.get(("a",)) == [1]
    assert memory.get(("b",)) is None


def test_works_without_redis(database: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "_resting_until", time.monotonic() + 60)
    memory: Memory[list[int]] = Memory("test", entries=2)
    assert recall(memory, "a", [1]) == [1]
    assert recall(memory, "a") == [1]
    memory.clear()
    assert recall(memory, "a", [2]) == [2]


def test_what_fails_is_not_remembered(database: None):
    memory: Memory[list[int]] = Memory("test", entries=2)

    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        memory.recall(("a",), shared="a", read=fail, load=list)
    assert recall(memory, "a", [3]) == [3]


def test_an_edition_names_the_code(tmp_path: Path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a")
    other.write_text("b")
    before = edition(str(one), str(other))
    assert before == edition(str(one), str(other))
    other.write_text("c")
    assert edition(str(one), str(other)) != before

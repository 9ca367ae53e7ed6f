"""What was read once and will be read again: a bounded memory of this process in front of Redis.

A key names the version of the data it was made from. So nothing has to be invalidated: after a change nobody asks for the
old keys any more, whoever made the change, and losing Redis loses only time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import Any, Generic, ParamSpec, TypeVar

from app.core import cache

Value = TypeVar("Value")
Given = ParamSpec("Given")
_all: list[Memory[Any]] = []


def edition(*files: str) -> str:
    """A digest of source files. Part of a memory's name, so that after an update nobody loads what older code has kept."""
    contents = b"".join(Path(file).read_bytes() for file in files)
    return blake2b(contents, digest_size=6).hexdigest()


class Memory(Generic[Value]):
    """At most `entries` values in this process, the least recently used go first; in Redis each for `seconds`.

    Redis holds the JSON a value is loaded from, one for all languages and currencies.
    """

    def __init__(self, name: str, *, entries: int, seconds: int = 3600) -> None:
        self.name, self.entries, self.seconds = name, entries, seconds
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._guard = threading.Lock()
        _all.append(self)

    def recall(
        self, key: tuple[Hashable, ...], *, shared: str, read: Callable[[], Any], load: Callable[[Any], Value]
    ) -> Value:
        """The value for `key`: from this process, else loaded from the JSON in Redis under `shared`, else from `read()`.

        What `read` raises is passed on and not remembered.
        """
        known = self.get(key)
        if known is not None:
            return known
        value = load(self._raw(shared, read))
        self.put(key, value)
        return value

    def get(self, key: Hashable) -> Value | None:
        with self._guard:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value: Value) -> None:
        with self._guard:
            self._values[key] = value
            while len(self._values) > self.entries:
                self._values.popitem(last=False)

    def clear(self) -> None:
        with self._guard:
            self._values.clear()

    def _raw(self, shared: str, read: Callable[[], Any]) -> Any:
        key = f"{self.name}:{shared}"
        raw = cache.get_json(key)
        if raw is None:
            raw = read()
            cache.put_json(key, raw, seconds=self.seconds)
        return raw


def for_a_moment(seconds: int) -> Callable[[Callable[Given, Value]], Callable[Given, Value]]:
    """`@for_a_moment(10)`: the answer to the same arguments is read again after that many seconds at the latest.

    For what a merchant changes once in a month and every page asks for. Answers are shared: nobody may change them.
    """

    def remember(read: Callable[Given, Value]) -> Callable[Given, Value]:
        memory: Memory[Value] = Memory(read.__qualname__, entries=256)

        @wraps(read)
        def recalled(*args: Given.args, **kwargs: Given.kwargs) -> Value:
            key = (int(monotonic() / seconds), args, *kwargs.items())
            known = memory.get(key)
            if known is None:
                known = read(*args, **kwargs)
                memory.put(key, known)
            return known

        return recalled

    return remember


def forget_all() -> None:
    """Remember nothing, as a process that has just started. For tests, whose databases come and go."""
    for memory in _all:
        memory.clear()

"""What was read once and will be read again: a bounded memory of this process in front of Redis.

A key names the version of the data it was made from. So nothing has to be invalidated: after a change nobody asks for the
old keys any more, whoever made the change, and losing Redis loses only time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from app.core import cache

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """At most `entries` values in this process, the least recently used go first; in Redis each for `seconds`.

    Redis holds the JSON a value is loaded from, one for all languages and currencies.
    """

    def __init__(self, name: str, *, entries: int, seconds: int = 3600) -> None:
        self.name, self.entries, self.seconds = name, entries, seconds
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._guard = threading.Lock()

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

"""The virtual clock: real time plus an offset that only grows and survives a restart."""

import threading
import time

from sandbox.store import Store


class Clock:
    def __init__(self, store: Store):
        self._store = store
        self._lock = threading.Lock()
        self._offset = float(store.setting("clock_offset", "0"))

    def now(self) -> float:
        """Seconds since the epoch, as everything in the sandbox sees them."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> float:
        """Moves the clock forward; returns the new time."""
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        with self._lock:
            self._offset += seconds
            self._store.set_setting("clock_offset", repr(self._offset))
        return self.now()

    def reset(self) -> None:
        with self._lock:
            self._offset = 0.0
            self._store.set_setting("clock_offset", "0")

    @property
    def offset(self) -> float:
        return self._offset

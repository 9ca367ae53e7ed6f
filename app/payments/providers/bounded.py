"""HTTP that cannot hang: sessions below the providers' clients, and the time one operation may take for all its calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core import http, skew
from app.core.http import environment_proxies, json_object
from app.payments.errors import ProviderUnavailable

__all__ = ["UNDECIDED", "Budget", "Patience", "Session", "environment_proxies", "json_object"]

log = logging.getLogger(__name__)

UNDECIDED = frozenset({401, 403, 408, 425, 429})  # wrong keys or too busy: says nothing about the request itself


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, between two pieces of an answer, and for everything one operation asks together."""

    connect: float = 3.0
    read: float = 8.0
    total: float = 13.0


class Budget:
    """The time that one operation has left for all its calls, so that two slow ones do not add up."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._ends = time.monotonic() + patience.total

    @property
    def left(self) -> float:
        """Seconds, never below 0."""
        return max(self._ends - time.monotonic(), 0.0)

    def timeout(self) -> tuple[float, float]:
        """Connect and read timeouts for the next call. Raises ProviderUnavailable when there is no time left."""
        left = self.left
        if left <= 0:
            raise ProviderUnavailable(reason="timeout")
        connect = min(self._patience.connect, left)
        return connect, max(min(self._patience.read, left - connect), 0.05)


class Session(http.Session):
    """Reads whole answers in time and hands status and body to `judge`, whose result is what the client gets. Each says, by its
    `Date`, how far our clock is from that of the provider with this `code`; without one none does."""

    def __init__(self, judge: Callable[[int, bytes], Any], *, proxies: Mapping[str, str], code: str = "") -> None:
        super().__init__()
        self._judge = judge
        self._code = code
        self.trust_env = False  # reading netrc and the environment again for each call costs more than the call
        self.proxies = dict(proxies)

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> Any:
        """Raises ProviderUnavailable or what `judge` raises, never requests' own errors, which a client might print."""
        asked_at = time.time()
        try:
            response = super().request(method, url, *arguments, **options)
        except http.NO_ANSWER as error:
            log.warning("no answer from the provider", extra={"error": type(error).__name__, "method": str(method)})
            raise ProviderUnavailable(reason=type(error).__name__) from error
        if self._code and "Age" not in response.headers:  # a cache tells when the answer was made
            skew.note(self._code, response.headers.get("Date"), at=(asked_at + time.time()) / 2)
        return self._judge(response.status_code, response.content)

"""Bearer tokens: held in memory, so that a restart makes merchants ask for new ones."""

import secrets
import threading

from sandbox.clock import Clock
from sandbox.paypal.errors import TokenError

NINE_HOURS = 32400


class Tokens:
    def __init__(self, clock: Clock):
        self.lifetime = NINE_HOURS
        self.issued = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    def issue(self) -> str:
        token = "A21AA" + secrets.token_urlsafe(48)
        with self._lock:
            self._ends[token] = self._clock.now() + self.lifetime
            self.issued += 1
        return token

    def check(self, header: str) -> None:
        """Raises the provider's 401 unless it is `Bearer` and a token that still lives."""
        kind, _, token = header.partition(" ")
        with self._lock:
            ends = self._ends.get(token, 0.0)
        if kind.lower() != "bearer" or ends <= self._clock.now():
            raise TokenError("invalid_token", "Token signature verification failed")

    def revoke_all(self) -> None:
        with self._lock:
            self._ends.clear()

    def forget(self) -> None:
        self.lifetime, self.issued = NINE_HOURS, 0
        self.revoke_all()

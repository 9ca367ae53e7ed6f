"""Passwords at rest: argon2id (ADR 0025). Slow on purpose, so called with no transaction open. And which are too common."""

from __future__ import annotations

import re
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import ShopError
from app.core.settings import Settings

GUESSES = 10**6  # what a password must outlast: fewer are tried online within days
LOOKED_AT = 20  # characters: zxcvbn tries all ways to read symbols as letters, and seventy of them take it seconds

# 32 MiB, three passes: some 60 ms of one core, above what OWASP asks of argon2id, and small beside a worker's memory.
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


class Busy(ShopError):
    """Strangers' passwords have taken as much of this process's time as they may. `seconds`: when to try again."""

    code = "busy"
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(retry_after=seconds)
        self.seconds = seconds


class Allowance:
    """How much of a processor one process may put into passwords: its `share` of the time that passes, up to `most` seconds
    kept. So wrong passwords from ever so many addresses leave the rest to who shops. No more than `most` is owed either: soon
    after a storm is over, so is the waiting.

    A right password is charged a part of what it took: an evening on which everybody signs in is no attack.
    """

    RIGHT = 0.2

    def __init__(self, *, share: float, most: float) -> None:
        self.share, self.most = share, most
        self._left, self._at = most, time.monotonic()

    def demand(self) -> None:
        """Raises Busy while nothing is left."""
        now = time.monotonic()
        self._left, self._at = min(self.most, self._left + (now - self._at) * self.share), now
        if self._left <= 0:
            raise Busy(ceil(-self._left / self.share) or 1)

    def charge(self, seconds: float) -> None:
        self._left = max(self._left - seconds, -self.most)


allowance = Allowance(share=0.03, most=1.5)
_is_bounded = True


def configure(settings: Settings) -> None:
    global _is_bounded
    _is_bounded = settings.rate_limit_enabled


def demand_time() -> None:
    """Asked before a password that anybody may send is looked at or hashed, and before anything is written down for it.

    Raises Busy.
    """
    if _is_bounded:
        allowance.demand()


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Charges the processor's time that the block takes, times the factor in the list."""
    factor, begun = [1.0], time.thread_time()
    try:
        yield factor
    finally:
        allowance.charge((time.thread_time() - begun) * factor[0])


def hashed(password: str) -> str:
    with _timed():
        return _hasher.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """As slow where there is no such account (None) as where there is one."""
    with _timed() as factor:
        try:
            _hasher.verify(password_hash or hash_of_nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
        factor[0] = Allowance.RIGHT
    return password_hash is not None


def renewed(password_hash: str, password: str) -> str | None:
    """A hash of the same password with the parameters of now; None when they have not grown since it was made."""
    return _hasher.hash(password) if _hasher.check_needs_rehash(password_hash) else None


def is_common(password: str, *, known: Sequence[str] = ()) -> bool:
    """Whether the password is on the list of common ones, or is one of those or of `known`, what others know of its owner,
    with the usual changes."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its word lists take some megabytes, and few processes ever need them

    words = [word for text in known for word in re.split(r"[\s@._+-]+", text) if len(word) > 2]
    with _timed():
        return bool(zxcvbn(password[:LOOKED_AT], user_inputs=[*known, *words])["guesses"] < GUESSES)


def hash_of_nobody() -> str:
    """What no password fits, at today's cost. Drawn, not computed: else the first to ask for nobody would wait twice."""
    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    salt, digest = (
        b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (_hasher.salt_len, _hasher.hash_len)
    )
    return f"$argon2id$v=19${cost}${salt}${digest}"

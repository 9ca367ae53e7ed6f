"""Passwords at rest: argon2id (ADR 0017). Slow on purpose, so called with no transaction open. And which are too common."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

GUESSES = 10**6  # what a password must outlast: fewer are tried online within days

# 32 MiB, three passes: some 60 ms of one core, above what OWASP asks of argon2id, and small beside a worker's memory.
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def hashed(password: str) -> str:
    return _hasher.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """As slow where there is no such account (None) as where there is one."""
    try:
        _hasher.verify(password_hash or _hash_of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def renewed(password_hash: str, password: str) -> str | None:
    """A hash of the same password with the parameters of now; None when they have not grown since it was made."""
    return _hasher.hash(password) if _hasher.check_needs_rehash(password_hash) else None


def is_common(password: str, *, known: Sequence[str] = ()) -> bool:
    """Whether the password is on the list of common ones, or is one of those or of `known`, what others know of its owner,
    with the usual changes."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its word lists take some megabytes, and few processes ever need them

    words = [word for text in known for word in re.split(r"[\s@._+-]+", text) if len(word) > 2]
    return zxcvbn(password[:72], user_inputs=[*known, *words])["guesses"] < GUESSES


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))

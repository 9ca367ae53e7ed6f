"""Passwords at rest: argon2id (ADR 0017). Slow on purpose, so called with no transaction open."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

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


def is_outdated(password_hash: str) -> bool:
    """Whether the parameters have grown since it was made."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))

"""What a key looks like, how long it lives, and what a signed request signs. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from app.core.masks import API_KEY as LOOK

PREFIX, SIGNING_PREFIX = "kedai_", "kedaisig_"  # secret scanners find them, and so does the mask of our logs
PUBLIC_LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # a double click marks all of it
PUBLIC_LENGTH, SECRET_LENGTH = 12, 40  # 60 and 238 bits

LONGEST_NAME = 60
LONGEST_DAYS = 366
USUAL_DAYS = 90
MOST_NETWORKS = 50
OVERLAPS = (0, 1, 24, 72, 168)  # hours that the old secret may go on after a rotation
OVERLAP_HOURS = 24
USED_MINUTES = 5  # that a use is noted late at most: no write for each request

SIGNED_SECONDS = 300  # that a signature may be early or late
NONCE_HOURS = 1  # kept for longer than any signature counts, early and late together
NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
TIMESTAMP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Secret:
    """In clear, to be shown once: `key` goes into the header, `signing` (where the key may do what has to be signed) stays
    with the program."""

    public_id: str
    key: str
    signing: str | None


def new_secret(*, signs: bool) -> Secret:
    public_id = "".join(secrets.choice(PUBLIC_LETTERS) for _ in range(PUBLIC_LENGTH))
    key, signing = (_drawn(prefix, public_id) for prefix in (PREFIX, SIGNING_PREFIX))
    return Secret(public_id, key, signing if signs else None)


def _drawn(prefix: str, public_id: str) -> str:
    return f"{prefix}{public_id}_{''.join(secrets.choice(LETTERS) for _ in range(SECRET_LENGTH))}"


def public_id_of(key: str) -> str | None:
    """The part to look a key up by; None for what cannot be one."""
    return key[len(PREFIX) :][:PUBLIC_LENGTH] if key.startswith(PREFIX) and LOOK.fullmatch(key) else None


def hashed(key: str) -> bytes:
    """What the table keeps of a key. It has 238 random bits: a plain hash cannot be turned around."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True)
class Signed:
    """What of a request is signed. `target` is path and query as sent, `timestamp` seconds since 1970."""

    method: str
    target: str
    body: bytes
    timestamp: str
    nonce: str
    idempotency_key: str = ""

    @property
    def text(self) -> bytes:
        """One line each. The Idempotency-Key is among them: with another one the same refund would be made once more."""
        body = hashlib.sha256(self.body).hexdigest()
        lines = ("v1", self.method, self.target, body, self.timestamp, self.nonce, self.idempotency_key)
        return "\n".join(lines).encode("utf-8", "replace")

    def signature(self, secret: str) -> str:
        return "v1=" + hmac.new(secret.encode(), self.text, hashlib.sha256).hexdigest()

    def fits(self, secret: str, given: str) -> bool:
        """In constant time."""
        return hmac.compare_digest(self.signature(secret).encode(), given.encode("utf-8", "replace"))

    def is_timely(self, *, now: float) -> bool:
        return abs(now - int(self.timestamp)) <= SIGNED_SECONDS

"""Identifiers: time-ordered UUIDs for rows, unguessable tokens for links, short references for people."""

import os
import secrets
import time
import uuid

REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0/O, 1/I: read aloud over the phone


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): milliseconds since 1970 first, so that indexes grow at their end."""
    millis = time.time_ns() // 1_000_000
    value = int.from_bytes(millis.to_bytes(6, "big") + os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return uuid.UUID(int=value)


def new_token() -> str:
    """128 random bits as 22 URL-safe characters: whoever holds it may see one thing, nobody can guess it."""
    return secrets.token_urlsafe(16)


def new_reference() -> str:
    """Eight characters such as `K7F3-3QX9`: what we call an order before it has its number (40 bits, UNIQUE in the table)."""
    text = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
    return f"{text[:4]}-{text[4:]}"

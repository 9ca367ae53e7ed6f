"""One-time codes, backup codes, and how long a sign-in lasts. Pure."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

TRIES = 5  # wrong ones, per account and kind, before the next has to wait
TRIES_MINUTES = 15
CODE_MINUTES = 15  # from the password to the code
IDLE_MINUTES = 30
FRESH_MINUTES = 15  # a sign-in older than that moves no money
LIFETIME_HOURS = 12
STEP_SECONDS = 30
WINDOW = 1  # steps that a clock may be early or late

PASSWORD_LENGTH = 20
TOTP_LENGTH = 6
BACKUP_CODES = 10
BACKUP_LENGTH = 16  # digits, 53 bits: a phone shows its number keys for the field that takes both kinds of code


def matching_step(secret: str, code: str, *, at: datetime) -> int | None:
    """The 30-second step that a six-digit code belongs to, one step early or late allowed; None when it is wrong."""
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    steps = range(now - WINDOW, now + WINDOW + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)), None)


def otpauth_url(secret: str, *, email: str, issuer: str) -> str:
    """What an authenticator app reads out of the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def plain_code(typed: str) -> str:
    """A code as it is compared: blanks and dashes are for the eye."""
    return "".join(char for char in typed if not char.isspace() and char not in "-–—")


def is_totp_code(plain: str) -> bool:
    return len(plain) == TOTP_LENGTH and plain.isascii() and plain.isdigit()


def is_backup_code(plain: str) -> bool:
    return len(plain) == BACKUP_LENGTH and plain.isascii() and plain.isdigit()


def grouped(plain: str) -> str:
    """A backup code as it is shown: `1234 5678 9012 3456`."""
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))

"""Codes of gift cards and store credit, and how much of each pays an order. Pure but for the dice of `new_code`."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.books.rules import ISSUED_HERE
from app.core.ids import REFERENCE_ALPHABET

KINDS = ISSUED_HERE  # gift_card, store_credit
ACCOUNT_MOVES: Mapping[str, frozenset[str]] = {
    "active": frozenset({"disabled"}),
    "disabled": frozenset({"active"}),
}
ENTRY_KINDS = ("issue", "hold", "release", "spend", "refund", "expire", "adjust")
HOLD_STATES = ("held", "released", "spent")
CODE_LENGTH = 16  # of 32 characters: 80 random bits
MAX_CODES = 5  # that pay one order
MAX_BATCH = 1000
MAX_MINOR = 10**9  # of one card, in minor units: a mistyped amount, not a gift
EXTENDED_DAYS = 90  # how long money that came back to an expired card can be spent at least


def new_code() -> str:
    return "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(CODE_LENGTH))


def grouped(code: str) -> str:
    """`ABCD-EFGH-JKLM-NPQR`: as it is printed and read aloud."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def normal_code(text: str) -> str | None:
    """A code as somebody types it, with or without groups. None when it cannot be one."""
    code = text.strip().upper().replace("-", "").replace(" ", "")
    return code if len(code) == CODE_LENGTH and set(code) <= set(REFERENCE_ALPHABET) else None


@dataclass(frozen=True, slots=True)
class Usable:
    """What an account could pay now, in minor units of its currency."""

    account_id: uuid.UUID
    kind: str
    last_four: str
    free_minor: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What an account pays of an order."""

    account_id: uuid.UUID
    amount_minor: int


def cover(total_minor: int, accounts: Sequence[Usable], *, step: int = 1, least: int = 1) -> list[Share]:
    """How much of each account pays a total: what ends soonest first, then in the order given; those that pay nothing are
    left out. What remains to pay is nothing, or what providers take: at least `least`, and a multiple of `step`."""
    covered = min(total_minor, sum(each.free_minor for each in accounts))
    if covered < total_minor:
        covered = min(covered, max(0, total_minor - least))
        covered = max(0, covered - (covered - total_minor) % step)
    shares, left = [], covered
    for each in sorted(accounts, key=lambda each: (each.expires_at is None, each.expires_at)):
        part = min(each.free_minor, left)
        if part > 0:
            shares.append(Share(each.account_id, part))
            left -= part
    return shares


def is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


def extended(expires_at: datetime | None, now: datetime) -> datetime | None:
    """The end of an account that money came back to: at least `EXTENDED_DAYS` away."""
    return None if expires_at is None else max(expires_at, now + timedelta(days=EXTENDED_DAYS))

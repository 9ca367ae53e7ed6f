"""States of payment, attempt, provider payment and refund, and when to ask the provider again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

PAYMENT_MOVES: Mapping[str, frozenset[str]] = {
    "open": frozenset({"paid", "refunding"}),
    "paid": frozenset({"refunding"}),
    "refunding": frozenset({"refunded", "paid", "open"}),
    "refunded": frozenset(),
}
ATTEMPT_MOVES: Mapping[str, frozenset[str]] = {
    "created": frozenset({"open", "failed", "captured", "closed"}),  # our row exists, the provider has not answered yet
    "open": frozenset({"failed", "captured", "closed"}),  # the shopper can pay there
    "failed": frozenset({"captured", "closed"}),  # a failure is never final: late authorisation
    "captured": frozenset(),
    "closed": frozenset({"captured"}),  # nobody asks any more (four days), but money still counts
}
CAPTURE_STATES = frozenset({"authorized", "captured", "failed", "refunded"})
REFUND_MOVES: Mapping[str, frozenset[str]] = {
    "requested": frozenset({"pending", "succeeded", "failed"}),
    "pending": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),  # providers do take a success back
    "failed": frozenset({"requested"}),  # asked for again, by hand
}
MAX_ATTEMPTS = 8  # per order (PAY-26)
FINAL = frozenset({"captured", "closed"})

# Seconds until the provider is asked again about an attempt that is not final: 15 s after opening it, then ever slower.
ASK_AFTER_SECONDS = (15, 30, 60, 60, 120, 300, 600, 1800, 3600)
GIVE_UP_AFTER_DAYS = 4


def ask_again_after(asked: int) -> int:
    """Seconds to wait when the provider has been asked `asked` times already."""
    return ASK_AFTER_SECONDS[min(asked, len(ASK_AFTER_SECONDS) - 1)]

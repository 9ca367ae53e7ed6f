"""Settings of orders that are paid in several parts (PAY-28)."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.settings.reader import Reader


@dataclass(frozen=True)
class Instalments:
    """In how many parts an order can be paid at most (0 or 1: in one go only), and on which terms."""

    most: int = 0
    days: int = 30  # between two of them
    min_minor: int = 0  # less than that, in minor units of whatever the order's currency is, is paid in one go
    grace_days: int = 7  # after its day an instalment may be late for so long before staff are told


def read_instalments(get: Reader) -> Instalments:
    return Instalments(
        most=get.number("INSTALMENTS", Instalments.most, low=0, high=12),
        days=get.number("INSTALMENT_DAYS", Instalments.days, low=1, high=92),
        min_minor=get.number("INSTALMENT_MIN_MINOR", Instalments.min_minor, low=0, high=10**12),
        grace_days=get.number("INSTALMENT_GRACE_DAYS", Instalments.grace_days, low=0, high=60),
    )

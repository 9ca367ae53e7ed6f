"""What a delivery costs and when it arrives. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

STEP_GRAMS = 500


@dataclass(frozen=True, slots=True)
class Method:
    """A way to deliver, in one currency. Days are working days (Monday to Friday).

    With `pickup_at`, the parts of an address, nothing is sent: it is ready there after those days, to be fetched in the `hours`.
    """

    code: str
    name: str
    base_minor: int
    step_minor: int
    free_from_minor: int | None
    min_days: int
    max_days: int
    item_minor: int = 0
    pickup_at: Mapping[str, str] | None = None
    hours: str | None = None

    @property
    def place(self) -> str:
        """Where it is picked up, in one line; empty for what is sent."""
        part = (self.pickup_at or {}).get
        town = f"{part('postcode', '')} {part('city', '')}".strip()
        return ", ".join(filter(None, (part("line1"), part("line2"), town)))

    def serves(self, address: Mapping[str, str]) -> bool:
        """Whether this address can have it. What is picked up belongs to the place where it lies: that decides the tax."""
        return all(address.get(name) == value for name, value in (self.pickup_at or {}).items())

    def cost(self, *, subtotal_minor: int, grams: int, items: int) -> int:
        """Minor units for a parcel of `items` that weigh `grams` and are worth `subtotal_minor`."""
        if self.free_from_minor is not None and subtotal_minor >= self.free_from_minor:
            return 0
        further_steps = max(0, -(-grams // STEP_GRAMS) - 1)
        return self.base_minor + further_steps * self.step_minor + max(0, items - 1) * self.item_minor

    def arrives(self, today: date) -> tuple[date, date]:
        return add_working_days(today, self.min_days), add_working_days(today, self.max_days)


def add_working_days(start: date, days: int) -> date:
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day

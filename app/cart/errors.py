from __future__ import annotations

from app.core.errors import Conflict, NotFound, Refused


class NotEnough(Conflict):
    """More was asked for than can be sold. `possible` is the quantity the cart line can have, in the variant's unit."""

    code = "not_enough"

    def __init__(self, *, possible: int, unit: str, step_mm: int | None) -> None:
        super().__init__("not enough", possible=possible)
        self.possible, self.unit, self.step_mm = possible, unit, step_mm


class TooFew(Refused):
    """Less was asked for than is sold at least (N18). `least` is that, in the variant's unit."""

    code = "too_few"

    def __init__(self, *, least: int, step_mm: int | None) -> None:
        super().__init__("too few", least=least)
        self.least, self.step_mm = least, step_mm


class NotForSale(NotFound):
    """No such variant, or it is not sold (any more)."""

    code = "not_for_sale"


class TooMuch(Refused):
    """A quantity or a cart beyond what any order may be."""

    code = "too_much"

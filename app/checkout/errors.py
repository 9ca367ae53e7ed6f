from __future__ import annotations

import uuid
from collections.abc import Mapping

from app.core.errors import Conflict, Refused


class NoSession(Conflict):
    """The visitor is not checking out (or has not come that far): go to `step`."""

    code = "no_checkout"

    def __init__(self, step: str = "contact") -> None:
        super().__init__("no checkout", step=step)
        self.step = step


class SessionOver(Conflict):
    """The 30 minutes are over. What was typed is kept; nothing was ordered."""

    code = "checkout_over"


class CartIsEmpty(Conflict):
    code = "cart_empty"


class TotalChanged(Conflict):
    """The total is not what the page showed: it must be shown again before anything is ordered."""

    code = "total_changed"


class LinesGone(Conflict):
    """Lines that cannot be had as they are (sold out, withdrawn, fewer than are sold at least): variant id -> quantity that
    could be."""

    code = "lines_gone"

    def __init__(self, possible: Mapping[uuid.UUID, int]) -> None:
        super().__init__("lines gone", possible=possible)
        self.possible = possible


class MeasuresMissing(Conflict):
    """A line is made to measure and has no measures, or not those that the garment needs (any more)."""

    code = "measures_missing"


class TooManyLocks(Conflict):
    """Too many unpaid orders hold stock for this address already (S11)."""

    code = "too_many_locks"
    status = 429


class ValueChanged(Conflict):
    """Gift cards and credit pay another part than the page showed: somebody spent of them meanwhile."""

    code = "value_changed"


class NoMethod(Refused):
    """No way to pay was chosen for what gift cards leave to pay."""

    code = "no_method"


class NoDelivery(Conflict):
    """No method delivers to that address."""

    code = "no_delivery"


class NoPlan(Refused):
    """This order cannot be paid in so many instalments, or not in the way that was chosen."""

    code = "no_plan"

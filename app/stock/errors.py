from __future__ import annotations

import uuid

from app.core.errors import Conflict


class OutOfStock(Conflict):
    """Some lines cannot be held. `possible` tells for each such variant how much could be (0 = sold out)."""

    code = "out_of_stock"

    def __init__(self, possible: dict[uuid.UUID, int]) -> None:
        super().__init__("out of stock", possible=possible)
        self.possible = possible


class LockLost(Conflict):
    """The order holds nothing any more (or not everything): it must be locked anew before it can be paid."""

    code = "lock_lost"


class NoMoreRenewals(Conflict):
    code = "no_more_renewals"


class BelowLocked(Conflict):
    """An adjustment would take units that are held for somebody (N24)."""

    code = "below_locked"

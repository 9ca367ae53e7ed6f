import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class LockExpired(Event):
    """What was held for this order is free again."""

    name = "stock.lock_expired"
    order_id: uuid.UUID

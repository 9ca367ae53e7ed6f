import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class ValueIssued(Event):
    """A gift card or store credit was issued to somebody whose address we know."""

    name = "value.issued"
    account_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ValueSpent(Event):
    """Gift cards or store credit have paid a part of an order, or all of it."""

    name = "value.spent"
    order_id: uuid.UUID

import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class RefundAsked(Event):
    """The customer would like money back."""

    name = "refund.asked"
    request_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class RefundDeclined(Event):
    """The shop says no to that."""

    name = "refund.declined"
    request_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class OrderRefunded(Event):
    """All the money of an order is back."""

    name = "order.refunded"
    order_id: uuid.UUID

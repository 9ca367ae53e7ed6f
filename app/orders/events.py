import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class OrderCreated(Event):
    name = "order.created"
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class OrderPromised(Event):
    """The shopper will pay by hand: transfer the money, or give it to the courier. `is_first`: not chosen before."""

    name = "order.promised"
    order_id: uuid.UUID
    attempt_id: uuid.UUID
    is_first: bool


@dataclass(frozen=True, slots=True)
class PlanBegun(Event):
    """The first instalment of an order is here: it waits for the others, and its stock is kept. `is_first`: it had not been
    promised by hand before."""

    name = "order.plan_begun"
    order_id: uuid.UUID
    is_first: bool


@dataclass(frozen=True, slots=True)
class OrderPaid(Event):
    """The order is confirmed and its stock sold."""

    name = "order.paid"
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class RecurringOrderPaid(Event):
    """The order of a subscription is paid; said besides `OrderPaid`."""

    name = "order.recurring_paid"
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class OrderExpired(Event):
    """Nobody paid in time; what was held is free again."""

    name = "order.expired"
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class OrderCancelled(Event):
    name = "order.cancelled"
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PaymentCameTooLate(Event):
    """Money came for an order that can have no stock any more; it is on its way back (refund_id)."""

    name = "order.refund_started"
    order_id: uuid.UUID
    refund_id: uuid.UUID

import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class SubscriptionStarted(Event):
    """Its first order is paid; the next ones are charged by themselves."""

    name = "subscription.started"
    recurring_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ChargeComing(Event):
    """The order of the next cycle is open and its stock held."""

    name = "subscription.charge_coming"
    recurring_id: uuid.UUID
    cycle_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ChargeFailed(Event):
    """The provider could not charge a cycle, and will try again."""

    name = "subscription.charge_failed"
    recurring_id: uuid.UUID
    cycle_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class CycleSkipped(Event):
    """Nothing is charged for one cycle. `reason`: sold_out or by_customer."""

    name = "subscription.skipped"
    recurring_id: uuid.UUID
    cycle_id: uuid.UUID
    reason: str


@dataclass(frozen=True, slots=True)
class SubscriptionPaused(Event):
    name = "subscription.paused"
    recurring_id: uuid.UUID
    change_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class SubscriptionResumed(Event):
    name = "subscription.resumed"
    recurring_id: uuid.UUID
    change_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class SubscriptionOver(Event):
    """It is charged no more. `reason`: see `rules.REASONS`."""

    name = "subscription.over"
    recurring_id: uuid.UUID
    reason: str

"""Subscriptions (PAY-30): what a provider is asked that charges by itself, and who of those that take part does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, cast

from app.core import clock
from app.core.money import Money
from app.payments import gateway
from app.payments.errors import ProviderUnavailable
from app.payments.gateway import Opened


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """What a provider needs to charge an amount again and again. `receipt` is our key there, as in `PaymentRequest`."""

    receipt: str
    amount: Money
    description: str
    period: str  # week or month
    every: int
    charges: int  # how often it is charged at most
    open_minutes: int  # how long the customer may take to authorise it
    return_url: str
    cancel_url: str
    asked_at: datetime = field(default_factory=clock.now)  # as in `PaymentRequest`
    email: str = ""
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class SubscriptionCharge:
    """What a provider charges, or has tried to charge, for one turn. `order_id` is what its standing is asked with."""

    id: str
    order_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderSubscription:
    """A subscription as the provider reports it. `state`: created (not authorised yet), active, past_due (a charge failed and is
    tried again), halted (it gave up), paused, cancelled or ended. `page_url` is where the means of payment is given; the
    oldest charge comes first."""

    id: str
    state: str
    next_charge_at: datetime | None = None
    charges: tuple[SubscriptionCharge, ...] = ()
    page_url: str = ""


class Recurring(Protocol):
    """A provider that charges by itself (PAY-30). Raises as the other calls do; a state that is there already may be refused."""

    def open_plan(self, request: SubscriptionRequest) -> str:
        """The provider's id of what is charged and how often; empty where it needs no such thing."""

    def open_subscription(self, request: SubscriptionRequest, *, plan_id: str, look_first: bool) -> Opened: ...

    def get_subscription(self, subscription_id: str) -> ProviderSubscription:
        """By its id, or by what `open_subscription` called it."""

    def pause_subscription(self, subscription_id: str) -> None:
        """Charge nothing until it is resumed; turns that pass meanwhile are left out."""

    def resume_subscription(self, subscription_id: str) -> None: ...

    def cancel_subscription(self, subscription_id: str) -> None: ...


def provider(code: str) -> Recurring:
    """A provider that takes part, for its subscriptions. Raises ProviderUnavailable when it takes none (any more)."""
    found = gateway.provider(code)
    if not gateway.tells(code, "get_subscription"):
        raise ProviderUnavailable(reason=f"{code} has no subscriptions")
    return cast(Recurring, found)


def code_for(currency: str) -> str | None:
    """The provider for a new subscription in a currency: the first that can charge a card again, one that answers before
    others. None when there is none: then nothing can be subscribed to."""
    able = [
        code
        for code in gateway.available()
        if gateway.tells(code, "get_subscription") and "card" in gateway.provider(code).methods(currency)
    ]
    return next((code for code in able if not gateway.is_down(code)), able[0] if able else None)

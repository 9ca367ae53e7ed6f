"""Razorpay Subscriptions: a plan says how much and how often, a subscription charges it, an invoice is one charge.

Source: Razorpay's documentation (subscriptions: create, states, pause and resume, retries, webhooks). The customer pays the first
charge on the subscription's hosted page (`short_url`), which authorises the next ones; the same page takes another card
when a charge has failed. Razorpay tries a failed charge again by itself (`pending`) and at last gives up (`halted`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway import Opened, ProviderPayment, Standing
from app.payments.gateway.recurring import ProviderSubscription, SubscriptionCharge, SubscriptionRequest
from app.payments.providers import razorpay_entities as entities
from app.payments.providers.bounded import Budget
from app.payments.providers.razorpay_client import ask

log = logging.getLogger(__name__)

SUBSCRIPTION = "sub_"
PERIODS = {"week": "weekly", "month": "monthly"}
STATES = {
    "created": "created",
    "authenticated": "active",
    "active": "active",
    "pending": "past_due",
    "halted": "halted",
    "paused": "paused",
    "cancelled": "cancelled",
    "expired": "cancelled",  # nobody authorised it in time
    "completed": "ended",
}
NOTHING_TO_COME = frozenset({"cancelled", "ended"})
PAGE = 100


class Subscriptions:
    """See `gateway.recurring.Recurring`. The part of `razorpay.Razorpay` that subscriptions need; its client and time come from there."""

    _api_url: str

    @property
    def _client(self) -> Any:
        raise NotImplementedError

    def _budget(self) -> Budget:
        raise NotImplementedError

    def open_plan(self, request: SubscriptionRequest) -> str:
        """A plan that nobody subscribes to costs nothing: one whose answer was lost is left behind."""
        body = {
            "period": PERIODS[request.period],
            "interval": request.every,
            "item": {
                "name": request.description[:255],
                "amount": request.amount.minor,
                "currency": request.amount.currency,
            },
        }
        plan = ask(self._client.plan.create, body, budget=self._budget())
        if entities.money_of(_object(plan, "item")) != request.amount:
            raise ProviderUnavailable(reason="the plan differs from the request")
        return entities.text_of(plan, "id")

    def open_subscription(self, request: SubscriptionRequest, *, plan_id: str, look_first: bool) -> Opened:
        """Told by its plan and our receipt in its notes, when our question to create it got no answer."""
        budget = self._budget()
        if look_first and (known := self._subscription_with(request.receipt, plan_id, budget)):
            return self._opened(known)
        body = {
            "plan_id": plan_id,
            "total_count": request.charges,
            "quantity": 1,
            "customer_notify": 0,  # the shop writes the mails
            "expire_by": int(request.asked_at.timestamp()) + request.open_minutes * 60,
            "notes": {"receipt": request.receipt},
        }
        return self._opened(ask(self._client.subscription.create, body, budget=budget))

    def get_subscription(self, subscription_id: str) -> ProviderSubscription:
        budget = self._budget()
        found = ask(self._client.subscription.fetch, subscription_id, {}, budget=budget)
        state = STATES.get(str(found.get("status")))
        if state is None:
            log.warning("unknown state of a subscription", extra={"subscription_state": str(found.get("status"))[:40]})
            raise ProviderUnavailable(reason="unknown state")
        return ProviderSubscription(
            id=entities.text_of(found, "id"),
            state=state,
            next_charge_at=entities.moment_of(found, "charge_at") if state not in NOTHING_TO_COME else None,
            charges=self._charges_of(subscription_id, budget),
            page_url=self._page_of(found),
        )

    def pause_subscription(self, subscription_id: str) -> None:
        """Raises ProviderRefused unless it is active."""
        ask(self._client.subscription.pause, subscription_id, {"pause_at": "now"}, budget=self._budget())

    def resume_subscription(self, subscription_id: str) -> None:
        ask(self._client.subscription.resume, subscription_id, {"resume_at": "now"}, budget=self._budget())

    def cancel_subscription(self, subscription_id: str) -> None:
        ask(self._client.subscription.cancel, subscription_id, {"cancel_at_cycle_end": 0}, budget=self._budget())

    def payments_of_order(self, order_id: str, *, budget: Budget) -> tuple[ProviderPayment, ...]:
        found = entities.items_of(ask(self._client.order.payments, order_id, {"count": PAGE}, budget=budget))
        return tuple(entities.payment_of(item) for item in found if item.get("order_id") == order_id)

    def standing_of_subscription(self, subscription_id: str) -> Standing:
        """Of its first charge."""
        budget = self._budget()
        charges = self._charges_of(subscription_id, budget)
        if charges:
            return Standing(self.payments_of_order(charges[0].order_id, budget=budget))
        found = ask(self._client.subscription.fetch, subscription_id, {}, budget=budget)
        return Standing(is_payable=STATES.get(str(found.get("status"))) not in NOTHING_TO_COME)

    def _charges_of(self, subscription_id: str, budget: Budget) -> tuple[SubscriptionCharge, ...]:
        """All of them, the oldest first: a subscription is charged at most a few hundred times."""
        found: list[dict[str, Any]] = []
        while len(found) % PAGE == 0:
            asked = {"subscription_id": subscription_id, "count": PAGE, "skip": len(found)}
            page = entities.items_of(ask(self._client.invoice.all, asked, budget=budget))
            if not page:
                break
            found += page
        mine = [item for item in found if item.get("subscription_id") == subscription_id and item.get("order_id")]
        charges = {charge.id: charge for charge in map(_charge, mine)}  # a new one moves others to the next page
        return tuple(sorted(charges.values(), key=lambda charge: (charge.due_at, charge.id)))

    def _subscription_with(self, receipt: str, plan_id: str, budget: Budget) -> dict[str, Any] | None:
        """Of several the first made; a plan is made for one subscription, so there is one, or a lost answer's."""
        found = entities.items_of(
            ask(self._client.subscription.all, {"plan_id": plan_id, "count": PAGE}, budget=budget)
        )
        mine = [item for item in found if _receipt_of(item) == receipt]
        return min(mine, key=lambda item: entities.number_of(item, "created_at"), default=None)

    def _opened(self, subscription: Mapping[str, Any]) -> Opened:
        page_url = self._page_of(subscription)
        if not page_url:
            raise ProviderRefused(reason="the subscription has no page")
        return Opened(entities.text_of(subscription, "id"), page_url)

    def _page_of(self, subscription: Mapping[str, Any]) -> str:
        """The page that Razorpay shortens to an address of its own; never anything that is no web page."""
        url = subscription.get("short_url")
        if not isinstance(url, str) or not url:
            return ""
        parts, own = urlsplit(url), urlsplit(self._api_url)
        is_safe = parts.scheme == "https" or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        return url if is_safe and parts.hostname else ""


def _charge(invoice: Mapping[str, Any]) -> SubscriptionCharge:
    due_at = entities.moment_of(invoice, "billing_start") or entities.moment_of(invoice, "created_at")
    if not isinstance(due_at, datetime):
        raise ProviderUnavailable(reason="an invoice without a date")
    return SubscriptionCharge(entities.text_of(invoice, "id"), entities.text_of(invoice, "order_id"), due_at)


def _receipt_of(subscription: Mapping[str, Any]) -> str:
    notes = subscription.get("notes")
    return str(notes.get("receipt") or "") if isinstance(notes, dict) else ""


def _object(entity: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entity.get(name)
    if not isinstance(value, dict):
        raise ProviderUnavailable(reason=f"no {name} in the answer")
    return value

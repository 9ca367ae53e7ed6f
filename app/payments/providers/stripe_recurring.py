"""Subscriptions at Stripe: a Checkout Session in the mode subscription, then an invoice for each charge.

Source: Stripe's documentation (subscriptions, pause payment collection, invoices, Checkout Sessions) and its client.
A subscription has its id only once its session was paid, so until then it goes by the session's. Paused, invoices are made and
voided. At a renewal the period moves on at once, and its invoice stays a draft for about an hour before it is charged. An
invoice is paid by PaymentIntents, which are the payments that orders know.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from app.payments.errors import ProviderUnavailable
from app.payments.gateway import Opened, ProviderPayment, Standing
from app.payments.gateway.recurring import ProviderSubscription, SubscriptionCharge, SubscriptionRequest
from app.payments.providers import stripe_entities as entities
from app.payments.providers.bounded import Budget
from app.payments.providers.stripe_client import Client

log = logging.getLogger(__name__)

SESSION, INVOICE = "cs_", "in_"
PAGE = 100
STATES = {
    "incomplete": "created",
    "trialing": "active",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "halted",
    "paused": "paused",
    "canceled": "cancelled",
    "incomplete_expired": "cancelled",
}
CHARGED = frozenset({"open", "paid", "uncollectible"})  # an invoice that is a draft or void charges nothing


class Subscriptions:
    """See `gateway.recurring.Recurring`. The part of `stripe.Stripe` that subscriptions need."""

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    def _budget(self) -> Budget:
        raise NotImplementedError

    def _open_session(self, request: SubscriptionRequest, *, look_first: bool) -> Opened:
        raise NotImplementedError

    def open_plan(self, request: SubscriptionRequest) -> str:
        """The session says it all."""
        return ""

    def open_subscription(self, request: SubscriptionRequest, *, plan_id: str, look_first: bool) -> Opened:
        return self._open_session(request, look_first=look_first)

    def get_subscription(self, subscription_id: str) -> ProviderSubscription:
        budget, named = self._budget(), subscription_id
        if named.startswith(SESSION):
            session = self._client.get_session(named, expand=[], budget=budget)
            if session.get("subscription") is None:
                return _not_begun(session)
            named = entities.identifier_of(session, "subscription")
        found = self._client.get_subscription(named, budget=budget)
        state = STATES.get(str(found.get("status")))
        if state is None:
            raise ProviderUnavailable(reason="unknown state")
        if state == "active" and found.get("pause_collection"):
            state = "paused"
        listed = entities.items_of(self._client.list_invoices({"subscription": named, "limit": PAGE}, budget=budget))
        return ProviderSubscription(
            id=entities.identifier_of(found),
            state=state,
            next_charge_at=_next_charge(found, listed) if state != "cancelled" else None,
            charges=_charges(listed),
            page_url=_page_of(listed),
        )

    def pause_subscription(self, subscription_id: str) -> None:
        self._client.update_subscription(
            subscription_id, {"pause_collection": {"behavior": "void"}}, budget=self._budget()
        )

    def resume_subscription(self, subscription_id: str) -> None:
        self._client.update_subscription(subscription_id, {"pause_collection": ""}, budget=self._budget())

    def cancel_subscription(self, subscription_id: str) -> None:
        if subscription_id.startswith(SESSION):
            self._client.expire_session(subscription_id, budget=self._budget())
        else:
            self._client.cancel_subscription(subscription_id, budget=self._budget())

    def standing_of_invoice(self, invoice_id: str, budget: Budget) -> Standing:
        """The payments that were made or tried for an invoice."""
        listed = entities.items_of(
            self._client.list_invoice_payments({"invoice": invoice_id, "limit": PAGE}, budget=budget)
        )
        intents = [each["payment"].get("payment_intent") for each in listed if isinstance(each.get("payment"), dict)]
        found = [self._payment(intent, budget) for intent in intents if isinstance(intent, str)]
        return Standing(tuple(payment for payment in found if payment is not None))

    def standing_of_first(self, session: Mapping[str, Any], budget: Budget) -> Standing:
        """Of a session in the mode subscription: its payment is its invoice's."""
        if session.get("invoice") is None:
            return Standing(is_payable=session.get("status") == "open")
        return self.standing_of_invoice(entities.identifier_of(session, "invoice"), budget)

    def _payment(self, intent_id: str, budget: Budget) -> ProviderPayment | None:
        expand = ["latest_charge.balance_transaction"]
        return entities.payment_of(self._client.get_intent(intent_id, expand=expand, budget=budget))


def _not_begun(session: Mapping[str, Any]) -> ProviderSubscription:
    """A session that nobody has paid (yet)."""
    state = "cancelled" if session.get("status") == "expired" else "created"
    return ProviderSubscription(id=entities.identifier_of(session), state=state)


def _next_charge(subscription: Mapping[str, Any], invoices: list[dict[str, Any]]) -> datetime | None:
    """The draft that Stripe is about to charge; otherwise the end of the period that is paid, which belongs to the items."""
    drafts = [each for each in invoices if each.get("status") == "draft" and each.get("auto_advance") is True]
    if drafts:
        return datetime.fromtimestamp(min(entities.number_of(each, "created") for each in drafts), UTC)
    items = subscription.get("items")
    listed = entities.items_of(items) if isinstance(items, dict) else []
    end = min((entities.number_of(item, "current_period_end") for item in listed), default=0)
    return datetime.fromtimestamp(end, UTC) if end else None


def _charges(invoices: list[dict[str, Any]]) -> tuple[SubscriptionCharge, ...]:
    """The oldest first; lists come newest first."""
    found = [
        SubscriptionCharge(
            entities.identifier_of(each),
            entities.identifier_of(each),
            datetime.fromtimestamp(entities.number_of(each, "created"), UTC),
        )
        for each in reversed(invoices)
        if each.get("status") in CHARGED
    ]
    return tuple(sorted(found, key=lambda charge: charge.due_at))


def _page_of(invoices: list[dict[str, Any]]) -> str:
    """Where an unpaid invoice is paid by another card; never anything but a web page."""
    url = next((each.get("hosted_invoice_url") for each in invoices if each.get("status") == "open"), None)
    return url if isinstance(url, str) and urlsplit(url).scheme in ("https", "http") else ""

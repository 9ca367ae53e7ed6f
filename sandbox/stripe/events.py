"""Webhook events in Stripe's words, recorded in the transaction that caused them (Stripe docs, api/events)."""

import json
from typing import Any

from sandbox.events import News
from sandbox.store import Transaction
from sandbox.stripe.state import new_id

API_VERSION = "2026-10-28.endive"
NAMES = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.created",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "payment_intent.canceled",
    "charge.pending",
    "charge.failed",
    "charge.succeeded",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "payout.created",
    "payout.paid",
)


class Events:
    def __init__(self, news: News):
        self._news = news

    def record(self, tx: Transaction, name: str, group: str, content: dict[str, Any], *, at: float) -> None:
        """`group`: what has its events sent one after the other, the session of the money."""
        event_id = new_id("evt")
        event = {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": int(at),
            "data": {"object": content},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": name,
        }
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        self._news.record(tx, name, group, body, event_id=event_id, provider="stripe")

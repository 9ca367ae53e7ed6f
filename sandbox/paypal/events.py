"""Webhook bodies in PayPal's words (PayPal docs, api/rest/webhooks/event-names)."""

import json
import secrets
from typing import Any

from sandbox.events import News
from sandbox.paypal.entities import moment
from sandbox.store import Transaction

NAMES = (
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.ORDER.COMPLETED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.REFUND.PENDING",
    "PAYMENT.REFUND.FAILED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.RESOLVED",
)
_KINDS = {"CHECKOUT": "checkout-order", "CAPTURE": "capture", "REFUND": "refund", "CUSTOMER": "dispute"}


class Events:
    def __init__(self, news: News):
        self._news = news

    def record(self, tx: Transaction, name: str, order_id: str, resource: dict[str, Any], *, at: float) -> None:
        event_id = f"WH-{secrets.token_hex(8).upper()}-{secrets.token_hex(8).upper()}"
        event = {
            "id": event_id,
            "event_version": "1.0",
            "create_time": moment(at),
            "resource_type": _kind_of(name),
            "resource_version": "2.0",
            "event_type": name,
            "summary": name.replace(".", " ").capitalize(),
            "resource": resource,
            "links": [],
        }
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        self._news.record(tx, name, order_id, body, event_id=event_id, provider="paypal")


def _kind_of(name: str) -> str:
    first, second, last = name.split(".")
    if last == "REFUNDED":
        return "refund"
    return _KINDS.get(first) or _KINDS[second]

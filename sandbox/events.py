"""Webhook events, written in the transaction that caused them: a kill -9 loses neither the money nor its news.

`News` records and sends for every provider; `Events` says it in Razorpay's words.
"""

import json
from typing import Any

from sandbox.accounts import CURLEC
from sandbox.clock import Clock
from sandbox.entities import dispute_entity, order_entity, payment_entity, refund_entity
from sandbox.ids import new_id
from sandbox.rows import found
from sandbox.store import Store, Transaction
from sandbox.switches import Switches
from sandbox.webhooks import Dispatcher, Job

NAMES = (
    "payment.authorized",
    "payment.captured",
    "payment.failed",
    "order.paid",
    "refund.created",
    "refund.processed",
    "refund.failed",
    "payment.dispute.created",
    "payment.dispute.under_review",
    "payment.dispute.won",
    "payment.dispute.lost",
    "payment.dispute.closed",
    "subscription.authenticated",
    "subscription.activated",
    "subscription.charged",
    "subscription.pending",
    "subscription.halted",
    "subscription.paused",
    "subscription.resumed",
    "subscription.cancelled",
)


class News:
    """Records an event and its deliveries; the switches decide what becomes of them."""

    def __init__(self, clock: Clock, switches: Switches, dispatcher: Dispatcher):
        self._clock = clock
        self._switches = switches
        self._dispatcher = dispatcher

    def record(
        self, tx: Transaction, name: str, order_id: str, body: bytes, *, event_id: str, provider: str = "razorpay"
    ) -> None:
        """`body` is sent as it is, by `provider`'s tongue; sending and its 24 hours count from now."""
        now = self._clock.now()
        tx.insert("event", id=event_id, provider=provider, name=name, order_id=order_id, body=body, created_at=now)
        plan = self._switches.plan(name)
        for url in self._dispatcher.urls:
            for _ in range(plan.copies):
                state = "dropped" if plan.drop else self._dispatcher.opening_state(url)
                due_at = now + plan.delay
                seq = tx.insert("delivery", event_id=event_id, url=url, secret=plan.secret, state=state, due_at=due_at)
                if state == "pending":
                    job = Job(seq, event_id, provider, order_id, body, url, plan.secret, due_at=due_at, created_at=now)
                    self._send_later(tx, job, held_for=plan.hold)

    def _send_later(self, tx: Transaction, job: Job, *, held_for: float) -> None:
        tx.after_commit(lambda: self._dispatcher.add(job, held_for=held_for))


class Events:
    """`at` is when something happened."""

    def __init__(self, store: Store, news: News):
        self._news = news
        self._accounts = {"razorpay": _account_id(store, "account_id"), CURLEC: _account_id(store, "curlec_account_id")}

    def payment(self, tx: Transaction, name: str, payment_id: str, *, at: float) -> None:
        """Records `payment.…` with the payment as it is at this moment of the transaction."""
        row = found(tx, "payment", payment_id)
        self._record(tx, name, row["order_id"], {"payment": payment_entity(row)}, at=at)

    def order_paid(self, tx: Transaction, payment_id: str, *, at: float) -> None:
        row = found(tx, "payment", payment_id)
        order = order_entity(found(tx, "orders", row["order_id"]))
        self._record(tx, "order.paid", row["order_id"], {"payment": payment_entity(row), "order": order}, at=at)

    def refund(self, tx: Transaction, name: str, refund_id: str, *, at: float) -> None:
        row = found(tx, "refund", refund_id)
        payment = found(tx, "payment", row["payment_id"])
        contents = {"refund": refund_entity(row), "payment": payment_entity(payment)}
        self._record(tx, name, payment["order_id"], contents, at=at)

    def dispute(self, tx: Transaction, name: str, dispute_id: str, *, at: float) -> None:
        row = found(tx, "dispute", dispute_id)
        payment = found(tx, "payment", row["payment_id"])
        contents = {"payment": payment_entity(payment), "dispute": dispute_entity(row)}
        self._record(tx, name, payment["order_id"], contents, at=at)

    def subscription(
        self, tx: Transaction, name: str, entity: dict[str, Any], *, account: str, at: float, payment_id: str | None
    ) -> None:
        """Events of one subscription go out in their order."""
        contents = {"subscription": entity}
        if payment_id is not None:
            contents["payment"] = payment_entity(found(tx, "payment", payment_id))
        body = self._body(name, contents, at, account_id=self._accounts[account])
        self._news.record(tx, name, entity["id"], body, event_id=new_id("evt"), provider=account)

    def _record(self, tx: Transaction, name: str, order_id: str, contents: dict[str, Any], *, at: float) -> None:
        account = found(tx, "orders", order_id)["provider"]
        body = self._body(name, contents, at, account_id=self._accounts[account])
        self._news.record(tx, name, order_id, body, event_id=new_id("evt"), provider=account)

    def _body(self, name: str, contents: dict[str, Any], at: float, *, account_id: str) -> bytes:
        event = {
            "entity": "event",
            "account_id": account_id,
            "event": name,
            "contains": list(contents),
            "payload": {kind: {"entity": entity} for kind, entity in contents.items()},
            "created_at": int(at),
        }
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _account_id(store: Store, name: str) -> str:
    account_id = store.setting(name, "") or new_id("acc")
    store.set_setting(name, account_id)
    return account_id

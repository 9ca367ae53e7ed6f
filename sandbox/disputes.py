"""Disputes: the customer's bank asks for a payment back (Razorpay docs, api/disputes)."""

from typing import Any

from sandbox import ledger
from sandbox.clock import Clock
from sandbox.entities import collection, dispute_entity
from sandbox.errors import ApiError, plain_error
from sandbox.events import Events
from sandbox.ids import new_id
from sandbox.rows import found, known
from sandbox.store import Store

STATUSES = ("under_review", "won", "lost", "closed")
_TO_ANSWER = 7 * 24 * 3600


class Disputes:
    def __init__(self, store: Store, clock: Clock, events: Events):
        self._store = store
        self._clock = clock
        self._events = events

    def open(self, payment_id: str, *, amount: int | None, reason: str) -> dict[str, Any]:
        """About all of a payment, or about `amount` of it."""
        now, dispute_id = self._clock.now(), new_id("disp")
        with self._store.transaction() as tx:
            payment = known(tx, "payment", payment_id)
            if not payment["captured"]:
                raise plain_error("Only captured payments can be disputed.")
            if amount is not None and amount > payment["amount"]:
                raise ApiError("The disputed amount is greater than the amount captured", field="amount")
            tx.insert(
                "dispute",
                id=dispute_id,
                provider=payment["provider"],
                payment_id=payment_id,
                amount=amount or payment["amount"],
                currency=payment["currency"],
                status="open",
                reason=reason,
                respond_by=now + _TO_ANSWER,
                created_at=now,
            )
            self._events.dispute(tx, "payment.dispute.created", dispute_id, at=now)
            return dispute_entity(found(tx, "dispute", dispute_id))

    def one(self, dispute_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            return dispute_entity(known(tx, "dispute", dispute_id))

    def listed(self, *, account: str, since: int, until: int, count: int, skip: int) -> dict[str, Any]:
        sql = """SELECT * FROM dispute WHERE provider = ? AND created_at >= ? AND created_at < ? + 1
                 ORDER BY seq DESC LIMIT ? OFFSET ?"""
        with self._store.reading() as tx:
            return collection(map(dispute_entity, tx.all(sql, (account, since, until, count, skip))))

    def decide(self, dispute_id: str, status: str) -> dict[str, Any]:
        """The bank's next word. When it is lost, the bank takes the disputed amount."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            row = known(tx, "dispute", dispute_id)
            if row["status"] not in ("open", "under_review"):
                raise plain_error("This dispute is decided.")
            tx.execute("UPDATE dispute SET status = ? WHERE id = ?", (status, dispute_id))
            if status == "lost":
                payment = found(tx, "payment", row["payment_id"])
                ledger.write(tx, "chargeback", payment=payment, amount=row["amount"], at=now)
            self._events.dispute(tx, f"payment.dispute.{status}", dispute_id, at=now)
            return dispute_entity(found(tx, "dispute", dispute_id))

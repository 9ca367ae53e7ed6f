"""Payments: what the provider does with the customers' money.

Every public method is one transaction. Times are seconds since the epoch on the virtual clock.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import instruments, ledger, releases, validation
from sandbox.accounts import Account
from sandbox.clock import Clock
from sandbox.entities import collection, payment_entity
from sandbox.errors import ApiError, plain_error
from sandbox.events import Events
from sandbox.ids import new_id
from sandbox.rows import Row, found, known
from sandbox.store import Store, Transaction

OUTCOMES = ("success", "captured", "authorized", "failed", "late", "twice")
_TIME_OUT = 600


@dataclass(frozen=True)
class Payer:
    """What the checkout page knows about the customer."""

    name: str | None = None
    email: str | None = None
    contact: str | None = None
    description: str | None = None
    bank: str | None = None
    notes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Attempt:
    """One try to pay. `amount` and `currency` may differ from the order's to test that the shop notices.

    `late_seconds` is when a late authorisation arrives; `force` takes money even for an order that is paid, and makes
    the second payment of `twice` a capture of its own instead of one the provider gives back.
    """

    outcome: str = "success"
    method: str | None = None
    payer: Payer = Payer()
    amount: int | None = None
    currency: str | None = None
    reason: str = "payment_failed"
    late_seconds: float = 1200
    force: bool = False
    invoice_id: str | None = None


class Payments:
    def __init__(self, store: Store, clock: Clock, events: Events, *, accounts: Sequence[Account], expiry_from: str):
        self._store = store
        self._clock = clock
        self._events = events
        self._key_secrets = {account.code: account.key_secret for account in accounts}
        self._expiry_from = expiry_from

    def of_order(self, order_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            known(tx, "orders", order_id)
            rows = tx.all("SELECT * FROM payment WHERE order_id = ? ORDER BY seq DESC", (order_id,))
        return collection(map(payment_entity, rows))

    def listed(self, *, account: str, since: int, until: int, count: int, skip: int) -> dict[str, Any]:
        sql = """SELECT * FROM payment WHERE provider = ? AND created_at >= ? AND created_at < ? + 1
                 ORDER BY seq DESC LIMIT ? OFFSET ?"""
        with self._store.reading() as tx:
            return collection(map(payment_entity, tx.all(sql, (account, since, until, count, skip))))

    def one(self, payment_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            return payment_entity(known(tx, "payment", payment_id))

    # -- paying

    def pay(self, order_id: str, attempt: Attempt) -> list[dict[str, Any]]:
        """Makes one payment, two for `twice`; returns the entities as they are afterwards."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            ids = self.pay_in(tx, order_id, attempt, at=now)
            return [payment_entity(found(tx, "payment", payment_id)) for payment_id in ids]

    def pay_in(self, tx: Transaction, order_id: str, attempt: Attempt, *, at: float) -> list[str]:
        """`pay` inside a transaction; returns the ids of the payments."""
        order = known(tx, "orders", order_id)
        if not attempt.force:
            _refuse_if_closed(tx, order)
        ids = [self._start(tx, order, attempt, at)]
        if attempt.outcome == "twice":
            ids.append(self._start(tx, order, attempt, at))
        self._finish(tx, ids, attempt, at)
        return ids

    def authorize(self, payment_id: str, *, force: bool = False) -> dict[str, Any]:
        """The bank says yes after all, now: a `created` or `failed` payment becomes authorised."""
        with self._store.transaction() as tx:
            row = known(tx, "payment", payment_id)
            if row["status"] not in ("created", "failed"):
                raise plain_error("Only created or failed payments can be authorised.")
            capture = "captured" if force else "options"
            self._authorize(tx, payment_id, capture=capture, at=self._clock.now(), force=force)
            return payment_entity(found(tx, "payment", payment_id))

    def capture(self, payment_id: str, body: dict[str, Any]) -> dict[str, Any]:
        validation.only_known(body, {"amount", "currency"})
        currency = validation.currency_of(validation.required(body, "currency"))
        amount = validation.amount_of(validation.required(body, "amount"), currency=currency)
        with self._store.transaction() as tx:
            row = known(tx, "payment", payment_id)
            _refuse_capture(tx, row, amount, currency)
            self._capture(tx, payment_id, at=self._clock.now())
            return payment_entity(found(tx, "payment", payment_id))

    def callback(self, payment: Mapping[str, Any]) -> dict[str, str]:
        """The form fields that the checkout page posts to the shop; empty while the bank has not answered."""
        if payment["status"] == "created":
            return {}
        if payment["status"] == "failed":
            return _failure_fields(payment)
        return {
            "razorpay_payment_id": payment["id"],
            "razorpay_order_id": payment["order_id"],
            "razorpay_signature": self.signature(payment["order_id"], payment["id"]),
        }

    def signature(self, order_id: str, payment_id: str) -> str:
        with self._store.reading() as tx:
            key_secret = self._key_secrets[found(tx, "orders", order_id)["provider"]]
        return hmac.new(key_secret.encode(), f"{order_id}|{payment_id}".encode(), hashlib.sha256).hexdigest()

    # -- what the timers do

    def time_out(self, tx: Transaction, payment_id: str, *, at: float) -> None:
        """No word from the bank for ten minutes: the payment counts as failed, which is not final."""
        if found(tx, "payment", payment_id)["status"] == "created":
            self._fail(tx, payment_id, "payment_timed_out", at)

    def authorize_late(self, tx: Transaction, payment_id: str, *, at: float) -> None:
        if found(tx, "payment", payment_id)["status"] in ("created", "failed"):
            self._authorize(tx, payment_id, capture="options", at=at)

    def release_uncaptured(self, tx: Transaction, payment_id: str, *, at: float) -> None:
        """The manual expiry period is over: an authorisation that nobody captured goes back to the customer."""
        if found(tx, "payment", payment_id)["status"] == "authorized":
            releases.release(tx, self._events, payment_id, at=at)

    # -- steps inside a transaction

    def _start(self, tx: Transaction, order: Row, attempt: Attempt, at: float) -> str:
        currency = attempt.currency or order["currency"]
        method = attempt.method or next(iter(instruments.methods_for(currency, order["provider"])))
        payer, payment_id = attempt.payer, new_id("pay")
        tx.insert(
            "payment",
            id=payment_id,
            provider=order["provider"],
            order_id=order["id"],
            amount=attempt.amount or order["amount"],
            currency=currency,
            status="created",
            method=method,
            instrument=json.dumps(instruments.instrument(method, currency=currency, name=payer.name, bank=payer.bank)),
            email=payer.email,
            contact=payer.contact,
            description=payer.description,
            notes=json.dumps(dict(payer.notes or {})),
            extra=json.dumps({"invoice_id": attempt.invoice_id}),
            created_at=at,
        )
        tx.execute(
            """UPDATE orders SET attempts = attempts + 1, status = iif(status = 'created', 'attempted', status)
               WHERE id = ?""",
            (order["id"],),
        )
        return payment_id

    def _finish(self, tx: Transaction, ids: list[str], attempt: Attempt, at: float) -> None:
        if attempt.outcome == "failed":
            self._fail(tx, ids[0], attempt.reason, at)
        elif attempt.outcome == "late":
            self._wait_for_the_bank(tx, ids[0], attempt.late_seconds, at)
        elif attempt.outcome == "twice":
            self._authorize(tx, ids[0], capture="captured", at=at, force=attempt.force)
            self._authorize(tx, ids[1], capture="captured", at=at, force=attempt.force)
        else:
            capture = "options" if attempt.outcome == "success" else attempt.outcome
            self._authorize(tx, ids[0], capture=capture, at=at, force=attempt.force)

    def _wait_for_the_bank(self, tx: Transaction, payment_id: str, seconds: float, at: float) -> None:
        if seconds > _TIME_OUT:
            tx.insert("timer", due_at=at + _TIME_OUT, kind="time_out", target=payment_id)
        tx.insert("timer", due_at=at + seconds, kind="authorize", target=payment_id)

    def _fail(self, tx: Transaction, payment_id: str, reason: str, at: float) -> None:
        failure = json.dumps(instruments.failure(reason))
        tx.execute("UPDATE payment SET status = 'failed', failure = ? WHERE id = ?", (failure, payment_id))
        self._events.payment(tx, "payment.failed", payment_id, at=at)

    def _authorize(self, tx: Transaction, payment_id: str, *, capture: str, at: float, force: bool = False) -> None:
        """`capture`: `captured`, `authorized` (leave it) or `options` (as the order's capture options say)."""
        tx.execute("UPDATE payment SET status = 'authorized', failure = NULL WHERE id = ?", (payment_id,))
        self._events.payment(tx, "payment.authorized", payment_id, at=at)
        payment = found(tx, "payment", payment_id)
        order = found(tx, "orders", payment["order_id"])
        started = (order if self._expiry_from == "order" else payment)["created_at"]
        if order["status"] == "paid" and not force:
            releases.release(tx, self._events, payment_id, at=at)
        elif capture == "captured" or (capture == "options" and _auto_captured(order, at - started)):
            self._capture(tx, payment_id, at=at)
        else:
            tx.insert("timer", due_at=started + order["manual_minutes"] * 60, kind="release", target=payment_id)

    def _capture(self, tx: Transaction, payment_id: str, *, at: float) -> None:
        tx.execute("UPDATE payment SET status = 'captured', captured = 1 WHERE id = ?", (payment_id,))
        payment = found(tx, "payment", payment_id)
        order = found(tx, "orders", payment["order_id"])
        ledger.write(tx, "capture", payment=payment, amount=payment["amount"], at=at)
        self._events.payment(tx, "payment.captured", payment_id, at=at)
        if order["status"] == "paid":
            return
        paid = order["amount"] if payment["currency"] != order["currency"] else order["amount_paid"] + payment["amount"]
        self._mark_paid(tx, order, min(paid, order["amount"]), payment_id, at)

    def _mark_paid(self, tx: Transaction, order: Row, paid: int, payment_id: str, at: float) -> None:
        status = "paid" if paid == order["amount"] else "attempted"
        tx.execute("UPDATE orders SET amount_paid = ?, status = ? WHERE id = ?", (paid, status, order["id"]))
        if status != "paid":
            return
        self._events.order_paid(tx, payment_id, at=at)
        rivals = tx.all("SELECT id FROM payment WHERE order_id = ? AND status = 'authorized'", (order["id"],))
        for rival in rivals:
            releases.release(tx, self._events, rival["id"], at=at)


def _failure_fields(payment: Mapping[str, Any]) -> dict[str, str]:
    names = ("code", "description", "source", "step", "reason")
    metadata = {"payment_id": payment["id"], "order_id": payment["order_id"]}
    return {
        **{f"error[{name}]": str(payment[f"error_{name}"]) for name in names},
        "error[metadata]": json.dumps(metadata),
    }


def _auto_captured(order: Row, age: float) -> bool:
    return bool(order["capture_mode"] == "automatic" and age <= order["automatic_minutes"] * 60)


def _refuse_if_closed(tx: Transaction, order: Row) -> None:
    if order["status"] == "paid":
        raise _order_paid()
    if tx.one("SELECT 1 FROM payment WHERE order_id = ? AND status = 'authorized'", (order["id"],)):
        raise ApiError("Your payment has been declined as another payment of this order is already authorised.")


def _refuse_capture(tx: Transaction, payment: Row, amount: int, currency: str) -> None:
    if payment["captured"]:
        raise plain_error("This payment has already been captured")
    if payment["status"] != "authorized":
        raise plain_error("Only payments which have been authorized and not yet captured can be captured")
    if (amount, currency) != (payment["amount"], payment["currency"]):
        raise ApiError("Capture amount must be equal to the amount authorized", field="amount")
    if found(tx, "orders", payment["order_id"])["status"] == "paid":
        raise _order_paid()


def _order_paid() -> ApiError:
    return plain_error(
        "Your payment has been declined as the order is already paid. Please initiate the payment with a new order."
    )

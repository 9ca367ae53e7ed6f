"""Refunds by the merchant, with `X-Refund-Idempotency` (Razorpay docs, api/refunds/normal-refunds-idempotent.md)."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox import ledger, validation
from sandbox.clock import Clock
from sandbox.entities import collection, refund_entity
from sandbox.errors import ApiError, plain_error, unknown_id
from sandbox.events import Events
from sandbox.ids import new_id
from sandbox.rows import Row, found, known
from sandbox.store import Store, Transaction

STATUSES = ("processed", "pending", "failed")
_FIELDS = {"amount", "speed", "notes", "receipt"}
_SIX_MONTHS = 182 * 24 * 3600


@dataclass
class Course:
    """How the next refunds go: `processed` at once, `pending` until told or due, `failed` when due.

    `after_seconds` on the virtual clock; None leaves them pending. `left` counts down to the normal course; None stays.
    """

    status: str = "processed"
    after_seconds: float | None = None
    left: int | None = None


class Refunds:
    def __init__(self, store: Store, clock: Clock, events: Events):
        self._store = store
        self._clock = clock
        self._events = events
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self.course = Course()

    def begin(self, key: str | None) -> Callable[[], None]:
        """Claims an idempotency key for one request; call the result when the request is over."""
        if key is None:
            return lambda: None
        _check_key(key)
        with self._lock:
            if key in self._under_way:
                raise plain_error("Another request with the same idempotency key is still in progress.", status=409)
            claims = self._under_way
            claims.add(key)
        return lambda: claims.discard(key)

    def forget(self) -> None:
        """Back to the normal course; requests still under way keep no key claimed."""
        with self._lock:
            self._under_way = set()
        self.course = Course()

    def create(self, payment_id: str, body: dict[str, Any], *, key: str | None) -> dict[str, Any]:
        """Refunds a part, or everything that is left when `amount` is missing. The same key gives the same answer."""
        with self._store.transaction() as tx:
            known(tx, "payment", payment_id)
            if key is not None and (answer := _earlier_answer(tx, key, payment_id, body)):
                return answer
            refund_id = self._create(tx, payment_id, body, key)
            answer = refund_entity(found(tx, "refund", refund_id))
            if key is not None:
                _remember(tx, key, payment_id, body, answer)
            return answer

    def one(self, refund_id: str, *, payment_id: str | None = None) -> dict[str, Any]:
        with self._store.reading() as tx:
            row = known(tx, "refund", refund_id)
        if payment_id is not None and row["payment_id"] != payment_id:
            raise unknown_id()
        return refund_entity(row)

    def of_payment(self, payment_id: str, *, count: int, skip: int) -> dict[str, Any]:
        sql = "SELECT * FROM refund WHERE payment_id = ? ORDER BY seq DESC LIMIT ? OFFSET ?"
        with self._store.reading() as tx:
            known(tx, "payment", payment_id)
            return collection(map(refund_entity, tx.all(sql, (payment_id, count, skip))))

    def listed(self, *, since: int, until: int, count: int, skip: int) -> dict[str, Any]:
        where = "provider = 'razorpay' AND created_at >= ? AND created_at < ? + 1"
        sql = f"SELECT * FROM refund WHERE {where} ORDER BY seq DESC LIMIT ? OFFSET ?"  # noqa: S608  # nosec B608
        with self._store.reading() as tx:
            return collection(map(refund_entity, tx.all(sql, (since, until, count, skip))))

    def settle(self, refund_id: str, status: str) -> dict[str, Any]:
        """The bank's answer to a pending refund: `processed` or `failed`. One that was processed may fail after all."""
        with self._store.transaction() as tx:
            before = known(tx, "refund", refund_id)["status"]
            if before != "pending" and (before, status) != ("processed", "failed"):
                raise plain_error("Only pending refunds can be settled.")
            tx.execute("UPDATE refund SET status = 'pending' WHERE id = ?", (refund_id,))
            self.settle_in(tx, refund_id, status, at=self._clock.now())
            return refund_entity(found(tx, "refund", refund_id))

    def settle_in(self, tx: Transaction, refund_id: str, status: str, *, at: float) -> None:
        row = found(tx, "refund", refund_id)
        if row["status"] != "pending":
            return
        tx.execute("UPDATE refund SET status = ? WHERE id = ?", (status, refund_id))
        if status == "failed":
            _give_back(tx, row, at)
        self._events.refund(tx, f"refund.{status}", refund_id, at=at)

    def _create(self, tx: Transaction, payment_id: str, body: dict[str, Any], key: str | None) -> str:
        now, payment = self._clock.now(), found(tx, "payment", payment_id)
        amount = _checked_amount(payment, body)
        course = self._next_course(too_old=now - payment["created_at"] > _SIX_MONTHS)
        refund_id = new_id("rfnd")
        tx.insert(
            "refund",
            id=refund_id,
            provider=payment["provider"],
            payment_id=payment_id,
            amount=amount,
            currency=payment["currency"],
            status="processed" if course.status == "processed" else "pending",
            receipt=validation.text_of(body.get("receipt"), name="receipt", longest=40),
            notes=json.dumps(validation.notes_of(body.get("notes"))),
            speed=validation.speed_of(body.get("speed", "normal"), name="speed"),
            source="merchant",
            idempotency_key=key,
            created_at=now,
        )
        _take(tx, payment, amount, refund_id, now)
        self._events.refund(tx, "refund.created", refund_id, at=now)
        self._follow(tx, refund_id, course, now)
        return refund_id

    def _next_course(self, *, too_old: bool) -> Course:
        """A refund of a payment older than six months is accepted and fails."""
        if too_old:
            return Course(status="failed", after_seconds=0)
        course = self.course
        if course.left is None:
            return course
        course.left -= 1
        if course.left == 0:
            self.course = Course()
        return course

    def _follow(self, tx: Transaction, refund_id: str, course: Course, now: float) -> None:
        if course.status == "processed":
            self._events.refund(tx, "refund.processed", refund_id, at=now)
        elif course.after_seconds is not None:
            kind = "refund_failed" if course.status == "failed" else "refund_processed"
            tx.insert("timer", due_at=now + course.after_seconds, kind=kind, target=refund_id)


def _check_key(key: str) -> None:
    if len(key) < 10:
        raise plain_error("The idempotency key must be at least 10 characters long.")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise plain_error("The idempotency key must only contain alphanumeric characters, underscores, and hyphens")


def _earlier_answer(tx: Transaction, key: str, payment_id: str, body: dict[str, Any]) -> dict[str, Any] | None:
    row = tx.one("SELECT * FROM idempotency WHERE key = ?", (key,))
    if row is None:
        return None
    if (row["payment_id"], row["body"]) != (payment_id, _canonical(body)):
        raise plain_error("Different request with the same idempotency key has already been processed.", status=409)
    answer: dict[str, Any] = json.loads(row["answer"])
    return answer


def _remember(tx: Transaction, key: str, payment_id: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
    tx.insert("idempotency", key=key, payment_id=payment_id, body=_canonical(body), answer=json.dumps(answer))


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


def _checked_amount(payment: Row, body: dict[str, Any]) -> int:
    validation.only_known(body, _FIELDS)
    if not payment["captured"]:
        raise plain_error("The payment status should be captured for action to be taken")
    left: int = payment["amount"] - payment["amount_refunded"]
    if left == 0:
        raise plain_error("The payment has been fully refunded already")
    if body.get("amount") is None:
        return left
    amount = validation.amount_of(body["amount"], currency=payment["currency"])
    if amount > left:
        raise ApiError("The refund amount provided is greater than amount captured", field="amount")
    return amount


def _take(tx: Transaction, payment: Row, amount: int, refund_id: str, at: float) -> None:
    """Counts the money as given back as soon as the refund is accepted, so that it cannot be refunded twice."""
    tx.execute(
        """UPDATE payment SET amount_refunded = amount_refunded + ?,
           status = iif(amount_refunded + ? = amount, 'refunded', status) WHERE id = ?""",
        (amount, amount, payment["id"]),
    )
    ledger.write(tx, "refund", payment=payment, amount=amount, at=at, refund_id=refund_id)


def _give_back(tx: Transaction, refund: Row, at: float) -> None:
    sql = "UPDATE payment SET amount_refunded = amount_refunded - ?, status = 'captured' WHERE id = ?"
    tx.execute(sql, (refund["amount"], refund["payment_id"]))
    payment = found(tx, "payment", refund["payment_id"])
    ledger.write(tx, "refund_failed", payment=payment, amount=refund["amount"], at=at, refund_id=refund["id"])

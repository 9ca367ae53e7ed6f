"""Plans and subscriptions (Razorpay docs, api/payments/subscriptions and api/payments/subscriptions/states).

A plan, a subscription and an invoice are documents; what is charged is an order with payments like any other. A
subscription charges itself when `charge_at` comes on the virtual clock, or when a test says so.
"""

import json
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox import validation
from sandbox.accounts import Account
from sandbox.clock import Clock
from sandbox.entities import collection
from sandbox.errors import ApiError, plain_error, unknown_id
from sandbox.events import Events
from sandbox.ids import new_id
from sandbox.payments import Attempt, Payments
from sandbox.store import Store, Transaction

PERIODS = ("daily", "weekly", "monthly", "yearly")
TIMER = "subscription"
_PLAN = {"period", "interval", "item", "notes"}
_ITEM = {"name", "amount", "currency", "description"}
_SUBSCRIPTION = {"plan_id", "total_count", "quantity", "customer_notify", "notes", "expire_by", "start_at", "offer_id"}
_OVER = ("cancelled", "completed", "expired")
_RETRIES = 3  # a day apart, then the subscription is halted
_DAY = 24 * 3600.0
Body = dict[str, Any]


@dataclass(frozen=True)
class Course:
    """How the next charge that the clock brings ends: `captured` or `failed`."""

    outcome: str = "captured"


class Subscriptions:
    def __init__(self, store: Store, clock: Clock, events: Events, payments: Payments):
        self._store = store
        self._clock = clock
        self._events = events
        self._payments = payments
        self._courses: dict[str, Course] = {}

    def forget(self) -> None:
        self._courses.clear()

    # -- the API

    def create_plan(self, body: Body, *, account: Account) -> Body:
        validation.only_known(body, _PLAN)
        item = body.get("item")
        if not isinstance(item, dict):
            raise ApiError("The item field is required.", field="item")
        validation.only_known(item, _ITEM)
        currency = validation.currency_of(validation.required(item, "currency"))
        if not account.takes(currency):
            raise ApiError("The currency is not supported.", field="currency")
        now = self._clock.now()
        plan = {
            "id": new_id("plan"),
            "entity": "plan",
            "interval": validation.minutes_of(validation.required(body, "interval"), name="interval", least=1, most=60),
            "period": validation.choice_of(body.get("period"), name="period", allowed=PERIODS),
            "item": {
                "id": new_id("item"),
                "active": True,
                "name": validation.text_of(validation.required(item, "name"), name="name", longest=255),
                "description": item.get("description"),
                "amount": validation.amount_of(validation.required(item, "amount"), currency=currency),
                "currency": currency,
            },
            "notes": validation.notes_of(body.get("notes")) or [],
            "created_at": int(now),
        }
        with self._store.transaction() as tx:
            _insert(tx, "rzp_plan", plan, account=account.code, source=None, at=now)
        return plan

    def create(self, body: Body, *, account: Account, url: str) -> Body:
        validation.only_known(body, _SUBSCRIPTION)
        now, subscription_id = self._clock.now(), new_id("sub")
        count = validation.required(body, "total_count")
        if type(count) is not int or not 1 <= count <= 1200:
            raise ApiError("The total count must be between 1 and 1200.", field="total_count")
        expire_by = body.get("expire_by")
        if expire_by is not None and (type(expire_by) is not int or expire_by <= now):
            raise ApiError("expire_by must be a time in the future.", field="expire_by")
        with self._store.transaction() as tx:
            plan = _known(tx, "rzp_plan", str(body.get("plan_id", "")), account=account.code)
            entity = {
                "id": subscription_id,
                "entity": "subscription",
                "plan_id": plan["id"],
                "status": "created",
                "current_start": None,
                "current_end": None,
                "ended_at": None,
                "quantity": body.get("quantity", 1),
                "notes": validation.notes_of(body.get("notes")) or [],
                "charge_at": int(now),
                "start_at": None,
                "end_at": None,
                "auth_attempts": 0,
                "total_count": count,
                "paid_count": 0,
                "customer_notify": bool(body.get("customer_notify", True)),
                "created_at": int(now),
                "expire_by": expire_by,
                "short_url": f"{url}/subscribe/{subscription_id}",
                "has_scheduled_changes": False,
                "remaining_count": count,
            }
            _insert(tx, "rzp_subscription", entity, account=account.code, source=plan["id"], at=now)
        return entity

    def one(self, subscription_id: str, *, account: str | None = None) -> Body:
        with self._store.reading() as tx:
            return _known(tx, "rzp_subscription", subscription_id, account=account)

    def plan_of(self, subscription: Body) -> Body:
        with self._store.reading() as tx:
            return _known(tx, "rzp_plan", subscription["plan_id"])

    def listed(self, *, account: str, plan_id: str | None, since: int, until: int, count: int, skip: int) -> Body:
        sql = (
            "SELECT body FROM document WHERE kind = 'rzp_subscription' AND provider = ? AND (? IS NULL OR source = ?)"
            " AND created_at >= ? AND created_at < ? + 1 ORDER BY seq DESC LIMIT ? OFFSET ?"
        )
        with self._store.reading() as tx:
            return collection(_bodies(tx, sql, (account, plan_id, plan_id, since, until, count, skip)))

    def invoices(self, *, account: str, subscription_id: str, count: int, skip: int, **_: int) -> Body:
        """The latest first."""
        sql = (
            "SELECT body FROM document WHERE kind = 'rzp_invoice' AND provider = ? AND source = ?"
            " ORDER BY seq DESC LIMIT ? OFFSET ?"
        )
        with self._store.reading() as tx:
            _known(tx, "rzp_subscription", subscription_id, account=account)
            return collection(_bodies(tx, sql, (account, subscription_id, count, skip)))

    def cancel(self, subscription_id: str, body: Body, *, account: str) -> Body:
        validation.only_known(body, {"cancel_at_cycle_end"})
        if body.get("cancel_at_cycle_end") not in (None, 0, False):
            raise plain_error("The sandbox cancels at once only.")
        return self._move(subscription_id, account, _OPEN, "cancelled", "cancelled")

    def pause(self, subscription_id: str, body: Body, *, account: str) -> Body:
        validation.only_known(body, {"pause_at"})
        validation.choice_of(body.get("pause_at", "now"), name="pause_at", allowed=("now",))
        return self._move(subscription_id, account, ("active",), "paused", "paused")

    def resume(self, subscription_id: str, body: Body, *, account: str) -> Body:
        """It is charged at its next time; those that passed meanwhile are left out."""
        validation.only_known(body, {"resume_at"})
        validation.choice_of(body.get("resume_at", "now"), name="resume_at", allowed=("now",))
        return self._move(subscription_id, account, ("paused",), "active", "resumed")

    # -- what customers and the clock do

    def authorise(self, subscription_id: str, outcome: str) -> Body:
        """The customer pays the first charge on the hosted page, and it may be repeated from then on; or it fails.

        On a halted or pending one the page takes another means of payment, and what is due is charged.
        """
        with self._store.transaction() as tx:
            entity = _known(tx, "rzp_subscription", subscription_id)
            now = self._clock.now()
            if entity["status"] == "created" and entity["expire_by"] and entity["expire_by"] < now:
                _save(tx, entity | {"status": "expired"})
                return {**entity, "status": "expired"}
            if entity["status"] not in ("created", "pending", "halted"):
                raise plain_error("This subscription waits for no payment.")
            return self._charge(tx, entity, outcome, at=now)

    def charge(self, subscription_id: str, outcome: str) -> Body:
        """What the clock would do at `charge_at`, now. Nothing is charged while it is paused or over."""
        with self._store.transaction() as tx:
            entity = _known(tx, "rzp_subscription", subscription_id)
            if entity["status"] not in ("active", "pending"):
                return entity
            return self._charge(tx, entity, outcome, at=self._clock.now())

    def bring_forward(self, subscription_id: str, *, seconds: float, outcome: str) -> Body:
        """The next charge comes in so many seconds, and ends so."""
        with self._store.transaction() as tx:
            entity = _known(tx, "rzp_subscription", subscription_id)
            entity["charge_at"] = int(self._clock.now() + seconds)
            self._courses[subscription_id] = Course(outcome)
            _save(tx, entity)
            _set_timer(tx, entity)
            return entity

    def act(self, tx: Transaction, subscription_id: str, at: float) -> None:
        """The timer of a charge. One that was moved since does nothing."""
        entity = _known(tx, "rzp_subscription", subscription_id)
        if entity["charge_at"] is None or entity["charge_at"] > at + 1:
            return
        if entity["status"] in ("active", "pending"):
            self._charge(tx, entity, self._courses.pop(subscription_id, Course()).outcome, at=at)

    # -- steps inside a transaction

    def _move(self, subscription_id: str, account: str, allowed: tuple[str, ...], status: str, word: str) -> Body:
        now = self._clock.now()
        with self._store.transaction() as tx:
            entity = _known(tx, "rzp_subscription", subscription_id, account=account)
            if entity["status"] not in allowed:
                raise plain_error(f"Subscription cannot be {word} in {entity['status']} state.")
            entity["status"] = status
            if status == "cancelled":
                entity |= {"ended_at": int(now), "charge_at": None}
            plan = _known(tx, "rzp_plan", entity["plan_id"])
            while status == "active" and entity["charge_at"] <= now:
                entity["charge_at"] = _after(plan, entity["charge_at"])
            _save(tx, entity)
            _set_timer(tx, entity)
            self._tell(tx, f"subscription.{word}", entity, at=now)
            return entity

    def _charge(self, tx: Transaction, entity: Body, outcome: str, *, at: float) -> Body:
        plan, account = _known(tx, "rzp_plan", entity["plan_id"]), _account(tx, entity["id"])
        invoice = _unpaid(tx, entity["id"]) or self._bill(tx, entity, plan, account=account, at=at)
        [payment_id, *_] = self._payments.pay_in(
            tx, invoice["order_id"], Attempt(outcome=outcome, method="card", invoice_id=invoice["id"]), at=at
        )
        if outcome == "failed":
            return self._fail(tx, entity, at=at)
        _save(tx, invoice | {"status": "paid", "payment_id": payment_id, "paid_at": int(at)})
        is_first = entity["status"] == "created"
        entity |= {"status": "active", "paid_count": entity["paid_count"] + 1, "auth_attempts": 0}
        entity["remaining_count"] = entity["total_count"] - entity["paid_count"]
        entity |= {"current_start": invoice["billing_start"], "current_end": invoice["billing_end"]}
        entity["charge_at"] = invoice["billing_end"] if entity["remaining_count"] else None
        if is_first:
            self._tell(tx, "subscription.authenticated", entity, at=at)
            self._tell(tx, "subscription.activated", entity, at=at)
        if not entity["remaining_count"]:
            entity |= {"status": "completed", "ended_at": int(at)}
        _save(tx, entity)
        _set_timer(tx, entity)
        self._tell(tx, "subscription.charged", entity, at=at, payment_id=payment_id)
        return entity

    def _bill(self, tx: Transaction, entity: Body, plan: Body, *, account: str, at: float) -> Body:
        """The invoice of a cycle and the order that it is paid by."""
        start, order_id = int(entity["charge_at"] or at), new_id("order")
        amount = plan["item"]["amount"] * entity["quantity"]
        tx.insert(
            "orders", id=order_id, provider=account, amount=amount, currency=plan["item"]["currency"], created_at=at
        )
        invoice = {
            "id": new_id("inv"),
            "entity": "invoice",
            "subscription_id": entity["id"],
            "order_id": order_id,
            "payment_id": None,
            "status": "issued",
            "amount": amount,
            "currency": plan["item"]["currency"],
            "billing_start": start,
            "billing_end": _after(plan, start),
            "issued_at": int(at),
            "paid_at": None,
            "created_at": int(at),
        }
        _insert(tx, "rzp_invoice", invoice, account=account, source=entity["id"], at=at)
        return invoice

    def _fail(self, tx: Transaction, entity: Body, *, at: float) -> Body:
        entity["auth_attempts"] += 1
        if entity["status"] == "created":
            _save(tx, entity)
            return entity
        is_last = entity["auth_attempts"] > _RETRIES
        entity |= {"status": "halted" if is_last else "pending"}
        entity["charge_at"] = None if is_last else int(at + _DAY)
        _save(tx, entity)
        _set_timer(tx, entity)
        self._tell(tx, f"subscription.{entity['status']}", entity, at=at)
        return entity

    def _tell(self, tx: Transaction, name: str, entity: Body, *, at: float, payment_id: str | None = None) -> None:
        self._events.subscription(tx, name, entity, account=_account(tx, entity["id"]), at=at, payment_id=payment_id)


_OPEN = ("created", "authenticated", "active", "pending", "halted", "paused")


def _after(plan: Body, moment: int) -> int:
    """One billing cycle later, in UTC; the 31st becomes the last day of a shorter month."""
    start = datetime.fromtimestamp(moment, UTC)
    if plan["period"] in ("daily", "weekly"):
        days = plan["interval"] * (1 if plan["period"] == "daily" else 7)
        return int((start + timedelta(days=days)).timestamp())
    months = start.month - 1 + plan["interval"] * (1 if plan["period"] == "monthly" else 12)
    year, month = start.year + months // 12, months % 12 + 1
    return int(start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1])).timestamp())


def _set_timer(tx: Transaction, entity: Body) -> None:
    tx.execute("DELETE FROM timer WHERE kind = ? AND target = ?", (TIMER, entity["id"]))
    if entity["charge_at"] and entity["status"] not in (*_OVER, "created"):
        tx.insert("timer", due_at=float(entity["charge_at"]), kind=TIMER, target=entity["id"])


def _insert(tx: Transaction, kind: str, body: Body, *, account: str, source: str | None, at: float) -> None:
    tx.insert(
        "document", id=body["id"], provider=account, kind=kind, source=source, body=json.dumps(body), created_at=at
    )


def _save(tx: Transaction, body: Body) -> None:
    tx.execute("UPDATE document SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))


def _known(tx: Transaction, kind: str, row_id: str, *, account: str | None = None) -> Body:
    row = tx.one("SELECT provider, body FROM document WHERE kind = ? AND id = ?", (kind, row_id))
    if row is None or account not in (None, row["provider"]):
        raise unknown_id()
    body: Body = json.loads(row["body"])
    return body


def _account(tx: Transaction, subscription_id: str) -> str:
    row = tx.one("SELECT provider FROM document WHERE id = ?", (subscription_id,))
    if row is None:
        raise unknown_id()
    return str(row["provider"])


def _unpaid(tx: Transaction, subscription_id: str) -> Body | None:
    """The invoice that is tried again."""
    sql = "SELECT body FROM document WHERE kind = 'rzp_invoice' AND source = ? ORDER BY seq DESC LIMIT 1"
    last = next(iter(_bodies(tx, sql, (subscription_id,))), None)
    return last if last is not None and last["status"] == "issued" else None


def _bodies(tx: Transaction, sql: str, values: tuple[Any, ...]) -> list[Body]:
    return [json.loads(row["body"]) for row in tx.all(sql, values)]

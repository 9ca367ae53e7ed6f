"""Orders: what a merchant wants to be paid, and how payments of it are captured."""

import json
from dataclasses import dataclass
from typing import Any

from sandbox import validation
from sandbox.accounts import Account
from sandbox.clock import Clock
from sandbox.entities import collection, order_entity
from sandbox.errors import ApiError
from sandbox.ids import new_id
from sandbox.rows import found, known
from sandbox.store import Store

_FIELDS = {"amount", "currency", "receipt", "notes", "payment", "payment_capture", "partial_payment"}
_THREE_DAYS = 3 * 24 * 60
_FIVE_DAYS = 7200


@dataclass(frozen=True)
class Capture:
    """Capture options of an order; expiry periods in minutes."""

    mode: str = "automatic"
    automatic: int = _THREE_DAYS
    manual: int = _THREE_DAYS
    speed: str = "normal"


class Orders:
    def __init__(self, store: Store, clock: Clock):
        self._store = store
        self._clock = clock

    def create(self, body: dict[str, Any], *, account: Account) -> dict[str, Any]:
        validation.only_known(body, _FIELDS)
        currency = validation.currency_of(validation.required(body, "currency"))
        if not account.takes(currency):
            raise ApiError("The currency is not supported.", field="currency")
        amount = validation.amount_of(validation.required(body, "amount"), currency=currency)
        if body.get("partial_payment"):
            raise ApiError("Partial payments are not enabled for this account.", field="partial_payment")
        options = _capture_options(body)
        order_id = new_id("order")
        with self._store.transaction() as tx:
            tx.insert(
                "orders",
                id=order_id,
                provider=account.code,
                amount=amount,
                currency=currency,
                receipt=validation.text_of(body.get("receipt"), name="receipt", longest=40),
                notes=json.dumps(validation.notes_of(body.get("notes"))),
                capture_mode=options.mode,
                automatic_minutes=options.automatic,
                manual_minutes=options.manual,
                refund_speed=options.speed,
                created_at=self._clock.now(),
            )
            return order_entity(found(tx, "orders", order_id))

    def one(self, order_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            return order_entity(known(tx, "orders", order_id))

    def account_of(self, order_id: str) -> str:
        with self._store.reading() as tx:
            return str(known(tx, "orders", order_id)["provider"])

    def listed(
        self, *, account: str, receipt: str | None, since: int, until: int, count: int, skip: int
    ) -> dict[str, Any]:
        where = "provider = ? AND created_at >= ? AND created_at < ? + 1"
        values: list[Any] = [account, since, until]
        if receipt is not None:
            where, values = where + " AND receipt = ?", [*values, receipt]
        sql = f"SELECT * FROM orders WHERE {where} ORDER BY seq DESC LIMIT ? OFFSET ?"  # noqa: S608  # nosec B608
        with self._store.reading() as tx:
            return collection(map(order_entity, tx.all(sql, [*values, count, skip])))


def _capture_options(body: dict[str, Any]) -> Capture:
    """`payment` of Razorpay's order-level capture settings; `payment_capture` is its older form."""
    payment = body.get("payment")
    if payment is None:
        legacy = body.get("payment_capture", 1)
        return Capture() if legacy in (1, True, "1") else Capture(mode="manual", manual=_FIVE_DAYS)
    if not isinstance(payment, dict):
        raise ApiError("The payment must be an array.", field="payment")
    validation.only_known(payment, {"capture", "capture_options"})
    mode = validation.choice_of(payment.get("capture"), name="capture", allowed=("automatic", "manual"))
    options = payment.get("capture_options")
    if options is None:
        return Capture(mode=mode, manual=_FIVE_DAYS)
    if not isinstance(options, dict):
        raise ApiError("The capture options must be an array.", field="capture_options")
    return _expiries(mode, options)


def _expiries(mode: str, options: dict[str, Any]) -> Capture:
    validation.only_known(options, {"automatic_expiry_period", "manual_expiry_period", "refund_speed"})
    if mode == "automatic":
        validation.required(options, "automatic_expiry_period")
    automatic = _minutes(options, "automatic_expiry_period", default=12, least=12)
    manual = _minutes(options, "manual_expiry_period", default=_FIVE_DAYS, least=automatic)
    speed = validation.speed_of(options.get("refund_speed", "normal"), name="refund_speed")
    return Capture(mode=mode, automatic=automatic, manual=manual, speed=speed)


def _minutes(options: dict[str, Any], name: str, *, default: int, least: int) -> int:
    value = options.get(name)
    return default if value is None else validation.minutes_of(value, name=name, least=least, most=_FIVE_DAYS)

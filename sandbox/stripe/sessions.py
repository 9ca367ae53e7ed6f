"""Checkout Sessions and what people pay in them. Every function works inside the caller's transaction.

Not in Stripe's docs and chosen here: a test may pay another amount or currency than the session's.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox import ledger
from sandbox.currencies import DECIMALS
from sandbox.rows import found
from sandbox.store import Row, Transaction
from sandbox.stripe import balance, methods
from sandbox.stripe.entities import charge_entity, intent_entity, session_entity
from sandbox.stripe.errors import StripeError, bad_parameter
from sandbox.stripe.events import Events
from sandbox.stripe.forms import needed
from sandbox.stripe.state import Session, known, new_id

OUTCOMES = ("succeed", "decline", "challenge", "process")
SHORTEST, LONGEST = 30 * 60, 24 * 3600
_LEAST = {"MYR": 200, "INR": 50, "USD": 50, "EUR": 50, "GBP": 30, "SGD": 50, "JPY": 50}
_LARGEST = 99_999_999


@dataclass(frozen=True)
class Try:
    """One try to pay. `after_seconds`: when the bank answers by itself to a payment that is processed."""

    outcome: str = "succeed"
    method: str = "card"
    reason: str = "generic_decline"
    amount: int | None = None
    currency: str | None = None
    after_seconds: float | None = None
    ends_well: bool = True


@dataclass(frozen=True)
class Sessions:
    """`on_paid`: what a paid session in the mode subscription brings about; one entry, set when all is wired."""

    events: Events
    on_paid: list[Callable[[Transaction, Session, float], None]] = field(default_factory=list)

    def create(self, tx: Transaction, values: dict[str, Any], *, pages: str, at: float) -> str:
        """`pages` is the address below which sessions have their page. Returns the id."""
        line = _line_of(values)
        session_id = new_id("cs_test", 58)
        extra = {
            "adaptive_pricing": values.get("adaptive_pricing", {}).get("enabled", True),
            "cancel_url": values.get("cancel_url"),
            "canceled_at": None,
            "email": _email_of(values),
            "expires_at": _expiry_of(values, at),
            "intent": None,
            "intent_data": values.get("payment_intent_data", {}),
            "intent_status": None,
            "last_error": None,
            "latest_charge": None,
            "locale": values.get("locale"),
            "name": line["name"],
            "recurring": line["recurring"],
            "subscription_data": values.get("subscription_data", {}),
            "subscription": None,
            "invoice": None,
            "hidden": None,
            "payment_method": None,
            "success_url": _address(values, "success_url"),
            "types": _types_of(values, line["currency"]),
            "url": f"{pages}{session_id}#fid{new_id('k', 40)}",
        }
        tx.insert(
            "orders",
            id=session_id,
            provider="stripe",
            extra=json.dumps(extra),
            amount=line["amount"],
            currency=line["currency"],
            receipt=values.get("client_reference_id"),
            status="open",
            notes=json.dumps(values.get("metadata", {})),
            created_at=at,
        )
        tx.insert("timer", due_at=float(extra["expires_at"]), kind="stripe_expire", target=session_id)
        return session_id

    def hidden_like(self, tx: Transaction, first: Session, *, at: float) -> str:
        """A session that nobody sees: its PaymentIntent pays an invoice. Returns the id."""
        session_id, row = new_id("cs_test", 58), first.row
        nothing = dict.fromkeys(
            ("intent", "intent_status", "last_error", "latest_charge", "payment_method", "canceled_at")
        )
        data = {"description": first.extra["name"], "metadata": {}}
        extra = first.extra | nothing | {"hidden": True, "intent_data": data, "url": f"{first.extra['url']}"}
        tx.insert(
            "orders",
            id=session_id,
            provider="stripe",
            extra=json.dumps(extra),
            amount=row["amount"],
            currency=row["currency"],
            status="open",
            notes="{}",
            created_at=at,
        )
        return session_id

    def expire(self, tx: Transaction, session_id: str, *, at: float) -> None:
        session = Session.of(known(tx, "checkout.session", session_id))
        if session.row["status"] != "open":
            raise StripeError(
                'Only Checkout Sessions with a status in ["open"] can be expired. '
                f"This Session has a status of {session.row['status']}."
            )
        self._expire(tx, session, at)

    def expire_in_time(self, tx: Transaction, session_id: str, at: float) -> None:
        session = Session.of(known(tx, "checkout.session", session_id))
        if session.row["status"] == "open":
            self._expire(tx, session, at)

    def pay(self, tx: Transaction, session_id: str, attempt: Try, *, at: float) -> None:
        """Raises when the session takes no payment (any more)."""
        session = Session.of(known(tx, "checkout.session", session_id))
        if session.row["status"] != "open":
            raise StripeError(f"This Checkout Session is {session.row['status']}.", code="session_not_open")
        session = self._with_intent(tx, session, attempt, at)
        if attempt.outcome == "challenge":
            session = session.saved(tx, intent_status="requires_action", last_error=None)
            self._tell_intent(tx, "requires_action", session, at)
        elif attempt.outcome == "process":
            self._process(tx, session, attempt, at)
        elif attempt.outcome == "decline":
            self._fail(tx, session, self._charge(tx, session, attempt, at), attempt.reason, at)
        else:
            self._succeed(tx, session, self._charge(tx, session, attempt, at), at)

    def answer(self, tx: Transaction, session_id: str, *, well: bool, at: float) -> None:
        """The bank's answer to a payment that is processed. Raises when none is."""
        session = Session.of(known(tx, "checkout.session", session_id))
        if session.extra["intent_status"] != "processing":
            raise StripeError("No payment of this session is processing.")
        self._answer(tx, session, well=well, at=at)

    def answer_in_time(self, tx: Transaction, session_id: str, *, well: bool, at: float) -> None:
        session = Session.of(known(tx, "checkout.session", session_id))
        if session.extra["intent_status"] == "processing":
            self._answer(tx, session, well=well, at=at)

    # -- steps

    def _expire(self, tx: Transaction, session: Session, at: float) -> None:
        session = session.saved(tx, status="expired")
        if session.extra["intent_status"] in ("requires_payment_method", "requires_action"):
            session = session.saved(tx, intent_status="canceled", canceled_at=int(at))
            self._tell_intent(tx, "canceled", session, at)
        self._tell(tx, "expired", session, at)

    def _with_intent(self, tx: Transaction, session: Session, attempt: Try, at: float) -> Session:
        tx.execute("UPDATE orders SET attempts = attempts + 1 WHERE id = ?", (session.id,))
        money: dict[str, Any] = {
            "intent_amount": attempt.amount or session.row["amount"],
            "intent_currency": attempt.currency or session.row["currency"],
        }
        if session.extra["intent"]:
            return session.saved(tx, **money)
        fresh: dict[str, Any] = {
            "intent": new_id("pi"),
            "intent_status": "requires_payment_method",
            "intent_created": int(at),
        }
        session = session.saved(tx, **fresh, **money)
        self._tell_intent(tx, "created", session, at)
        return session

    def _charge(self, tx: Transaction, session: Session, attempt: Try, at: float) -> Row:
        charge_id, payment_method = new_id("ch"), new_id("pm")
        data = session.extra["intent_data"]
        tx.insert(
            "payment",
            id=charge_id,
            provider="stripe",
            extra=json.dumps({"payment_method": payment_method}),
            order_id=session.id,
            amount=session.extra["intent_amount"],
            currency=session.extra["intent_currency"],
            status="pending",
            method=attempt.method,
            email=session.extra["email"],
            description=data.get("description"),
            notes=json.dumps(data.get("metadata", {})),
            created_at=at,
        )
        session.saved(tx, latest_charge=charge_id, payment_method=payment_method)
        return found(tx, "payment", charge_id)

    def _succeed(self, tx: Transaction, session: Session, charge: Row, at: float) -> None:
        money = {"amount": charge["amount"], "currency": charge["currency"]}
        entry = balance.enter(tx, "charge", source=charge["id"], at=at, **money)
        extra = json.dumps(json.loads(charge["extra"]) | {"balance_transaction": entry})
        tx.execute(
            "UPDATE payment SET status = 'succeeded', captured = 1, extra = ? WHERE id = ?", (extra, charge["id"])
        )
        tx.execute("UPDATE orders SET amount_paid = ? WHERE id = ?", (charge["amount"], session.id))
        ledger.write(tx, "capture", payment=charge, amount=charge["amount"], at=at)
        was_open = session.row["status"] == "open"
        session = self._now(tx, session).saved(tx, status="complete", intent_status="succeeded", last_error=None)
        self._tell_charge(tx, "succeeded", session, charge["id"], at)
        self._tell_intent(tx, "succeeded", session, at)
        if session.extra["recurring"]:
            for tell in self.on_paid:
                tell(tx, session, at)
            session = self._now(tx, session)
        self._tell(tx, "completed" if was_open else "async_payment_succeeded", session, at)

    def _fail(self, tx: Transaction, session: Session, charge: Row, reason: str, at: float) -> None:
        error = methods.failure_of(reason, charge=charge["id"], method=charge["method"])
        tx.execute("UPDATE payment SET status = 'failed', failure = ? WHERE id = ?", (json.dumps(error), charge["id"]))
        session = self._now(tx, session).saved(tx, intent_status="requires_payment_method", last_error=error)
        self._tell_charge(tx, "failed", session, charge["id"], at)
        self._tell_intent(tx, "payment_failed", session, at)

    def _process(self, tx: Transaction, session: Session, attempt: Try, at: float) -> None:
        charge = self._charge(tx, session, attempt, at)
        session = self._now(tx, session).saved(tx, status="complete", intent_status="processing", last_error=None)
        self._tell_charge(tx, "pending", session, charge["id"], at)
        self._tell_intent(tx, "processing", session, at)
        self._tell(tx, "completed", session, at)
        if attempt.after_seconds is not None:
            kind = "stripe_succeed" if attempt.ends_well else "stripe_fail"
            tx.insert("timer", due_at=at + attempt.after_seconds, kind=kind, target=session.id)

    def _answer(self, tx: Transaction, session: Session, *, well: bool, at: float) -> None:
        charge = found(tx, "payment", session.extra["latest_charge"])
        if well:
            self._succeed(tx, session, charge, at)
        else:
            self._fail(tx, session, charge, "bank_failure", at)
            self._tell(tx, "async_payment_failed", self._now(tx, session), at)

    def _now(self, tx: Transaction, session: Session) -> Session:
        return Session.of(found(tx, "orders", session.id))

    def _tell(self, tx: Transaction, what: str, session: Session, at: float) -> None:
        if session.extra.get("hidden"):
            return
        self.events.record(tx, f"checkout.session.{what}", session.id, session_entity(session.row), at=at)

    def _tell_intent(self, tx: Transaction, what: str, session: Session, at: float) -> None:
        self.events.record(tx, f"payment_intent.{what}", session.id, intent_entity(session.row), at=at)

    def _tell_charge(self, tx: Transaction, what: str, session: Session, charge_id: str, at: float) -> None:
        content = charge_entity(found(tx, "payment", charge_id), session.row)
        self.events.record(tx, f"charge.{what}", session.id, content, at=at)


def _types_of(values: dict[str, Any], currency: str) -> list[str]:
    """Afterpay gives no credit without knowing where the goods go (Stripe docs, payments/afterpay-clearpay)."""
    types = methods.checked_types(values.get("payment_method_types", []), currency)
    shipping = values.get("payment_intent_data", {}).get("shipping")
    if "afterpay_clearpay" in types and not shipping:
        raise bad_parameter("Shipping details are needed for afterpay_clearpay.", "payment_intent_data[shipping]")
    if shipping:
        needed(shipping, "name")
        needed(needed(shipping, "address"), "line1")
    return types or methods.types_for(currency)


def _line_of(values: dict[str, Any]) -> dict[str, Any]:
    """Name, amount and currency of the one line that a session has here."""
    mode = needed(values, "mode")
    if mode not in ("payment", "subscription"):
        raise bad_parameter("Only the modes payment and subscription are enabled here.", "mode")
    lines = needed(values, "line_items")
    if len(lines) != 1:
        raise bad_parameter("Exactly one line item is enabled here.", "line_items")
    price = needed(lines[0], "price_data")
    currency = needed(price, "currency").upper()
    amount = needed(price, "unit_amount") * needed(lines[0], "quantity")
    if currency not in DECIMALS:
        raise bad_parameter(f"Invalid currency: {currency.lower()}.", "line_items[0][price_data][currency]")
    if not _LEAST.get(currency, 1) <= amount <= _LARGEST:
        code = "amount_too_small" if amount < _LARGEST else "amount_too_large"
        raise bad_parameter("The total amount is below or above what can be charged.", "line_items", code)
    if DECIMALS[currency] == 3 and amount % 10:
        raise bad_parameter("Amounts in this currency have to be divisible by 10.", "line_items")
    recurring = needed(price, "recurring") if mode == "subscription" else None
    if recurring and recurring.get("interval") not in ("week", "month"):
        raise bad_parameter("Invalid interval.", "line_items[0][price_data][recurring][interval]")
    name = needed(needed(price, "product_data"), "name")
    return {"name": name, "amount": amount, "currency": currency, "recurring": recurring}


def _expiry_of(values: dict[str, Any], at: float) -> int:
    expires_at = int(values.get("expires_at", at + LONGEST))
    if not at + SHORTEST - 1 <= expires_at <= at + LONGEST + 1:
        raise bad_parameter(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            "expires_at",
        )
    return expires_at


def _email_of(values: dict[str, Any]) -> str | None:
    email = values.get("customer_email")
    if email is not None and not re.fullmatch(r"[!-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", email):
        raise bad_parameter(f"Invalid email address: {email}", "customer_email", "email_invalid")
    return email


def _address(values: dict[str, Any], name: str) -> str:
    url = str(needed(values, name))
    if not url.startswith(("http://", "https://")):
        raise bad_parameter("Not a valid URL", name, "url_invalid")
    return url

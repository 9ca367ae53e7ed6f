"""Refunds of charges. Every function works inside the caller's transaction. A succeeded refund may fail later."""

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox import ledger
from sandbox.currencies import words
from sandbox.refunds import Course
from sandbox.rows import found
from sandbox.store import Row, Transaction
from sandbox.stripe import balance
from sandbox.stripe.entities import charge_entity
from sandbox.stripe.errors import StripeError, bad_parameter
from sandbox.stripe.events import Events
from sandbox.stripe.state import known, new_id, session_of_intent

STATUSES = ("succeeded", "pending", "requires_action", "failed", "canceled")
_MOVES = {
    "pending": ("succeeded", "failed", "canceled"),
    "requires_action": ("succeeded", "failed", "canceled"),
    "succeeded": ("failed",),
}
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_NULLS = "customer customer_account description instructions_email receipt_number source_transfer_reversal"


@dataclass
class Refunds:
    events: Events
    course: Course = field(default_factory=lambda: Course(status="succeeded"))

    def create(self, tx: Transaction, values: dict[str, Any], *, key: str | None, at: float) -> str:
        """Gives a part back, or all that is left when no amount is given. Returns the id."""
        charge = _charge_of(tx, values)
        amount = _checked_amount(charge, values)
        refund_id = new_id("re")
        entry = balance.enter(tx, "refund", amount=-amount, currency=charge["currency"], source=refund_id, at=at)
        extra = {"balance_transaction": entry, "reason": values.get("reason"), "failure": None, "failure_entry": None}
        tx.insert(
            "refund",
            id=refund_id,
            provider="stripe",
            extra=json.dumps(extra),
            payment_id=charge["id"],
            amount=amount,
            currency=charge["currency"],
            status=self._next_status(),
            notes=json.dumps(values.get("metadata", {})),
            source="merchant",
            idempotency_key=key,
            created_at=at,
        )
        self._move(tx, charge, amount, refund_id=refund_id, kind="refund", at=at)
        self._tell(tx, "refund.created", refund_id, at)
        session = found(tx, "orders", charge["order_id"])
        charge = found(tx, "payment", charge["id"])
        self.events.record(tx, "charge.refunded", session["id"], charge_entity(charge, session), at=at)
        if found(tx, "refund", refund_id)["status"] == "failed":
            self._give_back(tx, refund_id, at)
        return refund_id

    def settle(self, tx: Transaction, refund_id: str, status: str, *, at: float) -> None:
        """The bank's word: of a pending one any, of a succeeded one only `failed`."""
        row = known(tx, "refund", refund_id)
        if status not in _MOVES.get(row["status"], ()):
            raise StripeError(f"A refund that is {row['status']} cannot become {status}.")
        tx.execute("UPDATE refund SET status = ? WHERE id = ?", (status, refund_id))
        if status == "succeeded":
            self._tell(tx, "refund.updated", refund_id, at)
        else:
            self._give_back(tx, refund_id, at)

    def _next_status(self) -> str:
        course = self.course
        if course.left is not None:
            course.left -= 1
            if course.left == 0:
                self.course = Course(status="succeeded")
        return course.status

    def _give_back(self, tx: Transaction, refund_id: str, at: float) -> None:
        """It did not arrive: the money is in the balance again, and can be refunded again."""
        row = found(tx, "refund", refund_id)
        entry = balance.enter(
            tx, "refund_failure", amount=row["amount"], currency=row["currency"], source=refund_id, at=at
        )
        extra = json.loads(row["extra"]) | {"failure_entry": entry, "failure": "lost_or_stolen_card"}
        tx.execute("UPDATE refund SET extra = ? WHERE id = ?", (json.dumps(extra), refund_id))
        charge = found(tx, "payment", row["payment_id"])
        self._move(tx, charge, -row["amount"], refund_id=refund_id, kind="refund_failed", at=at)
        for name in ("refund.updated", *(("refund.failed",) if row["status"] == "failed" else ())):
            self._tell(tx, name, refund_id, at)

    def _move(self, tx: Transaction, charge: Row, amount: int, *, refund_id: str, kind: str, at: float) -> None:
        tx.execute("UPDATE payment SET amount_refunded = amount_refunded + ? WHERE id = ?", (amount, charge["id"]))
        ledger.write(tx, kind, payment=charge, amount=abs(amount), at=at, refund_id=refund_id)

    def _tell(self, tx: Transaction, name: str, refund_id: str, at: float) -> None:
        row = found(tx, "refund", refund_id)
        group = found(tx, "payment", row["payment_id"])["order_id"]
        self.events.record(tx, name, group, entity_of(tx, row), at=at)


def entity_of(tx: Transaction, row: Row) -> dict[str, Any]:
    extra = json.loads(row["extra"])
    charge = found(tx, "payment", row["payment_id"])
    session = found(tx, "orders", charge["order_id"])
    has_failed = row["status"] in ("failed", "canceled")
    failure = {"failure_reason": extra["failure"], "failure_balance_transaction": extra["failure_entry"]}
    return {
        **dict.fromkeys(_NULLS.split()),
        "id": row["id"],
        "object": "refund",
        "amount": row["amount"],
        "balance_transaction": extra["balance_transaction"],
        "charge": charge["id"],
        "created": int(row["created_at"]),
        "currency": row["currency"].lower(),
        "destination_details": {"type": charge["method"], charge["method"]: {"type": "refund"}},
        "metadata": json.loads(row["notes"]),
        "payment_intent": json.loads(session["extra"])["intent"],
        "payment_method": json.loads(charge["extra"])["payment_method"],
        "reason": extra["reason"],
        "status": row["status"],
        "transfer_reversal": None,
        **(failure if has_failed else {}),
    }


def _charge_of(tx: Transaction, values: dict[str, Any]) -> Row:
    if values.get("reason") not in (None, *REASONS):
        raise bad_parameter(f"Invalid reason: must be one of {', '.join(REASONS)}", "reason")
    if "charge" in values:
        return known(tx, "charge", values["charge"])
    if "payment_intent" not in values:
        raise bad_parameter("One of the following params should be provided: payment_intent or charge.", "charge")
    session = session_of_intent(tx, values["payment_intent"])
    latest = json.loads(session["extra"])["latest_charge"]
    if latest is None:
        raise _without_charge(values["payment_intent"])
    return found(tx, "payment", latest)


def _checked_amount(charge: Row, values: dict[str, Any]) -> int:
    extra, left = json.loads(charge["extra"]), charge["amount"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise _without_charge(charge["id"])
    if extra.get("dispute"):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(message, code="charge_disputed")
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(message, code="charge_already_refunded")
    amount = int(values.get("amount", left))
    if amount < 1:
        raise bad_parameter("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if amount > left:
        asked, rest = (words(each, charge["currency"]) for each in (amount, left))
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})"
        raise StripeError(message, param="amount")
    return amount


def _without_charge(name: str) -> StripeError:
    return StripeError(f"{name} does not have a successful charge to refund.", param="payment_intent")

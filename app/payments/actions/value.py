"""What gift cards and store credit pay, and what goes back to them, as payments know it. No provider stands behind it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from app.books.rules import ISSUED_HERE
from app.core import clock, db
from app.core.ids import new_id
from app.core.money import Money
from app.payments.models import Payment, PaymentCapture, Refund


@dataclass(frozen=True, slots=True)
class ValuePart:
    """What was spent of one account: its kind, and the id of what was held."""

    source_id: uuid.UUID
    kind: str
    amount: Money


def add_captures(payment: Payment, parts: Sequence[ValuePart]) -> list[PaymentCapture]:
    """Value that was spent pays the order, beside the money from outside. Once: a hold is spent once."""
    captures = [
        PaymentCapture(
            id=new_id(),
            payment_id=payment.id,
            provider=part.kind,
            provider_payment_id=str(part.source_id),
            amount_minor=part.amount.minor,
            currency=part.amount.currency,
            method=part.kind,
            state="captured",
            is_applied=True,
            refunded_minor=0,
            fee_minor=0,
            captured_at=clock.now(),
        )
        for part in parts
    ]
    db.session.add_all(captures)
    db.session.flush()
    return captures


def goes_to_value(refund: Refund, capture: PaymentCapture) -> bool:
    """Whether a refund goes to a gift card or becomes store credit: nobody outside is asked."""
    return refund.as_credit or capture.provider in ISSUED_HERE

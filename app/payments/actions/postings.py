"""What payments put into the books, in the transaction of the fact itself. Nothing is posted twice, whoever calls how often."""

from __future__ import annotations

import dataclasses
import uuid

from app.books import actions as books
from app.books import rules as book_rules
from app.books.rules import Entry
from app.core import clock, db
from app.core.money import Money
from app.payments import queries
from app.payments.models import Payment, PaymentCapture, Refund


def post_taken(capture: PaymentCapture | None, *more: Entry) -> None:
    """Put money that was taken just now into the books, and `more` along with it in the same statement."""
    entries = [capture_entry(capture)] if capture and capture.is_taken_now else []
    books.post(*entries, *more)
    if capture:
        capture.is_taken_now = False


def post_capture_late(capture: PaymentCapture) -> None:
    """Put a capture into the books that they lack, with its fee. Nothing happens to one that stands there."""
    capture.captured_at = capture.captured_at or clock.now()
    entry = capture_entry(capture)
    books.post(dataclasses.replace(entry, lines=entry.lines[:2]))
    post_fee(capture)


def capture_entry(capture: PaymentCapture) -> Entry:
    return book_rules.capture_entry(
        capture.id,
        order_id=queries.order_of_payment(capture.payment_id),
        provider=capture.provider,
        amount=capture.amount,
        fee_minor=capture.fee_minor,
        at=capture.captured_at,
    )


def post_fee(capture: PaymentCapture) -> bool:
    """Let the books say what the capture says that the provider keeps of it. False when they do."""
    return books.post_fee(
        capture.id,
        order_id=queries.order_of_payment(capture.payment_id),
        provider=capture.provider,
        fee=Money(capture.fee_minor, capture.currency),
    )


def note_fee(capture: PaymentCapture, fee_minor: int) -> bool:
    """What the provider keeps of a capture is known, or known better. The capture is locked by the caller."""
    capture.fee_minor = fee_minor
    return post_fee(capture)


def post_refund(refund: Refund, order_id: uuid.UUID) -> bool:
    """Put a refund that succeeded into the books. False when it stands there already."""
    capture = db.session.get_one(PaymentCapture, refund.capture_id)
    provider = "store_credit" if refund.as_credit else capture.provider
    return books.post_refund(
        refund.id, order_id=order_id, provider=provider, amount=refund.amount, of_sale=_is_of_sale(refund)
    )


def reverse_refund(refund: Refund, order_id: uuid.UUID) -> bool:
    """Take a refund that failed out of the books again. False when it never stood there, or is out already."""
    return books.reverse_refund(refund.id, order_id=order_id, of_sale=_is_of_sale(refund))


def _is_of_sale(refund: Refund) -> bool:
    """Whether it gives back what an order was paid with; instalments of no sale (yet) are in suspense."""
    capture = db.session.get_one(PaymentCapture, refund.capture_id)
    return capture.is_applied and db.session.get_one(Payment, refund.payment_id).paid_at is not None

"""Asking again for a refund that failed."""

from __future__ import annotations

import uuid

from app.audit import actions as audit
from app.core.errors import NotFound
from app.payments import actions as payments
from app.payments import queries
from app.payments.errors import AlreadyRefunded, NotDecided, TooSmall
from app.payments.models import Refund
from app.payments.rules import least_refund


def retry_refund(refund_id: uuid.UUID, *, actor: str) -> Refund:
    """Ask again, by hand, for a refund that failed: a new row, so that the provider sees a new key and the old answer stays.

    Raises NotFound, NotDecided, TooSmall, or AlreadyRefunded when the money is back or on its way.
    """
    refund = queries.lock_refund(refund_id)
    if refund is None:
        raise NotFound()
    [capture] = queries.lock_captures([refund.capture_id])
    if queries.has_undecided_dispute(capture.payment_id):
        raise NotDecided()
    if refund.state != "failed" or queries.refundable_minor(capture) < refund.amount_minor:
        raise AlreadyRefunded()
    if refund.amount_minor < least_refund(capture.provider, refund.currency):
        raise TooSmall()
    again = payments.request_refund(
        capture, refund.amount, reason=refund.reason, note=refund.note, by=actor, is_automatic=False
    )
    if again is None:  # only automatic refunds are unique, this one is not
        raise AlreadyRefunded()
    audit.record("refund.asked_again", actor=actor, object_kind="refund", object_id=refund.id, as_refund=str(again.id))
    return again

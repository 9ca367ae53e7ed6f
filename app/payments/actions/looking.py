"""When to look again which refunds a provider knows of a payment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func

from app.core import db
from app.payments.models import PaymentCapture
from app.payments.rules import REFUNDS_ASK_AFTER_HOURS


def look_for_refunds_again(capture: PaymentCapture) -> None:
    """Something has changed: ask which refunds the provider knows, in an hour and then ever more seldom."""
    capture.refunds_asked = 0
    capture.refunds_ask_at = _in_hours(REFUNDS_ASK_AFTER_HOURS[0])


def note_refunds_asked(capture: PaymentCapture) -> None:
    capture.refunds_asked += 1
    is_over = capture.refunds_asked >= len(REFUNDS_ASK_AFTER_HOURS)
    capture.refunds_ask_at = None if is_over else _in_hours(REFUNDS_ASK_AFTER_HOURS[capture.refunds_asked])


def postpone_looks(capture_ids: Sequence[uuid.UUID]) -> None:
    """There was no good answer about these captures, or nobody was asked: in an hour again."""
    db.rows(
        "UPDATE payment_capture SET refunds_ask_at = clock_timestamp() + interval '1 hour'"
        " WHERE id = ANY(:ids) AND refunds_ask_at <= now() RETURNING id",
        ids=list(capture_ids),
    )


def _in_hours(hours: int) -> Any:
    """A moment of database time, known once it is written."""
    return func.clock_timestamp() + timedelta(hours=hours)

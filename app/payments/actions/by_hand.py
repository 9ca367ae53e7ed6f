"""Verbs of payments that no provider stands behind."""

from __future__ import annotations

import uuid

from app.core import db
from app.payments.rules import BY_HAND


def close(order_id: uuid.UUID) -> None:
    """The order is over: nobody waits for money by hand any more. What still comes counts."""
    db.rows(
        "UPDATE payment_attempt a SET state = 'closed', ended_at = clock_timestamp() FROM payment p"
        " WHERE p.id = a.payment_id AND p.order_id = :id AND a.provider = :by_hand AND a.state IN ('created', 'open')"
        " RETURNING a.id",
        id=order_id,
        by_hand=BY_HAND,
    )

"""`shop audit`: every invariant of stock, money and orders, counted. All 0 or something is wrong."""

from __future__ import annotations

from app.books import queries as books
from app.core import db, outbox
from app.orders import queries as orders
from app.payments.queries import checks as payments
from app.stock import queries as stock
from app.value import queries as value

_PATIENCE = "SET statement_timeout = 0"  # a million orders take their time
_NORMAL = "RESET statement_timeout"


def run(*, cleanup_interval_minutes: int) -> dict[str, int]:
    """How many rows break each invariant, by its name in the contract."""
    db.rows(_PATIENCE)
    try:
        return {
            **stock.faults(cleanup_interval_minutes=cleanup_interval_minutes),
            **payments.faults(),
            **orders.faults(),
            "dead_deliveries": outbox.count_dead(),
            **books.faults(),
            **payments.unposted(),
            **value.faults(),
            **payments.instalment_faults(),
        }
    finally:
        db.rows(_NORMAL)
        db.release()

"""Forgetting customers who wished it, once their time of grace is over (DAT-07). By the clock."""

from __future__ import annotations

import logging
import uuid
from functools import partial

from app.cart import queries as cart
from app.core import db
from app.core.transaction import in_transaction
from app.privacy import actions, queries

log = logging.getLogger(__name__)


def erase_closed() -> None:
    """One transaction each: a customer is forgotten whole or not at all. Who has an order under way is left for later."""
    due = queries.due()
    db.release()
    for customer_id in due:
        _erase(customer_id)


def _erase(customer_id: uuid.UUID) -> None:
    visitor = in_transaction(partial(actions.erase, customer_id))
    if visitor is not None:
        cart.cool(visitor)
        log.info("customer erased", extra={"customer": str(customer_id)})

"""Work on gift cards by the clock. Opens its own transactions."""

import uuid
from functools import partial

from app.core import db
from app.core.transaction import in_transaction
from app.value import actions, queries

A_BATCH = 500


def expire_overdue() -> None:
    """Daily: what is left on cards whose time is over belongs to the shop again, one card a transaction, until none is left."""
    while due := _overdue():
        if not sum(in_transaction(partial(actions.expire, account_id)) for account_id in due):
            break


def _overdue() -> list[uuid.UUID]:
    due = queries.overdue(limit=A_BATCH)
    db.release()
    return due

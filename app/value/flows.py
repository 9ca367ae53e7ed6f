"""Work on gift cards by the clock. Opens its own transactions."""

from functools import partial

from app.core import db
from app.core.transaction import in_transaction
from app.value import actions, queries


def expire_overdue() -> None:
    """Daily: what is left on cards whose time is over belongs to the shop again, one card a transaction."""
    due = queries.overdue()
    db.release()
    for account_id in due:
        in_transaction(partial(actions.expire, account_id))

"""Checkout work by the clock. Opens its own transaction."""

from app.checkout import actions
from app.core.transaction import in_transaction


def forget_old() -> None:
    """Daily: what visitors typed and never ordered."""
    in_transaction(actions.forget_old)

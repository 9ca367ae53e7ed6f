"""Cart work by the clock. Opens its own transaction."""

from app.cart import actions
from app.core.transaction import in_transaction


def forget_expired() -> None:
    """Daily: carts nobody touched for 30 days."""
    in_transaction(actions.forget_expired)

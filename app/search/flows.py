"""What the clock runs. Opens its own transactions."""

from __future__ import annotations

from app.core.transaction import in_transaction
from app.search import actions


def refresh_sold_out() -> None:
    """Let sold-out products sink and others rise again, by what the ledger says has moved."""
    in_transaction(actions.refresh_sold_out)

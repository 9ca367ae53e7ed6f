"""By the clock: keys that run out, and words of signatures that no longer count."""

from __future__ import annotations

from app.api_keys import actions
from app.core.transaction import in_transaction


def tell_ending() -> None:
    in_transaction(actions.tell_ending)


def forget_nonces() -> None:
    while in_transaction(actions.forget_nonces):
        pass

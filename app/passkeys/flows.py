"""What the clock asks for. Called with no transaction open."""

from app.core.transaction import in_transaction
from app.passkeys import actions


def forget_old() -> None:
    in_transaction(actions.forget_old)

from app.core.errors import Conflict, Refused


class UnknownCode(Refused):
    """No account can be spent by this code: nobody's, disabled, or mistyped. Which of them is nobody's business."""

    code = "unknown_code"


class NotUsable(Refused):
    """The code is right and cannot pay: `why` is expired, empty, currency, twice or many."""

    code = "value_not_usable"

    def __init__(self, why: str) -> None:
        super().__init__("not usable", why=why)
        self.why = why


class ValueGone(Conflict):
    """Less is left on a gift card than the order wanted of it. Nothing was held."""

    code = "value_gone"


class AlreadyIssued(Conflict):
    """The same form was sent before: its codes were shown then, once."""

    code = "already_issued"


class TooMuch(Refused):
    """More would be taken off an account than is free on it."""

    code = "too_much"

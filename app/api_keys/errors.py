from app.core.errors import Conflict, ShopError


class BadKey(ShopError):
    """Whoever asks is told nothing more; `reason` is for the log."""

    code = "bad_key"
    status = 401

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class NotHeld(ShopError):
    """More than one holds oneself: nobody gives a key that."""

    code = "more_than_yours"
    status = 403


class NameTaken(Conflict):
    """A key that is not revoked has this name already."""

    code = "name_taken"


class RotatedMeanwhile(Conflict):
    """The secret that was to be replaced is not the newest any more."""

    code = "rotated_meanwhile"


class KeyOver(Conflict):
    """Revoked, or run out."""

    code = "key_over"

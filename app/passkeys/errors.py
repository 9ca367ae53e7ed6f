from app.core.errors import Refused


class TooManyPasskeys(Refused):
    """The account has as many as there may be."""

    code = "too_many_passkeys"

    def __init__(self, *, most: int) -> None:
        super().__init__(most=most)
        self.most = most

from app.core.errors import Conflict, Refused


class TooManyTries(Refused):
    """Five wrong tries in a quarter of an hour; the next counts `minutes` later, for everybody and from everywhere."""

    code = "too_many_tries"
    status = 429

    def __init__(self, *, minutes: int) -> None:
        super().__init__(minutes=minutes)
        self.minutes = minutes


class EmailTaken(Conflict):
    """Somebody works here under this address already."""

    code = "email_taken"

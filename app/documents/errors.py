from app.core.errors import Unavailable


class PrintingTooSlow(Unavailable):
    """A document took longer to set than anybody waits."""

    code = "printing_too_slow"

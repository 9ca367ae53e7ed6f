"""The refusals an entry point can turn into a page, a toast or a problem document (see `app/web/errors.py`)."""


class ShopError(Exception):
    """A refusal the user can understand. `code` is stable and machine readable, `message` is translated text."""

    code = "error"
    status = 400

    def __init__(self, message: str = "", *, code: str | None = None, **facts: object) -> None:
        super().__init__(message or self.code)
        self.message = message
        self.code = code or self.code
        self.facts = facts


class Refused(ShopError):
    """The input is understood and not acceptable (422)."""

    code = "refused"
    status = 422


class NotFound(ShopError):
    """There is no such thing, or it is somebody else's (404)."""

    code = "not_found"
    status = 404


class Conflict(ShopError):
    """The world has changed since the page was shown (409)."""

    code = "conflict"
    status = 409


class Unavailable(ShopError):
    """Something we depend on does not answer now; nothing was done (503)."""

    code = "unavailable"
    status = 503

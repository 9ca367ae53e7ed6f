"""What routes share: who calls, and what they sent."""

import hmac
import time
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, request

from sandbox.errors import ApiError, plain_error, unauthorized
from sandbox.validation import only_known

if TYPE_CHECKING:
    from sandbox.app import Provider


def provider() -> "Provider":
    return cast("Provider", current_app.extensions["provider"])


def check_keys() -> None:
    """HTTP Basic with key id and key secret; raises the provider's 401."""
    settings, given = provider().settings, request.authorization
    if given is None or given.type != "basic":
        raise unauthorized()
    same_id = hmac.compare_digest((given.username or "").encode(), settings.key_id.encode())
    same_secret = hmac.compare_digest((given.password or "").encode(), settings.key_secret.encode())
    if not (same_id and same_secret):
        raise unauthorized()


def json_body() -> dict[str, Any]:
    """The JSON object that was sent; nothing at all counts as an empty one."""
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise plain_error("The request body is not a valid JSON object.")
    return body


def paging(*, extra: tuple[str, ...] = ()) -> dict[str, int]:
    """`count` (10, at most 100), `skip`, and `from`/`to` as `since`/`until`; unknown parameters are refused."""
    only_known(request.args.to_dict(), {"count", "skip", "from", "to", *extra})
    return {
        "count": _number("count", default=10, least=1, most=100),
        "skip": _number("skip", default=0),
        "since": _number("from", default=0),
        "until": _number("to", default=int(time.time()) * 2),
    }


def _number(name: str, *, default: int, least: int = 0, most: int = 10**12) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ApiError(f"The {name} must be between {least} and {most}.", field=name)
    return int(text)

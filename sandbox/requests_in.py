"""What routes share: who calls, and what they sent."""

import time
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, g, request

from sandbox.accounts import Account
from sandbox.errors import ApiError, plain_error, unauthorized, unknown_id
from sandbox.validation import only_known

if TYPE_CHECKING:
    from sandbox.app import Provider

_TABLES = {"order_id": "orders", "payment_id": "payment", "refund_id": "refund", "dispute_id": "dispute"}


def provider() -> "Provider":
    return cast("Provider", current_app.extensions["provider"])


def check_keys() -> None:
    """HTTP Basic with key id and key secret; raises the provider's 401, and hides what is another account's."""
    given = request.authorization
    if given is None or given.type != "basic":
        raise unauthorized()
    account = account_of(given.username or "")
    if account is None or not account.has_secret(given.password or ""):
        raise unauthorized()
    g.account = account
    _refuse_strangers(account)


def account_of(key_id: str) -> Account | None:
    return next((each for each in provider().settings.accounts if each.has_key(key_id)), None)


def _refuse_strangers(account: Account) -> None:
    """Ids in the address that belong to another account do not exist."""
    with provider().store.reading() as tx:
        for name, value in (request.view_args or {}).items():
            if name not in _TABLES:
                continue
            row = tx.one(f"SELECT provider FROM {_TABLES[name]} WHERE id = ?", (value,))  # noqa: S608  # nosec B608
            if row is not None and row["provider"] != account.code:
                raise unknown_id()


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

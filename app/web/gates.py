"""Who may enter a whole part of the site. Asked before CSRF and before routing's 404, so that a stranger learns nothing."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import SecurityError

Check = Callable[[], ResponseReturnValue | None]
_gates: dict[str, Check] = {}


def guards(prefix: str) -> Callable[[Check], Check]:
    """`@guards("/admin")` on a function that answers instead of the page, or None to let the visitor in."""

    def register(check: Check) -> Check:
        _gates[prefix] = check
        return check

    return register


def init_app(app: Flask) -> None:
    app.before_request(_ask)


def _ask() -> ResponseReturnValue | None:
    if isinstance(request.routing_exception, SecurityError):  # a host that is not ours has no gates either
        raise request.routing_exception
    path = "/" + request.path.lstrip("/")  # routing takes `//admin` for `/admin`
    for prefix, check in _gates.items():
        if path == prefix or path.startswith(prefix + "/"):
            return check()
    return None

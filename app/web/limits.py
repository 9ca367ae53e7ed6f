"""How often one client may ask (SEC-26, SEC-28…SEC-30, X14): counted in Redis, in this process while Redis is away.

A client is the API key that asks, the visitor when a cookie says who that is, else the address. Behind each limit stands a wider one by
address, so that a new cookie for each request does not help: wide, as thousands may sit behind one address (carrier
NAT), and therefore counted in each process alone, which is exact enough and costs nothing. Give `per_address` where
guessing must not pay. Only views with a limit are counted: counting a page that only shows costs like a query.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, Flask, g, make_response, request, session
from flask_limiter import Limiter
from werkzeug.exceptions import TooManyRequests

from app.core import cache, passwords
from app.core.settings import Settings
from app.web.visitor import visitor

View = TypeVar("View", bound=Callable[..., Any])

API = "100/minute"
FORMS = "100/minute"
SEARCH = "600/minute"  # per address, whatever the session: one search costs as much as ten pages
ANY_ADDRESS = 6000  # a minute and process: a hundred a second is no crowd behind a NAT any more
FAILURES = 30  # a minute, address and process: refused keys and signatures
PASSWORDS = 8  # likewise: wrong ones, more than an account takes; the other addresses keep their share
MINUTE = 60


def client() -> str:
    """Who is counted: the key that asks, else the visitor, else the browser that took a token from us, else the address."""
    if program := g.get("counted_as"):
        return str(program)
    if known := visitor():
        return f"v:{known}"
    if token := session.get("csrf_token"):
        return f"s:{hashlib.sha256(token.encode()).hexdigest()[:16]}"
    return address()


def address() -> str:
    return f"ip:{request.remote_addr}"


limiter = Limiter(key_func=client, strategy="fixed-window", key_prefix="limit", headers_enabled=False)


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        RATELIMIT_ENABLED=settings.rate_limit_enabled,
        RATELIMIT_STORAGE_URI=settings.redis_url,
        RATELIMIT_STORAGE_OPTIONS={"connection_pool": cache.client().connection_pool},  # with its short timeouts
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
    )
    # Seen as already there, the extension installs no hooks: looking for limits at every request costs more than most
    # requests do. Decorated views check themselves.
    app.extensions.setdefault("limiter", set()).add(limiter)
    limiter.init_app(app)


def limit(rate: str, *, per_address: str | None = None, key: Callable[[], str] = client) -> Callable[[View], View]:
    """`@limit("10/minute")` on a view: that often per client, and `per_address` (or ANY_ADDRESS) from one address."""

    def wrap(view: View) -> View:
        wide = limiter.limit(per_address, key_func=address)(view) if per_address else under_ceiling(view)
        return cast(View, limiter.limit(rate, key_func=key)(wide))

    return wrap


def looks_at_password(view: View) -> View:
    """Above `@limit`, on a form whose password anybody may send: while passwords have taken their share of the time, or this
    address has sent PASSWORDS wrong ones, it is refused before anything is counted, asked or drawn, for a storm must cost
    next to nothing. Right passwords are not counted: thousands may sit behind one address. Raises passwords.Busy."""
    return _counting(view, spent=(401, 422))


def makes_password(view: View) -> View:
    """The same where each password that is sent is hashed and kept, so that none is wrong."""
    return _counting(view, spent=(303, 422))


def _counting(view: View, *, spent: Collection[int]) -> View:
    @wraps(view)
    def asked(*args: Any, **kwargs: Any) -> Any:
        key = f"passwords {address()}"
        if limiter.enabled and _this_minute().get(key, 0) >= PASSWORDS:
            raise passwords.Busy(_seconds_left())
        passwords.demand_time()
        answer = make_response(view(*args, **kwargs))
        if answer.status_code in spent:
            _times_this_minute(key)
        return answer

    return cast(View, asked)


def under_ceiling(view: View) -> View:
    """Raises TooManyRequests for an address that asked this process ANY_ADDRESS times within the minute."""

    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        demand_under_ceiling()
        return view(*args, **kwargs)

    return cast(View, counted)


def demand_under_ceiling() -> None:
    if limiter.enabled and _times_this_minute(address()) > ANY_ADDRESS:
        raise TooManyRequests


def has_failed_often(what: str) -> bool:
    """Count a failure of this address, and tell whether it is one too many within the minute."""
    return limiter.enabled and _times_this_minute(f"{what} {address()}") > FAILURES


def _times_this_minute(key: str) -> int:
    counts = _this_minute()
    counts[key] = counts.get(key, 0) + 1
    return counts[key]


def _this_minute() -> dict[str, int]:
    minute = int(time.time()) // MINUTE
    if _counts.get("minute") != minute:
        _counts.clear()
        _counts["minute"] = minute
    return _counts


_counts: dict[str, int] = {}


def seconds_until_next() -> int:
    """When the limit that was just exceeded lets the client in again."""
    exceeded = limiter.current_limit
    if exceeded and exceeded.breached:
        return max(1, math.ceil(exceeded.reset_at - time.time()))
    return _seconds_left()


def _seconds_left() -> int:
    return MINUTE - int(time.time()) % MINUTE


def limit_api(blueprint: Blueprint) -> Blueprint:
    """All endpoints of all such blueprints together: 100 a minute per client (SEC-26)."""

    @blueprint.before_request
    @limiter.shared_limit(API, scope="api", key_func=client)
    @under_ceiling
    def count() -> None:
        """Only counted."""

    return blueprint

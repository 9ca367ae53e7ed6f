"""How often one client may ask (SEC-26, SEC-28…SEC-30, X14): counted in Redis, and in this process while Redis is away.

A client is its API key, else its visitor id, else its address. A second, wider limit by address stands behind the first,
so that a new cookie for each request does not help; it is wide because thousands may sit behind one address (carrier NAT).
Pages that only show are not counted: counting would cost more than many of them do. Static files never come here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, request
from flask_limiter import Limiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.cache import TIMEOUT_SECONDS
from app.core.settings import Settings
from app.web.visitor import visitor

View = TypeVar("View", bound=Callable[..., Any])

API = "100/minute"
FORMS = "100/minute"
SEARCH = "600/minute"  # per address, whatever the session: one search costs as much as ten pages
PER_ADDRESS = 10  # times what one client may do


def client() -> str:
    """Who is counted: the visitor when there is one, else the address."""
    known = visitor()
    return f"v:{known}" if known else address()


def address() -> str:
    return f"ip:{request.remote_addr}"


limiter = Limiter(key_func=client, strategy="fixed-window", key_prefix="limit", headers_enabled=False)


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        RATELIMIT_ENABLED=settings.rate_limit_enabled,
        RATELIMIT_STORAGE_URI=settings.redis_url,
        RATELIMIT_STORAGE_OPTIONS={
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
        },
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
    )
    limiter.init_app(app)


def limit(rate: str) -> Callable[[View], View]:
    """`@limit("10/minute")` on a view: that often per client, ten times that per address."""
    amount, _, period = rate.partition("/")

    def wrap(view: View) -> View:
        wide = limiter.limit(f"{int(amount) * PER_ADDRESS}/{period}", key_func=address)(view)
        limited: View = limiter.limit(rate)(wide)
        return limited

    return wrap

"""Which other sites' scripts may read what `/api/` answers (SEC-39): those of `CORS_ALLOWED_ORIGINS`, exactly.

Never a wildcard, never with credentials: a browser sends no cookie of ours along and shows no answer that one opened, so such
scripts bring a token. What is not configured is answered as if there were no such thing; docs/adr/0019 says why this is ours.
"""

from __future__ import annotations

from flask import Flask, Response, request

from app.core.settings import Settings
from app.web.signing import HEADERS
from app.web.site import settings

METHODS = "GET, POST, PUT, PATCH, DELETE"
ALLOWED = ", ".join(("Authorization", "Content-Type", "Idempotency-Key", *HEADERS))
EXPOSED = "Retry-After, WWW-Authenticate, X-Request-Id"
PREFLIGHT_SECONDS = 600


def init_app(app: Flask, settings: Settings) -> None:
    if settings.cors_origins:
        app.before_request(_answer_preflight)
        app.after_request(_allow)


def _answer_preflight() -> Response | None:
    """Before every gate: a browser asks without the token whether it may ask with it."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers or not _is_allowed():
        return None
    answer = Response(status=204)
    answer.headers["Access-Control-Allow-Methods"] = METHODS
    answer.headers["Access-Control-Allow-Headers"] = ALLOWED
    answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    answer.vary.update(("Access-Control-Request-Method", "Access-Control-Request-Headers"))
    return answer


def _allow(response: Response) -> Response:
    if request.path.startswith("/api/"):
        response.vary.add("Origin")
        if _is_allowed():
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def _is_allowed() -> bool:
    return request.path.startswith("/api/") and request.headers.get("Origin") in settings().cors_origins

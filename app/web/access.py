"""What a program proves itself with: `Authorization: Bearer …`, looked at for JSON only. No page takes it.

A request that brings one is nobody else: no cookie says who of the staff or which customer it is. The text tells by its shape
which kind of proof it is; an access token (`app/core/tokens.py`) has two dots.
"""

from __future__ import annotations

from flask import Response, g, request

from app.core import tokens
from app.core.tokens import Claims

SCHEME = "bearer "
LONGEST = 4000


def is_given() -> bool:
    return request.path.startswith("/api/") and f"{_header()} ".lower().startswith(SCHEME)


def bearer() -> str:
    """The text of the header; empty for a request of a browser."""
    return _header()[len(SCHEME) :].strip()[:LONGEST] if is_given() else ""


def _header() -> str:
    return request.headers.get("Authorization", "")


def claims(kind: str) -> Claims | None:
    """What the access token of `staff` or a `customer` says; None for everything else. The session has to be looked up."""
    if "claims" not in g:
        given = bearer()
        g.claims = tokens.read(given) if tokens.is_access_token(given) else None
    known: Claims | None = g.claims
    return known if known and known.kind == kind else None


def was_issued() -> bool:
    """Whether it is an access token of ours, good still or not."""
    given = bearer()
    return tokens.is_access_token(given) and tokens.was_issued(given)


def is_proven() -> bool:
    """Whether no CSRF token is needed: no page of another site can make a browser send this header with a token in it."""
    return claims("staff") is not None or claims("customer") is not None


def ask_for_proof(answer: Response) -> Response:
    """Say with a 401 what would open (RFC 6750, 3)."""
    answer.headers["WWW-Authenticate"] = 'Bearer realm="api"' + (', error="invalid_token"' if is_given() else "")
    return answer

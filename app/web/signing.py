"""Signed requests (SEC-42): what moves money or opens secrets, asked for with an API key, carries a signature that fits this
one request, is minutes old at most and counts once. Sessions do not sign: they give a fresh code instead. See docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import Response, request
from flask_babel import gettext as _

from app.api_keys import actions, rules
from app.api_keys.queries import Program
from app.api_keys.rules import Signed
from app.core import clock
from app.core.transaction import in_transaction
from app.web.errors import problem

TIMESTAMP, NONCE, SIGNATURE = "X-Kedai-Timestamp", "X-Kedai-Nonce", "X-Kedai-Signature"
HEADERS = (TIMESTAMP, NONCE, SIGNATURE)


def refusal(program: Program) -> Response | None:
    """401 for a request that is not signed as it should be; None lets it through, once."""
    fault = _fault(program)
    if fault is None:
        return None
    answer = problem(401, fault, _words()[fault])
    answer.headers["WWW-Authenticate"] = f'Signature realm="api", headers="{" ".join(HEADERS).lower()}"'
    return answer


def _fault(program: Program) -> str | None:
    """What is wrong, most basic first. The nonce is spent last, so that nobody can fill the table who cannot sign."""
    timestamp, nonce, signature = (request.headers.get(name, "") for name in HEADERS)
    if program.signing_secret is None:
        return "no_signing_secret"
    if not (rules.TIMESTAMP.fullmatch(timestamp) and rules.NONCE.fullmatch(nonce) and signature):
        return "signature_missing"
    query = request.environ.get("QUERY_STRING", "")
    signed = Signed(
        method=request.method,
        target=f"{request.path}?{query}" if query else request.path,
        body=request.get_data(cache=True),
        timestamp=timestamp,
        nonce=nonce,
        idempotency_key=request.headers.get("Idempotency-Key", ""),
    )
    if not signed.fits(program.signing_secret, signature):
        return "signature_wrong"
    if not signed.is_timely(now=clock.now().timestamp()):
        return "signature_late"
    is_first = in_transaction(partial(actions.spend_nonce, program.session_id, nonce))
    return None if is_first else "signature_replayed"


def _words() -> Mapping[str, str]:
    return {
        "no_signing_secret": _("This key has no signing secret: rotate it to get one."),
        "signature_missing": _("Sign this request: it needs the headers %(names)s.", names=", ".join(HEADERS)),
        "signature_wrong": _("The signature does not fit this request."),
        "signature_late": _("The timestamp is more than five minutes away from our clock."),
        "signature_replayed": _("This nonce was used before: sign again with another one."),
    }

"""Payment providers' webhooks. Raw bytes in, one row in the inbox, 200 out; everything else is the worker's.

Both addresses serve every provider, told by its signature header. Nothing here needs a session, a token or Redis, and
nothing limits how often a provider may come: the signature is the control.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

import prometheus_client
from flask import Blueprint, Response, jsonify, request

from app.core.errors import Refused
from app.core.transaction import in_transaction
from app.payments import gateway
from app.payments.actions import notices
from app.payments.errors import BadSignature
from app.web.describe import describe, one_of, record

LARGEST_BODY = 256 * 1024  # Razorpay's largest are about 10 kB
QUIET_SECONDS = 10.0

bp = Blueprint("inbound_payments", __name__)
log = logging.getLogger(__name__)
received = prometheus_client.Counter("payment_notices_total", "Webhooks by what became of them", ["outcome"])


@bp.post("/api/v1/payment/webhook")
@bp.post("/api/payments/webhook")
@describe(
    "For payment providers: a signed notice, kept and acted upon later",
    takes={"type": "object"},
    answers={200: record(status=one_of("stored", "known"))},
    refusals=(400, 413, 422),
)
def take_notice() -> Response:
    """200 stored, now or before; 400 not signed by a provider; 413 too large; 422 signed but meaningless."""
    request.max_content_length = LARGEST_BODY
    body = request.get_data(cache=False)
    try:
        provider, notice = gateway.read_notice(body, dict(request.headers.items()))
    except (BadSignature, Refused) as refusal:
        _note_refusal(refusal.code, size=len(body))
        raise
    is_new = in_transaction(lambda: notices.store(provider=provider, notice=notice))
    received.labels("stored" if is_new else "repeated").inc()
    return jsonify(status="stored" if is_new else "known")


_quiet_until: dict[str, float] = {}
_unsaid: Counter[str] = Counter()


def _note_refusal(code: str, *, size: int) -> None:
    """Count each refusal; log at most one of a kind in ten seconds, so that nobody can fill the disk."""
    received.labels(code).inc()
    if time.monotonic() < _quiet_until.get(code, 0):
        _unsaid[code] += 1
        return
    _quiet_until[code] = time.monotonic() + QUIET_SECONDS
    sender = _masked(request.remote_addr or "")
    log.warning(
        "a webhook was refused", extra={"reason": code, "bytes": size, "sender": sender, "unsaid": _unsaid.pop(code, 0)}
    )


def _masked(address: str) -> str:
    """The network of an address, without the host: `203.0.113.x`, `2001:db8:x`."""
    if ":" in address:
        return ":".join(address.split(":")[:2]) + ":x"
    return ".".join(address.split(".")[:3]) + ".x"

"""Stripe's webhooks: signed raw bytes in, ids out (Stripe docs, webhooks/signature, webhooks/best-practices).

Checked here and not by the client: that accepts stamps of the future, and breaks with a TypeError on odd ones.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.core.errors import Refused
from app.payments.errors import BadSignature
from app.payments.gateway import Notice

SIGNATURE_HEADER = "stripe-signature"
TOLERANCE_SECONDS = 300  # older, and a recorded delivery could be played back for ever
LONGEST_HEADER = 4096
KIND = re.compile(r"[A-Za-z0-9_.]{1,100}")
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,255}")
STAMP = re.compile(r"[0-9]{1,12}")


def check(body: bytes, header: str, *, secrets: Sequence[bytes]) -> None:
    """Raises BadSignature unless one of our secrets signed these bytes in the last five minutes.

    A stamp from the future is refused in the same way: either clock is so wrong then that a person has to look. A good
    signature at a bad time has a code of its own, which the log and the metrics show; the poller goes on meanwhile.
    """
    stamp, given = _parts_of(header)
    signed = f"{stamp}.".encode() + body
    expected = [hmac.new(secret, signed, hashlib.sha256).hexdigest().encode() for secret in secrets]
    fits = [hmac.compare_digest(each, signature) for each in expected for signature in given]
    if not any(fits):
        raise BadSignature()
    if abs(time.time() - int(stamp)) > TOLERANCE_SECONDS:
        raise BadSignature(code="stale_signature")


def notice_of(body: bytes, *, is_live: bool) -> Notice:
    """Raises Refused for what is no event, or one of the other mode (test events must never move live money)."""
    event = _event(body)
    if event.get("livemode") is not is_live:
        raise Refused(code="wrong_mode")
    data = event.get("data")
    content = data.get("object") if isinstance(data, dict) else None
    content = content if isinstance(content, dict) else {}
    kind = content.get("object")
    return Notice(
        event_id=_identifier(event.get("id")) or "sha256-" + hashlib.sha256(body).hexdigest(),
        kind=event["type"],
        provider_order_id=_identifier(content.get("id")) if kind == "checkout.session" else "",
        provider_payment_id=_identifier(content.get("id" if kind == "payment_intent" else "payment_intent")),
        provider_refund_id=_identifier(content.get("id")) if kind == "refund" else "",
        receipt=_receipt_of(content) or _receipt_of(_details_of(content)),
        provider_dispute_id=_identifier(content.get("id")) if kind == "dispute" else "",
        provider_subscription_id=_subscription_of(content),
    )


def _parts_of(header: str) -> tuple[str, list[bytes]]:
    """The stamp and the `v1` signatures of `t=…,v1=…[,v1=…]`; other schemes are no concern of ours."""
    if len(header) > LONGEST_HEADER:
        raise BadSignature()
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not STAMP.fullmatch(stamps[0]):
        raise BadSignature()
    return stamps[0], [value.encode("utf-8", "replace") for name, _, value in parts if name == "v1"]


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(code="malformed_notice") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or not KIND.fullmatch(event["type"]):
        raise Refused(code="malformed_notice")
    return event


def _receipt_of(content: Mapping[str, Any]) -> str:
    """Our receipt, which we had written on the session and on its intent; charges copy the intent's."""
    metadata = content.get("metadata")
    found = metadata.get("receipt") if isinstance(metadata, dict) else None
    return _identifier(content.get("client_reference_id")) or _identifier(found)


def _subscription_of(content: Mapping[str, Any]) -> str:
    """Of a subscription, of one of its invoices, or of the session that it began with."""
    if content.get("object") == "subscription":
        return _identifier(content.get("id"))
    return _identifier(content.get("subscription")) or _identifier(_details_of(content).get("subscription"))


def _details_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an invoice says of its subscription, with our receipt in its metadata."""
    parent = content.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    return details if isinstance(details, dict) else {}


def _identifier(value: Any) -> str:
    return value if isinstance(value, str) and IDENTIFIER.fullmatch(value) else ""

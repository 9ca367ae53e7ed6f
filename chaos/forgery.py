"""Webhooks that no provider has sent, for the page a shopper has open: each says that it was paid, none may be believed."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import requests

from chaos.buyer import Buyer
from chaos.tills import BillplzTill, PayPalTill, RazorpayTill, StripeTill, Till

PATH = "/api/payments/webhook"
SIGNATURES = ("", "0" * 64, "é☃".encode().decode("latin-1"), "x" * 5000)


def try_all(buyer: Buyer, till: Till, draw: random.Random) -> list[str]:
    """One sentence for each forgery that was not refused. Who finds nobody at home has done no harm."""
    body, headers = _letter(till, draw)
    try:
        answer = buyer.session.post(buyer.host + PATH, data=body, headers=headers, timeout=buyer.seconds)
    except requests.RequestException:
        return []
    if answer.status_code in (400, 422, 503):  # 503: the database is away
        return []
    return [f"a forged webhook of {till.provider} was answered {answer.status_code}"]


def _letter(till: Till, draw: random.Random) -> tuple[bytes, Mapping[str, str]]:
    forged = draw.choice(SIGNATURES)
    if isinstance(till, RazorpayTill):
        payment = {"entity": {"id": "pay_forged00000000", "order_id": till.order_id, "status": "captured"}}
        body = _json({"event": "payment.captured", "payload": {"payment": payment}})
        made = hmac.new(b"a secret of somebody else", body, hashlib.sha256).hexdigest()
        return body, {"X-Razorpay-Signature": draw.choice((forged, made))}
    if isinstance(till, StripeTill):
        session = {"id": till.session_id, "object": "checkout.session", "payment_status": "paid", "status": "complete"}
        body = _json({"id": "evt_forged", "type": "checkout.session.completed", "data": {"object": session}})
        return body, {"Stripe-Signature": f"t={int(time.time())},v1={forged}"}
    if isinstance(till, PayPalTill):
        body = _json({"id": "WH-forged", "event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": till.order_id}})
        names = ("Sig", "Id", "Time")
        headers = {f"PayPal-Transmission-{name}": forged[:100] or "e30=" for name in names}
        return body, {**headers, "PayPal-Auth-Algo": "SHA256withRSA", "PayPal-Cert-Url": "https://evil.example/cert"}
    assert isinstance(till, BillplzTill)
    fields = {"id": till.bill_id, "paid": "true", "state": "paid", "x_signature": forged}
    return urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def _json(content: object) -> bytes:
    return json.dumps(content).encode()

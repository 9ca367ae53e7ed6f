"""FAULTS P19 over every provider at once: whatever a stranger posts is refused with 4xx, stores nothing and breaks nothing."""

from __future__ import annotations

import json
import random
import time
from urllib.parse import urlencode

from app.core import db
from chaos.stand import ALL_PROVIDERS

PATH = "/api/payments/webhook"
SIGNATURES = ("", "0" * 64, "é☃".encode().decode("latin-1"), "\xff\xfe", "t=1,v1=00", "e30=", "x" * 4000, "a,b;c=d")
BODIES = (
    b"", b"{}", b"[]", b"null", b"\xff\xfe\x00", b"{" * 3000, b'{"event": 7}', b'{"id": null, "type": []}',
    json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": {"id": "pay_1", "order_id": "o"}}}}).encode(),
    json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"id": "cs_1"}}}).encode(),
    json.dumps({"id": "WH-1", "event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "5O1"}}).encode(),
    urlencode({"id": "b1", "paid": "true", "state": "paid", "x_signature": "0" * 64}).encode(),
    b"x_signature=", b"x_signature=%ff&id=%00&x_signature=1",
)  # fmt: skip
KINDS = ("application/json", "application/x-www-form-urlencoded", "text/plain; charset=nosuch", "")


def letter(dice: random.Random) -> tuple[bytes, dict[str, str]]:
    signed = dice.choice(SIGNATURES)
    paypal = {f"PayPal-Transmission-{name}": dice.choice(SIGNATURES) for name in ("Sig", "Id", "Time")}
    cert = dice.choice(("https://evil.example/cert", "file:///etc/passwd", "", "http://127.0.0.1:1/x", "é"))
    headers = dice.choice(
        (
            {},
            {"X-Razorpay-Signature": signed, "X-Razorpay-Event-Id": dice.choice(("evt", "", "e" * 3000))},
            {"Stripe-Signature": signed},
            {"Stripe-Signature": f"t={int(time.time())},v1={signed}"},
            {**paypal, "PayPal-Cert-Url": cert.encode().decode("latin-1"), "PayPal-Auth-Algo": dice.choice(("SHA256withRSA", ""))},
            {**paypal, "X-Razorpay-Signature": signed, "Stripe-Signature": signed},
        )
    )  # fmt: skip
    return dice.choice(BODIES), {**headers, "Content-Type": dice.choice(KINDS)}


def test_p19_no_attack_is_answered_with_an_accident(make_app):
    client = make_app(**ALL_PROVIDERS).test_client()
    dice = random.Random("attacks")
    for _ in range(600):
        body, headers = letter(dice)
        answer = client.post(PATH, data=body, headers=headers)
        assert answer.status_code in (400, 413, 422), (answer.status_code, headers, body[:80])
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    db.release()

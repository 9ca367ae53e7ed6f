"""Webhooks while mail, provider and Redis take connections and never answer (G5, P19, P23)."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.core import db
from bench import stand
from bench.stand import Stand
from bench.table import Row, percentile
from tests.proxy import Proxy

PATH = "/api/payments/webhook"
RATE = 50  # a second
MUST_MS, AIM_MS = 100, 30
ATTACKS = 0.2  # of the letters
Letter = tuple[dict[str, str], str, int]


def measure(at: Stand, *, seconds: int, tell: Callable[[str], Any]) -> list[Row]:
    tell(f"webhooks, {RATE} a second, with all others black-holed")
    secret = at.environ["RAZORPAY_WEBHOOK_SECRET"].split(",")[0]
    letters = [_letter(number, secret) for number in range(RATE * seconds)]
    with _black_holes(at) as settings:
        at.serve("hooks", app="wsgi:app", workers=2, path="/health/live", **settings)
        job = {"port": at.ports["hooks"], "path": PATH, "rate": RATE}
        stand.run("bench.hooks", {**job, "letters": [_letter(-1 - n, secret) for n in range(RATE)]})
        found = stand.run("bench.hooks", {**job, "letters": letters})
        at.stop("hooks")
    wrong = [*found["wrong"], *_lost(letters)]
    p99, median = (percentile(found["milliseconds"], share) for share in (0.99, 0.5))
    broken = sum(count for status, count in found["statuses"].items() if not 200 <= int(status) < 500)
    name = f"webhooks, {RATE}/s, mail, provider and Redis black-holed"
    words = f"{len(letters):,} letters, median {median:.0f} ms"
    return [
        Row(f"{name}: p99", words, p99, MUST_MS, AIM_MS, unit="ms", is_ceiling=True, wrong=tuple(wrong[:3])),
        Row(f"{name}: 5xx or no answer", f"{ATTACKS:.0%} of them attacks", broken, 0, unit="", is_ceiling=True),
    ]


def _lost(letters: list[Letter]) -> list[str]:
    """What was answered 200 stands in the inbox."""
    sent = [headers["X-Razorpay-Event-Id"] for headers, _body, right in letters if right == 200]
    kept = db.scalar("SELECT count(*) FROM payment_notice WHERE event_id = ANY(:ids)", ids=sent)
    db.forget()
    return [] if kept == len(sent) else [f"{len(sent)} notices answered, {kept} kept"]


@contextmanager
def _black_holes(at: Stand) -> Iterator[dict[str, str]]:
    """Settings that lead to proxies which take connections and never answer."""
    names = ("REDIS_URL", "MAIL_URL", "RAZORPAY_API_URL")
    holes = {name: Proxy(at.environ[name]) for name in names}
    for hole in holes.values():
        hole.break_off("silent")
    try:
        yield {name: hole.url for name, hole in holes.items()}
    finally:
        for hole in holes.values():
            hole.close()


def _letter(number: int, secret: str) -> Letter:
    payment = {"entity": {"id": f"pay_bench{number}", "order_id": f"order_bench{number}", "status": "captured"}}
    body = json.dumps({"event": "payment.captured", "payload": {"payment": payment}})
    dice = random.Random(f"letter {number}")
    if dice.random() < ATTACKS:
        return dice.choice(_attacks(body, secret))
    return _signed(body, secret, f"evt_bench{number}"), body, 200


def _attacks(body: str, secret: str) -> list[Letter]:
    """FAULTS P19: unsigned, forged, changed, stale, meaningless."""
    signed = _signed(body, secret, "evt_attack")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return [
        ({}, body, 400),
        ({"X-Razorpay-Signature": ""}, body, 400),
        ({"X-Razorpay-Signature": "0" * 64}, body, 400),
        ({"X-Razorpay-Signature": "\xff\xfe\xe9"}, body, 400),
        (_signed(body, "", "evt_attack"), body, 400),
        (signed, body.replace("captured", "refunded"), 400),
        (_signed("{}", secret, "evt_attack"), "{}", 422),
        (_signed("\xff", secret, "evt_attack"), "\xff", 422),
        ({"Stripe-Signature": "t=1,v1=" + "0" * 64}, body, 400),
        ({"Paypal-Transmission-Sig": "0" * 64}, body, 400),
        (form, "id=1&paid=true&x_signature=" + "0" * 64, 400),
    ]


def _signed(body: str, secret: str, event_id: str) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body.encode("latin-1"), hashlib.sha256).hexdigest()
    headers = {"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": event_id}
    return {**headers, "Content-Type": "application/json"}

"""Webhooks: signed bytes in, ids out; anything else is refused without a stack trace."""

import hashlib
import hmac
import json

import pytest

from app.core.errors import Refused
from app.payments.errors import BadSignature
from app.payments.gateway import Notice
from app.payments.providers.razorpay import Razorpay

SECRETS = ("secret-of-this-month", "secret-of-last-month")
KEYS = {"key_id": "rzp_test_1", "key_secret": "key-secret", "api_url": "http://127.0.0.1:9", "shop_name": "Murni Batik"}


@pytest.fixture(scope="module")
def adapter():
    return Razorpay(**KEYS, webhook_secrets=SECRETS)


def sign(body, secret=SECRETS[0]):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def notice_of(adapter, body, *, secret=SECRETS[0], **headers):
    return adapter.read_notice(
        body, {"X-Razorpay-Signature": sign(body, secret), "X-Razorpay-Event-Id": "evt_1"} | headers
    )


def body_of(event, **entities):
    payload = {kind: {"entity": entity} for kind, entity in entities.items()}
    return json.dumps({"entity": "event", "event": event, "contains": list(entities), "payload": payload}).encode()


def test_a_notice_holds_the_ids_it_is_about(adapter):
    payment = {"id": "pay_1", "order_id": "order_1", "email": "aina@example.com"}
    assert notice_of(adapter, body_of("payment.captured", payment=payment)) == Notice(
        "evt_1", "payment.captured", "order_1", "pay_1", ""
    )
    assert (
        notice_of(adapter, body_of("order.paid", payment=payment, order={"id": "order_1"})).provider_order_id
        == "order_1"
    )
    assert notice_of(adapter, body_of("order.paid", order={"id": "order_2"})).provider_order_id == "order_2"
    refund = {"id": "rfnd_1", "payment_id": "pay_1", "notes": []}
    assert notice_of(adapter, body_of("refund.processed", refund=refund, payment=payment)) == Notice(
        "evt_1", "refund.processed", "order_1", "pay_1", "rfnd_1"
    )
    assert notice_of(adapter, body_of("refund.failed", refund=refund)).provider_payment_id == "pay_1"


def test_while_a_secret_is_changed_both_count(adapter):
    body = body_of("payment.captured", payment={"id": "pay_1"})
    assert {notice_of(adapter, body, secret=secret).kind for secret in SECRETS} == {"payment.captured"}
    with pytest.raises(BadSignature):
        notice_of(adapter, body, secret="secret-of-the-month-before")


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "é☃", "\x00", "\ud800", "a" * 100_000])
def test_p19_a_bad_signature_is_refused(adapter, signature):
    body = body_of("payment.captured", payment={"id": "pay_1"})
    headers = {} if signature is None else {"X-Razorpay-Signature": signature}
    with pytest.raises(BadSignature):
        adapter.read_notice(body, headers)


def test_p19_a_changed_body_is_refused(adapter):
    body = body_of("payment.captured", payment={"id": "pay_1"})
    with pytest.raises(BadSignature):
        adapter.read_notice(body + b" ", {"X-Razorpay-Signature": sign(body)})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"[1]", b"7", b'"text"', b"{}", b"{", b"\xff\xfe{}", b'{"event": null}', b'{"event": 5}',
        b'{"event": ""}', b'{"event": "a\\u0000b"}', b'{"event": "%s"}' % (b"x" * 101), b'{"event": "\\ud800"}',
        b"[" * 100_000, b'{"event":' * 50_000, b'{"event": "a b"}', b"NaN",
    ],
)  # fmt: skip
def test_p19_a_signed_body_that_says_nothing_is_refused(adapter, body):
    with pytest.raises(Refused) as refusal:
        notice_of(adapter, body)
    assert refusal.value.code == "malformed_notice"


@pytest.mark.parametrize(
    "payload",
    [None, [], "x", {"payment": None}, {"payment": []}, {"payment": {"entity": []}}, {"payment": {"entity": {"id": 5}}},
     {"payment": {"entity": {"id": "a\u0000b", "order_id": {"$ne": 1}}}}, {"payment": {"entity": {"id": "x" * 200}}}],
)  # fmt: skip
def test_p27_unknown_events_and_odd_payloads_are_read(adapter, payload):
    body = json.dumps(
        {"event": "account.app.authorization_revoked", "payload": payload, "new_field": {"deep": [1]}}
    ).encode()
    assert notice_of(adapter, body) == Notice("evt_1", "account.app.authorization_revoked")


@pytest.mark.parametrize("event_id", ["", "a\x00b", "x" * 200, "é", "a b"])
def test_without_a_usable_event_id_the_body_is_its_own(adapter, event_id):
    body = body_of("payment.captured", payment={"id": "pay_1"})
    first, again = (notice_of(adapter, body, **{"X-Razorpay-Event-Id": event_id}) for _ in range(2))
    assert first == again
    assert first.event_id == "sha256-" + hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    "missing", [{"key_secret": ""}, {"key_id": ""}, {"webhook_secrets": ("good", "")}, {"webhook_secrets": ()}]
)
def test_an_empty_secret_never_signs_anything(missing):
    with pytest.raises(ValueError, match="empty"):
        Razorpay(**({**KEYS, "webhook_secrets": SECRETS} | missing))

"""Stripe's webhooks: signed bytes in, ids out; anything else is refused without a stack trace."""

import hashlib
import hmac
import json
import time

import pytest

from app.core.errors import Refused
from app.payments.errors import BadSignature
from app.payments.gateway import Notice
from app.payments.providers.stripe import Stripe

SECRETS = ("whsec-of-this-month", "whsec-of-last-month")


@pytest.fixture(scope="module")
def adapter():
    return Stripe(secret_key="sk_test_1", webhook_secrets=SECRETS, api_url="http://127.0.0.1:9")


def sign(body, *, secret=SECRETS[0], at=None):
    stamp = int(time.time()) if at is None else at
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def header_of(body, *, secret=SECRETS[0], at=None):
    stamp = int(time.time()) if at is None else at
    return f"t={stamp},v1={sign(body, secret=secret, at=stamp)}"


def notice_of(adapter, body, **how):
    return adapter.read_notice(body, {"Stripe-Signature": header_of(body, **how)})


def body_of(kind, content, **changes):
    event = {"id": "evt_1", "object": "event", "livemode": False, "type": kind, "data": {"object": content}}
    return json.dumps(event | changes).encode()


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (
            "checkout.session.completed",
            {"object": "checkout.session", "id": "cs_1", "payment_intent": "pi_1", "client_reference_id": "R-1"},
            ("cs_1", "pi_1", "", "R-1"),
        ),
        (
            "payment_intent.succeeded",
            {"object": "payment_intent", "id": "pi_1", "metadata": {"receipt": "R-1"}},
            ("", "pi_1", "", "R-1"),
        ),
        (
            "charge.refunded",
            {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": {"receipt": "R-1"}},
            ("", "pi_1", "", "R-1"),
        ),
        (
            "refund.failed",
            {"object": "refund", "id": "re_1", "payment_intent": "pi_1", "metadata": {"key": "refund-1"}},
            ("", "pi_1", "re_1", ""),
        ),
        ("charge.dispute.created", {"object": "dispute", "id": "dp_1", "payment_intent": "pi_1"}, ("", "pi_1", "", "")),
        ("payout.paid", {"object": "payout", "id": "po_1"}, ("", "", "", "")),
    ],
)
def test_a_notice_holds_the_ids_it_is_about(adapter, kind, content, expected):
    order, payment, refund, receipt = expected
    dispute = content["id"] if content["object"] == "dispute" else ""
    assert notice_of(adapter, body_of(kind, content)) == Notice(
        "evt_1", kind, order, payment, refund, receipt, provider_dispute_id=dispute
    )


def test_while_a_secret_is_changed_both_count(adapter):
    body = body_of("payment_intent.succeeded", {})
    assert {notice_of(adapter, body, secret=secret).kind for secret in SECRETS} == {"payment_intent.succeeded"}
    with pytest.raises(BadSignature):
        notice_of(adapter, body, secret="whsec-of-the-month-before")


def test_any_of_several_signatures_may_fit_and_other_schemes_do_not_count(adapter):
    body, now = body_of("payment_intent.succeeded", {}), int(time.time())
    good = sign(body, at=now)
    for header in (f"t={now},v1={'0' * 64},v1={good}", f"t={now}, v1={good}, v0=abc", f"v1={good},t={now}"):
        assert adapter.read_notice(body, {"stripe-signature": header}).event_id == "evt_1"
    with pytest.raises(BadSignature):
        adapter.read_notice(body, {"stripe-signature": f"t={now},v0={good}"})


@pytest.mark.parametrize("seconds", [-290, 0, 290])
def test_a_clock_may_differ_a_little(adapter, seconds):
    assert notice_of(adapter, body_of("payment_intent.succeeded", {}), at=int(time.time()) + seconds)


@pytest.mark.parametrize("seconds", [-310, 310, -10_000_000, 10_000_000])
def test_p19_a_recorded_delivery_is_not_good_for_ever(adapter, seconds):
    with pytest.raises(BadSignature) as refusal:
        notice_of(adapter, body_of("payment_intent.succeeded", {}), at=int(time.time()) + seconds)
    assert refusal.value.code == "stale_signature"


@pytest.mark.parametrize(
    "header",
    ["", "x", "t=,v1=", "t=1", "v1=abc", "t=1,t=2,v1=a", "t=é,v1=☃", "t=\u0663,v1=a", "t=1,v1=\x00", "t=1,v1=\ud800",
     "t=-1,v1=a", "t=1e9,v1=a", "t=" + "9" * 400 + ",v1=a", "t=1," + "v1=a," * 100_000, "=,=,=", ",,,"],
)  # fmt: skip
def test_p19_a_bad_signature_is_refused(adapter, header):
    with pytest.raises(BadSignature):
        adapter.read_notice(body_of("payment_intent.succeeded", {}), {"Stripe-Signature": header})


def test_p19_a_missing_header_and_a_changed_body_are_refused(adapter):
    body = body_of("payment_intent.succeeded", {})
    with pytest.raises(BadSignature):
        adapter.read_notice(body, {})
    with pytest.raises(BadSignature):
        adapter.read_notice(body + b" ", {"Stripe-Signature": header_of(body)})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"[1]", b"7", b'"text"', b"{}", b"{", b"\xff\xfe{}", b'{"type": null}', b'{"type": 5}',
        b'{"type": ""}', b'{"type": "a\\u0000b"}', b'{"type": "%s"}' % (b"x" * 101), b'{"type": "\\ud800"}',
        b"[" * 100_000, b'{"type":' * 50_000, b'{"type": "a b"}', b"NaN",
    ],
)  # fmt: skip
def test_p19_a_signed_body_that_says_nothing_is_refused(adapter, body):
    with pytest.raises(Refused) as refusal:
        notice_of(adapter, body)
    assert refusal.value.code == "malformed_notice"


@pytest.mark.parametrize("livemode", [True, None, 0, "false"])
def test_events_of_the_other_mode_move_nothing(adapter, livemode):
    with pytest.raises(Refused) as refusal:
        notice_of(adapter, body_of("payment_intent.succeeded", {}, livemode=livemode))
    assert refusal.value.code == "wrong_mode"


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
def test_a_live_shop_wants_live_events(key):
    live = Stripe(secret_key=key, webhook_secrets=SECRETS, api_url="https://api.stripe.com")
    assert live.origins() == ("https://checkout.stripe.com",)
    body = body_of("payment_intent.succeeded", {}, livemode=True)
    assert notice_of(live, body).event_id == "evt_1"
    with pytest.raises(Refused):
        notice_of(live, body_of("payment_intent.succeeded", {}))


@pytest.mark.parametrize(
    "content",
    [None, [], "x", {"object": None}, {"object": []}, {"object": "checkout.session", "id": 5},
     {"object": "checkout.session", "id": "a\u0000b", "payment_intent": {"$ne": 1}, "client_reference_id": "☃"},
     {"object": "payment_intent", "id": "x" * 300, "metadata": {"receipt": "a b"}}, {"metadata": "x"}],
)  # fmt: skip
def test_p27_unknown_events_and_odd_contents_are_read(adapter, content):
    body = body_of("capability.updated", content, new_field={"deep": [1]})
    assert notice_of(adapter, body) == Notice("evt_1", "capability.updated")


@pytest.mark.parametrize("event_id", [None, "", "a\x00b", "x" * 300, "é", "a b", 5])
def test_without_a_usable_event_id_the_body_is_its_own(adapter, event_id):
    body = body_of("payment_intent.succeeded", {}, id=event_id)
    assert notice_of(adapter, body).event_id == "sha256-" + hashlib.sha256(body).hexdigest()

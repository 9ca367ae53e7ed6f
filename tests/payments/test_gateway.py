"""Which providers take part, chosen by settings alone (PAY-02, PAY-11), and the ways to pay they are shown as."""

import hashlib
import hmac
import time

import pytest

from app.core import settings
from app.core.settings import BadSettings
from app.payments import gateway, rules
from app.payments.errors import BadSignature, ProviderUnavailable

BASE = {"APP_ENV": "test", "DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"}
KEYS = {
    "RAZORPAY_KEY_ID": "rzp_test_1",
    "RAZORPAY_KEY_SECRET": "secret",
    "RAZORPAY_WEBHOOK_SECRET": "new-secret,old-secret",
}


@pytest.fixture(autouse=True)
def _leave_as_found():
    before, default = dict(gateway._providers), gateway._default
    yield
    gateway._providers.clear()
    gateway._providers.update(before)
    gateway._default = default


def configure(**environ):
    gateway.configure(settings.load({**BASE, **environ}))


def test_a_provider_takes_part_when_its_keys_are_set():
    configure(**KEYS)
    assert (gateway.available(), gateway.provider("razorpay").code) == (("razorpay",), "razorpay")


def test_without_keys_the_shop_starts_and_nobody_can_pay():
    configure()
    assert gateway.available() == ()
    with pytest.raises(ProviderUnavailable):
        gateway.provider("razorpay")


@pytest.mark.parametrize("keys", [{}, KEYS])
def test_a_default_that_cannot_take_money_is_refused_at_start_up(keys):
    with pytest.raises(BadSettings, match="PAYMENT_PROVIDER=stripe"):
        configure(PAYMENT_PROVIDER="stripe", **keys)


def test_a_webhook_is_told_by_its_signature_header():
    configure(**KEYS)
    body = b'{"event": "payment.captured"}'
    signature = hmac.new(b"old-secret", body, hashlib.sha256).hexdigest()
    code, notice = gateway.read_notice(body, {"x-razorpay-signature": signature, "x-razorpay-event-id": "evt_1"})
    assert (code, notice.kind, notice.event_id) == ("razorpay", "payment.captured", "evt_1")
    with pytest.raises(BadSignature) as refusal:
        gateway.read_notice(body, {"stripe-signature": signature})
    assert refusal.value.code == "no_signature"


def test_paypal_takes_part_beside_others_and_is_told_by_its_own_header():
    keys = {"PAYPAL_CLIENT_ID": "id", "PAYPAL_CLIENT_SECRET": "secret", "PAYPAL_WEBHOOK_ID": "WH0TESTS"}
    configure(**KEYS, **keys)
    assert gateway.available() == ("razorpay", "paypal")
    offered = {offer.method.code: offer.provider for offer in gateway.offers("MYR")}
    assert (offered["paypal"], offered["fpx"]) == ("paypal", "razorpay")
    assert "paypal" not in {offer.method.code for offer in gateway.offers("INR")}
    with pytest.raises(BadSignature) as refusal:
        gateway.read_notice(b"{}", {"Paypal-Transmission-Sig": "x"})
    assert refusal.value.code == "bad_signature"


def test_stripe_takes_part_beside_others_and_is_told_by_its_own_header():
    keys = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_new,whsec_old"}
    configure(**KEYS, **keys, PAYMENT_PROVIDER="stripe")
    assert gateway.available() == ("stripe", "razorpay")
    offered = {offer.method.code: offer.provider for offer in gateway.offers("MYR")}
    assert offered == {"fpx": "stripe", "wallet": "razorpay", "card": "stripe"}
    body = b'{"id": "evt_1", "type": "payment_intent.succeeded", "livemode": false}'
    stamp = int(time.time())
    signature = hmac.new(b"whsec_old", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    code, notice = gateway.read_notice(body, {"Stripe-Signature": f"t={stamp},v1={signature}"})
    assert (code, notice.kind, notice.event_id) == ("stripe", "payment_intent.succeeded", "evt_1")


@pytest.mark.parametrize(("currency", "first"), [("MYR", "fpx"), ("INR", "upi"), ("USD", "card")])
def test_ways_to_pay_show_local_ones_first_and_cards_everywhere(currency, first):
    codes = [method.code for method in rules.methods(currency)]
    assert codes[0] == first
    assert "card" in codes

"""Subscriptions at Stripe through the adapter, over HTTP against the sandbox."""

import hashlib
import hmac
import json
import time

import pytest

from app.core.money import Money
from app.payments.errors import ProviderUnavailable
from app.payments.gateway.recurring import SubscriptionRequest
from tests.bank import STRIPE
from tests.sandbox.conftest import Shop


@pytest.fixture
def request_for():
    def make(receipt="K7F3-3QX9-1"):
        return SubscriptionRequest(
            receipt=receipt,
            amount=Money(26800, "MYR"),
            description="Murni Batik: Kopi",
            period="month",
            every=1,
            charges=120,
            open_minutes=120,
            return_url="http://shop.example/pay/return/token",
            cancel_url="http://shop.example/subscription/token",
            email="aina@example.com",
        )

    return make


@pytest.fixture
def opened(stripe, request_for):
    return stripe.open_subscription(request_for(), plan_id=stripe.open_plan(request_for()), look_first=False)


@pytest.fixture
def begun(bank, stripe, opened):
    """The id of a subscription whose first invoice is paid."""
    bank.control("POST", "/stripe/pay", {"session_id": opened.id})
    return stripe.get_subscription(opened.id).id


@pytest.fixture
def charge(bank, begun):
    return lambda outcome="succeed": bank.control("POST", f"/stripe/subscriptions/{begun}/charge", {"outcome": outcome})


def test_it_goes_by_its_session_until_that_is_paid(stripe, bank, opened):
    there = stripe.get_subscription(opened.id)
    assert (there.id, there.state, there.charges) == (opened.id, "created", ())
    assert stripe.get_payment_status(opened.id).is_payable
    bank.control("POST", "/stripe/pay", {"session_id": opened.id})
    there = stripe.get_subscription(opened.id)
    assert (there.id[:4], there.state, len(there.charges)) == ("sub_", "active", 1)
    assert stripe.get_subscription(there.id) == there
    [payment] = stripe.get_payment_status(opened.id).payments
    assert (payment.state, payment.amount, payment.fee_minor > 0) == ("captured", Money(26800, "MYR"), True)
    assert stripe.get_payment_status(there.charges[0].order_id).payments == (payment,)


def test_an_answer_that_was_lost_is_looked_up_by_its_receipt(stripe, bank, request_for):
    bank.fault("act_then_drop", method="POST", path="/stripe/v1/checkout/sessions", count=1)
    with pytest.raises(ProviderUnavailable):
        stripe.open_subscription(request_for(), plan_id="", look_first=False)
    known = stripe.open_subscription(request_for(), plan_id="", look_first=True)
    assert stripe.open_subscription(request_for(), plan_id="", look_first=True) == known


def test_charged_failed_tried_again_and_given_up(stripe, bank, begun, charge):
    charge()
    there = stripe.get_subscription(begun)
    assert (there.state, len(there.charges), there.page_url) == ("active", 2, "")
    assert there.next_charge_at > there.charges[0].due_at
    charge("decline")
    there = stripe.get_subscription(begun)
    assert (there.state, there.page_url[:4]) == ("past_due", "http")
    [failed] = stripe.get_payment_status(there.charges[2].order_id).payments
    assert failed.state == "failed"
    charge()
    [paid] = stripe.get_payment_status(there.charges[2].order_id).payments
    assert (paid.id, paid.state, stripe.get_subscription(begun).state) == (failed.id, "captured", "active")
    for _ in range(4):
        charge("decline")
    assert stripe.get_subscription(begun).state == "halted"
    assert bank.ledger()["totals"]["MYR"]["captured"] == 3 * 26800


def test_paused_nothing_is_charged_resumed_it_is_and_cancelled_it_is_over(stripe, bank, begun, charge):
    stripe.pause_subscription(begun)
    charge()
    there = stripe.get_subscription(begun)
    assert (there.state, len(there.charges)) == ("paused", 1)
    stripe.resume_subscription(begun)
    charge()
    there = stripe.get_subscription(begun)
    assert (there.state, len(there.charges)) == ("active", 2)
    stripe.cancel_subscription(begun)
    charge()
    there = stripe.get_subscription(begun)
    assert (there.state, there.next_charge_at, len(there.charges)) == ("cancelled", None, 2)
    assert bank.ledger()["totals"]["MYR"]["captured"] == 2 * 26800


def test_a_renewal_is_a_draft_for_an_hour_and_still_to_come(stripe, bank, begun):
    bank.control("POST", f"/stripe/subscriptions/{begun}/due", {"in_seconds": 60})
    due_at = stripe.get_subscription(begun).next_charge_at
    bank.control("POST", "/clock", {"advance_seconds": 61})
    there = stripe.get_subscription(begun)
    assert (there.state, len(there.charges)) == ("active", 1)
    assert abs((there.next_charge_at - due_at).total_seconds()) < 60
    bank.control("POST", "/clock", {"advance_seconds": 3600})
    there = stripe.get_subscription(begun)
    assert (there.state, len(there.charges), there.next_charge_at > due_at) == ("active", 2, True)
    assert (there.next_charge_at - due_at).days >= 27


def test_one_that_nobody_paid_is_cancelled_by_its_session(stripe, opened):
    stripe.cancel_subscription(opened.id)
    assert stripe.get_subscription(opened.id).state == "cancelled"
    assert not stripe.get_payment_status(opened.id).is_payable


def test_every_notice_about_it_names_it_and_our_receipt(stripe, bank, opened):
    receiver = Shop()
    bank.control("POST", "/webhooks/endpoint", {"urls": [receiver.url], "retry_seconds": 0.02})
    bank.control("POST", "/stripe/pay", {"session_id": opened.id})
    named = {}
    for letter in receiver.wait_for(6):
        signed = f"{int(time.time())}.".encode() + letter["body"]
        secret = STRIPE["webhook_secrets"][0].encode()
        header = f"t={int(signed.split(b'.')[0])},v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"
        notice = stripe.read_notice(letter["body"], {"Stripe-Signature": header})
        named[json.loads(letter["body"])["type"]] = (notice.provider_subscription_id, notice.receipt)
    bank.control("POST", "/webhooks/endpoint", {"urls": []})
    receiver.close()
    expected = (stripe.get_subscription(opened.id).id, "K7F3-3QX9-1")
    about = ("invoice.paid", "customer.subscription.created", "checkout.session.completed")
    assert [named[kind] for kind in about] == [expected] * 3

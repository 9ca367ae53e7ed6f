"""Stripe's events as the shop gets them: their order, their signature, and the switches that spoil them."""

import json
import time

import pytest
import stripe as sdk

from tests.sandbox.conftest import STRIPE_SECRETS
from tests.sandbox.test_stripe_api import Stripe

PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


@pytest.fixture
def stripe(sandbox):
    return Stripe(sandbox)


def types_of(letters):
    return [json.loads(letter["body"])["type"] for letter in letters]


def fits(letter, secret):
    try:
        sdk.WebhookSignature.verify_header(letter["body"].decode(), letter["headers"]["Stripe-Signature"], secret, 300)
    except sdk.SignatureVerificationError:
        return False
    return True


def switch(sandbox, **effects):
    sandbox.control("POST", "/webhooks", {"event": "*", **effects})


def test_a_payment_is_announced_as_stripe_does_it(stripe, shop):
    session = stripe.session()
    stripe.pay(session)
    letters = shop.wait_for(4)
    assert types_of(letters) == PAID
    assert all(fits(letter, STRIPE_SECRETS[0]) for letter in letters)
    event = json.loads(letters[-1]["body"])
    assert (event["object"], event["livemode"], event["data"]["object"]["id"]) == ("event", False, session["id"])
    assert event["data"]["object"]["payment_status"] == "paid"
    assert stripe.get(f"/events/{event['id']}") == event
    listed = stripe.get("/events", limit=100)["data"]
    assert [each["type"] for each in reversed(listed)] == PAID
    assert [each["id"] for each in stripe.get("/events", type="charge.succeeded")["data"]] == [listed[2]["id"]]


def test_declines_and_late_answers_are_announced(stripe, sandbox, shop):
    session = stripe.session()
    stripe.pay(session, "decline")
    stripe.pay(session, "process")
    sandbox.control("POST", f"/stripe/sessions/{session['id']}", {"outcome": "fail"})
    assert types_of(shop.wait_for(9)) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_the_end_of_a_session_is_announced(stripe, shop):
    session = stripe.session()
    stripe.pay(session, "challenge")
    stripe.call("POST", f"/checkout/sessions/{session['id']}/expire")
    assert types_of(shop.wait_for(4))[2:] == ["payment_intent.canceled", "checkout.session.expired"]


def test_refunds_are_announced_also_when_they_fail_later(stripe, sandbox, shop):
    refund = stripe.refund(stripe.paid(), amount=100).json()
    sandbox.control("POST", f"/stripe/refunds/{refund['id']}", {"status": "failed"})
    letters = shop.wait_for(8)[4:]
    assert types_of(letters) == ["refund.created", "charge.refunded", "refund.updated", "refund.failed"]
    assert json.loads(letters[-1]["body"])["data"]["object"]["status"] == "failed"


def test_disputes_and_payouts_are_announced(stripe, sandbox, shop):
    charge = stripe.paid()["latest_charge"]["id"]
    dispute = sandbox.control("POST", "/stripe/disputes", {"charge": charge})
    sandbox.control("POST", f"/stripe/disputes/{dispute['id']}", {"outcome": "lost"})
    stripe.paid(**{"line_items[0][price_data][unit_amount]": "9000"})
    sandbox.control("POST", "/stripe/payouts", {})
    names = types_of(shop.wait_for(12))
    assert [name for name in names if "dispute" in name] == ["charge.dispute.created", "charge.dispute.closed"]
    assert [name for name in names if "payout" in name] == ["payout.created", "payout.paid"]


@pytest.mark.parametrize(("effect", "secret"), [("old_secret", STRIPE_SECRETS[1]), ("wrong_secret", None)])
def test_another_secret_can_sign(stripe, sandbox, shop, effect, secret):
    switch(sandbox, **{effect: True})
    stripe.pay(stripe.session())
    for letter in shop.wait_for(4):
        assert [each for each in STRIPE_SECRETS if fits(letter, each)] == ([secret] if secret else [])


def test_lost_doubled_and_delayed_events(stripe, sandbox, shop):
    sandbox.control("POST", "/webhooks", {"event": "charge.*", "drop": True})
    sandbox.control("POST", "/webhooks", {"event": "payment_intent.succeeded", "duplicate": 1})
    sandbox.control("POST", "/webhooks", {"event": "payment_intent.created", "delay": 600})
    stripe.pay(stripe.session())
    assert types_of(shop.wait_for(3)) == ["payment_intent.succeeded"] * 2 + ["checkout.session.completed"]
    sandbox.advance(601)
    assert types_of(shop.wait_for(4))[3] == "payment_intent.created"


def test_a_repetition_is_signed_anew_with_the_real_time(stripe, sandbox, shop):
    """Also while the virtual clock is days ahead: the shop compares with a real one."""
    sandbox.advance(3 * 86400)
    shop.answers = [500]
    stripe.pay(stripe.session(), "challenge")
    letters = shop.wait_for(3)
    assert sum(letter["body"] == letters[0]["body"] for letter in letters) == 2
    for letter in letters:
        assert fits(letter, STRIPE_SECRETS[0])
        stamp = int(letter["headers"]["Stripe-Signature"].partition(",")[0].removeprefix("t="))
        assert abs(stamp - time.time()) < 60

"""Razorpay's subscriptions through the adapter, over HTTP against the sandbox."""

import hashlib
import hmac
import json

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway.recurring import SubscriptionRequest
from app.payments.providers import razorpay_recurring
from tests.bank import WEBHOOK_SECRETS


@pytest.fixture
def request_for():
    def make(receipt="K7F3-3QX9-1", **changes):
        values = {
            "receipt": receipt,
            "amount": Money(26800, "MYR"),
            "description": "Murni Batik: Kopi",
            "period": "month",
            "every": 1,
            "charges": 120,
            "open_minutes": 120,
            "return_url": "http://shop.example/pay/return/token",
            "cancel_url": "http://shop.example/subscription/token",
        }
        return SubscriptionRequest(**(values | changes))

    return make


@pytest.fixture
def opened(adapter, request_for):
    plan_id = adapter.open_plan(request_for())
    return adapter.open_subscription(request_for(), plan_id=plan_id, look_first=False)


@pytest.fixture
def act(bank, opened):
    return lambda what, **body: bank.control("POST", f"/subscriptions/{opened.id}/{what}", body)


def test_opened_authorised_and_charged_again(adapter, bank, opened, act):
    assert opened.page_url.startswith(f"{bank.url}/subscribe/")
    there = adapter.get_subscription(opened.id)
    assert (there.state, there.charges, adapter.get_payment_status(opened.id).is_payable) == ("created", (), True)
    act("authorise")
    act("charge")
    there = adapter.get_subscription(opened.id)
    assert (there.state, len(there.charges)) == ("active", 2)
    assert there.next_charge_at > there.charges[1].due_at > there.charges[0].due_at
    first, second = (adapter.get_payment_status(each.order_id).payments for each in there.charges)
    assert [payment.amount for payment in (*first, *second)] == [Money(26800, "MYR")] * 2
    assert adapter.get_payment_status(opened.id).payments == first


def test_an_answer_that_was_lost_is_looked_up_by_plan_and_receipt(adapter, bank, request_for):
    plan_id = adapter.open_plan(request_for())
    bank.fault("act_then_drop", method="POST", path="/v1/subscriptions", count=1)
    with pytest.raises(ProviderUnavailable):
        adapter.open_subscription(request_for(), plan_id=plan_id, look_first=False)
    again = adapter.open_subscription(request_for(), plan_id=plan_id, look_first=True)
    assert adapter.open_subscription(request_for(), plan_id=plan_id, look_first=True) == again
    assert adapter.open_subscription(request_for("OTHER-1"), plan_id=plan_id, look_first=True).id != again.id


def test_paused_resumed_failed_and_cancelled(adapter, opened, act):
    with pytest.raises(ProviderRefused):
        adapter.pause_subscription(opened.id)
    act("authorise")
    states = []
    for change in (adapter.pause_subscription, adapter.resume_subscription):
        change(opened.id)
        states.append(adapter.get_subscription(opened.id).state)
    act("charge", outcome="failed")
    states.append(adapter.get_subscription(opened.id).state)
    for _ in range(3):
        act("charge", outcome="failed")
    states.append(adapter.get_subscription(opened.id).state)
    adapter.cancel_subscription(opened.id)
    there = adapter.get_subscription(opened.id)
    assert [*states, there.state] == ["paused", "active", "past_due", "halted", "cancelled"]
    assert there.next_charge_at is None


@pytest.mark.parametrize("page", [2, 3])
def test_every_charge_is_told_of_whatever_fits_on_a_page(adapter, opened, act, monkeypatch, page):
    act("authorise")
    for _ in range(3):
        act("charge")
    everything = adapter.get_subscription(opened.id).charges
    monkeypatch.setattr(razorpay_recurring, "PAGE", page)
    assert (len(everything), adapter.get_subscription(opened.id).charges) == (4, everything)
    assert adapter.get_payment_status(opened.id).payments[0].state == "captured"


@pytest.mark.parametrize("fault", [{"kind": "wrong_amount"}, {"kind": "wrong_currency", "currency": "INR"}])
def test_a_plan_over_another_amount_is_never_used(adapter, bank, request_for, fault):
    bank.fault(fault["kind"], path="/v1/plans", **{name: value for name, value in fault.items() if name != "kind"})
    with pytest.raises(ProviderUnavailable):
        adapter.open_plan(request_for())


def test_a_notice_names_its_subscription(adapter, opened):
    event = {"event": "subscription.charged", "payload": {"subscription": {"entity": {"id": opened.id}}}}
    body = json.dumps(event).encode()
    signature = hmac.new(WEBHOOK_SECRETS[0].encode(), body, hashlib.sha256).hexdigest()
    notice = adapter.read_notice(body, {"X-Razorpay-Signature": signature})
    assert (notice.kind, notice.provider_subscription_id) == ("subscription.charged", opened.id)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://elsewhere.example/x", "", None, 7, "https://"])
def test_a_page_that_is_no_safe_address_is_never_shown(adapter, url):
    assert adapter._page_of({"short_url": url}) == ""
    assert adapter._page_of({"short_url": "https://rzp.io/i/abc"}) == "https://rzp.io/i/abc"

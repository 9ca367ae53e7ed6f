"""Razorpay's plans and subscriptions, through the official client."""

import json

import pytest
import razorpay

DAY = 24 * 3600


@pytest.fixture
def subscribe(sandbox):
    def make(period="monthly", count=12, **fields):
        item = {"name": "Batik of the month", "amount": 26800, "currency": "MYR"}
        plan = sandbox.client.plan.create({"period": period, "interval": 1, "item": item}, timeout=10)
        body = {"plan_id": plan["id"], "total_count": count, "customer_notify": 0, "notes": {"receipt": "R-1"}}
        return sandbox.client.subscription.create(body | fields, timeout=10)

    return make


@pytest.fixture
def act(sandbox):
    def do(subscription, what, **body):
        return sandbox.control("POST", f"/subscriptions/{subscription['id']}/{what}", body)

    return do


def invoices(sandbox, subscription):
    return sandbox.client.invoice.all({"subscription_id": subscription["id"]}, timeout=10)["items"]


def test_the_first_payment_authorises_the_next_ones(sandbox, subscribe, act):
    subscription = subscribe()
    assert (subscription["status"], invoices(sandbox, subscription)) == ("created", [])
    act(subscription, "authorise", outcome="failed")
    assert sandbox.client.subscription.fetch(subscription["id"], timeout=10)["status"] == "created"
    active = act(subscription, "authorise")
    assert (active["status"], active["paid_count"], active["remaining_count"]) == ("active", 1, 11)
    assert 28 * DAY <= active["charge_at"] - active["current_start"] <= 31 * DAY
    [invoice] = invoices(sandbox, subscription)
    payment = sandbox.payment(invoice["payment_id"])
    assert (payment["order_id"], payment["invoice_id"], payment["amount"]) == (
        invoice["order_id"],
        invoice["id"],
        26800,
    )
    assert sandbox.ledger(invoice["order_id"])["captured"] == 26800


def test_the_clock_charges_and_a_failure_is_tried_three_times_more(sandbox, subscribe, act):
    subscription = subscribe("weekly")
    act(subscription, "authorise")
    sandbox.advance(7 * DAY + 5)
    assert [each["status"] for each in invoices(sandbox, subscription)] == ["paid", "paid"]
    act(subscription, "due", in_seconds=1, outcome="failed")
    sandbox.advance(2)
    assert sandbox.client.subscription.fetch(subscription["id"], timeout=10)["status"] == "pending"
    states = [act(subscription, "charge", outcome="failed")["status"] for _ in range(3)]
    assert states == ["pending", "pending", "halted"]
    assert act(subscription, "charge")["status"] == "halted"
    assert len(invoices(sandbox, subscription)) == 3
    assert act(subscription, "authorise")["status"] == "active"
    assert [each["status"] for each in invoices(sandbox, subscription)] == ["paid"] * 3


def test_nothing_is_charged_while_it_is_paused_or_over(sandbox, subscribe, act):
    subscription, calls = subscribe(), sandbox.client.subscription
    act(subscription, "authorise")
    assert calls.pause(subscription["id"], {"pause_at": "now"}, timeout=10)["status"] == "paused"
    sandbox.advance(70 * DAY)
    assert len(invoices(sandbox, subscription)) == 1
    resumed = calls.resume(subscription["id"], {"resume_at": "now"}, timeout=10)
    assert resumed["charge_at"] > sandbox.control("GET", "/clock")["now"]
    assert calls.cancel(subscription["id"], {"cancel_at_cycle_end": 0}, timeout=10)["status"] == "cancelled"
    sandbox.advance(40 * DAY)
    assert len(invoices(sandbox, subscription)) == 1
    with pytest.raises(razorpay.errors.BadRequestError, match="cannot be paused in cancelled state"):
        calls.pause(subscription["id"], {"pause_at": "now"}, timeout=10)


def test_it_ends_after_its_last_payment(sandbox, subscribe, act):
    subscription = subscribe(count=2)
    act(subscription, "authorise")
    assert act(subscription, "charge")["status"] == "completed"
    assert act(subscription, "charge")["paid_count"] == 2


def test_subscriptions_are_found_by_their_plan_and_tell_what_happens(sandbox, shop, subscribe, act):
    subscription = subscribe()
    listed = sandbox.client.subscription.all({"plan_id": subscription["plan_id"]}, timeout=10)["items"]
    assert [each["notes"] for each in listed] == [{"receipt": "R-1"}]
    act(subscription, "authorise")
    told = [json.loads(each["body"]) for each in shop.wait_for(6)]
    charged = next(each for each in told if each["event"] == "subscription.charged")
    assert charged["payload"]["subscription"]["entity"]["id"] == subscription["id"]
    assert charged["payload"]["payment"]["entity"]["status"] == "captured"


def test_another_account_sees_nothing_of_it(sandbox, subscribe):
    subscription = subscribe()
    stranger = razorpay.Client(auth=("rzp_test_curlec", "curlec_key_secret"), base_url=sandbox.url)
    with pytest.raises(razorpay.errors.BadRequestError, match="does not exist"):
        stranger.subscription.cancel(subscription["id"], {}, timeout=10)
    assert sandbox.client.subscription.fetch(subscription["id"], timeout=10)["status"] == "created"

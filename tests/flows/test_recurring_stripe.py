"""Subscriptions charged by Stripe, through the pages: begun, charged again, failed, left out, cancelled under way."""

from __future__ import annotations

import pytest

from app.core import db
from app.core.transaction import in_transaction, transaction
from app.orders import flows as order_flows
from app.recurring import flows
from app.recurring.actions import plans
from tests import shop as shops
from tests.bank import STRIPE
from tests.flows.shopper import money
from tests.flows.test_recurring import DAY, TOTAL, Subscriber
from tests.shop import add_product, faults, stock_row


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(
        PAYMENT_PROVIDER="stripe",
        RAZORPAY_KEY_ID="",
        RAZORPAY_KEY_SECRET="",
        STRIPE_API_URL=f"{bank.url}/stripe",
        STRIPE_SECRET_KEY=STRIPE["secret_key"],
        STRIPE_WEBHOOK_SECRET=",".join(STRIPE["webhook_secrets"]),
    )
    shops.open_shop()
    return app


class AtStripe(Subscriber):
    def authorise(self, outcome="succeed"):
        self.bank.control(
            "POST", "/stripe/pay", {"session_id": self.row().provider_subscription_id, "outcome": outcome}
        )

    def act(self, what, **body):
        return self.bank.control("POST", f"/stripe/subscriptions/{self.row().provider_subscription_id}/{what}", body)

    def there(self):
        path = f"/stripe/v1/subscriptions/{self.row().provider_subscription_id}"
        answer = self.bank.session.get(self.bank.url + path, auth=(STRIPE["secret_key"], ""), timeout=10).json()
        return "paused" if answer["pause_collection"] else answer["status"]

    def a_month_passes(self):
        with transaction():
            db.rows("UPDATE recurring_cycle SET due_at = due_at - interval '31 days' RETURNING id")
        self.act("due", in_seconds=DAY)
        self.follow()
        flows.open_due()


@pytest.fixture
def shirt(shop):
    return add_product(stock_of={"KB": 5})


@pytest.fixture
def running(shopper, bank, shirt, drain):
    sku = db.scalar("SELECT sku FROM variant")
    db.release()
    plan_id = in_transaction(lambda: plans.add(sku, period="week", every=4, by="command"))
    subscriber = AtStripe(shopper, bank).start(plan_id)
    subscriber.authorise("decline")
    subscriber.authorise()
    subscriber.follow()
    drain()
    return subscriber


def test_one_whose_page_closes_unpaid_is_told_of(shopper, bank, shirt, drain):
    sku = db.scalar("SELECT sku FROM variant")
    db.release()
    plan_id = in_transaction(lambda: plans.add(sku, period="week", every=4, by="command"))
    subscriber = AtStripe(shopper, bank).start(plan_id)
    bank.session.post(
        f"{bank.url}/stripe/v1/checkout/sessions/{subscriber.row().provider_subscription_id}/expire",
        auth=(STRIPE["secret_key"], ""),
        timeout=10,
    ).raise_for_status()
    subscriber.follow()
    drain()
    assert (subscriber.row().over_reason, subscriber.turns()) == ("not_started", [("skipped", "cancelled")])
    assert [row[0] for row in db.rows("SELECT template FROM mail_message")] == ["order_cancelled"]
    db.release()
    assert stock_row(shirt) == (5, 0)


def test_it_begins_and_is_charged_again_and_after_a_failure(running, shirt, bank, drain):
    assert (running.turns(), running.row().state, stock_row(shirt)) == ([("charged", "confirmed")], "active", (4, 0))
    running.a_month_passes()
    assert (running.turns()[-1], stock_row(shirt)) == (("locked", "pending"), (4, 1))
    running.act("charge", outcome="decline")
    running.follow()
    assert (running.row().state, running.turns()[-1]) == ("past_due", ("failed", "pending"))
    running.act("charge")
    running.follow()
    drain()
    assert (running.row().state, running.turns()) == ("active", [("charged", "confirmed")] * 2)
    assert (stock_row(shirt), money(bank), faults()) == ((3, 0), (2 * TOTAL, 0), {})


def test_what_is_held_waits_for_an_invoice_that_is_a_draft(running, shirt, bank, drain):
    running.a_month_passes()
    bank.control("POST", "/clock", {"advance_seconds": DAY + 1})
    running.follow()
    drain()
    assert (running.turns()[-1], stock_row(shirt), running.row().next_charge_at is None) == (
        ("locked", "pending"),
        (4, 1),
        False,
    )
    bank.control("POST", "/clock", {"advance_seconds": 3600})
    running.follow()
    drain()
    assert (running.row().state, running.turns()) == ("active", [("charged", "confirmed")] * 2)
    assert (stock_row(shirt), money(bank), faults()) == ((3, 0), (2 * TOTAL, 0), {})


def test_what_is_left_out_is_voided_and_what_is_cancelled_under_way_goes_back(running, shirt, bank, drain):
    running.a_month_passes()
    running.press("skip")
    drain()
    assert running.there() == "paused"
    running.act("charge")
    assert money(bank) == (TOTAL, 0)
    with transaction():
        db.rows("UPDATE recurring_cycle SET due_at = due_at - interval '31 days' RETURNING id")
    running.follow()
    assert running.there() == "active"
    running.act("due", in_seconds=DAY)
    running.follow()
    flows.open_due()
    running.act("charge")
    running.press("cancel")
    drain()
    order_flows.reconcile(everything=True)
    drain()
    assert (running.there(), running.turns()[-1]) == ("canceled", ("skipped", "cancelled"))
    assert (stock_row(shirt), money(bank), faults()) == ((4, 0), (2 * TOTAL, TOTAL), {})

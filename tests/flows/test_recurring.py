"""Subscriptions (PAY-30) through the pages, against the bank: started, charged again, missed, failed, left out, cancelled."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.checkout import actions as checkout
from app.checkout import queries as quotes
from app.checkout.actions import subscribing
from app.checkout.errors import LinesGone
from app.core import db
from app.core.ids import new_id
from app.core.transaction import in_transaction, transaction
from app.orders import flows as order_flows
from app.payments.errors import ProviderUnavailable
from app.payments.gateway import recurring as gateway
from app.payments.gateway.recurring import SubscriptionCharge
from app.reconciliation import flows as reconciliation
from app.recurring import actions as recurring
from app.recurring import flows, queries
from app.recurring.actions import plans
from app.recurring.errors import BeingAsked
from tests.changes import changes
from tests.flows.shopper import money
from tests.sandbox.conftest import Shop
from tests.shop import ADDRESS, CONTACT, add_product, faults, stock_row
from tools.webforms import form_to, heading_of

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY
DAY = 24 * 3600


class Subscriber:
    def __init__(self, shopper, bank):
        self.shopper, self.bank, self.client = shopper, bank, shopper.client
        self.token = self.page_url = ""

    def review(self, plan_id, **typed):
        path = f"/subscribe/{plan_id}"
        form = form_to(self.shopper.get(path), path)
        answer = self.client.post(path, data=form.filled(**{**CONTACT, **ADDRESS, **typed}))
        assert answer.status_code == 200, answer.text
        return form_to(answer.text, path)

    def start(self, plan_id, **typed):
        form = self.review(plan_id, **typed)
        answer = self.client.post(form.action, data=form.filled(step="place"))
        assert answer.status_code == 303, answer.text
        self.token = answer.location.rsplit("/", 1)[-1]
        return self

    def authorise(self, outcome="captured"):
        self.act("authorise", outcome=outcome)

    def act(self, what, **body):
        return self.bank.control("POST", f"/subscriptions/{self.row().provider_subscription_id}/{what}", body)

    def press(self, what):
        path = f"/subscription/{self.token}/{what}"
        form = form_to(self.shopper.get(f"/subscription/{self.token}"), path)
        return self.client.post(path, data=form.filled())

    def row(self):
        found = db.rows("SELECT * FROM recurring_order WHERE token = :token", token=self.token)[0]
        db.release()
        return found

    def turns(self):
        found = db.rows(
            "SELECT c.state, o.state AS order_state FROM recurring_cycle c JOIN recurring_order r ON r.id = c.recurring_id"
            " LEFT JOIN orders o ON o.id = c.order_id WHERE r.token = :token ORDER BY c.position",
            token=self.token,
        )
        db.release()
        return [tuple(row) for row in found]

    def follow(self):
        flows.follow(self.row().id)

    def a_month_passes(self, *, in_seconds=DAY, outcome="captured"):
        """What has happened lies a month back; the next charge comes soon, and its order is opened."""
        with transaction():
            db.rows("UPDATE recurring_cycle SET due_at = due_at - interval '31 days' RETURNING id")
        self.act("due", in_seconds=in_seconds, outcome=outcome)
        self.follow()
        flows.open_due()

    def there(self):
        """Its state at the bank."""
        answer = self.bank.session.get(
            f"{self.bank.url}/v1/subscriptions/{self.row().provider_subscription_id}",
            auth=("rzp_test_payments00000", "payments_key_secret"),
            timeout=10,
        )
        return answer.json()["status"]


@pytest.fixture
def letters(bank):
    """What the bank posts to the shop, kept for tests to deliver when they like."""
    receiver = Shop()
    bank.control("POST", "/webhooks/endpoint", {"urls": [receiver.url], "retry_seconds": 0.02})
    yield receiver
    bank.control("POST", "/webhooks/endpoint", {"urls": []})
    receiver.close()


@pytest.fixture
def shirt(shop):
    return add_product(stock_of={"KB": 5})


def offer(variant_id):
    sku = db.scalar("SELECT sku FROM variant WHERE id = :id", id=variant_id)
    db.release()
    return in_transaction(lambda: plans.add(sku, period="month", every=1, by="command"))


@pytest.fixture
def plan_id(shirt):
    return offer(shirt)


@pytest.fixture
def subscriber(shopper, bank):
    return Subscriber(shopper, bank)


@pytest.fixture
def running(subscriber, plan_id, drain):
    """A subscription whose first order is paid."""
    subscriber.start(plan_id)
    subscriber.authorise()
    subscriber.follow()
    drain()
    return subscriber


def mails():
    found = [row[0] for row in db.rows("SELECT template FROM mail_message ORDER BY created_at")]
    db.release()
    return [each for each in found if each.startswith("subscription_")]


def test_a_guest_subscribes_and_the_first_order_is_paid(subscriber, shirt, plan_id, bank, drain):
    slug = db.scalar("SELECT slug FROM product")
    assert f'href="/subscribe/{plan_id}"' in subscriber.shopper.get(f"/p/{slug}")
    subscriber.start(plan_id)
    assert (subscriber.turns(), stock_row(shirt), money(bank)) == ([("locked", "pending")], (5, 1), (0, 0))
    page = subscriber.shopper.get(f"/subscription/{subscriber.token}")
    assert f'href="{subscriber.row().page_url}"' in page
    subscriber.authorise("failed")
    subscriber.follow()
    assert subscriber.turns() == [("locked", "pending")]
    subscriber.authorise()
    subscriber.follow()
    drain()
    assert (subscriber.turns(), stock_row(shirt), money(bank)) == ([("charged", "confirmed")], (4, 0), (TOTAL, 0))
    assert heading_of(subscriber.shopper.get(f"/subscription/{subscriber.token}")) == "Your subscription is running."
    assert (mails(), faults()) == (["subscription_started"], {})


@pytest.mark.parametrize(
    ("goods", "shown", "few"), [({}, "3", "2"), ({"unit": "metre", "name": "Kain Ela"}, "1.5", "1")]
)
def test_n18_the_form_begins_with_the_least_that_is_sold_and_names_it(subscriber, goods, shown, few):
    plan_id = offer(add_product(stock_of={"KB": 10}, min_quantity=3, **goods))
    path = f"/subscribe/{plan_id}"
    page = subscriber.shopper.get(path)
    form = form_to(page, path)
    assert "Sold from" in page
    assert form.fields["quantity"] == shown
    answer = subscriber.client.post(path, data=form.filled(**CONTACT, **ADDRESS, quantity=few))
    assert answer.status_code == 422
    assert f"Enter a quantity that can be had, such as {shown}" in answer.text
    assert form_to(answer.text, path).fields["quantity"] == few
    subscriber.review(plan_id, quantity=shown)


def test_the_same_click_twice_is_one_subscription(subscriber, plan_id, shirt):
    form = subscriber.review(plan_id)
    first, second = (subscriber.client.post(form.action, data=form.filled(step="place")) for _ in range(2))
    assert first.location == second.location
    assert stock_row(shirt) == (5, 1)


def test_a_click_that_was_an_order_before_starts_nothing(subscriber, plan_id, shirt):
    shopper = subscriber.shopper
    assert shopper.add(shirt).status_code == 303
    review = shopper.to_review()
    assert shopper.place(review).status_code == 303
    used = form_to(review, "/checkout/orders").fields["key"]
    form = subscriber.review(plan_id)
    answer = subscriber.client.post(form.action, data=form.filled(step="place", key=used))
    assert (answer.status_code, stock_row(shirt)) == (422, (5, 1))
    assert db.scalar("SELECT count(*) FROM recurring_order") == 0
    db.release()


@pytest.mark.parametrize(
    "change", ["tailored_as = 'top', tailoring_days = 7, is_tailored_only = true", "max_per_order = 1"]
)
def test_what_the_merchant_decides_before_the_click_counts(subscriber, plan_id, shirt, change):
    """Made to measure only: nobody has the measures. And what one order may not have, a subscription's may not either."""
    form, (click, wanted) = subscriber.review(plan_id, quantity="2"), a_click(plan_id, shirt, quantity=2)
    with transaction():
        db.rows(f"UPDATE product SET {change} RETURNING id")
    with transaction(), pytest.raises(LinesGone):
        subscribing.subscribe("somebody", click, wanted)
    assert subscriber.client.post(form.action, data=form.filled(step="place")).status_code in (404, 422)
    assert (db.scalar("SELECT count(*) FROM orders"), faults()) == (0, {})


def test_what_is_only_made_to_measure_any_more_is_left_out(running, shirt, drain):
    with transaction():
        db.rows("UPDATE product SET tailored_as = 'top', tailoring_days = 7, is_tailored_only = true RETURNING id")
    running.a_month_passes()
    assert running.turns() == [("charged", "confirmed"), ("skipped", None)]
    drain()
    assert (stock_row(shirt), mails()[-1]) == ((4, 0), "subscription_sold_out")


def test_the_second_turn_is_held_charged_and_told_by_webhook_once(running, shirt, bank, drain, letters):
    running.a_month_passes()
    assert (running.turns()[-1], stock_row(shirt)) == (("locked", "pending"), (4, 1))
    letters.received.clear()
    running.act("charge")
    told = next(each for each in _bodies(letters, 4) if b"subscription.charged" in each["body"])
    for _ in range(2):
        answer = running.client.post(
            "/api/payments/webhook", data=told["body"], headers=_signed(told), content_type="application/json"
        )
        assert answer.status_code == 200
    drain()
    assert (running.turns(), stock_row(shirt)) == ([("charged", "confirmed")] * 2, (3, 0))
    running.follow()
    drain()
    assert (running.turns(), stock_row(shirt)) == ([("charged", "confirmed")] * 2, (3, 0))
    assert (money(bank), faults()) == ((2 * TOTAL, 0), {})
    assert mails() == ["subscription_started", "subscription_coming"]


def _bodies(letters, count):
    return letters.wait_for(count)


def _signed(letter):
    return {name: value for name, value in letter["headers"].items() if name.lower().startswith("x-razorpay")}


def test_a_charge_that_nobody_told_is_found_by_asking(running, shirt, bank, drain):
    """The worker was away too: the order of the turn was never opened."""
    with transaction():
        db.rows("UPDATE recurring_cycle SET due_at = due_at - interval '31 days' RETURNING id")
        db.rows("UPDATE recurring_order SET ask_at = now() RETURNING id")
    running.act("charge")
    flows.follow_by_schedule()
    drain()
    assert (running.turns(), stock_row(shirt)) == ([("charged", "confirmed")] * 2, (3, 0))
    assert (money(bank), faults()) == ((2 * TOTAL, 0), {})


@pytest.mark.parametrize(("named", "minutes"), [("", 2), ("sub_00000000000000", 360)])
def test_a_question_without_a_good_answer_is_asked_again_later(running, bank, named, minutes):
    """The bank is away, or knows no such subscription."""
    with transaction():
        db.rows("UPDATE recurring_order SET ask_at = now() RETURNING id")
    if named:
        with transaction():
            db.rows("UPDATE recurring_order SET provider_subscription_id = :named RETURNING id", named=named)
    else:
        bank.fault("status", method="GET", path="/v1/subscriptions/**", status=502)
    flows.follow_due()
    later = db.scalar("SELECT extract(epoch FROM ask_at - now()) / 60 FROM recurring_order")
    db.release()
    assert minutes - 1 < later <= minutes


def test_what_is_sold_out_is_left_out_and_not_charged(running, shirt, bank, drain):
    with transaction():
        db.rows("UPDATE stock_item SET on_hand = 0 RETURNING id")
    running.a_month_passes()
    drain()
    assert (running.turns()[-1], running.there()) == (("skipped", None), "paused")
    bank.control("POST", "/clock", {"advance_seconds": 2 * DAY})
    assert money(bank) == (TOTAL, 0)
    with transaction():
        db.rows("UPDATE recurring_cycle SET due_at = due_at - interval '3 days' WHERE position = 2 RETURNING id")
    running.follow()
    assert (running.there(), running.row().state) == ("active", "active")
    assert mails() == ["subscription_started", "subscription_sold_out"]


def test_a_charge_that_failed_is_tried_again(running, shirt, bank, drain):
    running.a_month_passes()
    running.act("charge", outcome="failed")
    running.follow()
    drain()
    assert (running.row().state, running.turns()[-1]) == ("past_due", ("failed", "pending"))
    assert running.row().page_url in running.shopper.get(f"/subscription/{running.token}")
    assert "payment_failed" not in [row[0] for row in db.rows("SELECT template FROM mail_message")]
    db.release()
    running.act("charge")
    running.follow()
    drain()
    assert (running.row().state, running.turns()[-1], stock_row(shirt)) == ("active", ("charged", "confirmed"), (3, 0))
    assert (money(bank), faults()) == ((2 * TOTAL, 0), {})
    assert mails() == ["subscription_started", "subscription_coming", "subscription_failed"]


def test_a_try_that_succeeds_after_its_attempt_was_given_up_pays_the_order(running, shirt, bank, drain):
    running.a_month_passes()
    running.act("charge", outcome="failed")
    running.follow()
    with transaction():
        closed = db.rows(
            "UPDATE payment_attempt SET state = 'closed', ended_at = now() WHERE state IN ('open', 'failed') RETURNING id"
        )
    assert len(closed) == 1
    running.act("charge")
    running.follow()
    drain()
    assert (running.row().state, running.turns()[-1], stock_row(shirt)) == ("active", ("charged", "confirmed"), (3, 0))
    assert (money(bank), faults()) == ((2 * TOTAL, 0), {})


def test_turns_that_fail_while_one_has_failed_are_told_and_the_oldest_ends_it(running, shirt, bank, drain):
    running.a_month_passes()
    running.act("charge", outcome="failed")
    row = running.row()
    answer = gateway.provider(row.provider).get_subscription(row.provider_subscription_id)
    states = []
    later = SubscriptionCharge("inv_later", "order_later", answer.charges[-1].due_at + timedelta(days=20))
    for charges in (answer.charges[:-1], answer.charges, (*answer.charges, later)):
        in_transaction(lambda charges=charges: recurring.note_answer(row.id, replace(answer, charges=charges)))
        states.append([state for state, _ in running.turns()])
    assert states == [["charged", "locked"], ["charged", "failed"], ["charged", "failed", "failed"]]
    assert db.scalar("SELECT max(expires_at) > now() + interval '14 days 12 hours' FROM orders WHERE state = 'pending'")
    db.release()
    with transaction():
        db.rows("UPDATE recurring_cycle SET due_at = due_at - interval '16 days' WHERE position = 2 RETURNING id")
    in_transaction(lambda: recurring.note_answer(row.id, replace(answer, charges=(*answer.charges, later))))
    drain()
    assert (running.row().state, running.row().over_reason, stock_row(shirt)) == ("cancelled", "unpaid", (4, 0))
    assert mails()[-3:] == ["subscription_failed", "subscription_failed", "subscription_unpaid"]


def test_by_hand_every_subscription_is_followed_whenever_it_is_due(running, shop, bank, drain):
    running.a_month_passes()
    running.act("charge")
    assert running.row().ask_at > datetime.now(UTC)
    told = shop.test_cli_runner().invoke(args=["payments", "reconcile"]).output
    drain()
    assert (running.turns(), "0 failed" in told) == ([("charged", "confirmed")] * 2, True)
    assert (money(bank), faults()) == ((2 * TOTAL, 0), {})


def test_after_the_last_failure_it_is_over(running, shirt, bank, drain):
    running.a_month_passes()
    for _ in range(4):
        running.act("charge", outcome="failed")
    running.follow()
    drain()
    assert (running.row().state, running.row().over_reason) == ("cancelled", "unpaid")
    assert (running.turns()[-1], running.there(), stock_row(shirt)) == (("skipped", "cancelled"), "cancelled", (4, 0))
    assert (money(bank), faults(), mails()[-1]) == ((TOTAL, 0), {}, "subscription_unpaid")


def test_cancelled_while_a_charge_is_under_way_its_money_goes_back_once(running, shirt, bank, drain):
    running.a_month_passes()
    running.act("charge")
    assert running.press("cancel").status_code == 303
    drain()
    running.follow()
    order_flows.reconcile(everything=True)
    drain()
    assert (running.row().state, running.there()) == ("cancelled", "cancelled")
    assert (running.turns()[-1], stock_row(shirt)) == (("skipped", "cancelled"), (4, 0))
    assert (money(bank), faults()) == ((2 * TOTAL, TOTAL), {})
    assert mails()[-1] == "subscription_cancelled"
    assert (
        running.client.post(
            f"/subscription/{running.token}/resume", data={"csrf_token": running.shopper.csrf()}
        ).status_code
        == 409
    )
    assert running.row().state == "cancelled"


def shown_charge(subscriber):
    found = re.search(r"Next charge</dt><dd>([^<]+)<", subscriber.shopper.get(f"/subscription/{subscriber.token}"))
    return found[1] if found else ""


def test_left_out_paused_and_resumed_by_the_customer(running, shirt, bank, drain):
    running.a_month_passes()
    assert stock_row(shirt) == (4, 1)
    planned = shown_charge(running)
    running.press("skip")
    drain()
    assert shown_charge(running) not in (planned, "")
    assert (running.turns()[-1], running.there(), stock_row(shirt)) == (("skipped", "cancelled"), "paused", (4, 0))
    running.press("pause")
    drain()
    assert running.row().state == "paused"
    running.press("resume")
    drain()
    assert (running.row().state, running.there()) == ("active", "paused")  # the turn that is left out is not over yet
    assert (money(bank), mails()[1:]) == (
        (TOTAL, 0),
        ["subscription_coming", "subscription_skipped", "subscription_paused", "subscription_resumed"],
    )


def test_a_pause_made_at_the_provider_is_respected(running, bank, drain):
    bank.session.post(
        f"{bank.url}/v1/subscriptions/{running.row().provider_subscription_id}/pause",
        auth=("rzp_test_payments00000", "payments_key_secret"),
        json={"pause_at": "now"},
        timeout=10,
    )
    running.follow()
    drain()
    assert (running.row().state, running.there()) == ("paused", "paused")


def test_a_resume_that_got_no_answer_is_told_again(running, bank, drain):
    """What is still paused then is our own pause, not one of the dashboard."""
    running.press("pause")
    drain()
    running.press("resume")
    bank.fault("drop", method="POST", path="/v1/subscriptions/*/resume", count=1)
    with pytest.raises(ProviderUnavailable):
        running.follow()
    assert running.there() == "paused"
    running.follow()
    assert (running.row().state, running.there()) == ("active", "active")


def at_once(work, times=4):
    def one(_):
        try:
            return in_transaction(work)
        finally:
            db.forget()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def a_click(plan_id, shirt, *, quantity=1):
    """On the button of a review that shows so many."""
    quote = quotes.quote(quotes.one_line(shirt, quantity), currency="MYR", locale="en", address=ADDRESS)
    click = checkout.PlaceOrder(
        key=new_id(),
        accept_total=quote.priced.total_minor,
        payment_method="subscription",
        currency="MYR",
        locale="en",
        session_minutes=30,
        lock_minutes=15,
        unpaid_minutes=120,
        client="198.51.100.9",
    )
    wanted = subscribing.Subscription(
        plan=queries.plan(plan_id),
        quantity=quantity,
        provider="razorpay",
        contact={"email": "aina@example.com", "phone": "+60123456789"},
        address=ADDRESS,
        method=quote.chosen.method.code,
    )
    db.release()
    return click, wanted


def test_four_clicks_at_once_are_one_subscription(shop, plan_id, shirt):
    click, wanted = a_click(plan_id, shirt)
    answers = at_once(lambda: subscribing.subscribe("visitor", click, wanted))
    assert sorted(is_new for _, is_new in answers) == [False, False, False, True]
    assert (len({row.id for row, _ in answers}), stock_row(shirt)) == (1, (5, 1))


def test_the_same_answer_noted_by_four_at_once_counts_once(running, shirt, bank, drain):
    running.a_month_passes()
    running.act("charge")
    row = running.row()
    answer = gateway.provider(row.provider).get_subscription(row.provider_subscription_id)
    tasks = at_once(lambda: recurring.note_answer(row.id, answer))
    assert len({task.order_ids for task in tasks}) == 1
    assert db.scalar("SELECT count(*) FROM payment_attempt") == 2
    db.release()
    running.follow()
    drain()
    assert (running.turns(), money(bank), faults()) == ([("charged", "confirmed")] * 2, (2 * TOTAL, 0), {})


def test_two_who_ask_at_once_take_turns(running, drain):
    recurring_id = running.row().id
    assert in_transaction(lambda: recurring.claim(recurring_id))
    with pytest.raises(BeingAsked):
        running.follow()
    in_transaction(lambda: recurring.let_go(recurring_id))
    running.follow()


def test_one_that_nobody_authorises_ends_with_its_order(subscriber, plan_id, shirt, bank, drain):
    subscriber.start(plan_id)
    with transaction():
        db.rows("UPDATE stock_lock SET expires_at = now() - interval '1 minute' RETURNING id")
        db.rows("UPDATE orders SET expires_at = now() - interval '1 minute' RETURNING id")
    order_flows.release_expired()
    drain()
    assert (subscriber.row().over_reason, subscriber.there(), stock_row(shirt)) == (
        "not_started",
        "cancelled",
        (5, 0),
    )
    assert (subscriber.turns(), mails(), faults()) == ([("skipped", "expired")], [], {})


def test_without_an_answer_the_subscription_is_looked_up_not_opened_twice(subscriber, plan_id, bank):
    bank.fault("act_then_drop", method="POST", path="/v1/subscriptions", count=1)
    form = subscriber.review(plan_id)
    answer = subscriber.client.post(form.action, data=form.filled(step="place"))
    assert answer.status_code == 503
    subscriber.token = re.search(r"/subscription/([\w-]{22})/open", answer.text)[1]
    with transaction():
        db.rows("UPDATE payment_attempt SET initiating_until = NULL RETURNING id")
    assert subscriber.press("open").status_code == 303
    listed = bank.session.get(
        f"{bank.url}/v1/subscriptions", auth=("rzp_test_payments00000", "payments_key_secret"), timeout=10
    )
    assert [each["id"] for each in listed.json()["items"]] == [subscriber.row().provider_subscription_id]


def test_an_order_of_a_subscription_is_paid_by_nothing_else(subscriber, plan_id):
    subscriber.start(plan_id)
    token = db.scalar("SELECT token FROM orders")
    db.release()
    answer = subscriber.client.get(f"/checkout/pay/{token}")
    assert subscriber.client.get(answer.location).location == f"/subscription/{subscriber.token}"
    refused = subscriber.shopper.post(f"/checkout/pay/{token}", payment_method="card")
    assert refused.location == f"/order/{token}"
    subscriber.press("cancel")
    assert subscriber.client.get(f"/checkout/pay/{token}").location == f"/order/{token}"
    assert subscriber.client.get(f"/subscription/of/{token}").status_code == 404  # who has an order's link has no more
    assert db.scalar("SELECT count(*) FROM payment_attempt") == 1
    db.release()


@pytest.mark.parametrize("typed", [{"quantity": "0"}, {"quantity": "99"}, {"email": "nobody"}, {"postcode": "1"}])
def test_bad_input_is_told_and_starts_nothing(subscriber, plan_id, typed):
    path = f"/subscribe/{plan_id}"
    form = form_to(subscriber.shopper.get(path), path)
    answer = subscriber.client.post(path, data=form.filled(**{**CONTACT, **ADDRESS, **typed, "step": "place"}))
    assert (answer.status_code, "There is a problem" in answer.text) == (422, True)
    assert db.scalar("SELECT count(*) FROM recurring_order") == 0
    db.release()


def test_strangers_find_nothing(subscriber, shop):
    for path in ("/subscription/" + "x" * 22, "/subscription/short", "/subscribe/00000000-0000-7000-8000-000000000000"):
        assert subscriber.client.get(path).status_code == 404


def test_staff_see_pause_and_cancel_subscriptions_and_offer_plans(running, merchant, shirt, drain):
    sku = db.scalar("SELECT sku FROM variant")
    db.release()
    page = merchant.press("/admin/subscriptions/plans", "/admin/subscriptions/plans", sku=sku, every="2", period="week")
    assert "every 2 weeks" in page
    assert "Kemeja Teluk" in merchant.get("/admin/subscriptions?state=active")
    here = f"/admin/subscriptions/{running.row().id}"
    plan = db.scalar("SELECT id FROM recurring_plan WHERE every = 2")
    db.release()
    merchant.press("/admin/subscriptions/plans", f"/admin/subscriptions/plans/{plan}/end")
    assert "Paused. The provider" in merchant.press(here, f"{here}/pause")
    merchant.press(here, f"{here}/resume")
    merchant.press(here, f"{here}/pause")
    assert "Cancelled. The provider" in merchant.press(here, f"{here}/cancel")
    drain()
    assert (running.row().over_reason, running.there()) == ("by_staff", "cancelled")
    assert changes("subscription.paused") == [({"state": "active"}, {"state": "paused"})] * 2
    assert changes("subscription.resumed") == [({"state": "paused"}, {"state": "active"})]
    assert changes("subscription.cancelled") == [({"state": "paused"}, {"state": "cancelled"})]
    offered = {"sku": sku, "period": "week", "every": 2, "offered": True}
    assert changes("subscription.plan_offered")[-1] == (None, offered)
    assert changes("subscription.plan_ended") == [({"offered": True}, {"offered": False})]


def test_a_plan_that_cannot_be_is_told_and_not_offered(merchant, plan_id):
    sku = db.scalar("SELECT sku FROM variant")
    db.release()
    page = "/admin/subscriptions/plans"
    for typed, status, words in (
        ({"sku": "NOTHING", "every": "1"}, 422, "No variant has this SKU"),
        ({"sku": sku, "every": "0001999"}, 422, "Enter how often, from 1 to 12"),
        ({"sku": sku, "every": "13"}, 422, "Enter how often, from 1 to 12"),
        ({"sku": sku, "every": "1"}, 409, "It is offered so already"),
    ):
        form = form_to(merchant.get(page), page)
        answer = merchant.client.post(page, data=form.filled(**typed))
        assert (answer.status_code, words in answer.text) == (status, True)
    assert "It is offered no more" in merchant.press(page, f"{page}/{plan_id}/end")
    assert merchant.client.get(f"/subscribe/{plan_id}").status_code == 404
    assert db.scalar("SELECT count(*) FROM recurring_plan") == 1
    db.release()


def test_what_was_left_out_and_is_charged_all_the_same_goes_back(running, shirt, bank, drain):
    """The pause came too late: the provider had begun."""
    running.a_month_passes()
    running.press("skip")
    running.act("charge")
    drain()
    running.follow()
    order_flows.reconcile(everything=True)
    drain()
    assert (running.row().state, running.turns()[-1]) == ("active", ("skipped", "cancelled"))
    assert (stock_row(shirt), money(bank), faults()) == ((4, 0), (2 * TOTAL, TOTAL), {})


def test_the_books_agree_with_the_bank(running, bank, drain):
    running.a_month_passes()
    running.act("charge")
    running.follow()
    drain()
    reconciliation.reconcile_nightly()
    drain()
    assert db.scalar("SELECT count(*) FROM difference") == 0
    db.release()

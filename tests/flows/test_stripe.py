"""Whole stories over Stripe: pay on its page, be declined, come too late, pay twice, refund, and webhooks of every kind."""

from __future__ import annotations

import pytest
import requests

from app.core import db
from app.core.transaction import transaction
from app.orders import flows
from app.payments.errors import ProviderUnavailable
from tests import shop as shops
from tests.flows.providers import StripeShopper, attempts, deliver, razorpay, refund, state_of, stripe
from tests.flows.shopper import money, provider_order_of
from tests.returns.counter import order_of
from tests.shop import add_product, faults, stock_row
from tools.webforms import form_to

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY
SESSIONS = "/stripe/v1/checkout/sessions"


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(**razorpay(bank), **stripe(bank), PAYMENT_PROVIDER="stripe")
    shops.open_shop()
    return app


@pytest.fixture
def buyer(shop, bank):
    return StripeShopper(shop.test_client(), bank)


def account(bank, token):
    return bank.control("GET", f"/ledger/{provider_order_of(token)}")


def test_a_guest_pays_by_card(buyer, bank, drain):
    shirt = add_product(stock_of={"KB": 3})
    token = buyer.order(shirt, 2)
    answer = buyer.pay_there(buyer.open_page(token))
    assert (answer.status_code, answer.location) == (303, f"/order/{token}")
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (1, 0)
    flows.reconcile(everything=True)
    drain()
    assert money(bank) == (2 * PRICE, 0)
    assert account(bank, token)["captures"] == 1
    assert db.scalar("SELECT fee_minor FROM payment_capture") == 2 * PRICE * 3 // 100
    assert faults() == {}


def test_the_hand_over_may_lead_to_stripes_page_and_nowhere_else(buyer, bank):
    answer = buyer.choose(buyer.order(add_product()), payment_method="card")
    page = buyer.client.get(answer.location)
    assert f"form-action 'self' {bank.url}" in page.headers["Content-Security-Policy"]
    form = form_to(page.text, f"{bank.url}/stripe")
    assert form.method == "get"
    assert "#fid" in form.action


@pytest.mark.parametrize("copies", [1, 2])
def test_p3_p6_webhooks_alone_confirm_once_however_often_they_come(buyer, bank, letters, drain, copies):
    token = buyer.order(add_product())
    buyer.press(buyer.open_page(token))  # and the browser never comes back
    for letter in letters.wait_for(4):
        for _ in range(copies):
            assert deliver(buyer, letter).status_code == 200
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert db.scalar("SELECT count(*) FROM payment_notice") == 4
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert faults() == {}


def test_pay_25_after_a_decline_another_provider_takes_the_money(buyer, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    page = buyer.open_page(token)
    assert buyer.press(page, "decline", reason="insufficient_funds").status_code == 200
    flows.reconcile(everything=True)
    assert "did not go through" in buyer.get(f"/checkout/pay/{token}")
    assert stock_row(shirt) == (1, 1)
    answer = buyer.choose(token, payment_method="wallet")
    form = form_to(buyer.get(answer.location), f"{bank.url}/v1")
    drain()
    assert "This session has expired" in requests.get(page, timeout=10).text  # nobody can pay twice
    buyer.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    assert "is confirmed" in buyer.heading(token)
    assert attempts() == [("stripe", "failed", "card_declined"), ("razorpay", "captured", None)]
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_after_a_decline_stripes_own_page_takes_another_card(buyer, bank, drain):
    token = buyer.order(add_product())
    page = buyer.open_page(token)
    buyer.press(page, "decline")
    flows.reconcile(everything=True)
    buyer.pay_there(page)
    assert "is confirmed" in buyer.heading(token)
    assert attempts() == [("stripe", "captured", "card_declined")]
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_after_a_decline_stripe_itself_is_asked_for_a_new_page(buyer, bank, drain):
    token = buyer.order(add_product())
    first = buyer.open_page(token)
    buyer.press(first, "decline")
    flows.reconcile(everything=True)
    second = buyer.open_page(token)
    assert second != first
    buyer.pay_there(second)
    drain()
    assert [state for _, state, _ in attempts()] == ["failed", "captured"]
    assert "This session has expired" in requests.get(first, timeout=10).text
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_p5_the_end_of_an_older_session_does_not_touch_a_paid_order(buyer, bank, letters, drain):
    token = buyer.order(add_product())
    buyer.press(buyer.open_page(token), "decline")
    flows.reconcile(everything=True)
    buyer.pay_there(buyer.open_page(token))
    drain()  # ends the first session, of which Stripe tells us afterwards
    for letter in letters.wait_for(9):
        assert deliver(buyer, letter).status_code == 200
    assert b"checkout.session.expired" in b"".join(letter["body"] for letter in letters.received)
    drain()
    flows.reconcile(everything=True)
    assert "is confirmed" in buyer.heading(token)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_leaving_stripes_page_leads_back_to_the_pay_page(buyer, bank):
    token = buyer.order(add_product())
    page = buyer.open_page(token)
    back = buyer.press(page, "close").headers["Location"].removeprefix("http://localhost")
    assert back == f"/checkout/pay/{token}?left=1"
    assert (
        buyer.post(f"/checkout/pay/{token}", **form_to(buyer.get(back), f"/checkout/pay/{token}").filled()).status_code
        == 303
    )
    assert form_to(buyer.get(f"/checkout/pay/{token}/continue"), f"{bank.url}/stripe").action == page
    assert attempts() == [("stripe", "open", None)]


def test_who_pays_in_another_tab_can_take_over(buyer, bank):
    """UX 2.1.5: both tabs are at the same page of the provider, which takes money once."""
    token = buyer.order(add_product())
    page = f"/checkout/pay/{token}"
    assert "another tab" not in buyer.get(page)
    there = buyer.open_page(token)
    assert "Are you paying in another tab?" in buyer.get(page)
    assert "Take over and pay" in buyer.get(page)
    assert "another tab" not in buyer.get(f"{page}?left=1"), "they came back by the link of the page there"
    assert buyer.open_page(token) == there
    buyer.pay_there(there)
    assert "is confirmed" in buyer.heading(token)
    assert buyer.press(there).status_code == 400
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_who_takes_over_may_pay_another_way_while_the_other_provider_is_silent(buyer, bank):
    token = buyer.order(add_product())
    buyer.open_page(token)
    bank.fault("status", status=502, path="/stripe/**")
    assert buyer.choose(token, payment_method="wallet").status_code == 303
    bank.control("DELETE", "/faults")


def release():
    flows.release_pass(trigger="test")


def poll():
    with transaction():
        db.rows("UPDATE payment_attempt SET ask_at = now() RETURNING id")
    flows.reconcile()


@pytest.mark.parametrize("look", [release, poll])
def test_a_lock_that_runs_out_ends_the_session_before_its_stock_is_free(shop, buyer, bank, run_out, look):
    """Stripe's page lives longer than the lock, so it is closed first, whoever looks."""
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    page = buyer.open_page(token)
    run_out(token)
    bank.fault("status", status=502, method="POST", path=f"{SESSIONS}/*/expire")
    look()
    assert stock_row(shirt) == (1, 1)
    assert "This session has expired" not in requests.get(page, timeout=10).text
    bank.control("DELETE", "/faults")
    look()
    assert stock_row(shirt) == (1, 0)
    assert "This session has expired" in requests.get(page, timeout=10).text
    assert attempts() == [("stripe", "closed", None)]
    StripeShopper(shop.test_client(), bank).buy(shirt)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_what_staff_free_by_hand_ends_its_session_first(buyer, bank):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    page = buyer.open_page(token)
    order_id = order_of(token)
    bank.fault("status", status=502, method="POST", path=f"{SESSIONS}/*/expire")
    with pytest.raises(ProviderUnavailable):
        flows.release_hold(order_id, actor="staff:1")
    assert stock_row(shirt) == (1, 1)
    bank.control("DELETE", "/faults")
    assert flows.release_hold(order_id, actor="staff:1")
    assert stock_row(shirt) == (1, 0)
    assert "This session has expired" in requests.get(page, timeout=10).text
    assert faults() == {}


def test_a_session_of_a_declined_card_ends_with_its_lock(buyer, bank, run_out):
    """Stock that nobody is paying for is free without an answer; the poller closes what was left open."""
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    page = buyer.open_page(token)
    buyer.press(page, "decline")
    flows.reconcile(everything=True)
    asked_at = "SELECT a.ask_at <= l.expires_at FROM payment_attempt a, stock_lock l"
    assert db.scalar(asked_at), "it is asked about again as soon as it is held no longer"
    run_out(token)
    flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 0)
    poll()
    assert "This session has expired" in requests.get(page, timeout=10).text
    assert faults() == {}


def test_what_was_paid_when_the_lock_ran_out_is_sold(buyer, bank, run_out):
    """The answer to the expiry is “complete”: paid, not free."""
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    buyer.press(buyer.open_page(token))
    run_out(token)
    flows.release_pass(trigger="test")
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_after_its_session_ended_an_order_can_be_held_and_paid_again(buyer, bank, run_out):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    buyer.open_page(token)
    run_out(token)
    flows.release_pass(trigger="test")
    assert buyer.post(f"/checkout/pay/{token}/hold").status_code == 303
    buyer.pay_there(buyer.open_page(token))
    assert "is confirmed" in buyer.heading(token)
    assert [state for _, state, _ in attempts()] == ["closed", "captured"]
    assert faults() == {}


def test_a_cancelled_orders_session_is_ended(buyer, bank, drain):
    token = buyer.order(add_product())
    page = buyer.open_page(token)
    buyer.press(page, "decline")
    flows.reconcile(everything=True)
    buyer.post(f"/checkout/pay/{token}/cancel")
    drain()
    assert "This session has expired" in requests.get(page, timeout=10).text
    assert money(bank) == (0, 0)
    assert faults() == {}


def test_s4_money_that_comes_too_late_goes_back_once(shop, buyer, bank, run_out, drain):
    """A bank debit is under way when the lock ends; its stock is sold to somebody else before the bank says yes."""
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    buyer.pay_there(buyer.open_page(token), "process")
    for _ in range(2):  # it is waited for once, and then no longer
        run_out(token)
        flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 0)
    winner = StripeShopper(shop.test_client(), bank)
    winning = winner.buy(shirt)
    bank.control("POST", f"/stripe/sessions/{provider_order_of(token)}", {"outcome": "succeed"})
    for _ in range(2):
        flows.reconcile(everything=True)
        drain()
    assert "refund" in buyer.heading(token).lower()
    assert "is confirmed" in winner.heading(winning)
    assert money(bank) == (2 * TOTAL, TOTAL)
    assert faults() == {}


def test_money_in_the_making_holds_the_stock(buyer, bank, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    buyer.pay_there(buyer.open_page(token), "process")
    assert "is pending" in buyer.heading(token)
    run_out(token)
    flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 1)
    bank.control("POST", "/clock", {"advance_seconds": 61})
    flows.reconcile(everything=True)
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_p11_money_paid_twice_goes_back_once(buyer, bank, drain):
    """Two tabs: the old session is paid before anybody could end it."""
    token = buyer.order(add_product(stock_of={"KB": 2}))
    first = buyer.open_page(token)
    buyer.press(first, "decline")
    flows.reconcile(everything=True)
    second = buyer.open_page(token)
    for page in (first, second):
        buyer.press(page)
    for _ in range(2):
        flows.reconcile(everything=True)
        drain()
    assert "is confirmed" in buyer.heading(token)
    assert money(bank) == (2 * TOTAL, TOTAL)
    assert db.scalar("SELECT count(*) FROM refund") == 1
    assert faults() == {}


def test_p7_another_amount_pays_nothing_and_goes_back(buyer, bank, drain):
    token = buyer.order(add_product())
    buyer.open_page(token)
    bank.control("POST", "/stripe/pay", {"session_id": provider_order_of(token), "amount": 500})
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" not in buyer.heading(token)
    assert money(bank) == (500, 500)
    assert faults() == {}


@pytest.mark.parametrize("fault", ["act_then_drop", "drop"])
def test_p17_a_session_whose_answer_is_lost_is_made_once(buyer, bank, fault):
    token = buyer.order(add_product())
    bank.fault(fault, method="POST", path=SESSIONS, count=1)
    answer = buyer.choose(token, payment_method="card")
    assert answer.status_code == 503
    with transaction():  # as twenty seconds later: the first question may still have been at work until then
        db.rows("UPDATE payment_attempt SET initiating_until = NULL RETURNING 1")
    buyer.pay_there(buyer.open_page(token))
    assert "is confirmed" in buyer.heading(token)
    assert len(account(bank, token)["order_ids"]) == 1
    assert faults() == {}


def test_a_part_and_then_the_rest_goes_back(buyer, bank, drain):
    token = buyer.buy(add_product())
    part = refund(token, 5000)
    drain()
    assert (state_of(part), money(bank)) == ("succeeded", (TOTAL, 5000))
    rest = refund(token, TOTAL - 5000)
    drain()
    assert (state_of(rest), money(bank)) == ("succeeded", (TOTAL, TOTAL))
    too_much = refund(token, 1)
    drain()
    assert (state_of(too_much), money(bank)) == ("failed", (TOTAL, TOTAL))


def test_everything_goes_back_at_once(buyer, bank, drain):
    token = buyer.buy(add_product())
    whole = refund(token, TOTAL)
    drain()
    assert (state_of(whole), money(bank)) == ("succeeded", (TOTAL, TOTAL))


def test_p13_a_refund_whose_answer_is_lost_happens_once(buyer, bank, drain):
    token = buyer.buy(add_product())
    drain()
    bank.fault("act_then_drop", method="POST", path="/stripe/v1/refunds", count=1)
    back = refund(token, 5000)
    drain()
    flows.reconcile(everything=True)
    assert (state_of(back), money(bank)) == ("succeeded", (TOTAL, 5000))
    assert faults() == {}


@pytest.mark.parametrize("by_webhook", [True, False])
def test_p16_a_refund_that_fails_later_is_seen(buyer, bank, letters, drain, by_webhook):
    token = buyer.buy(add_product())
    drain()
    bank.control("POST", "/stripe/refunds", {"status": "pending", "count": 1})
    back = refund(token, 5000)
    drain()
    assert state_of(back) == "pending"
    there = db.scalar("SELECT provider_refund_id FROM refund WHERE id = :id", id=back)
    db.release()
    bank.control("POST", f"/stripe/refunds/{there}", {"status": "failed"})
    if by_webhook:
        assert deliver(buyer, letters.wait_for(8)[-1]).json["status"] == "stored"
        drain()
    else:
        flows.reconcile(everything=True)
    assert (state_of(back), money(bank)) == ("failed", (TOTAL, 0))


def test_p19_forged_notices_are_refused_and_change_nothing(buyer, bank, letters, drain):
    token = buyer.order(add_product())
    page = buyer.open_page(token)
    bank.control("POST", "/webhooks", {"event": "*", "wrong_secret": True})
    buyer.press(page)
    for letter in letters.wait_for(4):
        assert deliver(buyer, letter).status_code == 400
        assert (
            deliver(
                buyer, {**letter, "headers": {"Stripe-Signature": "t=1,v1=☃".encode().decode("latin-1")}}
            ).status_code
            == 400
        )
    drain()
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    assert "is pending" in buyer.heading(token)


def test_while_stripes_secret_is_rotated_both_count(buyer, bank, letters, drain):
    token = buyer.order(add_product())
    page = buyer.open_page(token)
    bank.control("POST", "/webhooks", {"event": "*", "old_secret": True})
    buyer.press(page)
    assert {deliver(buyer, letter).status_code for letter in letters.wait_for(4)} == {200}
    drain()
    assert "is confirmed" in buyer.heading(token)

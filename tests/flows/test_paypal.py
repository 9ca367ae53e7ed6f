"""Whole stories over PayPal: approve there, capture here, decline, come too late, refund, and webhooks of every kind."""

from __future__ import annotations

import pytest
import requests

from app.core import db
from app.orders import flows
from tests import shop as shops
from tests.flows.providers import PayPalShopper, attempts, deliver, paypal, razorpay, refund, state_of
from tests.flows.shopper import money, provider_order_of
from tests.shop import add_product, faults, stock_row
from tools.webforms import form_to

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(**razorpay(bank), **paypal(bank))
    shops.open_shop()
    return app


@pytest.fixture
def buyer(shop, bank):
    return PayPalShopper(shop.test_client(), bank)


def test_a_guest_pays_with_paypal(buyer, bank, drain):
    shirt = add_product(stock_of={"KB": 3})
    token = buyer.order(shirt, 2)
    back = buyer.approve(token)
    assert money(bank) == (0, 0)  # approved is not taken
    answer = buyer.client.get(back)
    assert (answer.status_code, answer.location) == (303, f"/order/{token}")
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (1, 0)
    for _ in range(2):
        buyer.client.get(back)
    flows.reconcile(everything=True)
    drain()
    assert money(bank) == (2 * PRICE, 0)
    assert bank.control("GET", f"/ledger/{provider_order_of(token)}")["captures"] == 1
    assert faults() == {}


def test_p6_the_poller_alone_captures_when_the_browser_never_comes_back(buyer, bank, drain):
    shirt = add_product()
    token = buyer.order(shirt)
    buyer.approve(token)
    flows.reconcile(everything=True)
    assert "is confirmed" in buyer.heading(token)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_p1_p3_the_webhook_of_the_approval_captures_once_however_often_it_comes(buyer, bank, letters, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = buyer.order(shirt)
    back = buyer.approve(token)
    [letter] = letters.wait_for(1)
    assert [deliver(buyer, letter).json["status"] for _ in range(3)] == ["stored", "known", "known"]
    drain()
    assert "is confirmed" in buyer.heading(token)
    buyer.client.get(back)
    for each in letters.wait_for(3):
        assert deliver(buyer, each).status_code == 200
    drain()
    assert stock_row(shirt) == (1, 0)
    assert money(bank) == (TOTAL, 0)
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert faults() == {}


def test_whoever_leaves_paypals_page_is_back_on_the_pay_page(buyer, bank):
    token = buyer.order(add_product())
    back = buyer.approve(token, "cancel")
    assert back.startswith(f"/checkout/pay/{token}?left=1&token=")
    assert buyer.client.get(back).status_code == 200
    assert attempts() == [("paypal", "open", None)]
    assert money(bank) == (0, 0)


def test_p9_another_orders_return_pays_nothing(shop, buyer, bank):
    cheap, dear = add_product("Cheap", price=1000), add_product("Dear", price=90000)
    token_of_cheap = buyer.order(cheap)
    paid_back = buyer.approve(token_of_cheap)
    other = PayPalShopper(shop.test_client(), bank)
    token = other.order(dear)
    own = other.approve(token, "cancel")
    assert own
    return_token = db.scalar("SELECT return_token FROM payment_attempt ORDER BY created_at DESC LIMIT 1")
    query = paid_back.partition("?")[2]
    assert other.client.get(f"/pay/return/{return_token}?{query}").status_code == 400
    assert "is pending" in other.heading(token)
    assert money(bank) == (0, 0)


def test_a_declined_capture_is_told_and_another_method_pays(buyer, bank, drain):
    """The PayPal order stays approved at PayPal; it is never tried again."""
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    there = buyer.client.get(buyer.approve(token, "decline"))
    assert (there.status_code, there.location) == (303, f"/checkout/pay/{token}?left=1")
    page = buyer.get(there.location)
    assert "The payment did not go through" in page
    assert "You can try again or choose another way to pay" in page
    assert attempts() == [("paypal", "failed", "INSTRUMENT_DECLINED")]
    assert "is pending" in buyer.heading(token)
    assert stock_row(shirt) == (1, 1)
    bank.control("POST", "/paypal/approve", {"order_id": provider_order_of(token)})  # its payer's money is back
    flows.reconcile(everything=True)
    assert money(bank) == (0, 0)
    answer = buyer.choose(token, payment_method="fpx")
    form = form_to(buyer.get(answer.location), f"{bank.url}/v1")
    buyer.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert attempts() == [("paypal", "failed", "INSTRUMENT_DECLINED"), ("razorpay", "captured", None)]
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_a_decline_whose_answer_is_late_lands_on_the_orders_page_and_is_told_there(buyer, bank):
    """Nobody knows yet: the order waits, and its page leads on to paying."""
    token = buyer.order(add_product())
    back = buyer.approve(token, "decline")
    bank.fault("status", status=500, method="GET", path="/paypal/v2/**")
    bank.fault("status", status=500, method="POST", path="/paypal/v2/**")
    there = buyer.client.get(back)
    assert (there.status_code, there.location) == (303, f"/order/{token}")
    assert attempts() == [("paypal", "open", None)]


def test_coming_back_to_an_order_that_was_paid_another_way_shows_the_order(buyer, bank, drain):
    token = buyer.order(add_product())
    back = buyer.approve(token, "decline")
    assert buyer.client.get(back).location == f"/checkout/pay/{token}?left=1"
    answer = buyer.choose(token, payment_method="fpx")
    form = form_to(buyer.get(answer.location), f"{bank.url}/v1")
    buyer.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    drain()
    again = buyer.client.get(back, follow_redirects=True)
    assert again.request.path == f"/order/{token}"


def test_after_a_decline_paypal_itself_can_be_tried_again(buyer, bank, drain):
    shirt = add_product()
    token = buyer.order(shirt)
    buyer.client.get(buyer.approve(token, "decline"))
    buyer.client.get(buyer.approve(token))
    assert "is confirmed" in buyer.heading(token)
    assert [row[1] for row in attempts()] == ["failed", "captured"]
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_an_approval_after_the_stock_is_gone_is_never_captured(shop, buyer, bank, run_out, drain):
    """S4, S5: exact stock, without taking money first and giving it back."""
    shirt = add_product(stock_of={"KB": 1})
    late = buyer.order(shirt)
    page = form_to(buyer.get(buyer.choose(late, payment_method="paypal").location), f"{bank.url}/paypal")
    run_out(late)
    assert flows.release_pass(trigger="test").done == 1
    PayPalShopper(shop.test_client(), bank).buy(shirt)
    pressed = requests.post(page.action, data={**page.fields, "action": "approve"}, allow_redirects=False, timeout=10)
    buyer.client.get(pressed.headers["Location"].removeprefix("http://localhost"))
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" not in buyer.heading(late)
    assert stock_row(shirt) == (0, 0)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_an_approval_after_the_lock_ran_out_is_captured_while_there_is_stock(buyer, bank, run_out, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = buyer.order(shirt)
    back = buyer.approve(token)
    run_out(token)
    buyer.client.get(back)
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (1, 0)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_p11_money_for_a_cancelled_order_is_never_taken(buyer, bank, drain):
    token = buyer.order(add_product())
    back = buyer.approve(token)
    buyer.post(f"/checkout/pay/{token}/cancel")
    buyer.client.get(back)
    drain()
    assert "is cancelled" in buyer.heading(token)
    assert money(bank) == (0, 0)
    assert faults() == {}


@pytest.mark.parametrize("fault", ["act_then_drop", "drop"])
def test_p17_a_capture_whose_answer_is_lost_happens_once(buyer, bank, drain, fault):
    shirt = add_product()
    token = buyer.order(shirt)
    back = buyer.approve(token)
    bank.fault(fault, method="POST", path="/paypal/v2/checkout/orders/*/capture", count=1)
    assert buyer.client.get(back).status_code == 303
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert bank.control("GET", f"/ledger/{provider_order_of(token)}")["captures"] == 1
    assert faults() == {}


def test_a_capture_in_review_holds_the_stock_until_paypal_decides(buyer, bank, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    buyer.client.get(buyer.approve(token, "review"))
    assert "is pending" in buyer.heading(token)
    run_out(token)
    flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 1)
    [payment] = bank.control("GET", f"/ledger/{provider_order_of(token)}")["payments"]
    bank.control("POST", f"/paypal/captures/{payment['id']}", {"status": "COMPLETED"})
    flows.reconcile(everything=True)
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (0, 0)
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


def test_p13_a_refund_whose_answer_is_lost_happens_once(buyer, bank, drain):
    token = buyer.buy(add_product())
    drain()
    bank.fault("act_then_drop", method="POST", path="/paypal/v2/payments/captures/*/refund", count=1)
    back = refund(token, 5000)
    drain()
    flows.reconcile(everything=True)
    assert (state_of(back), money(bank)) == ("succeeded", (TOTAL, 5000))
    assert faults() == {}


@pytest.mark.parametrize("by_webhook", [True, False])
def test_p16_a_refund_that_fails_later_is_seen(buyer, bank, letters, drain, by_webhook):
    token = buyer.buy(add_product())
    drain()
    bank.control("POST", "/paypal/refunds", {"status": "PENDING", "count": 1})
    back = refund(token, 5000)
    drain()
    assert state_of(back) == "pending"
    refund_at_paypal = db.scalar("SELECT provider_refund_id FROM refund WHERE id = :id", id=back)
    seen = len(letters.received)
    bank.control("POST", f"/paypal/refunds/{refund_at_paypal}", {"status": "FAILED"})
    if by_webhook:
        assert deliver(buyer, letters.wait_for(seen + 1)[-1]).json["status"] == "stored"
        drain()
    else:
        flows.reconcile(everything=True)
    assert (state_of(back), money(bank)) == ("failed", (TOTAL, 0))


def test_p19_forged_notices_are_refused_and_change_nothing(buyer, bank, letters, drain):
    token = buyer.order(add_product())
    bank.control("POST", "/webhooks", {"event": "CHECKOUT.*", "wrong_secret": True})
    buyer.approve(token)
    [forged] = letters.wait_for(1)
    assert deliver(buyer, forged).status_code == 400
    headers = forged["headers"]
    elsewhere = headers | {"PAYPAL-CERT-URL": "https://evil.example/v1/notifications/certs/CERT-1"}
    for changed in ({**forged, "headers": elsewhere}, {**forged, "body": forged["body"] + b" "}):
        assert deliver(buyer, changed).status_code == 400
    drain()
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    assert "is pending" in buyer.heading(token)
    assert money(bank) == (0, 0)


def test_while_paypal_changes_its_certificate_both_count(buyer, bank, letters, drain):
    bank.control("POST", "/webhooks", {"event": "CHECKOUT.*", "old_secret": True})
    token = buyer.order(add_product())
    buyer.approve(token)
    [letter] = letters.wait_for(1)
    assert deliver(buyer, letter).json["status"] == "stored"
    drain()
    assert "is confirmed" in buyer.heading(token)


def test_p2_a_notice_that_cannot_be_checked_yet_comes_again(buyer, bank, letters, drain):
    """The certificate's host does not answer: 400, and PayPal sends the same event again."""
    token = buyer.order(add_product())
    bank.fault("drop", method="GET", path="/paypal/v1/notifications/**", count=1)
    buyer.approve(token)
    [letter] = letters.wait_for(1)
    assert deliver(buyer, letter).status_code == 400
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    flows.reconcile(everything=True)  # meanwhile the poller settles it
    assert "is confirmed" in buyer.heading(token)
    assert money(bank) == (TOTAL, 0)

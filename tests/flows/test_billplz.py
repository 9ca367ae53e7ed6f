"""Whole stories over Billplz: pay a bill, fail and pay another way, callbacks of every kind, refunds that staff send."""

from __future__ import annotations

import pytest
import requests

from app.core import db
from app.core.transaction import transaction
from app.orders import flows
from app.returns import flows as returns
from tests import shop as shops
from tests.bank import BILLPLZ, BILLPLZ_KEYS
from tests.flows.providers import deliver
from tests.flows.shopper import Shopper, money, provider_order_of
from tests.returns import counter
from tests.shop import add_product, faults, stock_row
from tools.webforms import form_to

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(
        PAYMENT_PROVIDER="billplz",
        RAZORPAY_KEY_ID="",
        BILLPLZ_API_URL=f"{bank.url}/billplz",
        BILLPLZ_SIGNATURE_KEY=",".join(BILLPLZ_KEYS),
        MANUAL_METHODS="cod",
        **{f"BILLPLZ_{name.upper()}": value for name, value in BILLPLZ.items()},
    )
    shops.open_shop()
    return app


class BillShopper(Shopper):
    """Presses the buttons of Billplz' page."""

    def bill(self, token):
        """The bill to pay, as its page is reached over the hand-over."""
        answer = self.press_pay(token)
        assert answer.status_code == 303, answer.text
        return form_to(self.get(answer.location), f"{self.bank.url}/billplz/bills").action

    def at_billplz(self, bill, action="succeed"):
        """Press a button there; returns the address that Billplz sends the browser back to."""
        form = form_to(requests.get(bill, timeout=10).text, "/billplz/bills")
        back = requests.post(bill, data=form.filled(action=action), allow_redirects=False, timeout=10)
        assert back.status_code == 303, back.text
        return back.headers["Location"].removeprefix("http://localhost")

    def buy(self, variant_id):
        token = self.order(variant_id)
        assert self.client.get(self.at_billplz(self.bill(token))).location == f"/order/{token}"
        assert "is confirmed" in self.heading(token)
        return token


@pytest.fixture
def buyer(shop, bank):
    return BillShopper(shop.test_client(), bank)


def attempts():
    found = [tuple(row) for row in db.rows("SELECT provider, state FROM payment_attempt ORDER BY position")]
    db.release()
    return found


def test_a_guest_pays_a_bill(buyer, bank, drain):
    shirt = add_product(stock_of={"KB": 2})
    buyer.buy(shirt)
    drain()
    assert (money(bank), stock_row(shirt)) == ((TOTAL, 0), (1, 0))
    assert faults() == {}


def test_p6_the_poller_alone_settles(buyer, bank, drain):
    token = buyer.order(add_product())
    buyer.at_billplz(buyer.bill(token))
    assert "is pending" in buyer.heading(token)
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert faults() == {}


def test_p3_the_callback_alone_settles_once_however_often_it_comes(buyer, bank, letters, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = buyer.order(shirt)
    buyer.at_billplz(buyer.bill(token))
    [letter] = letters.wait_for(1)
    assert [deliver(buyer, letter).json["status"] for _ in range(3)] == ["stored", "known", "known"]
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert stock_row(shirt) == (1, 0)
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert faults() == {}


@pytest.mark.parametrize("switch", ["wrong_secret", None])
def test_p19_forged_callbacks_are_refused_and_change_nothing(buyer, bank, letters, drain, switch):
    if switch:
        bank.control("POST", "/webhooks", {"event": "*", switch: True})
    token = buyer.order(add_product())
    buyer.at_billplz(buyer.bill(token), "succeed" if switch else "fail")
    [letter] = letters.wait_for(1)
    body = letter["body"] if switch else letter["body"].replace(b"paid=false", b"paid=true").replace(b"due", b"paid")
    assert deliver(buyer, letter, body=body).status_code == 400
    drain()
    assert "is pending" in buyer.heading(token)
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    assert faults() == {}


def test_while_the_signature_key_is_changed_both_count(buyer, bank, letters, drain):
    bank.control("POST", "/webhooks", {"event": "*", "old_secret": True})
    token = buyer.order(add_product())
    buyer.at_billplz(buyer.bill(token))
    assert deliver(buyer, letters.wait_for(1)[0]).status_code == 200
    drain()
    assert "is confirmed" in buyer.heading(token)


def test_p9_another_bills_return_pays_nothing(shop, buyer, bank):
    cheap, dear = add_product("Cheap", price=1000), add_product("Dear", price=90000)
    token = buyer.order(cheap)
    back = buyer.at_billplz(buyer.bill(token))
    other = BillShopper(shop.test_client(), bank)
    victim = other.order(dear)
    other.bill(victim)
    paths = [row[0] for row in db.rows("SELECT return_token FROM payment_attempt ORDER BY created_at DESC LIMIT 1")]
    db.release()
    assert other.client.get(f"/pay/return/{paths[0]}?{back.partition('?')[2]}").status_code == 400
    assert "is pending" in other.heading(victim)


def test_a_failed_bill_is_told_and_a_new_one_pays(buyer, bank, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = buyer.order(shirt)
    first = buyer.bill(token)
    assert buyer.client.get(buyer.at_billplz(first, "fail")).location == f"/checkout/pay/{token}?left=1"
    assert "did not go through" in buyer.get(f"/checkout/pay/{token}")
    second = buyer.bill(token)
    assert second != first
    drain()
    assert "not available any more" in requests.get(first, timeout=5).text
    assert buyer.client.get(buyer.at_billplz(second)).status_code == 303
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert (money(bank), stock_row(shirt)) == ((TOTAL, 0), (1, 0))
    assert faults() == {}


def test_a_failed_bill_and_then_cash_on_delivery(buyer, bank, drain):
    token = buyer.order(add_product())
    first = buyer.bill(token)
    buyer.client.get(buyer.at_billplz(first, "fail"))
    page = form_to(buyer.get(f"/checkout/pay/{token}"), f"/checkout/pay/{token}")
    assert buyer.client.post(f"/checkout/pay/{token}", data=page.filled(payment_method="cod")).status_code == 303
    drain()
    assert attempts() == [("billplz", "closed"), ("manual", "open")], attempts()
    assert "not available any more" in requests.get(first, timeout=5).text
    assert faults() == {}


def test_a_bill_that_is_pending_at_the_bank_holds_the_stock(buyer, bank, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    bill = buyer.bill(token)
    buyer.at_billplz(bill, "wait")
    run_out(token)
    flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 1)
    try_id = requests.get(
        f"{bank.url}/billplz/api/v3/bills/{provider_order_of(token)}/transactions",
        auth=(BILLPLZ["api_key"], ""),
        timeout=5,
    ).json()["transactions"][0]["id"]
    bank.control("POST", f"/billplz/transactions/{try_id}", {"outcome": "completed"})
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert faults() == {}


@pytest.mark.parametrize("is_told", [True, False])
def test_p11_a_bill_that_two_tries_pay_goes_back_once(buyer, bank, letters, drain, is_told):
    """By its second callback; when that is lost, by looking at what was paid."""
    shirt = add_product(stock_of={"KB": 2})
    token = buyer.order(shirt)
    buyer.bill(token)
    bill_id = provider_order_of(token)
    tries = [
        bank.control("POST", "/billplz/pay", {"bill_id": bill_id, "outcome": "pending"})["transaction"]["id"]
        for _ in range(2)
    ]
    bank.control("POST", f"/billplz/transactions/{tries[0]}", {"outcome": "completed"})
    assert deliver(buyer, letters.wait_for(1)[0]).json["status"] == "stored"
    drain()
    assert ("is confirmed" in buyer.heading(token), counter.states()) == (True, [])
    bank.control("POST", "/clock", {"advance_seconds": 60})  # the same callback to the letter is known
    bank.control("POST", f"/billplz/transactions/{tries[1]}", {"outcome": "completed"})
    if is_told:
        assert deliver(buyer, letters.wait_for(2)[1]).json["status"] == "stored"
    for _ in range(2):
        with transaction():
            db.rows("UPDATE payment_capture SET refunds_ask_at = CASE WHEN :is_told THEN NULL ELSE now() END RETURNING 1",
                    is_told=is_told)  # fmt: skip
        assert returns.look_around().failed == 0
        drain()
    found = db.rows("SELECT reason, state, amount_minor FROM refund")
    assert [tuple(row) for row in found] == [("double", "pending", TOTAL)]
    db.release()
    assert ("is confirmed" in buyer.heading(token), stock_row(shirt)) == (True, (1, 0))
    assert (money(bank), faults()) == ((2 * TOTAL, 0), {})


def test_an_expired_bill_is_deleted_before_the_stock_is_free(buyer, bank, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    bill = buyer.bill(token)
    run_out(token)
    for _ in range(2):
        flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 0)
    assert "not available any more" in requests.get(bill, timeout=5).text
    assert attempts() == [("billplz", "closed")]
    assert faults() == {}


def test_paid_just_before_it_would_be_deleted_it_is_sold(buyer, bank, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = buyer.order(shirt)
    buyer.at_billplz(buyer.bill(token))
    run_out(token)
    flows.release_pass(trigger="test")
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert (money(bank), stock_row(shirt)) == ((TOTAL, 0), (0, 0))
    assert faults() == {}


def test_p11_money_for_a_deleted_bill_goes_back_when_staff_have_sent_it(buyer, bank, letters, merchant, drain):
    token = buyer.order(add_product())
    buyer.bill(token)
    buyer.post(f"/checkout/pay/{token}/cancel")
    drain()
    bank.control("POST", "/billplz/pay", {"bill_id": provider_order_of(token), "force": True})
    assert deliver(buyer, letters.wait_for(1)[0]).status_code == 200
    drain()
    assert counter.states() == [("pending", TOTAL)]
    refund_id = db.scalar("SELECT id FROM refund")
    merchant.press("/admin/payments", f"/admin/refunds/{refund_id}/sent")
    drain()
    assert counter.states() == [("succeeded", TOTAL)]
    assert "refund" in buyer.heading(token)
    assert faults() == {}


@pytest.mark.parametrize("amount", [TOTAL - 1, TOTAL + 1])
def test_p7_another_amount_is_no_payment(buyer, bank, drain, amount):
    token = buyer.order(add_product())
    buyer.bill(token)
    bank.control("POST", "/billplz/pay", {"bill_id": provider_order_of(token), "amount": amount})
    flows.reconcile(everything=True)
    drain()
    assert "is pending" in buyer.heading(token)
    assert counter.states() == [("pending", amount)]
    assert faults() == {}


def test_p17_a_bill_whose_answer_is_lost_is_made_anew_and_the_shopper_sees_one(buyer, bank, drain):
    token = buyer.order(add_product())
    bank.fault("act_then_drop", method="POST", path="/billplz/api/v3/bills", count=1)
    assert buyer.press_pay(token).status_code == 503

    with transaction():
        db.rows("UPDATE payment_attempt SET initiating_until = NULL RETURNING id")  # as after its 20 seconds
    assert buyer.client.get(buyer.at_billplz(buyer.bill(token))).status_code == 303
    drain()
    assert "is confirmed" in buyer.heading(token)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_parts_go_back_by_hand_and_never_more_than_came(buyer, bank, merchant, drain):
    token = buyer.buy(add_product())
    drain()
    for amount in ("97.00", "100.00"):
        assert counter.refund(merchant, token, amount=amount, reason="goodwill").status_code == 303
        drain()
    flows.reconcile(everything=True)
    assert counter.states() == [("pending", 9700), ("pending", 10000)]
    for refund_id in [row[0] for row in db.rows("SELECT id FROM refund ORDER BY created_at")]:
        db.release()
        merchant.press(f"/admin/orders/{counter.order_of(token)}", f"/admin/refunds/{refund_id}/sent")
        again = merchant.client.post(f"/admin/refunds/{refund_id}/sent", data={"csrf_token": _token(merchant)})
        assert "said-before" in again.location
    drain()
    assert counter.payment_state(token) == "refunded"
    assert faults() == {}


def _token(merchant):
    return form_to(merchant.get("/admin/payments"), "/admin/logout").fields["csrf_token"]

"""Ringgit over Curlec beside a Razorpay account of its own: banks chosen beforehand, two accounts never mixed up."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from app.core import db
from app.orders import flows
from app.payments import gateway
from tests import shop as shops
from tests.bank import CURLEC, CURLEC_SECRETS, WEBHOOK_SECRETS
from tests.flows.providers import deliver, razorpay
from tests.flows.shopper import money
from tests.returns import counter
from tests.shop import add_product, faults, stock_row
from tools.webforms import form_to

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(
        **razorpay(bank),
        CURLEC_KEY_ID=CURLEC["key_id"],
        CURLEC_KEY_SECRET=CURLEC["key_secret"],
        CURLEC_WEBHOOK_SECRET=",".join(CURLEC_SECRETS),
    )
    shops.open_shop()
    return app


def attempts(token):
    found = db.rows(
        "SELECT a.provider, a.method, a.bank, a.state FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE o.token = :token ORDER BY a.position",
        token=token,
    )
    db.release()
    return [tuple(row) for row in found]


def test_ringgit_are_paid_at_curlec_and_rupees_at_razorpay(shop):
    ringgit = {offer.method.code: offer.provider for offer in gateway.offers("MYR")}
    assert ringgit == dict.fromkeys(("fpx", "wallet", "duitnow", "card"), "curlec")
    assert {offer.provider for offer in gateway.offers("INR")} == {"razorpay"}
    assert {offer.provider for offer in gateway.offers("USD")} == {"razorpay"}


def test_a_guest_chooses_a_bank_and_pays(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt)
    assert "Maybank2U" in shopper.get(f"/checkout/pay/{token}")
    answer = shopper.choose(token, payment_method="fpx", bank="PBBE")
    form = form_to(shopper.get(answer.location), bank.url)
    assert (form.fields["prefill[method]"], form.fields["prefill[bank]"]) == ("fpx", "PBBE")
    assert form.fields["key_id"] == CURLEC["key_id"]
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert attempts(token) == [("curlec", "fpx", "PBBE", "captured")]
    assert (money(bank), stock_row(shirt)) == ((TOTAL, 0), (1, 0))
    assert faults() == {}


@pytest.mark.parametrize("chosen", ["", "NOBANK", "MB2U'--", "x" * 500, "é☃"])
def test_without_a_known_bank_the_providers_page_asks(shopper, bank, chosen):
    token = shopper.order(add_product())
    answer = shopper.choose(token, payment_method="fpx", bank=chosen)
    assert "prefill[bank]" not in form_to(shopper.get(answer.location), bank.url).fields
    assert attempts(token) == [("curlec", "fpx", "", "open")]


def test_a_bank_is_nothing_to_a_card(shopper, bank):
    token = shopper.order(add_product())
    answer = shopper.choose(token, payment_method="card", bank="PBBE")
    assert "prefill[bank]" not in form_to(shopper.get(answer.location), bank.url).fields


def test_without_the_list_of_banks_the_pay_page_works_as_ever(shopper, bank):
    bank.fault("status", status=502, path="/v1/methods")
    token = shopper.order(add_product())
    assert 'name="bank"' not in shopper.get(f"/checkout/pay/{token}")
    assert shopper.press_pay(token).status_code == 303


def test_a_declined_bank_and_then_a_wallet(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt)
    shopper.pay(token, "failed")
    answer = shopper.choose(token, payment_method="wallet")
    form = form_to(shopper.get(answer.location), bank.url)
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], method="wallet"))
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert [each[3] for each in attempts(token)] == ["failed", "captured"]
    assert (money(bank), stock_row(shirt)) == ((TOTAL, 0), (1, 0))
    assert faults() == {}


def test_p3_webhooks_of_either_account_find_their_own_orders(shop, shopper, bank, letters, drain):
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"])
    for letter in letters.wait_for(3):
        assert deliver(shopper, letter).status_code == 200
        assert deliver(shopper, letter).status_code == 200
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert {row[0] for row in db.rows("SELECT provider FROM payment_notice")} == {"curlec"}
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert faults() == {}


def test_p19_what_one_account_signs_says_nothing_of_the_other(shop, shopper, bank, letters, drain):
    """A notice that Razorpay's secret signed names a Curlec order: it is kept as Razorpay's and settles nothing by itself."""
    token = shopper.order(add_product())
    order_id = shopper.hand_over(token).fields["order_id"]
    payment = {"entity": {"id": "pay_1", "order_id": order_id}}
    body = json.dumps({"event": "payment.captured", "payload": {"payment": payment}}).encode()
    signature = hmac.new(WEBHOOK_SECRETS[0].encode(), body, hashlib.sha256).hexdigest()
    answer = shopper.client.post("/api/payments/webhook", data=body, headers={"X-Razorpay-Signature": signature})
    assert answer.status_code == 200
    drain()
    assert "is pending" in shopper.heading(token)
    assert attempts(token)[0][3] == "open"
    wrong = shopper.client.post("/api/payments/webhook", data=body, headers={"X-Razorpay-Signature": "0" * 64})
    assert wrong.status_code == 400
    assert faults() == {}


def test_p6_the_poller_alone_settles(shopper, bank, drain):
    token = shopper.order(add_product())
    bank.pay(shopper.hand_over(token).fields["order_id"])
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_a_part_goes_back_over_the_account_it_came_by(shopper, bank, merchant, drain):
    token = shopper.order(add_product())
    shopper.pay(token)
    drain()
    assert counter.refund(merchant, token, amount="50.00", reason="goodwill").status_code == 303
    drain()
    assert counter.states() == [("succeeded", 5000)]
    assert money(bank) == (TOTAL, 5000)
    assert faults() == {}


def test_p16_a_refund_that_fails_is_seen_and_can_be_sent_again(shopper, bank, merchant, drain):
    token = shopper.order(add_product())
    shopper.pay(token)
    drain()
    bank.control("POST", "/refunds", {"status": "failed", "count": 1})
    counter.refund(merchant, token, amount="197.00", reason="goodwill")
    drain()
    bank.control("POST", "/clock", {"advance_seconds": 5})
    flows.reconcile(everything=True)
    drain()
    assert counter.states() == [("failed", TOTAL)]
    assert money(bank) == (TOTAL, 0)
    assert "Refund failed" in merchant.get("/admin/payments")
    assert faults() == {}

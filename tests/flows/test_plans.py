"""Ways to pay later (PAY-29): switched on for a provider and a currency, from its least amount on; its page offers nothing
else then; the shop is paid in full at once, and gives back as ever."""

from __future__ import annotations

import pytest
import requests

from app.core import db
from app.core.settings import BadSettings
from app.payments import gateway
from tests import shop as shops
from tests.bank import CURLEC, CURLEC_SECRETS, STRIPE
from tests.flows.providers import PayPalShopper, StripeShopper, paypal, razorpay, state_of, stripe
from tests.flows.providers import refund as ask_for_refund
from tests.flows.shopper import Shopper, provider_order_of
from tests.shop import add_product, faults
from tools.webforms import form_to

PLANS = "curlec:atome:MYR, razorpay:paylater:INR, stripe:klarna:USD, stripe:afterpay_clearpay:USD, paypal:paypal_paylater:USD:4000"
ATOME, KLARNA = "Pay later with Atome", "Pay later with Klarna"


@pytest.fixture
def told(bank):
    curlec = {
        "CURLEC_KEY_ID": CURLEC["key_id"],
        "CURLEC_KEY_SECRET": CURLEC["key_secret"],
        "CURLEC_WEBHOOK_SECRET": ",".join(CURLEC_SECRETS),
    }
    return {**razorpay(bank), **curlec, **stripe(bank), **paypal(bank), "PAYMENT_PLANS": PLANS}


@pytest.fixture
def shop(told, usual_app):
    app = usual_app(**told)
    shops.open_shop()
    return app


def codes(currency, minor=None):
    due = None if minor is None else gateway.Money(minor, currency)
    plans = {"atome", "paylater", "klarna", "afterpay_clearpay", "paypal_paylater"}
    return {offer.method.code for offer in gateway.offers(currency, due=due)} & plans


def buy_in(shopper, currency, price=18900):
    """An order in another currency, as far as the pay page; returns its token."""
    shopper.post("/-/preferences", currency=currency, language="en")
    return shopper.order(add_product(price=price))


def methods_of(token):
    """(provider, the way that was chosen, state, as the provider names it) of an order's attempts."""
    found = db.rows(
        "SELECT a.provider, a.method, a.state, c.method FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " JOIN orders o ON o.id = p.order_id LEFT JOIN payment_capture c ON c.attempt_id = a.id WHERE o.token = :token"
        " ORDER BY a.position",
        token=token,
    )
    db.release()
    return [tuple(row) for row in found]


def test_each_market_offers_its_own_from_the_least_amount_on(shop):
    assert codes("MYR") == {"atome"}
    assert codes("INR") == {"paylater"}
    assert codes("USD") == {"klarna", "afterpay_clearpay", "paypal_paylater"}
    assert codes("EUR") == set()
    assert (codes("MYR", 999), codes("MYR", 1000)) == (set(), {"atome"})
    assert (codes("USD", 3999), codes("USD", 4000)) == ({"klarna", "afterpay_clearpay"}, codes("USD"))


def test_nothing_is_offered_until_it_is_switched_on(told, make_app):
    make_app(**told | {"PAYMENT_PLANS": ""})
    assert codes("MYR") | codes("INR") | codes("USD") == set()


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        ("curlec:klarna:MYR", "choose of: curlec:atome:MYR"),
        ("curlec:atome:USD", "not offered there"),
        ("billplz:atome:MYR", "keys of billplz are missing"),
        ("atome", "write provider:method:currency"),
        ("curlec:atome:XXX", "write provider:method:currency"),
        ("curlec:atome:MYR:-5", "write provider:method:currency"),
        ("curlec:atome:MYR:5:6", "write provider:method:currency"),
        ("nobody:atome:MYR", "write provider:method:currency"),
    ],
)
def test_what_a_provider_does_not_offer_is_refused_at_the_start(told, make_app, plans, said):
    with pytest.raises(BadSettings, match=said):
        make_app(**told | {"PAYMENT_PLANS": plans})


def test_atome_from_the_choice_at_review_to_the_refund(shopper, bank, drain):
    assert shopper.add(add_product()).status_code == 303
    review = shopper.to_review()
    assert ATOME in review
    assert "Atome decides whether it gives you credit" in review
    token = shopper.place(review, payment_method="atome").location.rsplit("/", 1)[-1]
    form = shopper.hand_over(token)
    assert (form.fields["key_id"], form.fields["method"]) == (CURLEC["key_id"], "paylater")
    assert "prefill[method]" not in form.fields
    page = requests.post(form.action, data=form.fields, timeout=10)
    there = form_to(page.text, "/pay/")
    assert page.text.count('type="radio"') == 1
    paid = requests.post(f"{bank.url}{there.action}", data=there.filled(action="succeed"), timeout=10)
    back = form_to(paid.text, form.fields["callback_url"])
    assert shopper.client.post(form.fields["callback_url"], data=back.fields).status_code == 303
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert methods_of(token) == [("curlec", "atome", "captured", "paylater")]
    refunds = [ask_for_refund(token, minor) for minor in (5000, 14700)]
    drain()
    assert [state_of(each) for each in refunds] == ["succeeded", "succeeded"]
    [account] = bank.ledger()["receipts"].values()
    assert (account["captured"], account["refunded"]) == (19700, 19700)
    assert faults() == {}


def test_below_the_least_amount_it_is_absent_and_cannot_be_posted(told, make_app, bank):
    app = make_app(**told | {"PAYMENT_PLANS": "curlec:atome:MYR:20000"})
    shops.open_shop()
    shopper = Shopper(app.test_client(), bank)
    assert shopper.add(add_product()).status_code == 303
    review = shopper.to_review()
    assert ATOME not in review
    answer = shopper.place(review, payment_method="atome")
    assert answer.status_code == 422
    assert "Choose how you want to pay" in answer.text
    token = shopper.place(shopper.get("/checkout/review")).location.rsplit("/", 1)[-1]
    assert ATOME not in shopper.get(f"/checkout/pay/{token}")
    assert shopper.choose(token, payment_method="atome").status_code == 422
    assert methods_of(token) == []


def test_switched_off_after_the_order_another_way_is_chosen(told, make_app, bank, drain):
    shopper = Shopper(make_app(**told).test_client(), bank)
    shops.open_shop()
    assert shopper.add(add_product()).status_code == 303
    token = shopper.place(payment_method="atome").location.rsplit("/", 1)[-1]
    later = Shopper(make_app(**told | {"PAYMENT_PLANS": ""}).test_client(), bank)
    page = later.get(f"/checkout/pay/{token}")
    assert ATOME not in page
    assert '<details class="acc" open>' in page
    assert later.choose(token).status_code == 422
    answer = later.choose(token, payment_method="card")
    form = form_to(later.get(answer.location), bank.url)
    later.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], method="card"))
    drain()
    assert "is confirmed" in later.heading(token)


def test_the_lender_says_no_and_a_card_pays(shopper, bank, drain):
    token = shopper.order(add_product())
    answer = shopper.choose(token, payment_method="atome")
    form = form_to(shopper.get(answer.location), bank.url)
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "failed", method="paylater"))
    assert "The payment did not go through" in shopper.get(f"/checkout/pay/{token}")
    answer = shopper.choose(token, payment_method="card")
    form = form_to(shopper.get(answer.location), bank.url)
    assert "method" not in form.fields
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], method="card"))
    drain()
    assert [each[1:3] for each in methods_of(token)] == [("atome", "failed"), ("card", "captured")]
    assert faults() == {}


@pytest.mark.parametrize(("method", "words"), [("klarna", KLARNA), ("afterpay_clearpay", "Pay later with Afterpay")])
def test_stripes_session_takes_nothing_but_the_plan(shop, bank, drain, method, words):
    shopper = StripeShopper(shop.test_client(), bank)
    token = buy_in(shopper, "USD")
    assert words in shopper.get(f"/checkout/pay/{token}")
    page = shopper.open_page(token, method=method)
    session = stripe_object(bank, f"/checkout/sessions/{provider_order_of(token)}")
    assert session["payment_method_types"] == [method]
    assert shopper.press(page, method="card").status_code == 400
    assert shopper.pay_there(page).status_code == 303
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert methods_of(token) == [("stripe", method, "captured", method)]
    paid = stripe_object(bank, f"/checkout/sessions/{session['id']}")
    intent = stripe_object(bank, f"/payment_intents/{paid['payment_intent']}")
    assert intent["shipping"]["name"] == "Aina Rahman"
    assert intent["shipping"]["address"]["postal_code"] == "50480"
    refund_everything(token, drain)


def test_paypal_opens_with_pay_later(shop, bank, drain):
    shopper = PayPalShopper(shop.test_client(), bank)
    token = buy_in(shopper, "USD")
    answer = shopper.choose(token, payment_method="paypal_paylater")
    form = form_to(shopper.get(answer.location), f"{bank.url}/paypal")
    page = requests.get(form.action, params=form.fields, timeout=10).text
    assert "PAYPAL_PAY_LATER" in page
    shopper.client.get(shopper.approve_there(form))
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert methods_of(token) == [("paypal", "paypal_paylater", "captured", "paypal")]
    refund_everything(token, drain)


def test_programs_learn_of_it_and_are_held_to_the_least_amount(told, make_app, bank):
    shopper = Shopper(make_app(**told | {"PAYMENT_PLANS": "curlec:atome:MYR:20000"}).test_client(), bank)
    shops.open_shop()
    token = shopper.order(add_product())
    headers = {"X-CSRF-Token": shopper.csrf()}
    asked = {"order": token, "method": "atome"}
    answer = shopper.client.post("/api/v1/payment/initiate", json=asked, headers=headers)
    assert answer.status_code == 422
    assert "atome" not in answer.json["methods"]
    assert methods_of(token) == []


def refund_everything(token, drain):
    order_id, minor, currency = db.rows("SELECT id, total_minor, currency FROM orders WHERE token = :t", t=token)[0]
    db.release()
    sent = ask_for_refund(token, minor, currency)
    drain()
    assert state_of(sent) == "succeeded"
    assert db.scalar("SELECT state FROM payment WHERE order_id = :id", id=order_id) == "refunded"
    db.release()
    assert faults() == {}


def stripe_object(bank, path):
    answer = requests.get(f"{bank.url}/stripe/v1{path}", auth=(STRIPE["secret_key"], ""), timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()

"""Two accounts at Razorpay's house: Curlec takes the ringgit, Razorpay everything else, and neither is taken for the other."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from app.core import db, outbox
from app.payments import gateway
from tests import shop as shops
from tests.flows.shopper import Shopper, money, provider_order_of
from tests.payments.conftest import KEYS, WEBHOOK_SECRETS, Bank
from tests.shop import add_product, faults
from tools.webforms import form_to

CURLEC = {"key_id": "rzp_test_curlec0000000", "key_secret": "curlec_key_secret"}
CURLEC_SECRETS = ("curlec_webhook_secret",)


@pytest.fixture(scope="module")
def running_curlec(tmp_path_factory):
    curlec = Bank(tmp_path_factory.mktemp("curlec"), keys=CURLEC, webhook_secrets=CURLEC_SECRETS)
    yield curlec
    curlec.end()


@pytest.fixture
def curlec(running_curlec):
    running_curlec.control("POST", "/reset")
    return running_curlec


@pytest.fixture
def shop(bank, curlec, make_app):
    app = make_app(
        RAZORPAY_API_URL=bank.url,
        RAZORPAY_KEY_ID=KEYS["key_id"],
        RAZORPAY_KEY_SECRET=KEYS["key_secret"],
        RAZORPAY_WEBHOOK_SECRET=",".join(WEBHOOK_SECRETS),
        CURLEC_API_URL=curlec.url,
        CURLEC_KEY_ID=CURLEC["key_id"],
        CURLEC_KEY_SECRET=CURLEC["key_secret"],
        CURLEC_WEBHOOK_SECRET=",".join(CURLEC_SECRETS),
        CURLEC_IS_SANDBOX="true",
    )
    shops.open_shop()
    return app


@pytest.fixture
def shopper(shop, curlec):
    return Shopper(shop.test_client(), curlec)


def choose(shopper, token, method):
    page = form_to(shopper.get(f"/checkout/pay/{token}"), f"/checkout/pay/{token}")
    answer = shopper.client.post(f"/checkout/pay/{token}", data=page.filled(payment_method=method))
    assert answer.status_code == 303, answer.text
    return form_to(shopper.get(answer.location), shopper.bank.url)


def notice(secret, order_id):
    entity = {"id": "pay_of_nobody00000000", "order_id": order_id}
    body = json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": entity}}}).encode()
    return body, {"X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def test_each_currency_has_its_account(shop):
    takers = {offer.method.code: offer.provider for offer in gateway.offers("MYR")}
    assert takers == dict.fromkeys(("fpx", "wallet", "duitnow", "card"), "curlec")
    assert {offer.provider for currency in ("INR", "USD") for offer in gateway.offers(currency)} == {"razorpay"}


def test_ringgit_are_paid_at_curlec_by_duitnow(shopper, bank, curlec):
    token = shopper.order(add_product(stock_of={"KB": 3}, price=18900))
    form = choose(shopper, token, "duitnow")
    assert (form.fields["key_id"], form.fields["prefill[method]"]) == (CURLEC["key_id"], "duitnow")
    shopper.come_back(form.fields["callback_url"], curlec.pay(form.fields["order_id"]))
    assert "confirmed" in shopper.heading(token).lower()
    assert money(curlec) == (18900 + 800, 0)
    assert bank.ledger()["totals"] == {}
    assert not any(faults().values())


def test_a_decline_is_tried_again_by_another_method_on_the_same_order(shopper, curlec):
    token = shopper.order(add_product(stock_of={"KB": 3}, price=18900))
    form = choose(shopper, token, "fpx")
    curlec.pay(form.fields["order_id"], "failed", reason="insufficient_fund")
    shopper.client.post(form.fields["callback_url"], data={"error[code]": "BAD_REQUEST_ERROR"})
    again = choose(shopper, token, "card")
    assert again.fields["order_id"] != form.fields["order_id"]
    shopper.come_back(again.fields["callback_url"], curlec.pay(again.fields["order_id"]))
    assert "confirmed" in shopper.heading(token).lower()
    assert money(curlec) == (18900 + 800, 0)


def test_p9_the_signature_of_one_account_says_nothing_at_the_other(shopper, curlec, bank):
    token = shopper.order(add_product(stock_of={"KB": 3}, price=18900))
    form = choose(shopper, token, "fpx")
    paid = curlec.pay(form.fields["order_id"], "failed")
    forged = hmac.new(
        KEYS["key_secret"].encode(),
        f"{form.fields['order_id']}|{paid['razorpay_payment_id']}".encode(),
        hashlib.sha256,
    ).hexdigest()
    answer = shopper.come_back(form.fields["callback_url"], {**paid, "razorpay_signature": forged})
    assert answer.status_code == 400
    assert db.scalar("SELECT state FROM orders WHERE token = :token", token=token) == "pending"
    db.release()


@pytest.mark.parametrize(("secret", "provider"), [(CURLEC_SECRETS[0], "curlec"), (WEBHOOK_SECRETS[1], "razorpay")])
def test_a_webhook_is_of_the_account_whose_secret_signed_it(shopper, secret, provider):
    body, headers = notice(secret, "order_ofsomebody0000")
    answer = shopper.client.post("/api/v1/payment/webhook", data=body, headers=headers, content_type="application/json")
    assert answer.status_code == 200
    assert [row[0] for row in db.rows("SELECT provider FROM payment_notice")] == [provider]
    db.release()


def test_p19_a_webhook_of_neither_account_is_refused(shopper):
    body, headers = notice("somebody-elses-secret", "order_ofsomebody0000")
    answer = shopper.client.post("/api/payments/webhook", data=body, headers=headers, content_type="application/json")
    assert answer.status_code == 400
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    db.release()


def test_curlec_alone_settles_what_its_webhook_tells(shopper, curlec):
    token = shopper.order(add_product(stock_of={"KB": 3}, price=18900))
    order_id = choose(shopper, token, "wallet").fields["order_id"]
    curlec.pay(order_id)
    assert provider_order_of(token) == order_id
    body, headers = notice(CURLEC_SECRETS[0], order_id)
    shopper.client.post("/api/payments/webhook", data=body, headers=headers, content_type="application/json")
    outbox.drain()
    assert "confirmed" in shopper.heading(token).lower()

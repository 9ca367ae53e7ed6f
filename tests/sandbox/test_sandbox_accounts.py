"""Two accounts at one bank: what belongs to one is not there for the other."""

import hashlib
import hmac

import pytest
import razorpay

from tests.sandbox.conftest import DEADLINE

CURLEC = ("rzp_test_curlec", "curlec_key_secret")


@pytest.fixture
def curlec(sandbox):
    return razorpay.Client(auth=CURLEC, base_url=sandbox.url)


@pytest.fixture
def order(curlec):
    return curlec.order.create({"amount": 5000, "currency": "MYR", "receipt": "C-1"}, timeout=DEADLINE)


def test_orders_payments_and_refunds_are_their_accounts_own(sandbox, curlec, order):
    payment_id = sandbox.pay(order)["razorpay_payment_id"]
    refund_id = curlec.payment.refund(payment_id, {"amount": 100}, timeout=DEADLINE)["id"]
    for path in (
        f"/v1/orders/{order['id']}",
        f"/v1/orders/{order['id']}/payments",
        f"/v1/payments/{payment_id}",
        f"/v1/payments/{payment_id}/refunds",
        f"/v1/refunds/{refund_id}",
    ):
        assert sandbox.api("GET", path).status_code == 400
        assert sandbox.api("GET", path, auth=CURLEC).status_code == 200
    refused = sandbox.api("POST", f"/v1/payments/{payment_id}/refund", json={"amount": 100})
    assert refused.status_code == 400
    assert sandbox.ledger("C-1")["refunded"] == 100
    assert sandbox.api("GET", "/v1/orders?receipt=C-1").json()["count"] == 0
    assert sandbox.api("GET", "/v1/payments").json()["count"] == 0
    assert sandbox.api("GET", "/v1/orders?receipt=C-1", auth=CURLEC).json()["count"] == 1


def test_curlec_takes_ringgit_only(sandbox):
    answer = sandbox.api("POST", "/v1/orders", auth=CURLEC, json={"amount": 5000, "currency": "INR"})
    assert answer.status_code == 400


def test_each_account_signs_with_its_own_secrets(sandbox, shop, order):
    paid = sandbox.pay(order)
    expected = hmac.new(CURLEC[1].encode(), f"{order['id']}|{paid['razorpay_payment_id']}".encode(), hashlib.sha256)
    assert paid["razorpay_signature"] == expected.hexdigest()
    for letter in shop.wait_for(3):
        expected = hmac.new(b"curlec_webhook_secret", letter["body"], hashlib.sha256).hexdigest()
        assert letter["headers"]["X-Razorpay-Signature"] == expected


def test_methods_are_those_of_the_account(sandbox):
    there = sandbox.api("GET", f"/v1/methods?key_id={CURLEC[0]}", auth=None).json()
    assert there["fpx"]["MB2U"] == "Maybank2U"
    assert there["wallet"]["shopeepay"] is True
    assert there["upi"] is False
    assert sandbox.api("GET", "/v1/methods?key_id=nobody", auth=None).status_code == 401


def test_a_page_opens_with_the_right_key_only(sandbox, order):
    query = f"/pay/{order['id']}?callback_url=http://shop.example/back&prefill[method]=duitnow&key_id="
    assert sandbox.api("GET", query + "rzp_test_suite0000000").status_code == 400
    page = sandbox.api("GET", query + CURLEC[0])
    assert page.status_code == 200
    assert 'value="duitnow" checked' in page.text

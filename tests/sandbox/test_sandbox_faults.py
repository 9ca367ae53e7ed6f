import time

import pytest
import razorpay
import requests

BODY = {"amount": 5000, "currency": "MYR", "receipt": "R-1"}


def fault(sandbox, kind, **options):
    return sandbox.control(
        "POST", "/faults", {"method": "POST", "path": "/v1/orders", "fault": kind, "count": 1, **options}
    )


def orders(sandbox):
    return sandbox.api("GET", "/v1/orders").json()["count"]


def test_act_then_drop_creates_the_order_and_says_nothing(sandbox):
    fault(sandbox, "act_then_drop")
    with pytest.raises(requests.ConnectionError):
        sandbox.api("POST", "/v1/orders", json=BODY)
    assert orders(sandbox) == 1
    sandbox.order()
    assert orders(sandbox) == 2


def test_drop_does_nothing_and_says_nothing(sandbox):
    fault(sandbox, "drop")
    with pytest.raises(requests.ConnectionError):
        sandbox.api("POST", "/v1/orders", json=BODY)
    assert orders(sandbox) == 0


def test_hang_acts_and_answers_late(sandbox):
    fault(sandbox, "hang", seconds=0.3)
    with pytest.raises(requests.Timeout):
        sandbox.api("POST", "/v1/orders", json=BODY, timeout=0.1)
    assert orders(sandbox) == 1
    fault(sandbox, "hang", seconds=0.1)
    started = time.monotonic()
    assert sandbox.order()["status"] == "created"
    assert time.monotonic() - started >= 0.1


def test_hang_without_acting_ends_in_silence(sandbox):
    fault(sandbox, "hang", seconds=0.1, act=False)
    with pytest.raises(requests.ConnectionError):
        sandbox.api("POST", "/v1/orders", json=BODY)
    assert orders(sandbox) == 0


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (429, "application/json", "BAD_REQUEST_ERROR"),
        (500, "application/json", "SERVER_ERROR"),
        (502, "text/html", None),
    ],
)
def test_status_answers_without_acting(sandbox, status, kind, code):
    fault(sandbox, "status", status=status)
    answer = sandbox.api("POST", "/v1/orders", json=BODY)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
    if code:
        assert answer.json()["error"]["code"] == code
    else:
        assert answer.text.startswith("<html>")
    assert orders(sandbox) == 0


def test_status_can_act_first(sandbox):
    fault(sandbox, "status", status=500, act=True)
    with pytest.raises(razorpay.errors.ServerError):
        sandbox.order()
    assert orders(sandbox) == 1


def test_slow_body_arrives_whole(sandbox):
    fault(sandbox, "slow_body", seconds=0.3)
    started = time.monotonic()
    assert sandbox.order()["amount"] == 5000
    assert time.monotonic() - started >= 0.3


def test_truncated_body_is_cut(sandbox):
    fault(sandbox, "truncated_body")
    with pytest.raises(requests.RequestException):
        sandbox.api("POST", "/v1/orders", json=BODY)
    assert orders(sandbox) == 1


def test_wrong_amount_lies_in_the_answer_only(sandbox):
    order = sandbox.order()
    payment_id = sandbox.pay(order)["razorpay_payment_id"]
    fault(sandbox, "wrong_amount", method="GET", path="/v1/payments/*", delta=-100)
    assert sandbox.payment(payment_id)["amount"] == 4900
    assert sandbox.payment(payment_id)["amount"] == 5000
    fault(sandbox, "wrong_amount", method="GET", path="/v1/orders/*/payments")
    listed = sandbox.client.order.payments(order["id"], timeout=5)
    assert listed["items"][0]["amount"] == 5001
    assert sandbox.ledger()["captured"] == 5000


def test_wrong_currency_lies_in_the_answer_only(sandbox):
    payment_id = sandbox.pay(sandbox.order())["razorpay_payment_id"]
    fault(sandbox, "wrong_currency", method="GET", path="/v1/payments/*")
    assert sandbox.payment(payment_id)["currency"] == "USD"
    fault(sandbox, "wrong_currency", method="GET", path="/v1/payments/*", currency="INR")
    assert sandbox.payment(payment_id)["currency"] == "INR"
    assert sandbox.ledger()["currency"] == "MYR"


def test_a_fault_hits_its_method_and_path_only(sandbox):
    order = sandbox.order()
    fault(sandbox, "status", status=500, method="GET", path="/v1/orders/*", count=None)
    assert sandbox.api("GET", f"/v1/orders/{order['id']}").status_code == 500
    assert sandbox.api("GET", f"/v1/orders/{order['id']}/payments").status_code == 200
    assert sandbox.api("GET", "/v1/orders").status_code == 200
    assert sandbox.api("POST", "/v1/orders", json=BODY).status_code == 200
    fault(sandbox, "status", status=429, method="*", path="/v1/**", count=None)
    assert sandbox.api("GET", f"/v1/orders/{order['id']}/payments").status_code == 429


def test_the_checkout_can_be_hit_but_never_the_controls(sandbox):
    fault(sandbox, "status", status=502, method="*", path="/**", count=None)
    assert sandbox.api("GET", "/pay/order_00000000000000").status_code == 502
    assert sandbox.control("GET", "/health")["status"] == "ok"


def test_a_fault_wears_off(sandbox):
    fault(sandbox, "status", status=500, count=2)
    statuses = [sandbox.api("POST", "/v1/orders", json=BODY).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_the_same_seed_makes_the_same_faults(sandbox):
    def statuses():
        sandbox.control("DELETE", "/faults")
        fault(sandbox, "status", status=500, count=None, probability=0.5, seed=3)
        return [sandbox.api("POST", "/v1/orders", json=BODY).status_code for _ in range(20)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 500}


def test_faults_are_listed_and_cleared(sandbox):
    first, second = fault(sandbox, "drop"), fault(sandbox, "status", status=429)
    assert sandbox.control("GET", "/faults")["items"] == [first, second]
    assert sandbox.control("DELETE", f"/faults/{first['id']}")["items"] == [second]
    assert sandbox.control("DELETE", "/faults")["items"] == []
    assert sandbox.order()["status"] == "created"


@pytest.mark.parametrize(
    "nonsense", [{}, {"fault": "explode"}, {"fault": "status", "status": 200}, {"fault": "drop", "where": "x"}]
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox, nonsense):
    assert sandbox.api("POST", "/_sandbox/faults", json=nonsense).status_code == 400
    assert sandbox.control("GET", "/faults")["items"] == []

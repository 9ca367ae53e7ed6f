import re
import threading

import pytest
import razorpay
import requests

KEY = {"X-Refund-Idempotency": "refund-0000000001"}
DAY = 24 * 3600


@pytest.fixture
def payment_id(sandbox):
    return sandbox.pay(sandbox.order(5000))["razorpay_payment_id"]


def refund(sandbox, payment_id, amount=None, key=None, **fields):
    body = fields if amount is None else {"amount": amount, **fields}
    headers = {} if key is None else {"X-Refund-Idempotency": key}
    return sandbox.api("POST", f"/v1/payments/{payment_id}/refund", json=body, headers=headers)


def test_a_refund_has_exactly_the_documented_fields(sandbox, payment_id):
    made = sandbox.client.payment.refund(
        payment_id, {"amount": 2000, "notes": {"why": "torn"}, "receipt": "RF-1"}, headers=KEY, timeout=5
    )
    assert re.fullmatch(r"rfnd_[A-Za-z0-9]{14}", made["id"])
    assert made.pop("acquirer_data").keys() == {"arn"}
    assert isinstance(made.pop("created_at"), int)
    assert made == {
        "id": made["id"],
        "entity": "refund",
        "amount": 2000,
        "currency": "MYR",
        "payment_id": payment_id,
        "notes": {"why": "torn"},
        "receipt": "RF-1",
        "batch_id": None,
        "status": "processed",
        "speed_requested": "normal",
        "speed_processed": "normal",
    }
    payment = sandbox.payment(payment_id)
    assert (payment["status"], payment["amount_refunded"], payment["refund_status"]) == ("captured", 2000, "partial")


def test_refunds_are_found_again(sandbox, payment_id):
    first, second = (refund(sandbox, payment_id, 1000).json() for _ in range(2))
    assert sandbox.client.refund.fetch(first["id"], timeout=5) == first
    listed = sandbox.client.payment.fetch_multiple_refund(payment_id, timeout=5)
    assert listed == {"entity": "collection", "count": 2, "items": [second, first]}
    assert sandbox.api("GET", f"/v1/payments/{payment_id}/refunds/{first['id']}").json() == first
    other = sandbox.pay(sandbox.order())["razorpay_payment_id"]
    assert sandbox.api("GET", f"/v1/payments/{other}/refunds/{first['id']}").status_code == 400
    assert sandbox.api("GET", "/v1/refunds/rfnd_00000000000000").status_code == 400


def test_without_an_amount_everything_left_is_refunded(sandbox, payment_id):
    refund(sandbox, payment_id, 1500)
    assert sandbox.client.payment.refund(payment_id, timeout=5)["amount"] == 3500
    payment = sandbox.payment(payment_id)
    assert (payment["status"], payment["refund_status"], payment["captured"]) == ("refunded", "full", True)
    assert sandbox.client.order.fetch(payment["order_id"], timeout=5)["status"] == "paid"


def test_never_more_than_was_captured(sandbox, payment_id):
    assert (
        refund(sandbox, payment_id, 5001)
        .json()["error"]["description"]
        .startswith("The refund amount provided is greater")
    )
    assert refund(sandbox, payment_id, 3000).status_code == 200
    assert refund(sandbox, payment_id, 2001).status_code == 400
    assert refund(sandbox, payment_id, 2000).status_code == 200
    assert (
        refund(sandbox, payment_id, 100).json()["error"]["description"] == "The payment has been fully refunded already"
    )
    account = sandbox.ledger()
    assert (account["captured"], account["refunded"], account["net"]) == (5000, 5000, 0)


@pytest.mark.parametrize(
    "body", [{"amount": 99}, {"amount": 0}, {"amount": 10.5}, {"amount": "100"}, {"speed": "warp"}, {"reason": "x"}]
)
def test_bad_refunds_are_refused(sandbox, payment_id, body):
    assert refund(sandbox, payment_id, **body).status_code == 400
    assert sandbox.ledger()["refunds"] == []


@pytest.mark.parametrize("outcome", ["authorized", "failed", "late"])
def test_only_captured_money_can_be_refunded(sandbox, outcome):
    payment_id = sandbox.pay(sandbox.order(), outcome)["razorpay_payment_id"]
    answer = refund(sandbox, payment_id, 1000)
    assert answer.status_code == 400
    assert "should be captured" in answer.json()["error"]["description"]


def test_the_same_key_refunds_once(sandbox, payment_id):
    first = refund(sandbox, payment_id, 2000, key="refund-0000000001")
    again = refund(sandbox, payment_id, 2000, key="refund-0000000001")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert sandbox.ledger()["refunded"] == 2000
    assert sandbox.ledger()["refunds"][0]["idempotency_key"] == "refund-0000000001"
    other = refund(sandbox, payment_id, 2000, key="refund-0000000002")
    assert other.json()["id"] != first.json()["id"]
    assert sandbox.ledger()["refunded"] == 4000


def test_the_same_key_with_another_request_is_a_conflict(sandbox, payment_id):
    refund(sandbox, payment_id, 2000, key="refund-0000000001")
    other = sandbox.pay(sandbox.order(receipt="R-2"))["razorpay_payment_id"]
    for answer in (
        refund(sandbox, payment_id, 1000, key="refund-0000000001"),
        refund(sandbox, other, 2000, key="refund-0000000001"),
    ):
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "BAD_REQUEST_ERROR"
        assert answer.json()["error"]["description"] == (
            "Different request with the same idempotency key has already been processed."
        )
    assert sandbox.ledger()["refunded"] == 2000
    assert sandbox.ledger("R-2")["refunded"] == 0


def test_a_refused_refund_does_not_use_up_its_key(sandbox, payment_id):
    assert refund(sandbox, payment_id, 9000, key="refund-0000000001").status_code == 400
    assert refund(sandbox, payment_id, 5000, key="refund-0000000001").status_code == 200


def test_a_key_in_use_is_a_conflict_until_the_first_request_ends(sandbox, payment_id):
    sandbox.control("POST", "/faults", {"path": "/v1/payments/*/refund", "fault": "hang", "seconds": 0.6, "count": 1})
    with pytest.raises(requests.Timeout):
        sandbox.client.payment.refund(payment_id, {"amount": 2000}, headers=KEY, timeout=0.2)
    answer = refund(sandbox, payment_id, 2000, key="refund-0000000001")
    assert answer.status_code == 409
    assert "still in progress" in answer.json()["error"]["description"]


def test_after_a_lost_answer_the_same_key_returns_the_same_refund(sandbox, payment_id):
    sandbox.control("POST", "/faults", {"path": "/v1/payments/*/refund", "fault": "act_then_drop", "count": 1})
    with pytest.raises(requests.ConnectionError):
        refund(sandbox, payment_id, 2000, key="refund-0000000001")
    made = sandbox.ledger()["refunds"]
    again = refund(sandbox, payment_id, 2000, key="refund-0000000001")
    assert [again.json()["id"]] == [entry["id"] for entry in made]
    assert sandbox.ledger()["refunded"] == 2000


@pytest.mark.parametrize("key", ["short", "has a blank 00", "ümlaut-000000", "semi;colon;00"])
def test_malformed_keys_are_refused(sandbox, payment_id, key):
    answer = refund(sandbox, payment_id, 1000, key=key.encode())
    assert answer.status_code == 400
    assert "idempotency key must" in answer.json()["error"]["description"]


def test_twenty_at_once_refund_no_more_than_there_is(sandbox, payment_id):
    barrier, statuses = threading.Barrier(20), []

    def click():
        barrier.wait()
        statuses.append(refund(sandbox, payment_id, 1000).status_code)

    clicks = [threading.Thread(target=click) for _ in range(20)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert sorted(statuses) == [200] * 5 + [400] * 15
    assert sandbox.ledger()["refunded"] == 5000


def test_pending_refunds_end_when_told(sandbox, payment_id):
    sandbox.control("POST", "/refunds", {"status": "pending", "count": 2})
    first, second, third = (refund(sandbox, payment_id, 1000).json() for _ in range(3))
    assert [made["status"] for made in (first, second, third)] == ["pending", "pending", "processed"]
    assert sandbox.payment(payment_id)["amount_refunded"] == 3000
    assert sandbox.control("POST", f"/refunds/{first['id']}", {"status": "processed"})["status"] == "processed"
    assert sandbox.control("POST", f"/refunds/{second['id']}", {"status": "failed"})["status"] == "failed"
    assert sandbox.payment(payment_id)["amount_refunded"] == 2000
    assert sandbox.ledger()["refunded"] == 2000
    for made in (first, second):  # the bank has said its word
        assert sandbox.api("POST", f"/_sandbox/refunds/{made['id']}", json={"status": "processed"}).status_code == 400
    assert sandbox.ledger()["refunded"] == 2000


def test_refunds_can_fail_days_later_and_the_money_is_refundable_again(sandbox, payment_id):
    sandbox.control("POST", "/refunds", {"status": "failed", "after_seconds": 3 * DAY, "count": 1})
    made = sandbox.client.payment.refund(payment_id, {"amount": 5000}, timeout=5)
    assert made["status"] == "pending"
    assert sandbox.payment(payment_id)["status"] == "refunded"
    sandbox.advance(3 * DAY + 1)
    assert sandbox.client.refund.fetch(made["id"], timeout=5)["status"] == "failed"
    payment = sandbox.payment(payment_id)
    assert (payment["status"], payment["amount_refunded"], payment["refund_status"]) == ("captured", 0, None)
    assert sandbox.ledger()["refunded"] == 0
    assert refund(sandbox, payment_id, 5000).json()["status"] == "processed"


def test_payments_older_than_six_months_cannot_be_refunded(sandbox, payment_id):
    sandbox.advance(200 * DAY)
    made = refund(sandbox, payment_id, 5000).json()
    assert made["status"] == "pending"
    sandbox.advance(1)
    assert sandbox.client.refund.fetch(made["id"], timeout=5)["status"] == "failed"
    assert sandbox.ledger()["refunded"] == 0


def test_the_official_client_reports_the_refusal(sandbox, payment_id):
    with pytest.raises(razorpay.errors.BadRequestError, match="greater than amount captured"):
        sandbox.client.payment.refund(payment_id, {"amount": 9999}, timeout=5)

"""Disputes, refunds from the dashboard, and refunds that fail after they had been processed."""

import re

import pytest

DAY = 24 * 3600


@pytest.fixture
def payment_id(sandbox):
    return sandbox.pay(sandbox.order(5000))["razorpay_payment_id"]


def test_a_dispute_has_the_documented_fields_and_is_found_again(sandbox, payment_id):
    made = sandbox.control("POST", "/disputes", {"payment_id": payment_id, "amount": 2000, "reason": "fraud"})
    assert re.fullmatch(r"disp_[A-Za-z0-9]{14}", made["id"])
    assert made["respond_by"] - made["created_at"] == 7 * DAY
    shown = {name: value for name, value in made.items() if name not in ("id", "created_at", "respond_by")}
    assert shown == {
        "entity": "dispute",
        "payment_id": payment_id,
        "amount": 2000,
        "currency": "MYR",
        "amount_deducted": 0,
        "reason_code": "fraud",
        "status": "open",
        "phase": "chargeback",
        "evidence": None,
    }
    assert sandbox.client.dispute.fetch(made["id"], timeout=5) == made
    for unknown in ("disp_00000000000000", "nonsense"):
        assert sandbox.api("GET", f"/v1/disputes/{unknown}").status_code == 400
    assert sandbox.api("GET", f"/v1/disputes/{made['id']}", auth=("x", "y")).status_code == 401


def test_each_word_of_the_bank_is_an_event(sandbox, shop, payment_id):
    dispute = sandbox.control("POST", "/disputes", {"payment_id": payment_id})
    sandbox.control("POST", f"/disputes/{dispute['id']}", {"status": "under_review"})
    sandbox.control("POST", f"/disputes/{dispute['id']}", {"status": "lost"})
    shop.wait_for(6)
    names = sorted(each["event"] for each in sandbox.deliveries(count=100))
    assert names[3:] == ["payment.dispute.created", "payment.dispute.lost", "payment.dispute.under_review"]
    assert sandbox.ledger()["refunded"] == 5000
    assert sandbox.client.dispute.fetch(dispute["id"], timeout=5)["amount_deducted"] == 5000


def test_a_dispute_that_is_won_moves_no_money_and_is_decided(sandbox, payment_id):
    dispute = sandbox.control("POST", "/disputes", {"payment_id": payment_id})
    sandbox.control("POST", f"/disputes/{dispute['id']}", {"status": "won"})
    assert sandbox.ledger()["refunded"] == 0
    with pytest.raises(AssertionError, match="decided"):
        sandbox.control("POST", f"/disputes/{dispute['id']}", {"status": "lost"})


def test_only_captured_payments_up_to_their_amount_are_disputed(sandbox, payment_id):
    with pytest.raises(AssertionError, match="greater"):
        sandbox.control("POST", "/disputes", {"payment_id": payment_id, "amount": 5001})
    failed = sandbox.pay(sandbox.order(), "failed")["razorpay_payment_id"]
    with pytest.raises(AssertionError, match="captured"):
        sandbox.control("POST", "/disputes", {"payment_id": failed})


def test_a_refund_from_the_dashboard_has_no_key_of_ours(sandbox, payment_id):
    made = sandbox.control("POST", "/dashboard/refunds", {"payment_id": payment_id, "amount": 700})
    assert (made["amount"], made["notes"], made["status"]) == (700, [], "processed")
    assert sandbox.ledger()["refunds"][0]["idempotency_key"] is None
    assert sandbox.control("POST", "/dashboard/refunds", {"payment_id": payment_id})["amount"] == 4300


def test_a_processed_refund_may_fail_once(sandbox, payment_id):
    made = sandbox.control("POST", "/dashboard/refunds", {"payment_id": payment_id})
    assert sandbox.control("POST", f"/refunds/{made['id']}", {"status": "failed"})["status"] == "failed"
    assert (sandbox.ledger()["refunded"], sandbox.payment(payment_id)["status"]) == (0, "captured")
    with pytest.raises(AssertionError, match="pending"):
        sandbox.control("POST", f"/refunds/{made['id']}", {"status": "failed"})
    assert sandbox.ledger()["refunded"] == 0

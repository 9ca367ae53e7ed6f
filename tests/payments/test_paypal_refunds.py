"""Refunds over PayPal: one key is one refund, whatever happens to the answer."""

import uuid

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable


@pytest.fixture
def key():
    return f"refund-{uuid.uuid4()}"


@pytest.fixture
def payment_id(paypal, approved):
    order_id = approved()
    paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    return order_id


def refunded_at_the_bank(bank):
    return bank.ledger()["totals"]["MYR"]["refunded"]


def test_just_the_amount_asked_for_goes_back(bank, paypal, payment_id, key):
    refund = paypal.process_refund(payment_id, Money(6800, "MYR"), key=key)
    assert (refund.state, refund.amount, refund.payment_id) == ("succeeded", Money(6800, "MYR"), payment_id)
    assert refund.key == key
    assert refunded_at_the_bank(bank) == 6800
    [payment] = paypal.get_payment_status(payment_id).payments
    assert (payment.state, payment.refunded_minor) == ("captured", 6800)
    paypal.process_refund(payment_id, Money(20000, "MYR"), key=f"refund-{uuid.uuid4()}")
    [payment] = paypal.get_payment_status(payment_id).payments
    assert (payment.state, payment.refunded_minor) == ("refunded", 26800)


@pytest.mark.parametrize("fault", [{"fault": "act_then_drop"}, {"fault": "status", "status": 500, "act": True}])
def test_p13_a_lost_answer_is_looked_up_before_anything_is_sent_again(bank, paypal, payment_id, key, fault):
    bank.control("POST", "/faults", {"method": "POST", "path": "/paypal/v2/payments/**", "count": 1, **fault})
    with pytest.raises(ProviderUnavailable):
        paypal.process_refund(payment_id, Money(6800, "MYR"), key=key)
    again = paypal.process_refund(payment_id, Money(6800, "MYR"), key=key)
    assert paypal.find_refunds(payment_id) == [again]
    assert refunded_at_the_bank(bank) == 6800


def test_p13_a_refund_is_found_by_our_key_when_paypal_has_forgotten_its_request_id(bank, paypal, payment_id, key):
    refund = paypal.process_refund(payment_id, Money(6800, "MYR"), key=key)
    bank.control("POST", "/clock", {"advance_seconds": 46 * 86400})
    assert paypal.process_refund(payment_id, Money(6800, "MYR"), key=key) == refund
    assert refunded_at_the_bank(bank) == 6800


def test_p14_two_equal_refunds_that_are_both_meant_both_happen(bank, paypal, payment_id):
    for _ in range(2):
        paypal.process_refund(payment_id, Money(5000, "MYR"), key=f"refund-{uuid.uuid4()}")
    assert refunded_at_the_bank(bank) == 10000


def test_more_than_was_captured_never_goes_back(bank, paypal, payment_id, key):
    with pytest.raises(ProviderRefused) as refusal:
        paypal.process_refund(payment_id, Money(26801, "MYR"), key=key)
    assert (refusal.value.facts["status"], refusal.value.facts["reason"]) == (422, "REFUND_AMOUNT_EXCEEDED")
    assert refunded_at_the_bank(bank) == 0
    assert paypal.find_refunds(payment_id) == []


@pytest.mark.parametrize("capture", ["PENDING", "DECLINED"])
def test_what_was_not_captured_cannot_be_refunded(bank, paypal, approved, key, capture):
    order_id = approved(capture=capture)
    paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    with pytest.raises(ProviderRefused):
        paypal.process_refund(order_id, Money(100, "MYR"), key=key)
    assert refunded_at_the_bank(bank) == 0


@pytest.mark.parametrize(("end", "state"), [("COMPLETED", "succeeded"), ("FAILED", "failed"), ("CANCELLED", "failed")])
def test_p16_a_pending_refund_ends_later(bank, paypal, payment_id, end, state):
    bank.control("POST", "/paypal/refunds", {"status": "PENDING", "count": 1})
    pending = paypal.process_refund(payment_id, Money(6800, "MYR"), key="refund-1")
    assert pending.state == "pending"
    bank.control("POST", f"/paypal/refunds/{pending.id}", {"status": end})
    assert [refund.state for refund in paypal.find_refunds(payment_id)] == [state]
    assert refunded_at_the_bank(bank) == (6800 if state == "succeeded" else 0)


def test_p16_a_refund_that_had_succeeded_fails_after_all(bank, paypal, payment_id, key):
    refund = paypal.process_refund(payment_id, Money(6800, "MYR"), key=key)
    bank.control("POST", f"/paypal/refunds/{refund.id}", {"status": "FAILED"})
    assert [each.state for each in paypal.find_refunds(payment_id)] == ["failed"]
    [payment] = paypal.get_payment_status(payment_id).payments
    assert (payment.state, payment.refunded_minor) == ("captured", 0)


def test_a_refund_made_in_paypals_own_pages_has_no_key_of_ours(bank, paypal, payment_id):
    account = bank.control("GET", "/ledger/K7F3-3QX9-1")
    amount = {"currency_code": "MYR", "value": "10.00"}
    bank.control("POST", f"/paypal/captures/{account['payments'][0]['id']}/refund", {"amount": amount})
    [refund] = paypal.find_refunds(payment_id)
    assert (refund.key, refund.amount, refund.state) == ("", Money(1000, "MYR"), "succeeded")


def test_c9_a_refund_in_yen(bank, paypal, approved, key):
    order_id = approved(minor=500, currency="JPY")
    paypal.capture_payment(order_id, Money(500, "JPY"), key="capture-1")
    assert paypal.process_refund(order_id, Money(80, "JPY"), key=key).amount == Money(80, "JPY")
    assert bank.ledger()["totals"]["JPY"]["refunded"] == 80

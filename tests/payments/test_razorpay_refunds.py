"""Refunds: the amount is always said, one key is one refund, whatever happens to the answer."""

import uuid

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable


@pytest.fixture
def key():
    return f"refund-{uuid.uuid4()}"


@pytest.fixture
def payment_id(bank, adapter, request_of):
    return bank.pay(adapter.initiate_payment(request_of(), look_first=False).id)["razorpay_payment_id"]


def refunded_at_the_bank(bank):
    return bank.control("GET", "/ledger?totals=1")["totals"]["MYR"]["refunded"]


def test_just_the_amount_asked_for_goes_back(bank, adapter, payment_id, key):
    refund = adapter.process_refund(payment_id, Money(6800, "MYR"), key=key)
    assert (refund.state, refund.amount, refund.payment_id, refund.key) == (
        "succeeded",
        Money(6800, "MYR"),
        payment_id,
        key,
    )
    assert refunded_at_the_bank(bank) == 6800


def test_p13_a_lost_answer_is_asked_for_again_with_the_same_key(bank, adapter, payment_id, key):
    bank.fault("act_then_drop", method="POST", path="/v1/payments/*/refund", count=1)
    with pytest.raises(ProviderUnavailable):
        adapter.process_refund(payment_id, Money(6800, "MYR"), key=key)
    again = adapter.process_refund(payment_id, Money(6800, "MYR"), key=key)
    assert adapter.find_refunds(payment_id) == [again]
    assert refunded_at_the_bank(bank) == 6800


def test_p14_two_equal_refunds_that_are_both_meant_both_happen(bank, adapter, payment_id):
    for _ in range(2):
        adapter.process_refund(payment_id, Money(5000, "MYR"), key=f"refund-{uuid.uuid4()}")
    assert refunded_at_the_bank(bank) == 10000


def test_more_than_was_captured_never_goes_back(bank, adapter, payment_id, key):
    with pytest.raises(ProviderRefused) as refusal:
        adapter.process_refund(payment_id, Money(26801, "MYR"), key=key)
    assert refusal.value.facts["status"] == 400
    assert "greater than amount captured" in str(refusal.value)
    assert refunded_at_the_bank(bank) == 0


def test_one_key_for_two_different_refunds_is_refused_for_good(bank, adapter, payment_id, key):
    adapter.process_refund(payment_id, Money(100, "MYR"), key=key)
    with pytest.raises(ProviderRefused) as refusal:
        adapter.process_refund(payment_id, Money(200, "MYR"), key=key)
    assert refusal.value.facts["status"] == 409
    assert refunded_at_the_bank(bank) == 100


def test_a_refund_still_under_way_is_asked_for_later(bank, adapter, hasty, payment_id, key):
    bank.fault("hang", method="POST", path="/v1/payments/*/refund", seconds=2, count=1)
    with pytest.raises(ProviderUnavailable):
        hasty.process_refund(payment_id, Money(100, "MYR"), key=key)
    with pytest.raises(ProviderUnavailable) as busy:  # the bank still works on the first question: 409
        adapter.process_refund(payment_id, Money(100, "MYR"), key=key)
    assert busy.value.facts["status"] == 409


def test_p16_a_refund_may_be_pending_and_then_fail(bank, adapter, payment_id, key):
    bank.control("POST", "/refunds", {"status": "pending", "count": 1})
    refund = adapter.process_refund(payment_id, Money(100, "MYR"), key=key)
    assert refund.state == "pending"
    bank.control("POST", f"/refunds/{refund.id}", {"status": "failed"})
    assert [(each.state, each.key) for each in adapter.find_refunds(payment_id)] == [("failed", key)]


def test_a_refund_without_notes_is_nobodys(bank, adapter, payment_id):
    adapter._client.payment.refund(payment_id, {"amount": 100}, timeout=(5, 5))  # as from the provider's own dashboard
    assert [(each.amount, each.key) for each in adapter.find_refunds(payment_id)] == [(Money(100, "MYR"), "")]

"""PAY-35: a provider that does not answer is left alone, asked again later, and never asked twice to create anything."""

import contextlib

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.guarded import FAILURES, Guarded, insisting


@pytest.fixture
def guarded(adapter):
    return Guarded(adapter)


@pytest.fixture
def order_id(guarded, request_of):
    return guarded.initiate_payment(request_of(), look_first=False).id


def trip(bank, guarded, request_of):
    """Calls without an answer, as many as it takes."""
    bank.fault("status", status=500)
    for _ in range(FAILURES):
        assert not guarded.is_down
        with pytest.raises(ProviderUnavailable):
            guarded.initiate_payment(request_of("K7F3-3QX9-9"), look_first=False)
    bank.control("DELETE", "/faults")


def test_after_five_calls_without_an_answer_it_is_left_alone(bank, guarded, order_id, request_of):
    trip(bank, guarded, request_of)
    assert guarded.is_down
    with pytest.raises(ProviderUnavailable) as refusal:
        guarded.get_payment_status(order_id)  # the bank would answer again, and is not asked
    assert refusal.value.facts["reason"] == "circuit_open"
    assert not refusal.value.may_still_act  # nothing was sent: the next click may try at once


def test_who_insists_is_answered_and_closes_the_circuit(bank, guarded, order_id, request_of):
    trip(bank, guarded, request_of)
    with insisting():
        assert guarded.get_payment_status(order_id).payments == ()
    assert not guarded.is_down


def test_an_answer_in_between_begins_the_count_anew(bank, guarded, order_id, request_of):
    for _ in range(2 * FAILURES):
        bank.fault("status", method="POST", path="/v1/orders", count=1, status=502)
        with pytest.raises(ProviderUnavailable):
            guarded.initiate_payment(request_of("K7F3-3QX9-9"), look_first=False)
        guarded.find_refunds(bank.pay(order_id, force=True)["razorpay_payment_id"])
    assert not guarded.is_down


def test_a_refusal_is_an_answer(guarded):
    for _ in range(2 * FAILURES):
        with pytest.raises(ProviderRefused):
            guarded.process_refund("pay_00000000000000", Money(100, "MYR"), key="refund-of-nothing")
    assert not guarded.is_down


def test_what_only_reads_is_tried_again_at_once(bank, guarded, order_id):
    bank.pay(order_id)
    bank.fault("status", path="/v1/orders/*/payments", count=2, status=429)
    assert [payment.state for payment in guarded.get_payment_status(order_id).payments] == ["captured"]


def test_p13_a_refund_whose_answer_was_lost_is_tried_again_under_its_key(bank, guarded, order_id):
    payment_id = bank.pay(order_id)["razorpay_payment_id"]
    bank.fault("act_then_drop", method="POST", path="/v1/payments/*/refund", count=2)
    guarded.process_refund(payment_id, Money(1000, "MYR"), key="refund-once-000001")
    assert bank.ledger()["totals"]["MYR"]["refunded"] == 1000


@pytest.mark.parametrize("fault", ["act_then_drop", "drop"])
def test_p17_an_order_is_never_created_by_trying_again(bank, guarded, adapter, request_of, fault):
    bank.fault(fault, method="POST", path="/v1/orders", count=1)
    with contextlib.suppress(ProviderUnavailable):
        guarded.initiate_payment(request_of(), look_first=False)
    found = adapter._client.order.all({"receipt": "K7F3-3QX9-1"}, timeout=(5, 5))["items"]
    assert len(found) == (1 if fault == "act_then_drop" else 0)

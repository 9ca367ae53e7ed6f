"""The adapter against the sandbox: orders, the page to pay on, what became of payments, captures."""

import pytest
import requests

from app.core.money import Money
from app.payments.errors import BadSignature, ProviderRefused
from app.payments.gateway import Opened


def test_an_order_is_created_with_amount_receipt_and_capture_options(bank, adapter, request_of):
    order_id = adapter.initiate_payment(request_of(), look_first=False).id
    order = adapter._client.order.fetch(order_id, {}, timeout=(5, 5))
    assert (order["amount"], order["currency"], order["receipt"]) == (26800, "MYR", "K7F3-3QX9-1")
    paid = bank.pay(order_id, "success")
    assert paid["status"] == "captured"


@pytest.mark.parametrize(("lock_minutes", "automatic"), [(1, 12), (12, 12), (15, 15), (240, 240)])
def test_an_authorisation_later_than_the_lock_is_never_captured(bank, adapter, request_of, lock_minutes, automatic):
    in_time = adapter.initiate_payment(request_of("in-time", lock_minutes=lock_minutes), look_first=False).id
    too_late = adapter.initiate_payment(request_of("too-late", lock_minutes=lock_minutes), look_first=False).id
    bank.pay(in_time, "late", late_seconds=automatic * 60 - 1)
    bank.pay(too_late, "late", late_seconds=automatic * 60 + 1)
    bank.control("POST", "/clock", {"advance_seconds": automatic * 60 + 2})
    assert [payment.state for payment in adapter.get_payment_status(in_time).payments] == ["captured"]
    assert [payment.state for payment in adapter.get_payment_status(too_late).payments] == ["authorized"]


def test_an_order_whose_answer_was_lost_is_found_by_its_receipt(adapter, request_of):
    first = adapter.initiate_payment(request_of(), look_first=False).id
    assert adapter.initiate_payment(request_of(), look_first=True).id == first
    assert adapter.find_order("K7F3-3QX9-1") == Opened(first)
    assert adapter.find_order("K7F3-3QX9-2") is None
    assert adapter.initiate_payment(request_of("K7F3-3QX9-2"), look_first=True).id != first


def test_of_two_orders_with_one_receipt_the_paid_one_counts(bank, adapter, request_of):
    orders = [adapter.initiate_payment(request_of(), look_first=False).id for _ in range(3)]
    assert adapter.find_order("K7F3-3QX9-1") == Opened(orders[0])
    bank.pay(orders[1])
    assert adapter.find_order("K7F3-3QX9-1") == Opened(orders[1])


def test_the_hosted_page_opens_at_the_bank(bank, adapter, request_of):
    request = request_of(name="Aina", email="aina@example.com", phone="+60123456789", method="fpx")
    order_id = adapter.initiate_payment(request, look_first=False).id
    page = adapter.hosted_page(request, Opened(order_id))
    assert page.url == f"{bank.url}/v1/checkout/embedded"
    assert page.method == "post"
    assert page.fields["amount"] == "26800"
    assert page.fields["prefill[email]"] == "aina@example.com"
    answer = requests.post(page.url, data=page.fields, timeout=5)
    assert answer.status_code == 200
    assert "268.00" in answer.text
    assert adapter.origins() == (bank.url,)


def test_a_browser_that_comes_back_says_that_it_paid(bank, adapter, request_of):
    order_id = adapter.initiate_payment(request_of(), look_first=False).id
    callback = bank.pay(order_id)["callback"]
    assert adapter.verify_payment(order_id, callback) is True


@pytest.mark.parametrize("name", ["razorpay_payment_id", "razorpay_signature"])
@pytest.mark.parametrize("value", [None, "", "x", "é☃", "\x00", "0" * 64, "\ud800"])
def test_a_browser_cannot_forge_what_the_bank_signs(bank, adapter, request_of, name, value):
    order_id = adapter.initiate_payment(request_of(), look_first=False).id
    callback = bank.pay(order_id)["callback"]
    forged = {**callback, name: value} if value is not None else {k: v for k, v in callback.items() if k != name}
    if "razorpay_signature" not in forged:
        assert adapter.verify_payment(order_id, forged) is False  # it claims nothing
        return
    with pytest.raises(BadSignature):
        adapter.verify_payment(order_id, forged)


def test_p9_the_signature_of_a_cheap_order_does_not_pay_an_expensive_one(bank, adapter, request_of):
    cheap = adapter.initiate_payment(request_of("cheap", 100), look_first=False).id
    expensive = adapter.initiate_payment(request_of("expensive", 500_000), look_first=False).id
    callback = bank.pay(cheap)["callback"]
    with pytest.raises(BadSignature):
        adapter.verify_payment(expensive, callback)


def test_every_state_of_a_payment_is_told(bank, adapter, request_of):
    def states(order_id):
        return [payment.state for payment in adapter.get_payment_status(order_id).payments]

    order = adapter.initiate_payment(request_of(), look_first=False).id
    assert states(order) == []
    bank.pay(order, "failed", reason="insufficient_fund")
    bank.pay(order, "late", late_seconds=60)
    assert states(order) == ["created", "failed"]
    bank.control("POST", "/clock", {"advance_seconds": 61})
    assert states(order) == ["captured", "failed"]
    captured = adapter.get_payment_status(order).payments[0]
    adapter.process_refund(captured.id, Money(800, "MYR"), key="refund-partly-000001")
    partly = adapter.get_payment_status(order).payments[0]
    assert (partly.state, partly.refunded_minor, partly.amount) == ("captured", 800, Money(26800, "MYR"))
    adapter.process_refund(captured.id, Money(26000, "MYR"), key="refund-the-rest-0001")
    assert adapter.get_payment_status(order).payments[0].state == "refunded"
    failed = adapter.get_payment_status(order).payments[1]
    assert failed.error_code == "BAD_REQUEST_ERROR"
    assert failed.error_reason


def test_an_authorisation_given_back_was_never_our_money(bank, adapter, request_of):
    order = adapter.initiate_payment(request_of(), look_first=False).id
    bank.pay(order, "late", late_seconds=16 * 60)
    bank.control("POST", "/clock", {"advance_seconds": 16 * 60 + 1})
    assert adapter.get_payment_status(order).payments[0].state == "authorized"
    bank.control("POST", "/clock", {"advance_seconds": 60 * 60})
    released = adapter.get_payment_status(order).payments[0]
    assert (released.state, released.error_code, released.refunded_minor) == ("failed", "released", 0)


def test_amount_and_currency_are_the_banks_not_ours(bank, adapter, request_of):
    order = adapter.initiate_payment(request_of(), look_first=False).id
    bank.pay(order, amount=1)
    bank.pay(order, currency="USD", force=True)
    amounts = {payment.amount for payment in adapter.get_payment_status(order).payments}
    assert amounts == {Money(1, "MYR"), Money(26800, "USD")}


def test_p8_a_currency_in_small_letters_is_the_same_currency(bank, adapter, request_of):
    order = adapter.initiate_payment(request_of(), look_first=False).id
    bank.pay(order)
    bank.fault("wrong_currency", currency="myr")
    assert adapter.get_payment_status(order).payments[0].amount == Money(26800, "MYR")


def test_p12_a_payment_is_captured_once_and_again_is_fine(bank, adapter, request_of):
    order = adapter.initiate_payment(request_of(), look_first=False).id
    payment_id = bank.pay(order, "authorized")["razorpay_payment_id"]
    for _ in range(2):
        captured = adapter.capture_payment(payment_id, Money(26800, "MYR"), key="capture-1")
        assert (captured.state, captured.amount) == ("captured", Money(26800, "MYR"))


def test_a_capture_of_another_amount_is_refused(bank, adapter, request_of):
    order = adapter.initiate_payment(request_of(), look_first=False).id
    payment_id = bank.pay(order, "authorized")["razorpay_payment_id"]
    with pytest.raises(ProviderRefused) as refusal:
        adapter.capture_payment(payment_id, Money(26801, "MYR"), key="capture-1")
    assert refusal.value.facts["status"] == 400
    assert adapter.get_payment_status(order).payments[0].state == "authorized"


def test_c9_minor_units_arrive_as_they_are(adapter, request_of):
    for receipt, minor, currency in (("yen", 80, "JPY"), ("dinar", 12340, "KWD"), ("ringgit", 12345, "MYR")):
        order_id = adapter.initiate_payment(request_of(receipt, minor, currency), look_first=False).id
        order = adapter._client.order.fetch(order_id, {}, timeout=(5, 5))
        assert (order["amount"], order["currency"]) == (minor, currency)

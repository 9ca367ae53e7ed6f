"""The PayPal adapter against the sandbox: orders, the page to approve on, what became of payments, captures."""

import subprocess
import sys

import pytest
import requests

from app.core.money import Money
from app.payments import gateway
from app.payments.errors import BadSignature, ProviderRefused
from app.payments.gateway import Opened, Standing
from app.payments.providers.paypal import CURRENCIES


def order_at_paypal(paypal, order_id):
    return paypal._client.get_order(order_id, budget=paypal._budget())


def state_of(paypal, order_id):
    [payment] = paypal.get_payment_status(order_id).payments
    assert payment.id == order_id
    return payment.state


def test_an_order_is_created_with_amount_receipt_and_a_page(bank, paypal, request_of):
    opened = paypal.initiate_payment(request_of(), look_first=False)
    order = order_at_paypal(paypal, opened.id)
    [unit] = order["purchase_units"]
    assert (order["intent"], order["status"]) == ("CAPTURE", "PAYER_ACTION_REQUIRED")
    assert unit["amount"] == {"currency_code": "MYR", "value": "268.00"}
    assert (unit["invoice_id"], unit["custom_id"], unit["description"]) == (
        "K7F3-3QX9-1",
        "K7F3-3QX9-1",
        "Order K7F3-3QX9",
    )
    assert opened.page_url == f"{bank.url}/paypal/checkoutnow?token={opened.id}"
    assert paypal.get_payment_status(opened.id) == Standing()


def test_the_page_opens_by_a_plain_form_and_leads_back(bank, paypal, request_of):
    request = request_of()
    opened = paypal.initiate_payment(request, look_first=False)
    page = paypal.hosted_page(request, opened)
    assert (page.url, page.method, page.fields) == (f"{bank.url}/paypal/checkoutnow", "get", {"token": opened.id})
    assert paypal.origins() == (bank.url,)
    shown = requests.get(page.url, params=page.fields, timeout=5)
    assert (shown.status_code, "RM 268.00" in shown.text, "Murni Batik" in shown.text) == (200, True, True)
    pressed = {"token": opened.id, "action": "approve"}
    answer = requests.post(page.url, data=pressed, allow_redirects=False, timeout=5)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{request.return_url}?token={opened.id}&PayerID=")
    assert state_of(paypal, opened.id) == "authorized"


def test_a_page_elsewhere_is_never_believed(make_paypal, request_of):
    class Elsewhere(type(make_paypal())):
        def __init__(self, inner):
            self.__dict__ = inner.__dict__ | {"_page_origin": "https://www.paypal.com"}

    with pytest.raises(gateway.ProviderUnavailable) as failure:
        Elsewhere(make_paypal()).initiate_payment(request_of(), look_first=False)
    assert failure.value.facts["reason"] == "no page in the answer"


def test_p17_asking_twice_is_one_order(bank, paypal, request_of):
    first = paypal.initiate_payment(request_of(), look_first=False)
    assert paypal.initiate_payment(request_of(), look_first=True) == first
    assert bank.ledger()["totals"]["MYR"]["orders"] == 1
    assert paypal.find_order("K7F3-3QX9-1") is None  # PayPal cannot be searched by receipt


def test_one_receipt_for_two_different_orders_is_refused(bank, paypal, request_of):
    paypal.initiate_payment(request_of(), look_first=False)
    with pytest.raises(ProviderRefused) as refusal:
        paypal.initiate_payment(request_of(minor=1), look_first=False)
    assert (refusal.value.facts["status"], refusal.value.facts["reason"]) == (422, "DUPLICATE_REQUEST_ID")
    assert refusal.value.facts["debug_id"]
    assert bank.ledger()["totals"]["MYR"]["orders"] == 1


def test_an_approved_order_is_captured_once_under_its_key(bank, paypal, approved):
    order_id = approved()
    for _ in range(2):
        payment = paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
        assert (payment.id, payment.state, payment.amount) == (order_id, "captured", Money(26800, "MYR"))
    assert payment.fee_minor == 26800 * 39 // 1000
    account = bank.control("GET", "/ledger/K7F3-3QX9-1")
    assert (account["captured"], account["captures"]) == (26800, 1)


def test_p12_somebody_elses_capture_is_as_good_as_ours(bank, paypal, approved):
    order_id = approved()
    paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    assert paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-2").state == "captured"
    assert bank.control("GET", "/ledger/K7F3-3QX9-1")["captures"] == 1


def test_what_nobody_approved_is_not_captured(bank, paypal, request_of):
    order_id = paypal.initiate_payment(request_of(), look_first=False).id
    with pytest.raises(ProviderRefused) as refusal:
        paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    assert refusal.value.facts["reason"] == "ORDER_NOT_APPROVED"
    bank.control("POST", "/paypal/approve", {"order_id": order_id})  # it may be approved yet
    assert state_of(paypal, order_id) == "authorized"


@pytest.mark.parametrize("reason", ["INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY", "TRANSACTION_REFUSED"])
def test_a_capture_that_was_declined_is_a_failed_payment_and_stays_one(bank, paypal, make_paypal, approved, reason):
    """PayPal leaves the order APPROVED; another process has to know it too."""
    order_id = approved(capture=reason)
    with pytest.raises(ProviderRefused):
        paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    assert order_at_paypal(paypal, order_id)["status"] == "APPROVED"
    [payment] = make_paypal().get_payment_status(order_id).payments
    assert (payment.state, payment.error_code, payment.error_reason) == ("failed", reason, reason.lower())
    assert bank.ledger()["totals"]["MYR"]["captured"] == 0


def test_a_declined_capture_whose_note_was_lost_is_noted_the_next_time(bank, paypal, approved):
    order_id = approved(capture="INSTRUMENT_DECLINED")
    bank.fault("drop", method="PATCH", path="/paypal/**", count=1)
    with pytest.raises(gateway.ProviderUnavailable):
        paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    assert state_of(paypal, order_id) == "authorized"
    with pytest.raises(ProviderRefused):
        paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    assert state_of(paypal, order_id) == "failed"


@pytest.mark.parametrize(("end", "state"), [("COMPLETED", ("captured", "")), ("DECLINED", ("failed", "DECLINED"))])
def test_a_capture_in_review_is_waited_for(bank, paypal, approved, end, state):
    order_id = approved(capture="PENDING")
    assert paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1").state == "created"
    [unit] = order_at_paypal(paypal, order_id)["purchase_units"]
    bank.control("POST", f"/paypal/captures/{unit['payments']['captures'][0]['id']}", {"status": end})
    [payment] = paypal.get_payment_status(order_id).payments
    assert (payment.state, payment.error_code) == state


def test_a_capture_that_fails_at_once_is_a_failed_payment(paypal, approved):
    order_id = approved(capture="DECLINED")
    assert paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1").state == "failed"
    assert state_of(paypal, order_id) == "failed"


def test_an_order_that_paypal_forgot_has_no_payment(bank, paypal, approved):
    order_id = approved()
    bank.control("POST", "/clock", {"advance_seconds": 3 * 3600 + 1})
    assert paypal.get_payment_status(order_id) == Standing()
    with pytest.raises(ProviderRefused):
        paypal.capture_payment(order_id, Money(26800, "MYR"), key="capture-1")
    assert bank.ledger()["totals"]["MYR"]["captured"] == 0


def test_the_return_has_to_name_our_order(paypal):
    assert paypal.verify_payment("ORDER1", {"token": "ORDER1", "PayerID": "P"}) is True
    assert paypal.verify_payment("ORDER1", {}) is False
    for stored, token in [("ORDER1", "ORDER2"), ("ORDER1", ""), ("", ""), ("ORDER1", "order1"), ("ORDER1", "é\x00")]:
        with pytest.raises(BadSignature):
            paypal.verify_payment(stored, {"token": token})


@pytest.mark.parametrize(
    ("paid", "value"),
    [
        (Money(1, "MYR"), "0.01"),
        (Money(26800, "MYR"), "268.00"),
        (Money(105, "USD"), "1.05"),
        (Money(80, "JPY"), "80"),
        (Money(10**9, "JPY"), "1000000000"),
    ],
)
def test_c9_amounts_make_the_round_trip(bank, paypal, approved, paid, value):
    order_id = approved(minor=paid.minor, currency=paid.currency)
    assert order_at_paypal(paypal, order_id)["purchase_units"][0]["amount"]["value"] == value
    assert paypal.capture_payment(order_id, paid, key="capture-1").amount == paid
    assert bank.ledger()["totals"][paid.currency]["captured"] == paid.minor


def test_it_takes_the_currencies_of_paypals_list(paypal):
    assert {currency: paypal.methods(currency) for currency in ("MYR", "JPY", "INR", "KWD")} == {
        "MYR": ("paypal",),
        "JPY": ("paypal",),
        "INR": (),
        "KWD": (),
    }
    assert len(CURRENCIES) == 24


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "webhook_id"])
def test_an_empty_key_is_refused(make_paypal, missing):
    with pytest.raises(ValueError, match="empty"):
        make_paypal(**{missing: ""})


def test_the_sdk_is_loaded_only_where_paypal_takes_part():
    loads = "import sys, app.payments.gateway, app.payments.actions; print('paypalserversdk' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.strip() == "False"


def test_live_and_test_pages_are_paypals_own(make_paypal):
    pages = {
        url: make_paypal(api_url=url).origins()
        for url in ("https://api-m.paypal.com", "https://api-m.sandbox.paypal.com")
    }
    assert pages == {
        "https://api-m.paypal.com": ("https://www.paypal.com",),
        "https://api-m.sandbox.paypal.com": ("https://www.sandbox.paypal.com",),
    }


def test_a_page_with_more_in_its_address_keeps_it(paypal, request_of):
    page = paypal.hosted_page(
        request_of(), Opened("X", "https://www.paypal.com/checkoutnow?token=X&fundingSource=paypal#top")
    )
    assert (page.url, page.fields) == ("https://www.paypal.com/checkoutnow", {"token": "X", "fundingSource": "paypal"})

"""The Stripe adapter against the sandbox: sessions, the page to pay on, standings, ending a session, fees."""

import time

import pytest
import requests

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway import Opened, Standing
from app.payments.providers.stripe import MOST_MINUTES, Stripe

RECEIPT = "K7F3-3QX9-1"
TOTAL = Money(26800, "MYR")


@pytest.fixture
def opened(stripe, request_of):
    return stripe.initiate_payment(request_of(), look_first=False)


@pytest.fixture
def pay(bank):
    def pay_session(opened, outcome="succeed", **fields):
        return bank.control("POST", "/stripe/pay", {"session_id": opened.id, "outcome": outcome, **fields})

    return pay_session


@pytest.fixture
def session_of(bank):
    def read(session_id):
        url = f"{bank.url}/stripe/v1/checkout/sessions/{session_id}"
        return requests.get(
            url, params={"expand[]": "payment_intent"}, auth=("sk_test_payments00000", ""), timeout=5
        ).json()

    return read


def test_a_session_carries_our_words_and_leads_to_stripes_page(bank, stripe, request_of, session_of):
    request = request_of(email="aina@example.com", locale="ms")
    opened = stripe.initiate_payment(request, look_first=False)
    session = session_of(opened.id)
    assert (session["client_reference_id"], session["metadata"]) == (RECEIPT, {"receipt": RECEIPT})
    assert (session["amount_total"], session["currency"], session["locale"]) == (26800, "myr", "ms")
    assert (session["success_url"], session["cancel_url"]) == (request.return_url, request.cancel_url)
    assert (session["customer_email"], session["adaptive_pricing"]) == ("aina@example.com", {"enabled": False})
    assert stripe.origins() == (bank.url,)
    page = stripe.hosted_page(request, opened)
    assert (page.method, page.fields) == ("get", {})
    assert page.url == opened.page_url
    assert "268.00" in requests.get(page.url, timeout=5).text


def test_a_page_keeps_its_fragment_and_carries_its_query_as_fields(stripe, request_of):
    page = stripe.hosted_page(
        request_of(), Opened("cs_1", "https://checkout.stripe.com/c/pay/cs_1?a=1&b=x%26y#fid%2Fx")
    )
    assert page.url == "https://checkout.stripe.com/c/pay/cs_1#fid%2Fx"
    assert page.fields == {"a": "1", "b": "x&y"}


def test_a_session_without_a_page_is_no_place_to_send_anybody(stripe, request_of):
    with pytest.raises(ProviderUnavailable):
        stripe.hosted_page(request_of(), Opened("cs_1"))


def test_a_language_stripe_does_not_speak_is_left_to_it(stripe, request_of, session_of):
    assert session_of(stripe.initiate_payment(request_of(locale="ta"), look_first=False).id)["locale"] == "auto"


@pytest.mark.parametrize("email", ["", "aina@localhost", "ainä@example.com", '"a b"@example.com', "aina@[192.0.2.1]"])
def test_an_unusual_address_is_typed_there_and_stops_nobody(stripe, request_of, session_of, email):
    assert session_of(stripe.initiate_payment(request_of(email=email), look_first=False).id)["customer_email"] is None


@pytest.mark.parametrize(("lock_minutes", "least"), [(1, 31), (15, 31), (20, 40), (240, 480), (1000, MOST_MINUTES)])
def test_a_session_lives_as_long_as_stripe_allows_and_the_lock_needs(
    stripe, request_of, session_of, lock_minutes, least
):
    """Between 30 minutes and a day, whatever the lock."""
    opened = stripe.initiate_payment(request_of(lock_minutes=lock_minutes), look_first=False)
    lives = session_of(opened.id)["expires_at"] - time.time()
    assert least * 60 - 30 < lives <= least * 60 + 600


def test_a_session_whose_answer_was_lost_is_found_by_its_receipt(stripe, request_of, opened):
    assert stripe.initiate_payment(request_of(), look_first=True) == opened
    assert stripe.find_order(RECEIPT) == opened
    assert stripe.find_order("K7F3-3QX9-2") is None
    assert stripe.initiate_payment(request_of("K7F3-3QX9-2"), look_first=True).id != opened.id


def test_asking_twice_at_once_makes_one_session(stripe, request_of, opened):
    """The same key and the same parameters, as a repetition soon after has them."""
    assert stripe.initiate_payment(request_of(), look_first=False) == opened


def test_a_session_is_found_behind_a_page_of_others(stripe, request_of, opened):
    for number in range(101):
        stripe.initiate_payment(request_of(f"other-{number}"), look_first=False)
    assert stripe.find_order(RECEIPT) == opened


def test_an_expired_session_is_not_opened_again(stripe, request_of, opened):
    stripe.close_payment(opened.id)
    assert stripe.find_order(RECEIPT) == Opened(opened.id)
    again = stripe.initiate_payment(request_of(lock_minutes=30), look_first=True)
    assert again.id != opened.id
    assert stripe.find_order(RECEIPT) == again


def test_of_two_sessions_with_one_receipt_the_paid_one_counts(bank, stripe, request_of, pay):
    first = stripe.initiate_payment(request_of(lock_minutes=30), look_first=False)
    second = stripe.initiate_payment(request_of(lock_minutes=60), look_first=False)
    assert stripe.find_order(RECEIPT) == first
    pay(second)
    assert stripe.find_order(RECEIPT).id == second.id


def test_every_state_of_a_payment_is_told(stripe, opened, pay, bank):
    assert stripe.get_payment_status(opened.id) == Standing()
    pay(opened, "challenge")
    assert stripe.get_payment_status(opened.id) == Standing()
    pay(opened, "decline", reason="insufficient_funds")
    [failed] = stripe.get_payment_status(opened.id).payments
    assert (failed.state, failed.error_code, failed.error_reason) == ("failed", "card_declined", "insufficient_funds")
    assert stripe.get_payment_status(opened.id).is_payable
    paid = pay(opened, method="fpx")
    standing = stripe.get_payment_status(opened.id)
    [captured] = standing.payments
    assert (captured.id, captured.state, captured.amount) == (failed.id, "captured", TOTAL)
    assert (captured.method, captured.fee_minor, captured.refunded_minor) == ("fpx", 26800 * 3 // 100, 0)
    assert captured.id == paid["payment_intent"]["id"]
    assert not standing.is_payable


def test_money_the_bank_is_still_working_on_is_not_ours_yet(bank, stripe, opened, pay):
    """A complete session may be unpaid."""
    assert pay(opened, "process")["status"] == "complete"
    standing = stripe.get_payment_status(opened.id)
    assert ([each.state for each in standing.payments], standing.is_payable) == (["created"], False)
    bank.control("POST", f"/stripe/sessions/{opened.id}", {"outcome": "succeed"})
    assert [each.state for each in stripe.get_payment_status(opened.id).payments] == ["captured"]


def test_what_the_bank_refuses_later_failed(bank, stripe, opened, pay):
    pay(opened, "process")
    bank.control("POST", f"/stripe/sessions/{opened.id}", {"outcome": "fail"})
    standing = stripe.get_payment_status(opened.id)
    assert [(each.state, each.error_code) for each in standing.payments] == [
        ("failed", "payment_method_provider_decline")
    ]
    assert not standing.is_payable


def test_refunds_show_in_the_standing(stripe, opened, pay):
    intent = pay(opened)["payment_intent"]["id"]
    stripe.process_refund(intent, Money(800, "MYR"), key="refund-1")
    [partly] = stripe.get_payment_status(opened.id).payments
    assert (partly.state, partly.refunded_minor, partly.amount) == ("captured", 800, TOTAL)
    stripe.process_refund(intent, Money(26000, "MYR"), key="refund-2")
    assert stripe.get_payment_status(opened.id).payments[0].state == "refunded"


def test_a_session_is_ended_so_that_nobody_can_pay_it(stripe, opened, bank):
    stripe.close_payment(opened.id)
    assert stripe.get_payment_status(opened.id) == Standing(is_payable=False)
    answer = requests.post(f"{bank.url}/_sandbox/stripe/pay", json={"session_id": opened.id}, timeout=5)
    assert answer.status_code == 400
    assert bank.ledger()["receipts"][RECEIPT]["captured"] == 0


def test_ending_a_paid_session_is_no_error_and_keeps_the_money(stripe, opened, pay):
    pay(opened)
    stripe.close_payment(opened.id)
    assert [each.state for each in stripe.get_payment_status(opened.id).payments] == ["captured"]


def test_ending_twice_is_fine(stripe, opened):
    for _ in range(2):
        stripe.close_payment(opened.id)
    assert not stripe.get_payment_status(opened.id).is_payable


def test_a_session_nobody_pays_ends_by_itself(bank, stripe, opened):
    bank.control("POST", "/clock", {"advance_seconds": 45 * 60})
    assert stripe.get_payment_status(opened.id) == Standing(is_payable=False)


def test_p7_p8_amount_and_currency_are_the_banks_not_ours(stripe, opened, pay):
    pay(opened, amount=100, currency="USD")
    assert stripe.get_payment_status(opened.id).payments[0].amount == Money(100, "USD")


def test_p12_a_capture_is_only_looked_at(stripe, opened, pay, paid):
    intent = pay(opened)["payment_intent"]["id"]
    for _ in range(2):
        captured = stripe.capture_payment(intent, TOTAL, key="capture-1")
        assert (captured.id, captured.state, captured.amount) == (intent, "captured", TOTAL)


def test_what_is_not_paid_cannot_be_captured(stripe, opened, pay):
    intent = pay(opened, "decline")["payment_intent"]["id"]
    with pytest.raises(ProviderRefused):
        stripe.capture_payment(intent, TOTAL, key="capture-1")


@pytest.mark.parametrize(("minor", "currency"), [(80, "JPY"), (12340, "KWD"), (12345, "MYR")])
def test_c9_minor_units_arrive_as_they_are(stripe, request_of, pay, minor, currency):
    opened = stripe.initiate_payment(request_of(minor=minor, currency=currency), look_first=False)
    pay(opened)
    [payment] = stripe.get_payment_status(opened.id).payments
    assert payment.amount == Money(minor, currency)
    refund = stripe.process_refund(payment.id, Money(minor, currency), key="refund-1")
    assert refund.amount == Money(minor, currency)


def test_c9_dinars_that_do_not_end_in_0_are_refused(stripe, request_of):
    with pytest.raises(ProviderRefused) as refusal:
        stripe.initiate_payment(request_of(minor=12345, currency="KWD"), look_first=False)
    assert refusal.value.facts["status"] == 400


def test_cards_are_taken_everywhere_and_fpx_in_ringgit(stripe):
    assert [stripe.methods(currency) for currency in ("MYR", "INR", "JPY")] == [("fpx", "card"), ("card",), ("card",)]


@pytest.mark.parametrize("missing", [{"secret_key": ""}, {"webhook_secrets": ()}, {"webhook_secrets": ("good", "")}])
def test_an_empty_secret_lets_nobody_in(missing):
    given = {"secret_key": "sk_test_1", "webhook_secrets": ("whsec_1",), "api_url": "http://127.0.0.1:9"}
    with pytest.raises(ValueError, match="empty"):
        Stripe(**(given | missing))

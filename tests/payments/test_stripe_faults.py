"""P17 and P18 with Stripe: a bank that hangs, drops, refuses or talks nonsense costs no money, no thread and no page."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import Patience
from tests.payments.test_razorpay_faults import dripping  # noqa: F401 (a fixture)

RECEIPT = "K7F3-3QX9-1"
FAULTS = [
    ("act_then_drop", {}),
    ("drop", {}),
    ("truncated_body", {}),
    ("status", {"status": 429}),
    ("status", {"status": 500}),
    ("status", {"status": 502}),
    ("wrong_amount", {}),
]
SESSIONS = "/stripe/v1/checkout/sessions"


@pytest.mark.parametrize(("fault", "options"), FAULTS)
def test_p17_p18_a_session_of_unknown_outcome_is_looked_up_and_never_made_twice(
    bank, stripe, request_of, fault, options
):
    bank.fault(fault, method="POST", path=SESSIONS, count=1, **options)
    with pytest.raises(ProviderUnavailable):
        stripe.initiate_payment(request_of(), look_first=False)
    opened = stripe.initiate_payment(request_of(), look_first=True)
    assert bank.ledger()["receipts"][RECEIPT]["order_ids"] == [opened.id]


@pytest.mark.parametrize("acts", [True, False])
def test_a_500_that_stripe_keeps_does_not_block_an_attempt_for_a_day(bank, stripe, request_of, acts):
    bank.control("POST", "/stripe/breakdowns", {"act": acts})
    with pytest.raises(ProviderUnavailable):
        stripe.initiate_payment(request_of(), look_first=False)
    later = request_of(lock_minutes=30)  # as ten minutes later: another expiry, another key
    opened = stripe.initiate_payment(later, look_first=True)
    assert bank.ledger()["receipts"][RECEIPT]["order_ids"] == [opened.id]


@pytest.mark.parametrize("fault", FAULTS)
def test_p18_no_usable_answer_about_a_payment_is_no_answer(bank, stripe, request_of, fault, capsys):
    kind, options = fault
    opened = stripe.initiate_payment(request_of(), look_first=False)
    bank.control("POST", "/stripe/pay", {"session_id": opened.id})
    bank.fault(kind, method="GET", path=f"{SESSIONS}/*", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        stripe.get_payment_status(opened.id)
    assert [payment.state for payment in stripe.get_payment_status(opened.id).payments] == ["captured"]
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "")


@pytest.mark.parametrize("currency", ["XXX", "☃"])
def test_a_currency_nobody_knows_is_no_answer(bank, stripe, request_of, currency):
    opened = stripe.initiate_payment(request_of(), look_first=False)
    bank.control("POST", "/stripe/pay", {"session_id": opened.id})
    bank.fault("wrong_currency", currency=currency, count=1, path="/stripe/**")
    with pytest.raises(ProviderUnavailable):
        stripe.get_payment_status(opened.id)


@pytest.mark.parametrize("fault", ["hang", "slow_body"])
def test_p17_a_bank_that_hangs_is_left_in_time(bank, make_stripe, request_of, fault):
    hasty = make_stripe(patience=Patience(connect=0.3, read=0.3, total=0.5))
    bank.fault(fault, method="POST", path=SESSIONS, seconds=5, count=1)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        hasty.initiate_payment(request_of(), look_first=False)
    assert time.monotonic() - started < 1


def test_looking_up_and_creating_share_one_budget(bank, make_stripe, request_of):
    slow = make_stripe(patience=Patience(connect=1, read=1, total=1.2))
    bank.fault("hang", method="GET", path=SESSIONS, seconds=0.9, count=1)
    bank.fault("hang", method="POST", path=SESSIONS, seconds=0.9, count=1)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        slow.initiate_payment(request_of(), look_first=True)
    assert time.monotonic() - started < 1.5


def test_a_bank_that_drips_bytes_is_left_in_time(dripping, make_stripe, request_of):  # noqa: F811
    patient = make_stripe(api_url=dripping, patience=Patience(connect=0.3, read=0.5, total=0.8))
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        patient.initiate_payment(request_of(), look_first=False)
    assert time.monotonic() - started < 1.2


def test_nobody_at_the_banks_address(make_stripe, request_of, capsys):
    gone = make_stripe(api_url="http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable) as failure:
        gone.initiate_payment(request_of(), look_first=False)
    assert not failure.value.may_still_act
    assert capsys.readouterr().out == ""


def test_wrong_keys_decide_nothing_about_a_payment(make_stripe, request_of):
    stranger = make_stripe(secret_key="sk_test_another")
    with pytest.raises(ProviderUnavailable) as failure:
        stranger.initiate_payment(request_of(), look_first=False)
    assert failure.value.facts["status"] == 401


def test_a_refusal_keeps_its_status_and_words(stripe, request_of):
    with pytest.raises(ProviderRefused) as refusal:
        stripe.initiate_payment(request_of(minor=1), look_first=False)
    assert refusal.value.facts == {"status": 400, "reason": "amount_too_small"}
    with pytest.raises(ProviderRefused) as refusal:
        stripe.get_payment_status("cs_test_nobodys")
    assert refusal.value.facts == {"status": 404, "reason": "resource_missing"}


def test_a_page_that_is_not_stripes_is_not_opened(bank, stripe, make_stripe, request_of):
    stripe.initiate_payment(request_of(), look_first=False)
    elsewhere = make_stripe(api_url=f"{bank.url.replace('127.0.0.1', 'localhost')}/stripe")
    elsewhere._page_origin = "https://checkout.stripe.com"
    with pytest.raises(ProviderUnavailable):
        elsewhere.initiate_payment(request_of(), look_first=True)


def test_threads_share_no_client_and_processes_neither(stripe, request_of):
    with ThreadPoolExecutor(4) as pool:
        opened = list(
            pool.map(lambda n: stripe.initiate_payment(request_of(f"receipt-{n}"), look_first=True), range(8))
        )
    assert len({each.id for each in opened}) == 8
    mine = stripe._client
    assert stripe._client is mine
    other = threading.Thread(target=lambda: opened.append(stripe._client))
    other.start()
    other.join()
    assert opened[-1] is not mine
    stripe._clients._here.process = os.getpid() + 1  # as a child process finds it after a fork
    assert stripe._client is not mine


def test_calls_share_one_connection(stripe, request_of):
    for number in range(5):
        stripe.initiate_payment(request_of(f"receipt-{number}"), look_first=True)
    pools = list(stripe._client._session.adapters["http://"].poolmanager.pools._container.values())
    assert [(pool.num_connections, pool.num_requests) for pool in pools] == [(1, 10)]


def test_the_client_itself_never_repeats_a_call(bank, stripe, request_of, paid):
    intent = paid()
    bank.fault("drop", method="POST", path="/stripe/v1/refunds", count=1)
    with pytest.raises(ProviderUnavailable):
        stripe.process_refund(intent, Money(100, "MYR"), key="refund-0000001")
    assert bank.control("GET", "/ledger?totals=1")["totals"]["MYR"]["refunded"] == 0


def test_the_official_client_is_loaded_only_by_who_takes_part():
    """A shop without Stripe pays nothing for it: no import, no memory."""
    code = (
        "import sys; from app.core import settings; from app.payments import gateway;"
        "gateway.configure(settings.load({'APP_ENV': 'test', 'DATABASE_URL': 'postgresql://x', 'REDIS_URL': 'redis://x'}));"
        "sys.exit('stripe' in sys.modules)"
    )
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", code) == 0

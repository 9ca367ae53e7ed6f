"""P17 and P18 over PayPal: a bank that hangs, drops, refuses or talks nonsense costs no money, no thread and no page."""

import os
import threading
import time

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import Patience

PAID = Money(26800, "MYR")
FAULTS = [
    ("act_then_drop", {}),
    ("drop", {}),
    ("truncated_body", {}),
    ("status", {"status": 429}),
    ("status", {"status": 500}),
    ("status", {"status": 502}),
    ("status", {"status": 500, "act": True}),
    ("wrong_amount", {}),
    ("wrong_currency", {}),
]


def tokens_issued(bank):
    return bank.control("POST", "/paypal/tokens", {})["issued"]


@pytest.mark.parametrize(("fault", "options"), FAULTS)
def test_p17_p18_an_order_of_unknown_outcome_is_never_made_twice(bank, paypal, request_of, fault, options):
    bank.fault(fault, method="POST", path="/paypal/v2/checkout/orders", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        paypal.initiate_payment(request_of(), look_first=False)
    opened = paypal.initiate_payment(request_of(), look_first=True)
    assert bank.control("GET", "/ledger/K7F3-3QX9-1")["order_ids"] == [opened.id]


@pytest.mark.parametrize(("fault", "options"), FAULTS[:-2])
def test_p17_a_capture_of_unknown_outcome_happens_once(bank, paypal, approved, fault, options):
    order_id = approved()
    bank.fault(fault, method="POST", path="/paypal/v2/checkout/orders/*/capture", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        paypal.capture_payment(order_id, PAID, key="capture-1")
    assert paypal.capture_payment(order_id, PAID, key="capture-1").state == "captured"
    assert bank.control("GET", "/ledger/K7F3-3QX9-1")["captures"] == 1


@pytest.mark.parametrize("fault", FAULTS[:-2])
def test_p18_no_usable_answer_about_a_payment_is_no_answer(bank, paypal, approved, fault, capsys):
    order_id = approved()
    kind, options = fault
    bank.fault(kind, method="GET", path="/paypal/v2/checkout/orders/*", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        paypal.get_payment_status(order_id)
    assert [payment.state for payment in paypal.get_payment_status(order_id).payments] == ["authorized"]
    assert capsys.readouterr().out == ""


def test_p7_a_wrong_amount_is_passed_on_for_settling_to_judge(bank, paypal, approved):
    order_id = approved()
    bank.fault("wrong_amount", path="/paypal/**", delta=7, count=1)
    assert paypal.get_payment_status(order_id).payments[0].amount == Money(26807, "MYR")


@pytest.mark.parametrize("currency", ["XXX", "0", "☃"])
def test_a_currency_nobody_knows_is_no_answer(bank, paypal, approved, currency):
    order_id = approved()
    bank.fault("wrong_currency", path="/paypal/**", currency=currency, count=1)
    with pytest.raises(ProviderUnavailable):
        paypal.get_payment_status(order_id)


@pytest.mark.parametrize("fault", ["hang", "slow_body"])
@pytest.mark.parametrize("path", ["/paypal/v2/checkout/orders", "/paypal/v1/oauth2/token"])
def test_p17_a_bank_that_hangs_is_left_in_time(bank, make_paypal, request_of, fault, path):
    hasty = make_paypal(patience=Patience(connect=0.3, read=0.3, total=0.5))
    bank.fault(fault, method="POST", path=path, seconds=3, count=1)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        hasty.initiate_payment(request_of(), look_first=False)
    assert time.monotonic() - started < 1


def test_token_and_question_share_one_budget(bank, make_paypal, request_of):
    slow = make_paypal(patience=Patience(connect=1, read=1, total=1.2))
    bank.fault("hang", method="POST", path="/paypal/v1/oauth2/token", seconds=0.9, count=1)
    bank.fault("hang", method="POST", path="/paypal/v2/checkout/orders", seconds=0.9, count=1)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        slow.initiate_payment(request_of(), look_first=False)
    assert time.monotonic() - started < 1.5


def test_a_second_call_under_one_key_while_the_first_is_at_it_decides_nothing(bank, paypal, make_paypal, approved):
    """PayPal answers 409 to the one that comes second."""
    order_id = approved()
    bank.fault("hang", method="POST", path="/paypal/v2/checkout/orders/*/capture", seconds=1.5, count=1)
    first = []
    hanging = threading.Thread(
        target=lambda: first.append(make_paypal().capture_payment(order_id, PAID, key="capture-1"))
    )
    hanging.start()
    while bank.control("GET", "/ledger/K7F3-3QX9-1")["captures"] == 0:
        pass  # until the first has acted and not yet answered
    with pytest.raises(ProviderUnavailable) as failure:
        paypal.capture_payment(order_id, PAID, key="capture-1")
    hanging.join()
    assert failure.value.facts["status"] == 409
    assert [payment.state for payment in first] == ["captured"]
    assert bank.control("GET", "/ledger/K7F3-3QX9-1")["captures"] == 1


def test_nobody_at_the_banks_address(make_paypal, request_of, capsys):
    with pytest.raises(ProviderUnavailable) as failure:
        make_paypal(api_url="http://127.0.0.1:9").initiate_payment(request_of(), look_first=False)
    assert (failure.value.facts["reason"], failure.value.may_still_act) == ("ConnectionError", False)
    assert capsys.readouterr().out == ""


def test_wrong_keys_decide_nothing_about_a_payment(bank, make_paypal, request_of):
    stranger = make_paypal(client_secret="another")
    with pytest.raises(ProviderUnavailable) as failure:
        stranger.initiate_payment(request_of(), look_first=False)
    assert failure.value.facts["status"] == 401
    assert tokens_issued(bank) == 0


def test_a_token_is_used_until_it_ends(bank, paypal, request_of):
    order_id = paypal.initiate_payment(request_of(), look_first=False).id
    paypal.get_payment_status(order_id)
    assert tokens_issued(bank) == 1


def test_a_token_near_its_end_is_replaced_before_it_is_refused(bank, paypal, request_of):
    order_id = paypal.initiate_payment(request_of(), look_first=False).id
    [tokens] = paypal._clients._tokens.values()
    tokens._token.expiry = time.time() + 59
    assert paypal.get_payment_status(order_id).payments == ()
    assert tokens_issued(bank) == 2


def test_a_token_that_was_taken_back_is_replaced_within_the_call(bank, paypal, approved):
    order_id = approved()
    bank.control("POST", "/paypal/tokens", {"revoke": True})
    assert paypal.capture_payment(order_id, PAID, key="capture-1").state == "captured"
    assert tokens_issued(bank) == 2


def test_threads_share_one_token(bank, paypal, request_of):
    gate = threading.Barrier(4)

    def open_one(number):
        gate.wait()
        paypal.initiate_payment(request_of(f"receipt-{number}"), look_first=False)

    threads = [threading.Thread(target=open_one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bank.ledger()["totals"]["MYR"]["orders"] == 4
    assert tokens_issued(bank) == 1


def test_calls_share_one_connection_and_processes_do_not(paypal, request_of):
    for number in range(5):
        paypal.initiate_payment(request_of(f"receipt-{number}"), look_first=False)
    mine = paypal._client
    pools = list(mine._session.adapters["http://"].poolmanager.pools._container.values())
    assert [(pool.num_connections, pool.num_requests) for pool in pools] == [(1, 6)]
    assert paypal._client is mine
    paypal._clients._here.process = os.getpid() + 1  # as a child process finds it after a fork
    assert paypal._client is not mine


def test_the_sdk_is_never_handed_a_body_that_names_python_objects(bank, paypal, request_of):
    """It decodes bodies with jsonpickle, which builds what "py/object" and its like name."""
    session = paypal._client._session
    answer = session._weigh(200, b'{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["x"]}], "id": "X"}')
    assert (answer.text, session.content["id"]) == ("{}", "X")


def test_a_refusal_keeps_its_status_and_words(paypal, request_of):
    with pytest.raises(ProviderRefused) as refusal:
        paypal.initiate_payment(request_of(return_url="nowhere"), look_first=False)
    assert refusal.value.facts["status"] == 400
    assert refusal.value.facts["reason"] == "INVALID_PARAMETER_SYNTAX"
    assert "absolute address" in str(refusal.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"id": 5}', b'{"id": "X", "purchase_units": 5}', b"\xff", b"[" * 50_000],
)
def test_an_answer_that_is_no_order_is_no_answer(paypal, monkeypatch, approved, body):
    order_id = approved()
    session = paypal._client._session
    weigh = session._weigh
    monkeypatch.setattr(session, "_judge", lambda status, _body: weigh(status, body))
    with pytest.raises(ProviderUnavailable):
        paypal.get_payment_status(order_id)

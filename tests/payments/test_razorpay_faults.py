"""P17 and P18: a bank that hangs, drops, refuses or talks nonsense costs no money, no thread and no page."""

import os
import socketserver
import threading
import time

import pytest

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import Budget, Patience

FAULTS = [
    ("act_then_drop", {}),
    ("drop", {}),
    ("truncated_body", {}),
    ("status", {"status": 429}),
    ("status", {"status": 500}),
    ("status", {"status": 502}),
    ("wrong_amount", {}),
]


@pytest.mark.parametrize(("fault", "options"), FAULTS)
def test_p17_p18_an_order_of_unknown_outcome_is_looked_up_and_never_made_twice(
    bank, adapter, request_of, fault, options
):
    bank.fault(fault, method="POST", path="/v1/orders", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        adapter.initiate_payment(request_of(), look_first=False)
    order_id = adapter.initiate_payment(request_of(), look_first=True).id
    orders = adapter._client.order.all({"receipt": "K7F3-3QX9-1"}, timeout=(5, 5))["items"]
    assert [order["id"] for order in orders] == [order_id]


@pytest.mark.parametrize("fault", FAULTS[:-1])
def test_p18_no_usable_answer_about_a_payment_is_no_answer(bank, adapter, request_of, fault, capsys):
    fault, options = fault
    order_id = adapter.initiate_payment(request_of(), look_first=False).id
    bank.pay(order_id)
    bank.fault(fault, method="GET", path="/v1/orders/*/payments", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        adapter.get_payment_status(order_id)
    assert [payment.state for payment in adapter.get_payment_status(order_id).payments] == ["captured"]
    assert capsys.readouterr().out == ""  # the client itself would have printed


def test_a_wrong_amount_is_passed_on_for_settling_to_judge(bank, adapter, request_of):
    order_id = adapter.initiate_payment(request_of(), look_first=False).id
    bank.pay(order_id)
    bank.fault("wrong_amount", delta=7, count=1)
    assert adapter.get_payment_status(order_id).payments[0].amount == Money(26807, "MYR")


@pytest.mark.parametrize("currency", ["XXX", "", "☃"])
def test_a_currency_nobody_knows_is_no_answer(bank, adapter, request_of, currency):
    order_id = adapter.initiate_payment(request_of(), look_first=False).id
    bank.pay(order_id)
    bank.fault("wrong_currency", currency=currency or "0", count=1)
    with pytest.raises(ProviderUnavailable):
        adapter.get_payment_status(order_id)


@pytest.mark.parametrize("fault", ["hang", "slow_body"])
def test_p17_a_bank_that_hangs_is_left_in_time(bank, hasty, request_of, fault):
    bank.fault(fault, method="POST", path="/v1/orders", seconds=5, count=1)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        hasty.initiate_payment(request_of(), look_first=False)
    assert time.monotonic() - started < 1


def test_looking_up_and_creating_share_one_budget(bank, make_adapter, request_of):
    slow = make_adapter(patience=Patience(connect=1, read=1, total=1.2))
    bank.fault("hang", method="GET", path="/v1/orders", seconds=0.9, count=1)
    bank.fault("hang", method="POST", path="/v1/orders", seconds=0.9, count=1)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        slow.initiate_payment(request_of(), look_first=True)
    assert time.monotonic() - started < 1.5


def test_a_web_request_never_waits_longer_than_15_seconds():
    patience = Patience()
    assert (patience.connect, patience.read) == (3, 8)
    assert patience.total < 15
    assert sum(Budget(patience).timeout()) <= patience.total
    with pytest.raises(ProviderUnavailable):
        Budget(Patience(total=0)).timeout()


class Dripping(socketserver.BaseRequestHandler):
    """Promises much and sends a byte now and then: each piece is in time, the whole never comes."""

    def handle(self):
        self.request.recv(65536)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        while not self.server.over.wait(0.1):
            try:
                self.request.sendall(b" ")
            except OSError:
                return


@pytest.fixture
def dripping():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        server.over = threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.over.set()
        server.shutdown()


def test_a_bank_that_drips_bytes_is_left_in_time(dripping, make_adapter, request_of):
    patient = make_adapter(api_url=dripping, patience=Patience(connect=0.3, read=0.5, total=0.8))
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        patient.initiate_payment(request_of(), look_first=False)
    assert time.monotonic() - started < 1.2


def test_nobody_at_the_banks_address(make_adapter, request_of, capsys):
    gone = make_adapter(api_url="http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable):
        gone.initiate_payment(request_of(), look_first=False)
    assert capsys.readouterr().out == ""


def test_wrong_keys_decide_nothing_about_a_payment(make_adapter, request_of):
    stranger = make_adapter(key_secret="another")
    with pytest.raises(ProviderUnavailable) as failure:
        stranger.initiate_payment(request_of(), look_first=False)
    assert failure.value.facts["status"] == 401


def test_a_refusal_keeps_its_status_and_words(adapter, request_of):
    with pytest.raises(ProviderRefused) as refusal:
        adapter.initiate_payment(request_of(minor=1), look_first=False)
    assert refusal.value.facts == {"status": 400, "reason": "input_validation_failed"}
    assert "at least" in str(refusal.value)


def test_calls_share_one_connection_and_processes_do_not(bank, adapter, request_of):
    for number in range(5):
        adapter.initiate_payment(request_of(f"receipt-{number}"), look_first=True)
    session = adapter._client.session
    pools = list(session.adapters["http://"].poolmanager.pools._container.values())
    assert [(pool.num_connections, pool.num_requests) for pool in pools] == [(1, 10)]
    mine = adapter._client
    assert adapter._client is mine
    adapter._clients._here.process = os.getpid() + 1  # as a child process finds it after a fork
    assert adapter._client is not mine


@pytest.mark.parametrize(
    ("failure", "may_still_act"),
    [
        (ProviderUnavailable(status=429), False),
        (ProviderUnavailable(status=502), False),
        (ProviderUnavailable(status=504), True),
        (ProviderUnavailable(reason="ConnectionError"), False),
        (ProviderUnavailable(reason="ReadTimeout"), True),
        (ProviderUnavailable(reason="timeout"), True),
        (ProviderRefused(status=400), False),
    ],
)
def test_who_answered_is_done_and_who_was_not_heard_may_be_at_work_yet(failure, may_still_act):
    """P17: only then must the next click wait before it looks."""
    assert failure.may_still_act is may_still_act

"""The bank's own deliveries over HTTP: lost, doubled, out of order, signed with the old or a wrong secret."""

import time

import pytest

from app.core import db
from app.orders import flows
from tests.flows.shopper import money
from tests.shop import add_product, faults, stock_row

ADDRESSES = ("/api/v1/payment/webhook", "/api/payments/webhook")


@pytest.fixture
def told(bank, listening):
    """Every event goes to both addresses. Call it to wait until all is told; gives (event, state, statuses) of each delivery."""
    bank.control(
        "POST", "/webhooks/endpoint", {"urls": [listening + address for address in ADDRESSES], "retry_seconds": 0.05}
    )

    def wait():
        deadline = time.monotonic() + 20
        while bank.control("GET", "/webhooks/endpoint")["waiting"]:
            assert time.monotonic() < deadline, "the bank is still waiting"
        items = bank.control("GET", "/webhooks/log")["items"]
        return [(item["event"], item["state"], {attempt["status"] for attempt in item["attempts"]}) for item in items]

    return wait


def test_the_webhook_alone_confirms_an_order(shopper, bank, told, drain):
    """PAY-19, P1: the browser never comes back."""
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt)
    bank.pay(shopper.hand_over(token).fields["order_id"])
    events = ("order.paid", "payment.authorized", "payment.captured")
    assert sorted(told()) == [(event, "delivered", {200}) for event in events for _ in ADDRESSES]
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (1, 0)
    assert faults() == {}


def test_p3_p4_doubled_and_out_of_order(shopper, bank, told, drain):
    shirt = add_product(stock_of={"KB": 2})
    bank.control("POST", "/webhooks", {"event": "*", "duplicate": 5})
    bank.control("POST", "/webhooks", {"event": "payment.authorized", "reorder": True})
    token = shopper.order(shirt)
    bank.pay(shopper.hand_over(token).fields["order_id"])
    assert {(state, *statuses) for _, state, statuses in told()} == {("delivered", 200)}
    assert db.scalar("SELECT count(*) FROM payment_notice") == 3
    drain()
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert stock_row(shirt) == (1, 0)
    assert money(bank) == (18900 + 800, 0)
    assert faults() == {}


def test_p19_forged_ones_are_refused_and_change_nothing(shopper, bank, told, drain):
    """After a day of refusals the provider gives up (P6); the order is settled by asking."""
    bank.control("POST", "/webhooks", {"event": "*", "wrong_secret": True})
    token = shopper.order(add_product())
    bank.pay(shopper.hand_over(token).fields["order_id"])
    bank.control("POST", "/clock", {"advance_seconds": 25 * 3600})
    assert {status for _, _, statuses in told() for status in statuses} == {400}
    drain()
    assert db.scalar("SELECT count(*) FROM payment_notice") == 0
    assert "is pending" in shopper.heading(token)
    flows.reconcile(everything=True)
    assert "is confirmed" in shopper.heading(token)


def test_the_old_secret_counts_while_it_is_changed(shopper, bank, told, drain):
    bank.control("POST", "/webhooks", {"event": "*", "old_secret": True})
    token = shopper.order(add_product())
    bank.pay(shopper.hand_over(token).fields["order_id"])
    assert {status for _, _, statuses in told() for status in statuses} == {200}
    drain()
    assert "is confirmed" in shopper.heading(token)

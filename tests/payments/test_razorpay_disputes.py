"""N23: what the bank of a customer disputes, as Razorpay tells it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.core import clock
from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from tests.payments.test_razorpay_notices import body_of, notice_of


@pytest.fixture
def payment_id(bank, adapter, request_of):
    return bank.pay(adapter.initiate_payment(request_of(), look_first=False).id)["razorpay_payment_id"]


def test_a_dispute_is_told_with_amount_reason_and_time_to_answer(bank, adapter, payment_id):
    made = bank.control("POST", "/disputes", {"payment_id": payment_id, "amount": 6800, "reason": "fraud"})
    found = adapter.get_dispute(made["id"])
    assert (found.id, found.state, found.amount, found.payment_id, found.reason) == (
        made["id"],
        "open",
        Money(6800, "MYR"),
        payment_id,
        "fraud",
    )
    assert timedelta(days=6) < found.respond_by - clock.now() <= timedelta(days=7)
    assert found.respond_by == datetime.fromtimestamp(made["respond_by"], UTC)


@pytest.mark.parametrize("state", ["under_review", "won", "lost", "closed"])
def test_every_state_of_a_dispute_is_told(bank, adapter, payment_id, state):
    made = bank.control("POST", "/disputes", {"payment_id": payment_id})
    bank.control("POST", f"/disputes/{made['id']}", {"status": state})
    assert adapter.get_dispute(made["id"]).state == state


def test_an_unknown_dispute_is_refused_and_no_answer_is_none(bank, adapter, payment_id):
    with pytest.raises(ProviderRefused):
        adapter.get_dispute("disp_00000000000000")
    made = bank.control("POST", "/disputes", {"payment_id": payment_id})
    bank.fault("status", status=502, path="/v1/disputes/*", count=1)
    with pytest.raises(ProviderUnavailable):
        adapter.get_dispute(made["id"])


def test_a_notice_of_a_dispute_holds_its_id(adapter):
    body = body_of("payment.dispute.created", dispute={"id": "disp_1", "payment_id": "pay_1"})
    notice = notice_of(adapter, body, secret="payments_webhook_secret")
    assert (notice.provider_dispute_id, notice.provider_payment_id) == ("disp_1", "pay_1")
    assert json.loads(body)["event"] == notice.kind

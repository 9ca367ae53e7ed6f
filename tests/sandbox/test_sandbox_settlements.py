"""What the provider pays out, and what a test may falsify of it."""

from datetime import UTC, datetime

import pytest

DAY = 24 * 3600


@pytest.fixture
def paid(sandbox):
    return sandbox.pay(sandbox.order(5000))["razorpay_payment_id"]


def rows(sandbox):
    """The statement of the (virtual) day."""
    day = datetime.fromtimestamp(sandbox.control("GET", "/clock")["now"], UTC)
    asked = {"year": day.year, "month": day.month, "day": day.day, "count": 1000}
    return sandbox.client.settlement.report(asked, timeout=5)["items"]


def test_settled_now_less_the_fee(sandbox, paid):
    sandbox.api("POST", f"/v1/payments/{paid}/refund", json={"amount": 1000})
    [settlement] = sandbox.control("POST", "/settlements")["settlements"]
    payment, refund = rows(sandbox)
    assert (payment["entity_id"], payment["amount"], payment["fee"], payment["credit"]) == (paid, 5000, 100, 4900)
    assert (refund["type"], refund["payment_id"], refund["debit"], refund["credit"]) == ("refund", paid, 1000, 0)
    assert {payment["settlement_id"], refund["settlement_id"]} == {settlement}
    [transfer] = sandbox.client.settlement.all({}, timeout=5)["items"]
    assert (transfer["id"], transfer["amount"], transfer["status"]) == (settlement, 3900, "processed")
    assert sandbox.control("POST", "/settlements")["settlements"] == []


def test_a_day_is_settled_once_it_is_over(sandbox, paid):
    assert sandbox.client.settlement.all({}, timeout=5)["items"] == []
    sandbox.advance(DAY)
    [transfer] = sandbox.client.settlement.all({}, timeout=5)["items"]
    assert transfer["created_at"] % DAY == 0
    assert transfer["amount"] == 4900


def test_currencies_are_paid_out_apart(sandbox, paid):
    sandbox.pay(sandbox.order(700, currency="JPY"))
    assert len(sandbox.control("POST", "/settlements")["settlements"]) == 2


@pytest.mark.parametrize(
    ("change", "value", "seen"),
    [("drop", 0, []), ("amount", 4000, [(4000, 100, 3900)]), ("fee", 7, [(5000, 7, 4993)]), ("credit", 1, [(5000, 100, 1)]),
     ("repeat", 0, [(5000, 100, 4900)] * 2)],
)  # fmt: skip
def test_a_row_is_falsified_and_the_ledger_is_not(sandbox, paid, change, value, seen):
    sandbox.control("POST", "/settlements")
    sandbox.control("POST", "/settlements/falsify", {"id": paid, "change": change, "value": value})
    assert [(row["amount"], row["fee"], row["credit"]) for row in rows(sandbox)] == seen
    assert sandbox.ledger()["captured"] == 5000


def test_refunds_of_a_time_are_listed(sandbox, paid):
    made = sandbox.api("POST", f"/v1/payments/{paid}/refund", json={"amount": 1000}).json()
    listed = sandbox.client.refund.all({"from": made["created_at"], "to": made["created_at"]}, timeout=5)["items"]
    assert listed == [made]
    assert sandbox.client.refund.all({"to": made["created_at"] - 1}, timeout=5)["items"] == []


@pytest.mark.parametrize(
    "query", ["", "?year=2026&month=13", "?year=2026&month=2&day=30", "?year=x&month=1", "?year=2026&month=1&count=0"]
)
def test_a_report_of_nonsense_is_refused(sandbox, query):
    assert sandbox.api("GET", f"/v1/settlements/recon/combined{query}").status_code == 400


def test_only_the_merchant_reads_statements(sandbox):
    assert sandbox.api("GET", "/v1/settlements", auth=None).status_code == 401

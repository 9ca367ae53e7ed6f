"""Transaction Search as the adapter reads it: pieces, pages, and rows that are no statement of anybody's money."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.money import Money
from app.payments.errors import ProviderUnavailable
from app.payments.providers import paypal_statement as statement

ITEM = {
    "transaction_id": "5TY05013RG002845M",
    "transaction_event_code": "T0006",
    "transaction_initiation_date": "2026-11-20T01:27:43+0000",
    "transaction_amount": {"currency_code": "MYR", "value": "268.00"},
    "fee_amount": {"currency_code": "MYR", "value": "-10.45"},
    "transaction_status": "S",
    "invoice_id": "K7F3-3QX9-1",
}


def test_a_time_with_too_many_rows_is_asked_for_in_halves(bank, paypal, approved):
    ids = []
    for number in range(4):
        order_id = approved(f"K7F3-3QX9-{number}")
        paypal.capture_payment(order_id, Money(26800, "MYR"), key=f"capture-{number}")
        ids.append(f"K7F3-3QX9-{number}")
        bank.control("POST", "/clock", {"advance_seconds": 7})
    bank.control("POST", "/paypal/transactions/most", {"count": 1})
    now = datetime.now(UTC)
    listed = paypal.payments_between(now - timedelta(hours=30), now + timedelta(hours=30))
    assert [each.receipt for each in listed] == ids
    assert {each.amount for each in listed} == {Money(26800, "MYR")}


def test_rows_at_the_edge_of_two_pieces_come_once(paypal, approved):
    paypal.capture_payment(approved(), Money(26800, "MYR"), key="capture-1")
    [only] = paypal.payments_between(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
    at = only.created_at
    assert at is not None
    assert paypal.payments_between(at - timedelta(hours=1), at) == []
    assert paypal.payments_between(at, at + timedelta(hours=1)) == [only]


def test_a_payment_a_refund_and_a_withdrawal():
    charge = statement.row_of(ITEM)
    assert charge is not None
    assert (charge.kind, charge.gross_minor, charge.fee_minor, charge.net_minor) == ("charge", 26800, 1045, 25755)
    assert (charge.receipt, charge.id, charge.refund_id) == ("K7F3-3QX9-1", ITEM["transaction_id"], "")
    back = {
        **ITEM,
        "transaction_event_code": "T1107",
        "transaction_amount": {"currency_code": "MYR", "value": "-68.00"},
        "fee_amount": None,
        "invoice_id": None,
        "custom_field": "K7F3-3QX9-1:refund-77",
    }
    refund, row = statement.refund_of(back), statement.row_of(back)
    assert refund is not None
    assert row is not None
    assert (refund.amount, refund.key, refund.receipt, refund.state) == (
        Money(6800, "MYR"), "refund-77", "K7F3-3QX9-1", "succeeded",
    )  # fmt: skip
    assert (row.kind, row.gross_minor, row.refund_id) == ("refund", -6800, ITEM["transaction_id"])
    away = statement.row_of({**back, "transaction_event_code": "T0400"})
    assert away is not None
    assert (away.kind, away.net_minor, away.payout_id) == ("payout", 6800, "")


@pytest.mark.parametrize(("code", "sign"), [("T0400", 1), ("T1101", -1)])
def test_a_fee_for_a_withdrawal_is_a_row_of_its_own(code, sign):
    """The bank gets all of the withdrawal; the fee comes off what is left with PayPal, and back when that comes back."""
    value, fee = ("-68.00", "-2.50") if sign > 0 else ("68.00", "2.50")
    item = {
        **ITEM,
        "transaction_event_code": code,
        "transaction_amount": {"currency_code": "MYR", "value": value},
        "fee_amount": {"currency_code": "MYR", "value": fee},
    }
    found = [(row.id, row.kind, row.gross_minor, row.fee_minor, row.net_minor) for row in statement.rows_of(item)]
    named = f"{ITEM['transaction_id']}-{code}"
    assert found == [
        (named, "payout", sign * 6800, 0, sign * 6800),
        (f"{named}-fee", "fee", sign * -250, 0, sign * -250),
    ]
    assert [row.kind for row in statement.rows_of(ITEM)] == ["charge"]
    assert statement.rows_of(ITEM | {"transaction_status": "P"}) == []


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"transaction_event_code": "T0106"}, "fee"),
        ({"transaction_event_code": "T1201"}, "dispute"),
        ({"transaction_event_code": "T9999"}, "adjustment"),
        ({"transaction_amount": {"currency_code": "MYR", "value": "-5.00"}}, "adjustment"),
        ({"transaction_event_code": "T1503"}, None),
        ({"transaction_event_code": "T2105"}, None),
        ({"transaction_status": "P"}, None),
        ({"transaction_status": "D"}, None),
        ({"transaction_status": None}, None),
    ],
)
def test_each_movement_is_of_a_kind_or_none(changed, kind):
    row = statement.row_of(ITEM | changed)
    assert (row.kind if row else None) == kind


@pytest.mark.parametrize(
    "changed",
    [
        {"transaction_id": None},
        {"transaction_initiation_date": "yesterday"},
        {"transaction_amount": {"currency_code": "MYR", "value": "--5"}},
        {"transaction_amount": {"currency_code": "XXX", "value": "5.00"}},
        {"transaction_amount": None},
    ],
)
def test_what_does_not_look_as_documented_is_no_answer(changed):
    with pytest.raises(ProviderUnavailable):
        statement.row_of(ITEM | changed)

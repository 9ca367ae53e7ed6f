import pytest

from app.books import rules
from app.books.errors import Unbalanced
from app.books.rules import Line, Sale
from app.core.ids import new_id
from app.core.money import Money


def test_a_sale_splits_what_was_paid_into_goods_delivery_and_tax():
    entry = rules.sale_entry(new_id(), Sale("MYR", total=37800, shipping=800, tax=2100))
    assert {line.account: line.minor for line in rules.checked(entry.lines)} == {
        "suspense": 37800, "shipping_income": -800, "tax_payable": -2100, "sales": -34900,
    }  # fmt: skip


def test_nothing_is_posted_for_free_delivery_and_no_tax():
    entry = rules.sale_entry(new_id(), Sale("JPY", total=500, shipping=0, tax=0))
    assert rules.checked(entry.lines) == [Line("suspense", "JPY", 500), Line("sales", "JPY", -500)]


def test_a_fee_leaves_the_money_at_the_provider_by_as_much():
    entry = rules.capture_entry(
        new_id(), order_id=new_id(), provider="razorpay", amount=Money(10000, "MYR"), fee_minor=290, at=None
    )
    assert {line.account: line.minor for line in rules.checked(entry.lines)} == {
        "provider_clearing:razorpay": 9710, "payment_fees": 290, "suspense": -10000,
    }  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [Line("bank", "MYR", 1)],
        [Line("bank", "MYR", 5), Line("sales", "USD", -5)],
        [Line("bank", "MYR", 5), Line("sales", "MYR", -4)],
    ],
)
def test_debits_and_credits_differ(lines):
    with pytest.raises(Unbalanced):
        rules.checked(lines)

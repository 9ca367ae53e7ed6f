"""`shop audit` counts what is wrong, whatever state the order is in."""

import pytest

from app.core import db
from app.core.ids import new_id
from app.core.transaction import transaction
from tests.shop import add_product, faults


@pytest.fixture
def paid(shopper):
    token = shopper.order(add_product(stock_of={"KB": 3}))
    shopper.pay(token)
    assert faults() == {}
    return token


def change(sql, **values):
    with transaction():
        assert db.rows(sql, **values)


@pytest.mark.parametrize("state", ["confirmed", "on_hold"])
def test_a_paid_order_without_its_stock_is_counted_on_hold_too(paid, state):
    change("UPDATE orders SET state = :state WHERE token = :token RETURNING id", state=state, token=paid)
    assert faults() == {}
    change("UPDATE order_line SET variant_id = :other RETURNING id", other=add_product("Nobody sold this"))
    assert faults()["paid_without_stock"] == 1


def test_an_order_on_hold_that_was_never_paid_has_sold_nothing(shopper):
    """One in instalments, for which a dispute came before the last of them."""
    token = shopper.order(add_product(stock_of={"KB": 3}))
    change("UPDATE orders SET state = 'on_hold' WHERE token = :token RETURNING id", token=token)
    assert faults() == {}


@pytest.mark.parametrize(("currency", "amount"), [("MYR", 1), ("INR", 1), ("inr", 19700)])
def test_money_beyond_the_total_is_counted_in_every_currency(paid, currency, amount):
    """P8: nobody owes the shop anything in another currency."""
    change(
        "INSERT INTO payment_capture (id, payment_id, attempt_id, provider, provider_payment_id, amount_minor, currency, state)"
        " SELECT :id, payment_id, attempt_id, provider, 'pay_another', :amount, :currency, 'captured' FROM payment_capture"
        " RETURNING id",
        id=new_id(),
        amount=amount,
        currency=currency,
    )
    assert faults()["double_captures"] == 1
    change(
        "INSERT INTO refund (id, payment_id, capture_id, amount_minor, currency, state, reason)"
        " SELECT :id, payment_id, id, amount_minor, currency, 'requested', 'double' FROM payment_capture"
        " WHERE provider_payment_id = 'pay_another' RETURNING id",
        id=new_id(),
    )
    assert "double_captures" not in faults()

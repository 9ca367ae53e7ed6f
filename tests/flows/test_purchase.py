"""The whole purchase through HTTP, without JavaScript."""

from tests.shop import add_product, faults, stock_row


def test_a_guest_buys_a_shirt(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 3})
    token = shopper.order(shirt, 2)
    assert stock_row(shirt) == (3, 2)
    answer = shopper.pay(token)
    assert answer.status_code == 303 and answer.location == f"/order/{token}"
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (1, 0)
    drain()
    assert "Your cart is empty" in shopper.get("/cart")
    assert bank.ledger()["totals"]["captured"] == 2 * 18900
    assert faults() == {}

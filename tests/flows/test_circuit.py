"""PAY-35 through the shop: who stopped answering is offered last, left alone, and asked all the same when a person insists."""

from __future__ import annotations

import uuid

import pytest

from app.core import db
from app.orders import flows
from app.payments import gateway
from app.payments.errors import ProviderUnavailable
from app.payments.providers.guarded import insisting
from tests.bank import Bank
from tests.flows.shopper import Shopper
from tests.shop import add_product

DOWN = "Does not answer right now"


def order_id_of(token: str) -> uuid.UUID:
    found = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    return found


def test_a_reconcile_by_hand_asks_even_who_was_left_alone(shopper: Shopper, bank: Bank) -> None:
    token = shopper.order(add_product(price=18900))
    bank.pay(shopper.hand_over(token).fields["order_id"])
    bank.fault("status", status=500)
    while not gateway.is_down("razorpay"):
        with pytest.raises(ProviderUnavailable):
            flows.settle_now(order_id_of(token))
    bank.control("DELETE", "/faults")
    with pytest.raises(ProviderUnavailable):
        flows.settle_now(order_id_of(token))
    flows.reconcile(everything=True)
    assert "confirmed" in shopper.heading(token).lower()
    assert not gateway.is_down("razorpay")


def test_a_way_to_pay_whose_provider_is_down_says_so(shopper: Shopper, bank: Bank) -> None:
    token = shopper.order(add_product(price=18900))
    bank.fault("status", status=500)
    while not gateway.is_down("razorpay"):
        assert shopper.press_pay(token).status_code == 503
    assert DOWN in shopper.get(f"/checkout/pay/{token}")
    bank.control("DELETE", "/faults")
    with insisting():
        gateway.provider("razorpay").find_order("nobody-s")
    assert DOWN not in shopper.get(f"/checkout/pay/{token}")
    assert shopper.press_pay(token).status_code == 303

"""A provider's key is rotated (SEC-50): an order placed before is paid after, whatever the page that was open had in hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.core import db
from tests import bank as banking
from tests import shop as shops
from tests.flows.shopper import Shopper, money

NEW = {"key_id": "rzp_test_rotated000000", "key_secret": "rotated-key-secret"}


@pytest.fixture
def restarted(make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`restarted(**keys)`: bank and shop with these keys; the bank keeps its ledger, the shop its database."""
    banks: list[Any] = []

    def start(**keys: str) -> tuple[Flask, Any]:
        for bank in banks:
            bank.end()
        for name, value in keys.items():
            monkeypatch.setitem(banking.KEYS, name, value)
        banks[:] = [banking.Bank(tmp_path)]
        secrets = {f"RAZORPAY_{name.upper()}": value for name, value in banking.KEYS.items()}
        webhook = {"RAZORPAY_WEBHOOK_SECRET": ",".join(banking.WEBHOOK_SECRETS)}
        return make_app(RAZORPAY_API_URL=banks[0].url, **secrets, **webhook), banks[0]

    yield start
    for bank in banks:
        bank.end()


def test_the_key_changes_between_order_and_payment(restarted, drain):
    app, bank = restarted()
    shops.open_shop()
    shopper = Shopper(app.test_client(), bank)
    token = shopper.order(shops.add_product())
    form = shopper.hand_over(token)
    signed_by_the_old_one = bank.pay(form.fields["order_id"])

    app, bank = restarted(**NEW)
    shopper.client.application, shopper.bank = app, bank
    shopper.come_back(form.fields["callback_url"], signed_by_the_old_one)
    app.test_cli_runner().invoke(args=["payments", "reconcile"])
    drain()
    assert db.scalar("SELECT state FROM orders WHERE token = :token", token=token) == "confirmed"
    captured, refunded = money(bank)
    assert (captured > 0, refunded) == (True, 0)
    other = shopper.order(shops.add_product())
    shopper.pay(other)
    assert shops.faults() == {}

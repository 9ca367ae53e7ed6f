"""A shop that writes mails, a post office that takes them, a bank to pay at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.core import db
from app.core.transaction import transaction
from tests import shop as shops
from tests.bank import Bank
from tests.flows.providers import razorpay
from tests.flows.shopper import Shopper
from tests.notifications.post_office import PostOffice


@pytest.fixture
def open_office() -> Iterator[Callable[..., PostOffice]]:
    offices: list[PostOffice] = []

    def start(**options: object) -> PostOffice:
        offices.append(PostOffice(**options).open())  # type: ignore[arg-type]
        return offices[-1]

    yield start
    for office in offices:
        office.close()


@pytest.fixture
def make_shop(bank: Bank, office: PostOffice, usual_app: Callable[..., Flask]) -> Callable[..., Flask]:
    def make(**changes: str) -> Flask:
        app = usual_app(**({"MAIL_URL": office.url} | razorpay(bank) | changes))
        shops.open_shop()
        return app

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Flask]) -> Flask:
    return make_shop()


@pytest.fixture
def shopper(shop: Flask, bank: Bank) -> Shopper:
    return Shopper(shop.test_client(), bank)


@pytest.fixture
def make_due() -> Callable[[], None]:
    """Let the time pass that a failed delivery waits for its next try."""

    def hurry() -> None:
        with transaction():
            db.rows(
                "UPDATE outbox_delivery SET due_at = least(due_at, clock_timestamp()) WHERE state = 'pending' RETURNING id"
            )

    return hurry


@pytest.fixture
def drain_all(make_due: Callable[[], None], drain: Callable[[], int]) -> Callable[[], None]:
    """Run whatever waits, whatever it waits for."""

    def run() -> None:
        make_due()
        drain()

    return run

"""A shop with a bank: the application, the payment sandbox over HTTP, and a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event

from app.core import db
from app.core.transaction import transaction
from tests import shop as shops
from tests.bank import Bank
from tests.flows.providers import razorpay
from tests.flows.shopper import Shopper
from tests.sandbox.conftest import Shop as Post
from tests.staff import StaffMember, hire


@pytest.fixture
def shop(bank: Bank, usual_app: Callable[..., Flask]) -> Flask:
    app = usual_app(**razorpay(bank))
    shops.open_shop()
    return app


@pytest.fixture
def shopper(shop: Flask, bank: Bank) -> Shopper:
    return Shopper(shop.test_client(), bank)


@pytest.fixture
def merchant(shop: Flask) -> StaffMember:
    """Somebody at work in the back office."""
    return hire(shop).sign_in()


@pytest.fixture
def run_out() -> Callable[[str], None]:
    """Let an order's lock run out: its expiry is moved into the past, as time would."""

    def expire(token: str, seconds: int = 60) -> None:
        with transaction():
            db.rows(
                "UPDATE stock_lock SET expires_at = clock_timestamp() - make_interval(secs => :seconds) FROM orders o"
                " WHERE o.id = order_id AND o.token = :token AND stock_lock.state = 'held' RETURNING stock_lock.id",
                seconds=seconds,
                token=token,
            )

    return expire


@pytest.fixture
def somebody(environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Another program at the database."""
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        yield connection


@pytest.fixture
def impatient(shop: Flask) -> Iterator[None]:
    """The shop waits for a row no longer than a moment."""

    def hurry(connection: Any, *_: Any) -> None:
        connection.execute("SET lock_timeout = 20")

    def relax(connection: Any, *_: Any) -> None:
        connection.execute("RESET lock_timeout")

    listeners = {"checkout": hurry, "checkin": relax}
    for name, listener in listeners.items():
        event.listen(db.engine(), name, listener)
    yield
    for name, listener in listeners.items():
        event.remove(db.engine(), name, listener)


@pytest.fixture
def letters(bank: Bank) -> Iterator[Post]:
    """What the providers post to the shop, kept for tests to deliver when they like."""
    receiver = Post()
    bank.control("POST", "/webhooks/endpoint", {"urls": [receiver.url], "retry_seconds": 0.02})
    yield receiver
    bank.control("POST", "/webhooks/endpoint", {"urls": []})
    receiver.close()

"""A shop that listens on a port, and a bank that sends its webhooks there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import shop as shops
from tests.bank import Bank
from tests.flows.providers import razorpay
from tests.flows.shopper import Shopper


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: the bank's own log is what the tests look at."""


@pytest.fixture
def bank(bank: Bank) -> Iterator[Bank]:
    yield bank
    bank.control("POST", "/webhooks/endpoint", {"urls": []})


@pytest.fixture
def shop(bank: Bank, usual_app: Callable[..., Flask]) -> Flask:
    app = usual_app(**razorpay(bank))
    shops.open_shop()
    return app


@pytest.fixture
def shopper(shop: Flask, bank: Bank) -> Shopper:
    return Shopper(shop.test_client(), bank)


@pytest.fixture
def listening(shop: Flask) -> Iterator[str]:
    """The shop's address while it serves over HTTP."""
    server = make_server("127.0.0.1", 0, shop, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()

"""Customers of a shop with a post office and a bank, for the conftest.py of each folder whose tests have some."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.bank import Bank
from tests.customers.patron import Patron
from tests.notifications.conftest import drain_all, make_due, make_shop, open_office, shop
from tests.notifications.post_office import PostOffice

__all__ = [
    "aina",
    "drain_all",
    "make_due",
    "make_patron",
    "make_shop",
    "mallory",
    "open_office",
    "patron",
    "shop",
]


@pytest.fixture
def make_patron(shop: Flask, bank: Bank, office: PostOffice, drain_all: Callable[[], None]) -> Callable[..., Patron]:
    """`make_patron()`: somebody at a browser of their own, without an account."""

    def make(email: str = "aina@example.com") -> Patron:
        return Patron(shop.test_client(), bank, office, drain_all, email)

    return make


@pytest.fixture
def patron(make_patron: Callable[..., Patron]) -> Patron:
    return make_patron()


@pytest.fixture
def aina(patron: Patron) -> Patron:
    """Somebody with an account, signed in."""
    return patron.register()


@pytest.fixture
def mallory(make_patron: Callable[..., Patron]) -> Patron:
    """Another customer, signed in."""
    return make_patron("mallory@example.com").register()

from __future__ import annotations

import pytest
from flask import Flask

from tests.attacks.world import World
from tests.customers.conftest import (  # noqa: F401 (fixtures)
    bank,
    drain_all,
    make_due,
    make_patron,
    make_shop,
    office,
    open_office,
    running_bank,
    shop,
)
from tests.customers.patron import Patron


@pytest.fixture
def world(shop: Flask, make_patron) -> World:  # type: ignore[no-untyped-def]  # noqa: F811
    """A shop in which something of everything exists, of aina's, who is signed in, and an owner at work."""
    aina: Patron = make_patron()
    return World(shop, aina).fill()

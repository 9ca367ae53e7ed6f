from __future__ import annotations

import pytest
from flask import Flask

from tests.attacks.world import World
from tests.customers.patron import Patron
from tests.customers.people import *  # noqa: F403 (fixtures)


@pytest.fixture
def world(shop: Flask, make_patron) -> World:  # type: ignore[no-untyped-def]
    """A shop in which something of everything exists, of aina's, who is signed in, and an owner at work."""
    aina: Patron = make_patron()
    return World(shop, aina).fill()

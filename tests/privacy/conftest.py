"""A shop with a post office and a bank, in which a person leaves traces everywhere, and a heap of all that the shop has kept."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.web import logs
from tests.customers.people import *  # noqa: F403 (fixtures)
from tests.notifications.carrier import Carrier
from tests.staff import StaffMember, hire


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    carrier = Carrier()
    yield carrier
    carrier.close()


@pytest.fixture
def shop(make_shop: Callable[..., Flask], carrier: Carrier) -> Flask:
    return make_shop(**carrier.settings)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that the shop and its libraries write at DEBUG, as the shop's processes write it."""
    root, stream = logging.getLogger(), io.StringIO()
    known, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in list(logging.root.manager.loggerDict)}
    logs.configure("DEBUG", stream=stream)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the mail server of the tests: not the shop's
    yield stream
    root.handlers[:], root.level = known, level
    root.setLevel(level)
    for name, each in levels.items():
        logging.getLogger(name).setLevel(each)


@pytest.fixture
def merchant(shop: Flask) -> StaffMember:
    return hire(shop, "nadhirah.pengurus@kedai-staff.example")

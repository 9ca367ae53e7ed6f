"""A shop that has something to sell, and money for it: orders are placed and settled by their own verbs, without HTTP."""

import pytest

from app.documents import wording
from tests import shop
from tests.documents.sales import SELLER


@pytest.fixture
def shop_open(database):
    shop.open_shop()


@pytest.fixture
def seller():
    """The seller of the documents, as a test wants it; the settings' own afterwards."""
    before = wording._shop

    def name(seller=SELLER):
        wording._shop = seller

    yield name
    wording._shop = before

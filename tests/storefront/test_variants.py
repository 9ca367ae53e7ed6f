"""The list of all variants on a product's page."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app.core import db
from app.core.transaction import transaction
from app.stock.actions import goods as shelves
from tests.catalog import goods
from tools.webforms import form_to

ROW = re.compile(r'<tr><th scope="row"><a href="([^"]+)"[^>]*>(.*?)</tr>', re.DOTALL)


@pytest.fixture
def slug(database: None) -> str:
    shirts = goods.category("shirts", "Shirts", "Kemeja")
    goods.product("Teluk", shirts, slug="teluk", sizes=("S", "M", "L"), stock_of={"S": 0, "M": 3, "L": 50})
    return "teluk"


def rows(page: str) -> list[tuple[str, str]]:
    """(link, what is said) of each variant."""
    return [
        (link, " ".join(re.sub(r"<[^>]+>", " ", words).replace("\xa0", " ").split()))
        for link, words in ROW.findall(page)
    ]


def test_each_has_its_price_its_stock_and_its_own_address(client: FlaskClient, slug: str):
    found = rows(client.get(f"/p/{slug}").text)
    assert [words for _link, words in found] == [
        "S RM 100.00 Sold out", "M RM 100.00 Only 3 left", "L RM 100.00 In stock",
    ]  # fmt: skip
    for link, _words in found:
        assert form_to(client.get(link).text, "/cart/lines").fields["variant"] == link.partition("?v=")[2]


def test_the_words_follow_the_stock(client: FlaskClient, slug: str):
    client.get(f"/p/{slug}")
    shelf = db.scalar("SELECT id FROM stock_item WHERE on_hand = 50")
    with transaction():
        shelves.adjust(shelf, -48, reason="counted", actor="test")
    db.forget()
    assert rows(client.get(f"/p/{slug}").text)[2][1] == "L RM 100.00 Only 2 left"


def test_they_come_in_the_readers_language(client: FlaskClient, slug: str):
    page = client.get(f"/p/{slug}?lang=ms").text
    assert "<h2>Semua pilihan dan harga</h2>" in page
    assert [words.split(" ", 3)[3] for _link, words in rows(page)] == ["Habis dijual", "Tinggal 3 sahaja", "Ada stok"]


def test_one_variant_needs_no_list(client: FlaskClient, slug: str):
    goods.product("Senja", goods.category("sarongs"), slug="senja")
    assert rows(client.get("/p/senja").text) == []

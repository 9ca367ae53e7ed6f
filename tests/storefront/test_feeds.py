"""The feed for Google Merchant Center (N12)."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.catalog import actions as catalog
from app.catalog.actions import NewProduct, NewVariant
from app.core import db
from app.core.transaction import transaction
from app.stock.actions import goods as shelves
from app.storefront import feeds
from tests.bank import Bank
from tests.catalog import goods
from tests.flows.shopper import Shopper
from tests.shop import add_product
from tests.sql import watched
from tools.webforms import form_to

FEED = "/feeds/google-merchant.xml"
G = "{http://base.google.com/ns/1.0}"


@pytest.fixture
def shirts(database: None) -> uuid.UUID:
    return goods.category("kemeja", "Shirts", "Kemeja", parent=goods.category("clothes", "Clothes", "Pakaian"))


@pytest.fixture
def teluk(shirts: uuid.UUID) -> uuid.UUID:
    return goods.product(
        "Teluk & <b>", shirts, ms="Kemeja Teluk", slug="teluk", sizes=("S", "M"), stock_of={"S": 0, "M": 5}, weight_grams=300,
        description={"en": "Light as air.", "ms": "Ringan."},
    )  # fmt: skip


def items(xml: str) -> list[dict[str, str]]:
    """Each item's fields, Google's without their namespace."""
    channel = ET.fromstring(xml).find("channel")
    assert channel is not None
    return [{field.tag.removeprefix(G): field.text or "" for field in item} for item in channel.findall("item")]


def test_an_item_is_what_its_page_is(client: FlaskClient, teluk: uuid.UUID):
    answer = client.get(FEED)
    assert answer.content_type == "application/xml; charset=utf-8"
    small, medium = items(answer.text)
    first, second = goods.variants_of(teluk)
    sku = db.scalar("SELECT sku FROM variant WHERE id = :id", id=first)
    picture = medium.pop("image_link")
    assert re.fullmatch(r"http://localhost/media/pic-\d+-0-1000\.webp", picture)
    assert medium == {
        "id": sku.replace("-0", "-1"),
        "title": "Teluk & <b>, M",
        "description": "Light as air.",
        "link": f"http://localhost/p/teluk?v={second}&currency=MYR&lang=en",
        "availability": "in_stock",
        "price": "100.00 MYR",
        "condition": "new",
        "brand": "Murni Batik",
        "identifier_exists": "no",
        "product_type": "Clothes > Shirts",
        "shipping_weight": "300 g",
        "item_group_id": str(teluk),
        "size": "M",
    }
    assert (small["id"], small["availability"]) == (sku, "out_of_stock")
    assert form_to(client.get(medium["link"].removeprefix("http://localhost")).text, "/cart/lines").fields[
        "variant"
    ] == str(second)


def test_another_language_and_currency(client: FlaskClient, teluk: uuid.UUID):
    client.set_cookie("currency", "USD")
    found = items(client.get(f"{FEED}?lang=ms&currency=INR", headers={"Accept-Language": "en"}).text)[1]
    assert (found["title"], found["description"], found["price"]) == ("Kemeja Teluk, M", "Ringan.", "100.00 INR")
    assert found["product_type"] == "Pakaian > Kemeja"
    assert found["link"].endswith("&currency=INR&lang=ms")
    client.set_cookie("lang", "ms")
    assert items(client.get(FEED).text)[1]["price"] == "100.00 MYR"  # whoever fetches it
    assert client.get(f"{FEED}?currency=XXX").status_code == client.get(f"{FEED}?lang=xx").status_code == 404


def test_its_links_show_their_price_and_the_cart_asks_it(client: FlaskClient, teluk: uuid.UUID):
    found = items(client.get(f"{FEED}?currency=INR").text)[1]
    page = client.get(found["link"].removeprefix("http://localhost")).text
    assert "₹100.00" in page
    answer = client.post("/cart/lines", data=form_to(page, "/cart/lines").filled(quantity=1))
    assert answer.status_code == 303
    assert "₹100.00" in client.get("/cart").text


def test_no_address_changes_the_currency_beyond_the_catalogue(client: FlaskClient, teluk: uuid.UUID):
    for path in ("/cart?currency=INR", "/about?currency=INR", "/p/teluk?currency=XXX"):
        assert "currency=" not in client.get(path).headers.get("Set-Cookie", "")
    assert "₹" not in re.sub(r"<option.*?</option>", "", client.get("/p/teluk").text)


def test_a_sale_and_cloth_by_the_metre(client: FlaskClient, shirts: uuid.UUID):
    with transaction():
        catalog.create_product(
            NewProduct(
                slug="kain", category_id=shirts, name={"en": "Kain"}, unit="metre", step_mm=500, weight_grams=120,
                variants=[NewVariant(sku="KAIN", options={}, prices={"MYR": (2_000, 2_500)})],
            )
        )  # fmt: skip
    db.forget()
    (found,) = items(client.get(FEED).text)
    assert (found["price"], found["sale_price"]) == ("50.00 MYR", "40.00 MYR")
    assert (found["unit_pricing_measure"], found["unit_pricing_base_measure"]) == ("1 m", "1 m")
    assert (found["shipping_weight"], found["description"]) == ("240 g", "Kain")
    assert "item_group_id" not in found
    assert "image_link" not in found


def test_only_what_is_for_sale_in_the_currency(client: FlaskClient, shirts: uuid.UUID):
    goods.product("Local", shirts, currencies=("MYR",))
    withdrawn, hidden = goods.product("Old", shirts), goods.product("Hidden", shirts)
    with transaction():
        catalog.withdraw(withdrawn)
        catalog.set_available(hidden, False)
    db.forget()
    assert [each["title"] for each in items(client.get(FEED).text)] == ["Local"]
    assert items(client.get(f"{FEED}?currency=USD").text) == []


def test_it_is_sent_again_only_when_goods_or_stock_have_changed(client: FlaskClient, teluk: uuid.UUID):
    first = client.get(FEED)
    known = {"If-None-Match": first.headers["ETag"]}
    assert "max-age" in first.headers["Cache-Control"]
    with watched() as asked:
        again = client.get(FEED, headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert not any("json_build_object" in each for each in asked)
    assert client.get(f"{FEED}?lang=ms", headers=known).status_code == 200
    shelf = db.scalar("SELECT id FROM stock_item WHERE on_hand = 5")
    with transaction():
        shelves.adjust(shelf, -5, reason="counted", actor="test")
    db.forget()
    sold_out = client.get(FEED, headers=known)
    assert [each["availability"] for each in items(sold_out.text)] == ["out_of_stock"] * 2
    with transaction():
        catalog.rename_slug("product", teluk, "teluk-baru")
    db.forget()
    renamed = client.get(FEED, headers={"If-None-Match": sold_out.headers["ETag"]})
    assert "/p/teluk-baru?" in renamed.text


@contextmanager
def adjusting_elsewhere(shelf: uuid.UUID, by: int) -> Iterator[None]:
    """Another process of the shop has changed a shelf, and commits when the block ends."""
    made, may_commit = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with transaction():
                shelves.adjust(shelf, by, reason="counted", actor="test")
                made.set()
                assert may_commit.wait(30)
        finally:
            db.forget()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(work)
        assert made.wait(30)
        try:
            yield
        finally:
            may_commit.set()
            late.result()


def test_a_movement_that_commits_after_a_newer_one_is_sent_too(client: FlaskClient, shirts: uuid.UUID):
    for name in ("First", "Second"):
        goods.product(name, shirts)
    first, second = (row[0] for row in db.rows("SELECT id FROM stock_item ORDER BY id"))
    db.release()
    with adjusting_elsewhere(first, -5):
        with transaction():
            shelves.adjust(second, -5, reason="counted", actor="test")
        db.forget()
        between = client.get(FEED)
        assert [each["availability"] for each in items(between.text)] == ["in_stock", "out_of_stock"]
    after = client.get(FEED, headers={"If-None-Match": between.headers["ETag"]})
    assert [each["availability"] for each in items(after.text)] == ["out_of_stock"] * 2


def test_only_the_first_and_the_last_unit_that_can_be_had_send_it_again(
    shop: Flask, shopper: Shopper, bank: Bank, run_out: Callable[..., None]
):
    """A sale that leaves something changes nothing here; a lock that ran out does at once, before anybody has cleaned up."""
    shirt = add_product(stock_of={"KB": 2})
    seen = shopper.client.get(FEED)
    shopper.order(shirt)
    assert shopper.client.get(FEED, headers={"If-None-Match": seen.headers["ETag"]}).status_code == 304
    last = Shopper(shop.test_client(), bank).order(shirt)
    gone = shopper.client.get(FEED, headers={"If-None-Match": seen.headers["ETag"]})
    assert [each["availability"] for each in items(gone.text)] == ["out_of_stock"]
    run_out(last)
    again = shopper.client.get(FEED, headers={"If-None-Match": gone.headers["ETag"]})
    assert [each["availability"] for each in items(again.text)] == ["in_stock"]


def test_the_head_alone_reads_no_goods(client: FlaskClient, teluk: uuid.UUID):
    with watched() as asked:
        answer = client.head(FEED)
    assert (answer.status_code, answer.data) == (200, b"")
    assert not any("json_build_object" in each for each in asked)


def test_it_comes_in_pieces_whole_and_each_once(
    client: FlaskClient, shirts: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feeds, "PIECE", 10)
    goods.products([f"No {n}" for n in range(25)], shirts)
    client.get(FEED)
    with watched() as asked:
        pieces = client.get(FEED, buffered=False).iter_encoded()
        sent = [next(pieces), next(pieces), next(pieces)]  # start, channel, ten goods
        assert len(asked) <= 2 + 3
        assert db.engine().pool.checkedout() == 0  # type: ignore[attr-defined] # while its reader takes time
        sent += pieces  # ten, five, none, end
    assert len(asked) <= 2 + 3 * 4
    titles = [each["title"] for each in items(b"".join(sent).decode())]
    assert sorted(titles) == sorted(f"No {n}" for n in range(25))


def test_what_xml_cannot_hold_is_left_out(client: FlaskClient, shirts: uuid.UUID):
    goods.product("Odd \x0b\x1f]]> &amp; name", shirts)
    assert [each["title"] for each in items(client.get(FEED).text)] == ["Odd ]]> &amp; name"]


def test_one_address_cannot_have_it_all_the_time(make_app: Callable[..., Flask], database: None):
    client = make_app(RATE_LIMIT_ENABLED="true").test_client()
    assert [client.get(FEED).status_code for _ in range(31)] == [200] * 30 + [429]

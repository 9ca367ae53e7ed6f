"""The demo shop in an empty database: complete, in seconds, and again without changing anything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.catalog import actions as catalog
from app.catalog import queries as catalog_queries
from app.core import db, storage
from app.core.transaction import transaction
from app.ops import audit
from app.search import queries as search
from app.stock import queries as stock
from demo import load

SEEN = {"locale": "en", "currency": "MYR"}
TABLES = ("category", "attribute_value", "product", "variant", "variant_price", "product_image", "stock_item", "stock_movement",
          "search_document", "search_word", "search_synonym", "tax_rate", "shipping_rate", "warehouse",
          "recurring_plan")  # fmt: skip


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(storage, "_service", storage.make("file:media", home=tmp_path))
    return tmp_path / "media"


@pytest.fixture
def demo(database: None, files: Path) -> load.Loaded:
    loaded = load.load()
    db.forget()
    return loaded


def sizes() -> dict[str, int]:
    found = {table: db.scalar(f"SELECT count(*) FROM {table}") for table in TABLES}
    db.forget()
    return found


def test_the_demo_shop_is_what_was_promised(database: None, files: Path):
    start = time.monotonic()
    loaded = load.load()
    assert time.monotonic() - start < 60  # a second or two, unless the machine has much else to do
    assert loaded.products >= 48
    assert loaded.variants >= 160
    db.forget()
    assert all(sizes().values())
    assert not any(audit.run(cleanup_interval_minutes=5).values())  # the stock came through the ledger


def test_loading_again_changes_nothing(demo: load.Loaded, files: Path):
    before, version = sizes(), catalog_queries.version()
    db.forget()
    assert (load.load().products, load.load().variants) == (0, 0)
    db.forget()
    assert sizes() == before
    assert catalog_queries.version() == version


def test_loading_again_keeps_what_the_merchant_changed(demo: load.Loaded):
    product = db.rows("SELECT id, slug FROM product ORDER BY slug LIMIT 1")[0]
    db.forget()
    with transaction():
        catalog.rename_slug("product", product.id, "renamed-by-hand")
        catalog.put_attribute("fibre", "silk", name={"en": "Mulberry silk"})
    before = sizes()
    load.load()
    db.forget()
    assert sizes() == before
    assert catalog_queries.product("renamed-by-hand", **SEEN).id == product.id
    assert catalog_queries.frame(locale="en").attribute("fibre", "silk").name == "Mulberry silk"


def test_every_picture_is_in_the_storage(demo: load.Loaded, files: Path):
    names = {
        row[0]
        for row in db.rows(
            "SELECT public_id FROM product_image UNION SELECT picture FROM category WHERE picture IS NOT NULL"
        )
    }
    for name in names:
        for width in storage.WIDTHS:
            for kind in storage.KINDS:
                assert (files / f"{name}-{width}.{kind}").stat().st_size > 500


def test_scarce_and_plenty_are_there_to_buy(demo: load.Loaded):
    """The contract's last line: six piece variants with 1 to 5 units, several with ten or more, all on a list."""
    results = search.list_products(per_page=96, **SEEN)
    assert results.total == demo.products
    found: dict[str, int] = {}
    for tile in results.tiles:
        if tile.card.unit != "piece":
            continue
        page = catalog_queries.product(tile.card.slug, **SEEN)
        variants = [variant.id for variant in page.variants]
        left = stock.availability(variants)
        found |= {str(variant): left.get(variant, stock.NONE).total for variant in variants}
    assert sum(1 <= left <= 5 for left in found.values()) >= 6
    assert sum(left >= 10 for left in found.values()) >= 6
    assert 0 in found.values()


def test_both_languages_and_all_currencies(demo: load.Loaded):
    for locale in ("en", "ms"):
        for currency in ("MYR", "INR", "USD"):
            assert search.list_products(locale=locale, currency=currency).total == demo.products
    english, malay = (catalog_queries.frame(locale=locale) for locale in ("en", "ms"))
    assert [each.name for each in english.top] != [each.name for each in malay.top]
    assert len(english.top) == 6


def test_shoppers_words_find_something(demo: load.Loaded):
    for query in ("shirt", "baju", "silk", "indigo", "kain", "bunga raya", "tablecloth", "blue scarf", "sutera"):
        for locale in ("en", "ms"):
            assert search.search(query, locale=locale, currency="MYR").total > 0, (query, locale)

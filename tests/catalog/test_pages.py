"""What pages get: in the asked language and currency, fresh after every change, with few statements and without Redis."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import pytest

from app.catalog import actions as catalog
from app.catalog import queries
from app.catalog.errors import SlugMoved
from app.core import cache, db
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import transaction
from tests.catalog import goods

SEEN = {"locale": "en", "currency": "MYR"}


@pytest.fixture
def shirts(database: None) -> uuid.UUID:
    return goods.category("shirts", "Shirts", "Kemeja")


def change(act: Callable[[], object]) -> None:
    with transaction():
        act()
    db.forget()


def test_product_page_in_language_and_currency(shirts: uuid.UUID):
    goods.attribute("motif", "parang", "Parang blades", "Bilah parang")
    id_ = goods.product("Teluk shirt", shirts, ms="Kemeja Teluk", slug="teluk", sizes=("XL", "S", "M"), motif="parang", pictures=2,
                        summary={"en": "Light.", "ms": "Ringan."}, price=22900)  # fmt: skip
    page = queries.product("teluk", locale="ms", currency="INR")
    assert (page.id, page.name, page.summary, page.category.name) == (id_, "Kemeja Teluk", "Ringan.", "Kemeja")
    assert page.motif is not None
    assert page.motif.name == "Bilah parang"
    assert [value.label for value in page.options[0].values] == ["S", "M", "XL"]
    assert page.options[0].name == "Saiz"
    assert [variant.label for variant in page.variants] == ["XL", "S", "M"]
    assert {variant.price for variant in page.variants} == {Money(22900, "INR")}
    assert [each.public_id[-1] for each in page.pictures] == ["0", "1"]
    assert page.variant_with({"size": "S"}) == page.variants[1]
    assert page.variant(page.variants[2].id) == page.variant(str(page.variants[2].id)) == page.variants[2]
    assert page.variant("nonsense") is None


def test_missing_malay_falls_back_to_english(shirts: uuid.UUID):
    goods.product("Only English", shirts, slug="only")
    assert queries.product("only", locale="ms", currency="MYR").name == "Only English"


def test_variant_without_a_price_in_the_currency_has_none(shirts: uuid.UUID):
    id_ = goods.product("Local", shirts, slug="local", currencies=("MYR",))
    assert queries.product("local", locale="en", currency="USD").variants[0].price is None
    assert queries.cards([id_], locale="en", currency="USD") == ()
    assert len(queries.cards([id_], **SEEN)) == 1


def test_withdrawn_product_keeps_its_page_and_leaves_all_lists(shirts: uuid.UUID):
    id_ = goods.product("Old", shirts, slug="old")
    change(lambda: catalog.withdraw(id_))
    assert queries.product("old", **SEEN).is_withdrawn
    assert queries.cards([id_], **SEEN) == ()
    assert queries.newest(limit=8, **SEEN) == ()
    assert queries.sitemap_products(1) == []


def test_unavailable_product_is_not_found(shirts: uuid.UUID):
    """CAT-04."""
    id_ = goods.product("Hidden", shirts, slug="hidden")
    change(lambda: catalog.set_available(id_, False))
    with pytest.raises(NotFound):
        queries.product("hidden", **SEEN)
    assert queries.newest(limit=8, **SEEN) == ()


@pytest.mark.parametrize("slug", ["nothing", "", "\x00", "a" * 10_000, "TELUK", "teluk'--", "../../etc/passwd"])
def test_unknown_addresses_are_not_found(shirts: uuid.UUID, slug: str):
    for look_up in (lambda: queries.product(slug, **SEEN), lambda: queries.category(slug, locale="en")):
        with pytest.raises(NotFound) as refusal:
            look_up()
        assert not isinstance(refusal.value, SlugMoved)


def test_renamed_category_redirects(shirts: uuid.UUID):
    change(lambda: catalog.rename_slug("category", shirts, "batik-shirts"))
    with pytest.raises(SlugMoved) as moved:
        queries.category("shirts", locale="en")
    assert moved.value.slug == "batik-shirts"
    assert queries.category("batik-shirts", locale="ms").category.name == "Kemeja"


def test_category_knows_its_place(shirts: uuid.UUID):
    office = goods.category("office", "Office", parent=shirts)
    goods.category("linen", "Linen", parent=office)
    page = queries.category("office", locale="en")
    assert [each.slug for each in page.trail] == ["shirts"]
    assert [each.slug for each in page.children] == ["linen"]
    assert [each.slug for each in queries.category("linen", locale="en").trail] == ["shirts", "office"]
    assert [each.slug for each in queries.frame(locale="en").top] == ["shirts"]


def test_newest_first_among_available(shirts: uuid.UUID):
    """CAT-05."""
    ids = [goods.product(f"No {n}", shirts, days_ago=n) for n in (3, 1, 2)]
    assert [card.id for card in queries.newest(limit=2, **SEEN)] == [ids[1], ids[2]]


def test_related_prefer_category_and_motif(shirts: uuid.UUID):
    sarongs = goods.category("sarongs")
    wanted = [
        goods.product("Same both", shirts, motif="parang", days_ago=50),
        goods.product("Same category", shirts, motif="kawung", days_ago=40),
        goods.product("Same motif", sarongs, motif="parang", days_ago=30),
        goods.product("Neither", sarongs, motif="kawung", days_ago=20),
    ]
    goods.product("This", shirts, slug="this", motif="parang")
    page = queries.product("this", **SEEN)
    assert [card.id for card in queries.related(page, **SEEN)] == wanted


def test_card_shows_the_lowest_price_and_that_there_are_others(shirts: uuid.UUID):
    id_ = goods.product("Teluk", shirts, slug="teluk", sizes=("S", "M"), price=20000, colours=["nila"])
    goods.attribute("colour", "nila", "Indigo", hex="#123456")
    small, medium = goods.variants_of(id_)
    change(lambda: catalog.set_price(medium, Money(15000, "MYR"), compare_at=Money(18000, "MYR")))
    (card,) = queries.cards([id_], **SEEN)
    assert (card.price, card.compare_at, card.has_price_range, card.variant_count) == (
        Money(15000, "MYR"),
        Money(18000, "MYR"),
        True,
        2,
    )
    assert [(each.name, each.hex) for each in card.colours] == [("Indigo", "#123456")]
    change(lambda: catalog.set_variant_available(small, False))
    (card,) = queries.cards([id_], **SEEN)
    assert not card.has_price_range


def test_metre_goods_tell_the_price_of_a_metre(shirts: uuid.UUID):
    id_ = goods.product("Cloth", shirts, unit="metre", step_mm=500, price=1900)
    (card,) = queries.cards([id_], **SEEN)
    assert card.price_per_metre == Money(3800, "MYR")


def test_change_is_seen_at_once_and_other_products_stay_remembered(
    shirts: uuid.UUID, statements: Callable[[], list[str]]
):
    id_ = goods.product("Teluk", shirts, slug="teluk", price=100)
    assert queries.product("teluk", **SEEN).variants[0].price == Money(100, "MYR")
    variant = goods.variants_of(id_)[0]
    change(lambda: catalog.set_price(variant, Money(200, "MYR")))
    assert queries.product("teluk", **SEEN).variants[0].price == Money(200, "MYR")
    db.forget()
    statements()
    assert queries.product("teluk", **SEEN).variants[0].price == Money(200, "MYR")
    assert len(statements()) == 1  # the version


def test_redis_serves_a_process_that_has_just_started(shirts: uuid.UUID, statements: Callable[[], list[str]]):
    goods.product("Teluk", shirts, slug="teluk")
    page = queries.product("teluk", **SEEN)
    for memory in (queries._products, queries._frames):
        memory.clear()
    db.forget()
    statements()
    assert queries.product("teluk", **SEEN) == page
    assert len(statements()) == 1


def test_pages_are_right_while_redis_is_away_and_after_it_was_flushed(
    shirts: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    id_ = goods.product("Teluk", shirts, slug="teluk", price=100)
    variant = goods.variants_of(id_)[0]
    queries.product("teluk", **SEEN)
    cache.client().flushdb()
    change(lambda: catalog.set_price(variant, Money(300, "MYR")))
    assert queries.product("teluk", **SEEN).variants[0].price == Money(300, "MYR")
    monkeypatch.setattr(cache, "_resting_until", time.monotonic() + 60)
    change(lambda: catalog.set_price(variant, Money(400, "MYR")))
    assert queries.product("teluk", **SEEN).variants[0].price == Money(400, "MYR")


def test_product_page_costs_few_statements_whatever_it_holds(shirts: uuid.UUID, statements: Callable[[], list[str]]):
    counts = set()
    for variants in (1, 24, 96):
        goods.product("Shirt", shirts, slug=f"p{variants}", sizes=[str(n) for n in range(variants)], pictures=5)
        queries._frames.clear()
        cache.client().flushdb()
        statements()
        page = queries.product(f"p{variants}", **SEEN)
        queries.related(page, **SEEN)
        counts.add(len(statements()))
        db.forget()
    assert counts == {4}  # version, frame, product, related


def test_sitemap_lists_what_is_shown(shirts: uuid.UUID):
    goods.product("One", shirts, slug="one")
    goods.product("Two", shirts, slug="two")
    assert queries.sitemap_pages() == 1
    assert sorted(entry.slug for entry in queries.sitemap_products(1)) == ["one", "two"]
    assert queries.sitemap_products(2) == []

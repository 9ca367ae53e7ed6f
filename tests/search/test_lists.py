"""Lists: what is in them, in which order, how the facets count, and what a page costs."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from app.catalog import actions as catalog
from app.catalog import queries as catalog_queries
from app.core import cache, db
from app.core.money import Money
from app.core.transaction import transaction
from app.search import actions, flows, queries
from app.search.queries.shapes import Results
from app.search.rules import Filters
from app.stock.actions import goods as shelves
from app.stock.rules import StockWord
from tests.catalog import goods

SEEN = {"locale": "en", "currency": "MYR"}


@pytest.fixture
def shirts(database: None) -> uuid.UUID:
    return goods.category("shirts", "Shirts", "Kemeja")


@pytest.fixture
def shelf(shirts: uuid.UUID) -> dict[str, uuid.UUID]:
    """Five shirts of which each facet tells another story."""
    goods.attribute("motif", "parang", "Parang")
    goods.attribute("colour", "nila", "Indigo", "Nila", hex="#123456")
    make = goods.product
    return {
        "a": make(
            "A", shirts, motif="parang", fibre="silk", colours=["nila"], sizes=("S", "M"), price=30000, days_ago=5
        ),
        "b": make(
            "B",
            shirts,
            motif="parang",
            fibre="cotton",
            colours=["nila", "soga"],
            sizes=("M", "L"),
            price=10000,
            days_ago=4,
        ),
        "c": make("C", shirts, motif="kawung", fibre="cotton", colours=["soga"], sizes=("M",), price=20000, days_ago=3),
        "d": make("D", shirts, motif="kawung", fibre="linen", colours=["soga"], sizes=("XL",), price=20000, days_ago=2),
        "e": make(
            "E",
            shirts,
            motif="kawung",
            fibre="linen",
            colours=["nila"],
            sizes=("S",),
            price=40000,
            days_ago=1,
            stock_of=0,
        ),
    }


def found(results: Results) -> str:
    return "".join(tile.card.name for tile in results.tiles).lower()


def counts(results: Results, group: str) -> dict[str, int]:
    facet = next((each for each in results.facets if each.group == group), None)
    return {value.value: value.count for value in facet.values} if facet else {}


def shop(**filters: object) -> Results:
    return queries.list_products(category="shirts", filters=Filters(**filters), **SEEN)  # type: ignore[arg-type]


def test_newest_first_and_sold_out_last(shelf: dict[str, uuid.UUID]):
    results = shop()
    assert (found(results), results.total, results.in_stock) == ("dcbae", 5, 4)
    assert results.tiles[-1].stock_word == StockWord("sold_out")


@pytest.mark.parametrize(
    ("sort", "order"), [("price_asc", "bdcae"), ("price_desc", "adcbe"), ("newest", "dcbae"), ("; DROP", "dcbae")]
)
def test_sorts(shelf: dict[str, uuid.UUID], sort: str, order: str):
    assert found(queries.list_products(category="shirts", sort=sort, **SEEN)) == order


def test_within_a_facet_any_across_facets_all(shelf: dict[str, uuid.UUID]):
    assert found(shop(motif=("parang",))) == "ba"
    assert found(shop(fibre=("cotton", "silk"))) == "cba"
    assert found(shop(fibre=("cotton", "silk"), colour=("nila",))) == "ba"
    assert found(shop(size=("S",), in_stock=True)) == "a"
    assert found(shop(price_from=15000, price_to=30000)) == "dca"


def test_counts_are_as_if_the_own_facet_were_not_set(shelf: dict[str, uuid.UUID]):
    results = shop(motif=("parang",), fibre=("cotton",))
    assert found(results) == "b"
    assert counts(results, "motif") == {"parang": 1, "kawung": 1}  # of the cotton ones
    assert counts(results, "fibre") == {"cotton": 1, "silk": 1, "linen": 0}  # of the parang ones; zero stays
    assert counts(results, "colour") == {"nila": 1, "soga": 1}
    assert counts(results, "size") == {"S": 0, "M": 1, "L": 1, "XL": 0}
    assert (results.lowest, results.highest) == (Money(10000, "MYR"), Money(10000, "MYR"))


def test_counts_agree_with_what_a_click_finds(shelf: dict[str, uuid.UUID]):
    base = Filters(fibre=("cotton", "linen"), price_from=5000)
    for facet in queries.list_products(category="shirts", filters=base, **SEEN).facets:
        for value in facet.values:
            chosen = base.without(facet.group)
            clicked = Filters(
                **{**{name: getattr(chosen, name) for name in chosen.__slots__}, facet.group: (value.value,)}
            )
            assert queries.list_products(category="shirts", filters=clicked, **SEEN).total == value.count, (
                facet.group,
                value.value,
            )


def test_price_range_is_told_without_the_price_filter(shelf: dict[str, uuid.UUID]):
    results = shop(price_from=15000, price_to=25000)
    assert (results.lowest, results.highest) == (Money(10000, "MYR"), Money(40000, "MYR"))


def test_facet_values_have_names_in_the_language(shelf: dict[str, uuid.UUID]):
    results = queries.list_products(category="shirts", locale="ms", currency="MYR")
    colours = next(facet for facet in results.facets if facet.group == "colour")
    assert [(value.label, value.hex) for value in colours.values] == [("Nila", "#123456"), ("Soga", None)]
    sizes = next(facet for facet in results.facets if facet.group == "size")
    assert [value.label for value in sizes.values] == ["S", "M", "L", "XL"]


def test_zero_results_tell_which_filter_to_remove(shelf: dict[str, uuid.UUID]):
    results = shop(motif=("parang",), fibre=("linen",), size=("XL",))
    assert results.total == 0
    assert [(each.group, each.label, each.count) for each in results.remedies] == [("motif", "Parang", 1)]
    assert found(queries.list_products(category="shirts", filters=results.remedies[0].rest, **SEEN)) == "d"


def test_applied_filters_lead_to_the_list_without_them(shelf: dict[str, uuid.UUID]):
    results = shop(motif=("kawung", "parang"), price_from=15000, in_stock=True)
    assert [(each.group, each.value) for each in results.applied] == [
        ("motif", "kawung"),
        ("motif", "parang"),
        ("price", None),
        ("stock", None),
    ]
    assert results.applied[0].rest == Filters(motif=("parang",), price_from=15000, in_stock=True)
    assert results.applied[2].label == "150–"


def test_a_filter_nobody_has_finds_nothing_and_stays_visible(shelf: dict[str, uuid.UUID]):
    results = shop(motif=("no-such'; --",))
    assert results.total == 0
    assert counts(results, "motif")["no-such'; --"] == 0


def test_a_category_holds_what_is_below_it(shirts: uuid.UUID):
    office = goods.category("office", "Office", parent=shirts, position=2)
    linen = goods.category("linen", "Linen", parent=office)
    goods.category("empty", "Empty", parent=shirts, position=1)
    goods.product("X", office)
    goods.product("Y", linen)
    results = queries.list_products(category="shirts", **SEEN)
    assert found(results) == "yx"
    assert counts(results, "category") == {"office": 2}
    assert counts(queries.list_products(category="office", **SEEN), "category") == {"linen": 1}
    assert counts(queries.list_products(**SEEN), "category") == {"shirts": 2}


def test_pages(shirts: uuid.UUID):
    for number in range(5):
        goods.product(f"{number}", shirts, days_ago=number)
    pages = [queries.list_products(page=page, per_page=2, **SEEN) for page in (1, 2, 3, 4, 10**9, -1)]
    assert [found(page) for page in pages] == ["01", "23", "4", "", "", "01"]
    assert [(page.pages, page.has_next, page.shown) for page in pages[:3]] == [
        (3, True, 2),
        (3, True, 4),
        (3, False, 5),
    ]


def test_what_has_no_price_in_the_currency_is_not_listed(shirts: uuid.UUID):
    goods.product("Local", shirts, currencies=("MYR",))
    assert queries.list_products(locale="en", currency="USD").total == 0
    assert queries.list_products(**SEEN).total == 1


def test_stock_words_are_live_on_a_remembered_list(shirts: uuid.UUID):
    product = goods.product("Rare", shirts, stock_of=3)
    variant = goods.variants_of(product)[0]
    assert queries.list_products(**SEEN).tiles[0].stock_word == StockWord("low", "3")
    db.forget()
    with transaction():
        shelves.receive(variant, db.scalar("SELECT id FROM warehouse"), 20)
    db.forget()
    assert queries.list_products(**SEEN).tiles[0].stock_word == StockWord("in_stock")


def test_withdrawn_product_leaves_lists_before_its_document_does(shirts: uuid.UUID):
    product = goods.product("Gone", shirts)
    with transaction():
        catalog.withdraw(product)
    db.forget()
    assert found(queries.list_products(**SEEN)) == ""


def test_documents_follow_the_catalogue(shirts: uuid.UUID, drain: Callable[[], int]):
    product = goods.product("Teluk", shirts, price=100)
    variant = goods.variants_of(product)[0]
    for act in (
        lambda: catalog.set_price(variant, Money(50_000, "MYR")),
        lambda: catalog.put_attribute("motif", "parang", name={"en": "Parang"}),
        lambda: catalog.rename_slug("category", shirts, "kemeja"),
    ):
        with transaction():
            act()
        drain()
    results = queries.list_products(category="kemeja", **SEEN)
    assert (results.total, results.lowest) == (1, Money(50_000, "MYR"))
    db.forget()
    with transaction():
        catalog.set_available(product, False)
    drain()
    assert db.scalar("SELECT count(*) FROM search_document") == 0
    assert db.scalar("SELECT count(*) FROM search_word") == 0


def test_sold_out_sinks_within_a_refresh_and_rises_again(shirts: uuid.UUID):
    goods.product("A", shirts, days_ago=2)
    newest = goods.product("B", shirts, days_ago=1, stock_of=1)
    variant = goods.variants_of(newest)[0]
    item = db.scalar("SELECT id FROM stock_item WHERE variant_id = :id", id=variant)
    db.forget()
    flows.refresh_sold_out()
    assert found(queries.list_products(**SEEN)) == "ba"
    db.forget()
    with transaction():
        shelves.adjust(item, -1, reason="lost", actor="system")
    flows.refresh_sold_out()
    db.forget()
    assert found(queries.list_products(**SEEN)) == "ab"
    db.forget()
    with transaction():
        shelves.receive(variant, db.scalar("SELECT id FROM warehouse"), 4)
    flows.refresh_sold_out()
    db.forget()
    assert found(queries.list_products(**SEEN)) == "ba"


def test_a_refresh_without_movement_changes_nothing(shelf: dict[str, uuid.UUID]):
    flows.refresh_sold_out()
    db.forget()
    before = queries.version()
    flows.refresh_sold_out()
    db.forget()
    assert queries.version() == before


@pytest.mark.parametrize("filters", [Filters(), Filters(motif=("kawung",), size=("M",), price_from=1, in_stock=True)])
def test_list_costs_the_same_for_1_24_and_96_products(
    shirts: uuid.UUID, statements: Callable[[], list[str]], filters: Filters
):
    cold, warm, made = set(), set(), 0
    for wanted in (1, 24, 96):
        goods.products(["P"] * (wanted - made), shirts, motif="kawung", sizes=("S", "M"))
        made = wanted
        for memory in (queries._listings, queries._counts, catalog_queries._frames):
            memory.clear()
        cache.client().flushdb()
        for seen in (cold, warm):
            db.forget()
            statements()
            assert queries.list_products(category="shirts", filters=filters, per_page=96, **SEEN).total == wanted
            seen.add(len(statements()))
    assert cold == {6 if filters.count else 5}  # versions, frame, counts (and those without filters), cards, stock
    assert warm == {2}  # versions, stock


def test_an_event_that_changes_nothing_makes_no_new_version(shelf: dict[str, uuid.UUID], drain: Callable[[], int]):
    drain()
    before = queries.version()
    db.forget()
    with transaction():
        actions.reindex(list(shelf.values()))
    assert queries.version() == before
    db.forget()
    with transaction():
        catalog.withdraw(shelf["a"])
    drain()
    assert queries.version() > before


def test_a_shop_without_any_product_has_empty_lists(database: None):
    assert queries.list_products(**SEEN).total == 0
    assert queries.list_products(category="nothing", **SEEN).total == 0
    assert queries.newest(limit=8, **SEEN) == ()

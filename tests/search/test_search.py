"""Full text: both languages, beginnings, synonyms, accents, spelling; and nothing typed into the box does harm (X17)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import pytest

from app.catalog import queries as catalog_queries
from app.core import cache, db
from app.core.transaction import transaction
from app.search import actions, queries
from app.search.queries import statements as sql
from app.search.rules import Filters
from tests.catalog import goods

SEEN = {"locale": "en", "currency": "MYR"}


@pytest.fixture
def shelf(database: None) -> dict[str, uuid.UUID]:
    with transaction():
        actions.put_synonyms([["kain", "fabric", "cloth"], ["baju", "shirt", "kemeja"], ["bunga raya", "hibiscus"]])
    goods.attribute("fibre", "silk", "Silk", "Sutera")
    goods.attribute("motif", "bunga-raya", "Bunga raya", "Bunga raya")
    shirts, scarves = goods.category("shirts", "Shirts", "Kemeja"), goods.category("scarves", "Scarves", "Selendang")
    return {
        "shirt": goods.product("Teluk shirt", shirts, ms="Kemeja Teluk", fibre="cotton", sizes=("S", "M"), days_ago=9),
        "silk": goods.product("Truntum silk shirt", shirts, ms="Kemeja Sutera Truntum", fibre="silk", days_ago=8),
        "scarf": goods.product("Senja scarf", scarves, ms="Selendang Senja", fibre="silk", motif="bunga-raya", days_ago=7),
        "ceramic": goods.product("Kéramik brooch", scarves, ms="Kerongsang seramik", days_ago=6,
                                 summary={"en": "Pins a shirt or a scarf, embroidery and all", "ms": "Untuk kemeja"}),
    }  # fmt: skip


def names(query: str, locale: str = "en", **more: object) -> list[str]:
    return [tile.card.name for tile in queries.search(query, locale=locale, currency="MYR", **more).tiles]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "first", "total"),
    [
        ("shirt", "Truntum silk shirt", 3),  # the name counts more than what is said about a brooch
        ("shirts", "Truntum silk shirt", 3),
        ("SHIRT", "Truntum silk shirt", 3),
        ("shi", "Truntum silk shirt", 3),
        ("silk scarf", "Senja scarf", 1),
        ("baju", "Truntum silk shirt", 2),
        ("sutera", "Truntum silk shirt", 2),  # Malay words on an English page
        ("kemeja silk", "Truntum silk shirt", 1),
        ("keramik", "Kéramik brooch", 1),
        ("KÉRAMIK", "Kéramik brooch", 1),
        ("hibiscus", "Senja scarf", 1),
        ("embroidered", "Kéramik brooch", 1),
        ("the scarf", "Senja scarf", 2),
        ("scarf-senja!", "Senja scarf", 1),
    ],
)
def test_what_is_found(shelf: dict[str, uuid.UUID], query: str, first: str, total: int):
    results = queries.search(query, **SEEN)
    assert results.total == total
    assert results.tiles[0].card.name == first


def test_malay_shoppers_find_malay_and_english_words(shelf: dict[str, uuid.UUID]):
    assert names("selendang", "ms") == ["Selendang Senja", "Kerongsang seramik"]  # its name, and its category
    assert names("scarf", "ms")[0] == "Selendang Senja"
    assert names("kemeja sut", "ms") == ["Kemeja Sutera Truntum"]


def test_a_sku_finds_its_product(shelf: dict[str, uuid.UUID]):
    sku = db.scalar("SELECT min(sku) FROM variant v WHERE v.product_id = :id", id=shelf["shirt"])
    assert names(sku) == ["Teluk shirt"]


def test_search_has_facets_and_takes_filters(shelf: dict[str, uuid.UUID]):
    results = queries.search("shirt", filters=Filters(fibre=("silk",)), **SEEN)
    assert [tile.card.name for tile in results.tiles] == ["Truntum silk shirt"]
    facets = {facet.group: {value.value: value.count for value in facet.values} for facet in results.facets}
    assert facets["category"] == {"shirts": 1, "scarves": 0}
    assert facets["fibre"] == {"cotton": 1, "silk": 1}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("shrit", "shirt"),
        ("trutnum", "truntum"),
        ("slk scarf", "silk scarf"),
        ("selendnag", "selendang"),
        ("hibiscsu", "hibiscus"),
    ],
)
def test_misspelt_words_are_put_right_from_the_shops_own(shelf: dict[str, uuid.UUID], typed: str, meant: str):
    results = queries.search(typed, **SEEN)
    assert (results.total, results.suggestion) == (0, meant)
    assert queries.search(meant, **SEEN).total > 0


@pytest.mark.parametrize("typed", ["xylophone", "zz", "silk brooch", "qwertyuiopasdfgh"])
def test_no_suggestion_where_nothing_is_near_or_it_would_find_nothing(shelf: dict[str, uuid.UUID], typed: str):
    results = queries.search(typed, **SEEN)
    assert (results.total, results.suggestion) == (0, None)


def test_vocabulary_counts_documents_and_forgets(shelf: dict[str, uuid.UUID]):
    def frequency(word: str) -> int:
        found: int = db.scalar(
            "SELECT coalesce(sum(frequency), 0) FROM search_word WHERE locale = 'en' AND word = :word", word=word
        )
        db.forget()
        return found

    assert (frequency("truntum"), frequency("shirt")) == (1, 2)
    with transaction():
        actions.reindex_all()
        actions.reindex_all()
    assert (frequency("truntum"), frequency("shirt")) == (1, 2)
    with transaction():
        db.rows("UPDATE product SET is_available = false WHERE id = :id RETURNING id", id=shelf["silk"])
        actions.reindex([shelf["silk"]])
    assert (frequency("truntum"), frequency("shirt")) == (0, 1)


def test_suggestions_while_typing(shelf: dict[str, uuid.UUID]):
    found = queries.suggest("sca", **SEEN)
    assert found.terms == ("scarves", "scarf")  # two products are filed under it, one is called so
    assert [each.slug for each in found.categories] == ["scarves"]
    assert found.tiles[0].card.name == "Senja scarf"
    assert found.total == 2
    assert queries.suggest("silk s", **SEEN).terms == ("silk",)
    assert queries.suggest("silk sc", **SEEN).terms == ("silk scarves", "silk scarf")


@pytest.mark.parametrize("typed", ["", "s", " ", "%", "\x00"])
def test_nothing_is_suggested_below_two_letters(
    shelf: dict[str, uuid.UUID], typed: str, statements: Callable[[], list[str]]
):
    assert queries.suggest(typed, **SEEN).is_empty
    assert statements() == []


def test_a_blank_query_lists_the_shop(shelf: dict[str, uuid.UUID]):
    assert queries.search("   ", **SEEN).total == 4


HOSTILE = [
    "%" * 10_000, "_" * 10_000, "\x00", "a\x00b", "'", "''; DROP TABLE product; --", "\\", ":*", "& | ! ( ) <->", "'a':*",
    "a" * 1_000_000, "(" * 5_000 + "a", "a " * 50_000, "$1 %s :words {0}", "\u202e\u0000\ufeff", "😀" * 1000, "\ud800",
    "<script>alert(1)</script>", "é" * 10_000, "-" * 10_000, "a-" * 5_000, "0" * 10_000, "\r\n", "ﷺ" * 500,
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_x17_hostile_queries_are_harmless_and_quick(shelf: dict[str, uuid.UUID], query: str):
    start = time.perf_counter()
    assert queries.search(query, **SEEN).total in range(5)
    queries.suggest(query, **SEEN)
    assert time.perf_counter() - start < 0.5
    assert db.scalar("SELECT count(*) FROM product") == 4


def test_search_costs_the_same_for_1_24_and_96_products(database: None, statements: Callable[[], list[str]]):
    shirts, made = goods.category("shirts"), 0
    cold, warm, none = set(), set(), set()
    for wanted in (1, 24, 96):
        goods.products(["Batik"] * (wanted - made), shirts)
        made = wanted
        for memory in (queries._listings, queries._counts, catalog_queries._frames):
            memory.clear()
        cache.client().flushdb()
        for seen, query in ((cold, "batik"), (warm, "batik"), (none, "batki")):
            db.forget()
            statements()
            queries.search(query, per_page=96, **SEEN)
            seen.add(len(statements()))
    assert cold == {5}
    assert warm == {2}
    assert none == {4}  # versions, counts, the known words, whether the correction finds anything


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways for very long result sets, at the size of a test."""
    monkeypatch.setattr(sql, "CANDIDATES", 4)
    monkeypatch.setattr(sql, "CAP", 6)


def test_very_many_matches(database: None, few_are_many: None):
    shirts = goods.category("shirts")
    for number in range(5):
        goods.product(f"Plain {number}", shirts, days_ago=number, summary={"en": "batik"})
    for number in range(5, 10):
        goods.product(f"Batik {number}", shirts, days_ago=number, fibre="silk" if number == 7 else "cotton")
    pages = [queries.search("batik", page=page, per_page=2, **SEEN) for page in (1, 2, 3)]
    assert [[tile.card.name[-1] for tile in page.tiles] for page in pages] == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert {(page.total, page.is_capped) for page in pages} == {(6, True)}
    assert [tile.card.name[-1] for tile in queries.search("batik", sort="price_asc", per_page=3, **SEEN).tiles] == [
        "0",
        "1",
        "2",
    ]
    assert [tile.card.name[-1] for tile in queries.list_products(per_page=3, **SEEN).tiles] == ["0", "1", "2"]
    few = queries.search("batik", filters=Filters(fibre=("silk",)), **SEEN)
    assert [tile.card.name for tile in few.tiles] == ["Batik 7"]

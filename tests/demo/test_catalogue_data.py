"""The demo shop's files are complete, consistent, in both languages, and stocked the way the demo promises."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.demo_images import catalogue as drawings

Table = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "demo" / "catalogue"
SHOP: Table = tomllib.loads((FOLDER / "shop.toml").read_text(encoding="utf-8"))
PRODUCTS: dict[str, list[Table]] = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["product"]
    for path in sorted(FOLDER.glob("*.toml"))
    if path.stem != "shop"
}
ALL: list[Table] = [product for products in PRODUCTS.values() for product in products]
CURRENCIES = {"MYR", "INR", "USD"}
SENTENCES = ("summary", "description", "story", "care")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
INDONESIAN = re.compile(r"\b(bisa|karena|kualitas|pengiriman|kantong|kancing|handuk|seprai)\b", re.I)


def variants(products: list[Table] = ALL) -> list[tuple[Table, Table]]:
    return [(product, variant) for product in products for variant in product["variants"]]


def pictures() -> list[Table]:
    return [picture for product in ALL for picture in product["pictures"]]


def slugs(kind: str) -> list[str]:
    return [row["slug"] for row in SHOP[kind]]


def sellable(variant: Table) -> int:
    return sum(max(0, on_hand - variant.get("safety", 0)) for on_hand in variant["stock"].values())


def pieces_left(products: list[Table]) -> list[int]:
    return [sellable(variant) for product, variant in variants(products) if product["unit"] == "piece"]


def worded() -> Iterator[tuple[str, str, Table]]:
    """Where, which field, and its text in both languages."""
    for kind in ("category", "motif", "colour", "fibre"):
        for row in SHOP[kind]:
            yield from (
                (row["slug"], field, row[field]) for field in ("name", "intro", "story", "origin") if field in row
            )
    for product in ALL:
        yield from ((product["slug"], field, product[field]) for field in ("name", *SENTENCES))
        yield from ((product["slug"], "option", option["name"]) for option in product["options"])
        yield from ((product["slug"], "alt", picture["alt"]) for picture in product["pictures"])


def test_the_shop_has_the_promised_size() -> None:
    assert len(SHOP["category"]) == 6
    assert len(SHOP["warehouse"]) == 3
    assert 50 <= len(ALL) <= 54
    assert len(variants()) >= 170
    assert 90 <= len({picture["name"] for picture in pictures()}) <= 100
    assert set(PRODUCTS) == set(slugs("category"))


def test_names_that_must_be_unique_are() -> None:
    for names in (
        [product["slug"] for product in ALL],
        [variant["sku"] for _, variant in variants()],
        [product["created_days_ago"] for product in ALL],
        [row["code"] for row in SHOP["warehouse"]],
        *(slugs(kind) for kind in ("category", "motif", "colour", "fibre")),
        *([product["name"][language] for product in ALL] for language in ("en", "ms")),
    ):
        assert [name for name, times in Counter(names).items() if times > 1] == []


def test_slugs_and_skus_are_plain() -> None:
    for slug in [product["slug"] for product in ALL] + [name for kind in ("category", "motif") for name in slugs(kind)]:
        assert SLUG.fullmatch(slug), slug
    for _, variant in variants():
        assert re.fullmatch(r"[A-Z0-9]+(-[A-Z0-9]+)+", variant["sku"]), variant["sku"]


def test_every_text_is_there_in_both_languages() -> None:
    for where, field, words in worded():
        assert set(words) == {"en", "ms"}, (where, field)
        for text in words.values():
            assert text, (where, field)
            assert text == text.strip(), (where, field)
            assert "  " not in text, (where, field)


def test_sentences_are_translated_and_written_for_their_product() -> None:
    written = [(where, field, words) for where, field, words in worded() if field not in ("name", "option", "alt")]
    for where, field, words in written:
        assert words["en"] != words["ms"], (where, field)
        assert words["en"][-1] in ".!?", (where, field)
        assert words["ms"][-1] in ".!?", (where, field)
    for language in ("en", "ms"):
        paragraphs = Counter(part for _, _, words in written for part in words[language].split("\n\n"))
        assert [part for part, times in paragraphs.items() if times > 1] == []


def test_descriptions_and_category_stories_have_paragraphs_in_step() -> None:
    for product in ALL:
        counts = {language: len(text.split("\n\n")) for language, text in product["description"].items()}
        assert counts["en"] == counts["ms"] == 2, product["slug"]
        assert all(len(text) <= 170 for text in product["summary"].values()), product["slug"]
    for category in SHOP["category"]:
        assert [len(text.split("\n\n")) for text in category["story"].values()] == [2, 2], category["slug"]


def test_the_malay_is_not_indonesian() -> None:
    assert [(where, field) for where, field, words in worded() if INDONESIAN.search(words["ms"])] == []


def test_every_reference_resolves() -> None:
    names = {picture["name"] for picture in pictures()}
    assert all(category["picture"] in names for category in SHOP["category"])
    for product in ALL:
        assert product["motif"] in slugs("motif"), product["slug"]
        assert product["fibre"] in slugs("fibre"), product["slug"]
        assert product["colours"], product["slug"]
        assert set(product["colours"]) <= set(slugs("colour")), product["slug"]
    for kind in ("motif", "colour", "fibre"):
        used = {value for product in ALL for value in (product["colours"] if kind == "colour" else [product[kind]])}
        assert used == set(slugs(kind)), kind
    for product, variant in variants():
        assert set(variant["stock"]) == {row["code"] for row in SHOP["warehouse"]}, variant["sku"]
        own = {picture["name"] for picture in product["pictures"]}
        assert variant.get("picture", product["pictures"][0]["name"]) in own, variant["sku"]


def test_every_variant_answers_every_option_once() -> None:
    for product in ALL:
        codes = [option["code"] for option in product["options"]]
        chosen = [tuple(variant["options"].items()) for variant in product["variants"]]
        assert all([code for code, _ in choice] == codes for choice in chosen), product["slug"]
        assert len(set(chosen)) == len(chosen), product["slug"]
        colours = {variant["options"]["colour"] for variant in product["variants"] if "colour" in codes}
        assert colours in ({*product["colours"]}, set()), product["slug"]
        assert len(product["colours"]) == max(1, len(colours)), product["slug"]


def test_prices_stand_in_three_currencies_and_sales_are_cheaper() -> None:
    for _, variant in variants():
        assert set(variant["price"]) == CURRENCIES, variant["sku"]
        assert all(isinstance(minor, int) and minor > 0 for minor in variant["price"].values()), variant["sku"]
        before = variant.get("compare_at")
        if before is not None:
            assert set(before) == CURRENCIES, variant["sku"]
            assert all(before[currency] > minor for currency, minor in variant["price"].items()), variant["sku"]
    assert 5 <= len({product["slug"] for product, variant in variants() if "compare_at" in variant}) <= 10


@pytest.mark.parametrize(("currency", "low", "high"), [("INR", 17.5, 19.5), ("USD", 0.21, 0.25)])
def test_prices_agree_across_currencies(currency: str, low: float, high: float) -> None:
    for _, variant in variants():
        for price in (variant["price"], variant.get("compare_at", variant["price"])):
            assert low <= price[currency] / price["MYR"] <= high, variant["sku"]


def test_lengths_are_sold_in_half_metres() -> None:
    assert {product["unit"] for product in PRODUCTS["fabric"]} == {"metre"}
    for product in ALL:
        if product["unit"] == "metre":
            least = 2 if product["slug"] == "kain-ela-sutera-tabur-nila" else 1  # silk is cut from a metre on (N18)
            assert (product["step_mm"], product["min_steps"]) == (500, least), product["slug"]
            assert all(each["price"]["MYR"] * 2 % 100 == 0 for each in product["variants"]), product[
                "slug"
            ]  # per metre
        else:
            assert product["unit"] == "piece", product["slug"]
            assert not {"step_mm", "min_steps"} & set(product), product["slug"]


def test_customs_and_parcels_know_every_product() -> None:
    for product in ALL:
        assert re.fullmatch(r"\d{4}", product["hs_code"]), product["slug"]
        assert (product["made_in"], product["tax_class"]) == ("MY", "standard"), product["slug"]
        assert product["weight_grams"] > 0, product["slug"]
        assert product.get("max_per_order", 1) > 0, product["slug"]


def test_stock_is_scarce_plenty_split_and_gone() -> None:
    left = pieces_left(ALL)
    assert sum(1 <= units <= 5 for units in left) >= 8
    assert sum(units >= 10 for units in left) >= 30
    assert left.count(0) >= 4
    gone = [product["slug"] for product in ALL if not any(sellable(each) for each in product["variants"])]
    assert 1 <= len(gone) <= 2
    split = [variant["sku"] for _, variant in variants() if sorted(variant["stock"].values()) == [0, 1, 1]]
    assert len(split) >= 3
    assert all(isinstance(units, int) and units >= 0 for _, each in variants() for units in each["stock"].values())


def test_scarce_and_plenty_are_reachable_from_home_and_every_category_of_pieces() -> None:
    newest = sorted(ALL, key=lambda product: product["created_days_ago"])[:8]
    shelves = {"home": newest, **PRODUCTS}
    del shelves["fabric"]  # only lengths
    for name, products in shelves.items():
        left = pieces_left(products)
        assert sum(1 <= units <= 5 for units in left) >= 3, name
        assert sum(units >= 10 for units in left) >= 4, name


def test_pictures_can_be_drawn_and_every_product_shows_itself_and_its_cloth() -> None:
    drawn = {picture.name: picture for picture in drawings.load_pictures(FOLDER)}
    assert {picture["name"] for picture in pictures()} == set(drawn)
    looks = Counter((each.shot, each.motif, each.motif2, each.palette, each.seed) for each in drawn.values())
    assert max(looks.values()) == 1
    for product in ALL:
        shots = [picture["shot"] for picture in product["pictures"]]
        assert len(shots) >= 2, product["slug"]
        assert shots[0] not in ("drape", "macro"), product["slug"]
        assert {"drape", "macro"} & set(shots), product["slug"]
        assert product["pictures"][0]["palette"] == product["colours"][0], product["slug"]
    for picture in pictures():
        assert picture["motif"] == "floral" or picture["palette"] not in ("teluk", "senja", "malam"), picture["name"]


def test_synonyms_are_groups_of_two_or_more_lower_case_words() -> None:
    for group in SHOP["synonym"]:
        words = group["words"]
        assert len(set(words)) == len(words) >= 2, words
        assert words == [word.lower().strip() for word in words], words
    everyone = {word for group in SHOP["synonym"] for word in group["words"]}
    assert {"kain", "fabric", "baju", "shirt", "tudung", "scarf"} <= everyone

"""Generated products: each is one of the demo's with another name, price and stock, below a category of its kind.

There are a hundred categories: the demo's own on top, the generated ones below them.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from app.catalog import actions as catalog
from app.catalog.rules import slugify
from app.core import clock, db, storage
from app.core.ids import new_id
from app.search import actions as search
from demo import catalogue
from demo.bulk import tables
from demo.catalogue import Catalogue

SEED = 20_261_120
CATEGORIES = 100
SPREAD_DAYS = 720
CHUNK = 5_000
SOLD_OUT = 0.05
MANNERS = (
    ("Everyday", "harian"), ("Festive", "perayaan"), ("Wedding", "perkahwinan"), ("Office", "pejabat"), ("Travel", "kembara"),
    ("Heritage", "warisan"), ("Hand-drawn", "lukisan tangan"), ("Stamped", "cap"), ("Plant-dyed", "celupan tumbuhan"),
    ("Light", "ringan"), ("Heavy", "tebal"), ("Gift", "hadiah"), ("Limited", "terhad"), ("Classic", "klasik"),
    ("Modern", "moden"), ("Children's", "kanak-kanak"), ("Garden", "taman"),
)  # fmt: skip
MOODS = (
    ("Morning", "Pagi"), ("Evening", "Petang"), ("Monsoon", "Tengkujuh"), ("River", "Sungai"), ("Hill", "Bukit"), ("Island", "Pulau"),
    ("Orchid", "Orkid"), ("Jasmine", "Melur"), ("Frangipani", "Kemboja"), ("Fern", "Paku"), ("Heron", "Bangau"), ("Swallow", "Layang"),
    ("Coral", "Karang"), ("Pearl", "Mutiara"), ("Amber", "Ambar"), ("Lantern", "Tanglung"), ("Harvest", "Tuai"), ("Market", "Pasar"),
    ("Harbour", "Pelabuhan"), ("Courtyard", "Laman"), ("Bamboo", "Buluh"), ("Lotus", "Teratai"), ("Rain", "Hujan"), ("Moonlit", "Purnama"),
)  # fmt: skip
PLACES = (
    "Kelantan", "Terengganu", "Pahang", "Kedah", "Perlis", "Perak", "Selangor", "Melaka", "Johor", "Sabah", "Sarawak", "Labuan",
    "Langkawi", "Tioman", "Redang", "Pangkor", "Cirebon", "Yogyakarta", "Surakarta", "Pekalongan", "Lasem", "Madura", "Jaipur",
    "Kanchi", "Mysore", "Kochi", "Pondicherry", "Galle", "Kandy", "Penang",
)  # fmt: skip
GOODS = ("product", "variant", "variant_price", "product_image", "stock_item", "stock_movement")


def generate(count: int) -> None:
    """Add `count` products with variants, prices, pictures, stock and search documents. In the caller's transaction."""
    tables.prepare()
    catalog.touch()
    wanted = catalogue.read()
    first = db.scalar("SELECT count(*) FROM product WHERE slug ~ '-g[0-9]+$'")
    places = _categories(wanted)
    warehouses = [row[0] for row in db.rows("SELECT id FROM warehouse ORDER BY priority, code")]
    numbers = range(first, first + count)
    with tables.without_indexes(GOODS, rows=count):
        for start in range(0, count, CHUNK):
            some = numbers[start : start + CHUNK]
            _copy([_Product(number, places[number % len(places)], warehouses) for number in some], wanted)
    tables.analyze(GOODS)
    with tables.without_indexes(("search_document",), rows=count):
        search.reindex([row[0] for row in db.rows(_NOT_INDEXED)])


_NOT_INDEXED = (
    "SELECT id FROM product p WHERE NOT EXISTS (SELECT 1 FROM search_document d WHERE d.product_id = p.id) ORDER BY id"
)


class _Product:
    """One generated product as rows. All that is random in it comes from its number."""

    def __init__(
        self, number: int, place: tuple[uuid.UUID, Sequence[dict[str, Any]]], warehouses: Sequence[uuid.UUID]
    ) -> None:
        self.number, self.warehouses = number, warehouses
        self.category_id, templates = place
        self.random = random.Random(SEED + number)  # noqa: S311
        self.template = self.random.choice(templates)
        self.created_at = _midnight() - timedelta(seconds=self.random.randrange(SPREAD_DAYS * 86_400))
        self.id = self._key()
        self.factor = self.random.choice((60, 70, 80, 90, 100, 110, 125, 140, 160, 180))
        self.is_sold_out = self.random.random() < SOLD_OUT
        mood, self.place = self.random.choice(MOODS), self.random.choice(PLACES)
        names = self.template["name"]
        self.name = {"en": f"{mood[0]} {names['en']} {self.place}", "ms": f"{names['ms']} {mood[1]} {self.place}"}
        self.variants = [(self._key(), table) for table in self.template["variants"]]
        self.images = [(self._key(), table) for table in self.template["pictures"]]

    def _key(self) -> str:
        """A version 7 UUID at the product's moment."""
        millis, bits = int(self.created_at.timestamp() * 1000), f"{self.random.getrandbits(74):019x}"
        return f"{millis >> 16:08x}-{millis & 0xFFFF:04x}-7{bits[:3]}-8{bits[3:6]}-{bits[6:18]}"

    def row(self) -> tuple[Any, ...]:
        table = self.template
        text = {
            name: json.dumps(table.get(name, {}), ensure_ascii=False) for name in ("summary", "description", "care")
        }
        return (
            self.id, f"{slugify(self.name['en'])}-g{self.number}", str(self.category_id), json.dumps(self.name, ensure_ascii=False),
            text["summary"], text["description"], text["care"], table["motif"], table["fibre"], json.dumps(table["colours"]),
            json.dumps(table["options"], ensure_ascii=False), table["unit"], table.get("step_mm"), table["weight_grams"],
            table["tax_class"], table["hs_code"], table["made_in"], table.get("max_per_order"), self.created_at, self.created_at,
        )  # fmt: skip

    def variant_rows(self) -> Iterator[tuple[Any, ...]]:
        images = {table["name"]: id_ for id_, table in self.images}
        least = self.template.get("min_steps", 1)
        for position, (id_, table) in enumerate(self.variants):
            sku = f"G{self.number}-{position + 1}"
            options = json.dumps(table["options"], ensure_ascii=False)
            yield (id_, self.id, sku, options, position, least, images.get(table.get("picture")), self.created_at)

    def price_rows(self) -> Iterator[tuple[Any, ...]]:
        for id_, table in self.variants:
            was = table.get("compare_at", {})
            for currency, price in table["price"].items():
                amount = max(100, price * self.factor // 10_000 * 100)
                before = was.get(currency)
                yield (
                    id_,
                    currency,
                    amount,
                    max(amount + 100, before * self.factor // 10_000 * 100) if before else None,
                )

    def image_rows(self, alts: Mapping[str, Any], pictures: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        for position, (id_, table) in enumerate(self.images):
            name = table["name"]
            drawn = pictures[name]
            address = storage.url(name, max(drawn["sizes"]), "webp")
            yield (id_, self.id, address, name, position == 0, position, json.dumps(alts[name], ensure_ascii=False),
                   drawn["tint"], drawn["width"], drawn["height"], self.created_at, self.created_at)  # fmt: skip

    def stock_rows(self) -> Iterator[tuple[str, str, str, int]]:
        """(item, variant, warehouse, pieces or steps), in one warehouse or two."""
        for number, (id_, _table) in enumerate(self.variants):
            shelves = 2 if (self.number + number) % 3 == 0 else 1
            first = (self.number + number) % len(self.warehouses)
            for shelf in range(min(shelves, len(self.warehouses))):
                quantity = 0 if self.is_sold_out else self.random.choice((0, 1, 2, 3, 5, 8, 12, 20, 40, 80))
                yield self._key(), id_, str(self.warehouses[(first + shelf) % len(self.warehouses)]), quantity


def _copy(made: Sequence[_Product], wanted: Catalogue) -> None:
    tables.copy(
        "product",
        ("id", "slug", "category_id", "name", "summary", "description", "care", "motif", "fibre", "colours", "options", "unit", "step_mm",
         "weight_grams", "tax_class", "hs_code", "made_in", "max_per_order", "created_at", "updated_at"),
        (each.row() for each in made),
    )  # fmt: skip
    tables.copy(
        "product_image",
        ("id", "product_id", "image_url", "public_id", "is_main", "position", "alt", "tint", "width", "height", "created_at",
         "updated_at"),
        (row for each in made for row in each.image_rows(wanted.alts, wanted.pictures)),
    )  # fmt: skip
    tables.copy(
        "variant",
        ("id", "product_id", "sku", "options", "position", "min_quantity", "image_id", "created_at"),
        (row for each in made for row in each.variant_rows()),
    )
    tables.copy(
        "variant_price",
        ("variant_id", "currency", "price_minor", "compare_at_minor"),
        (row for each in made for row in each.price_rows()),
    )
    _copy_stock(made)


def _copy_stock(made: Sequence[_Product]) -> None:
    """The counters, and the delivery that brought them there."""
    shelves = [(each, row) for each in made for row in each.stock_rows()]
    tables.copy(
        "stock_item",
        ("id", "variant_id", "warehouse_id", "on_hand", "created_at"),
        (
            (item, variant, warehouse, quantity, each.created_at)
            for each, (item, variant, warehouse, quantity) in shelves
        ),
    )
    tables.copy(
        "stock_movement",
        ("id", "stock_item_id", "kind", "on_hand_delta", "on_hand_after", "locked_after", "reason", "created_at"),
        (
            (each._key(), item, "receive", quantity, quantity, 0, "demo", each.created_at)
            for each, (item, _variant, _warehouse, quantity) in shelves
            if quantity
        ),
    )


def _categories(wanted: Catalogue) -> list[tuple[uuid.UUID, Sequence[dict[str, Any]]]]:
    """Generated categories, with the demo products of their kind as templates. Creates those that are not there yet."""
    ids = {row.slug: row.id for row in db.rows("SELECT slug, id FROM category")}
    tops = wanted["category"]
    names = list(islice(_names(tops), CATEGORIES - len(tops)))
    missing = [each for each in names if each[0] not in ids]
    fresh = {slug: new_id() for slug, *_rest in missing}
    tables.copy(
        "category",
        ("id", "slug", "parent_id", "position", "name", "picture"),
        (
            (
                str(fresh[slug]),
                slug,
                str(ids[top["slug"]]),
                100 + position,
                json.dumps(name, ensure_ascii=False),
                top.get("picture"),
            )
            for position, (slug, name, top) in enumerate(missing)
        ),
    )
    by_kind = {top["slug"]: [each for each in wanted["product"] if each["category"] == top["slug"]] for top in tops}
    return [((ids | fresh)[slug], by_kind[top["slug"]]) for slug, _name, top in names]


def _names(tops: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """(slug, name, top category), one manner after the other for each top category in turn."""
    for manner in MANNERS:
        for top in tops:
            kind = top["name"]
            name = {"en": f"{manner[0]} {kind['en'][0].lower()}{kind['en'][1:]}", "ms": f"{kind['ms']} {manner[1]}"}
            yield slugify(name["en"]), name, top


def _midnight() -> datetime:
    today = clock.now().date()
    return datetime(today.year, today.month, today.day, tzinfo=UTC)

"""Fill a shop with the demo. Running it again adds only what is missing, and changes nothing the merchant changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.catalog import actions as catalog
from app.catalog.actions import NewPicture, NewProduct, NewVariant
from app.core import clock, db, numbers, storage
from app.core.transaction import transaction
from app.orders import actions as orders
from app.recurring.actions import plans
from app.search import actions as search
from app.shipping import actions as shipping
from app.stock.actions import goods as shelves
from app.tax import actions as tax
from demo import catalogue
from demo.catalogue import TEXTS, Catalogue

PICKUP: dict[str, Any] = {
    "zone": "my-west",
    "code": "workshop",
    "name": {"en": "Pick up at our workshop", "ms": "Ambil di bengkel kami"},
    "at": {
        "line1": "18 Jalan Sultanah Zainab", "postcode": "15050", "city": "Kota Bharu", "state": "Kelantan", "country": "MY",
    },
    "hours": {"en": "Saturday to Thursday, 10 am to 6 pm", "ms": "Sabtu hingga Khamis, 10 pagi hingga 6 petang"},
    "days": (1, 1),
    "prices": {"MYR": 0, "INR": 0, "USD": 0},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was added."""

    products: int
    variants: int
    pictures: int


def load(folder: Path = catalogue.FOLDER) -> Loaded:
    """Pictures into the image storage, then everything else in one transaction."""
    wanted = catalogue.read(folder)
    pictures = _adopt_pictures(wanted)
    with transaction():
        tax.load_fixtures()
        shipping.load_fixtures()
        shipping.offer_pickup(**PICKUP)
        numbers.name("order", "MB-", first=orders.FIRST_NUMBER)
        warehouses = {each["code"]: shelves.put_warehouse(**_warehouse(each)) for each in wanted["warehouse"]}
        _name_attributes(wanted)
        categories = _categories(wanted)
        products = _products(wanted, categories, warehouses)
        search.put_synonyms([each["words"] for each in wanted["synonym"]])
        if products:
            search.reindex_all()
    return Loaded(len(products), sum(len(each["variants"]) for each in products), pictures)


def _adopt_pictures(wanted: Catalogue) -> int:
    """The pictures no product of the shop shows yet; encoding was done when they were drawn."""
    known = {row[0] for row in db.rows("SELECT DISTINCT public_id FROM product_image")}
    db.release()
    missing = {name: picture for name, picture in wanted.pictures.items() if name not in known}
    for name, picture in missing.items():
        storage.adopt(name, catalogue.renditions(name, picture, wanted.folder))
    return len(missing)


def _warehouse(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: table[name] for name in ("code", "name", "country", "priority")}


def _name_attributes(wanted: Catalogue) -> None:
    known = set(db.rows("SELECT kind, slug FROM attribute_value"))
    for kind in ("motif", "colour", "fibre"):
        for each in wanted[kind]:
            if (kind, each["slug"]) not in known:
                catalog.put_attribute(
                    kind, each["slug"], name=each["name"], origin=each.get("origin"), hex=each.get("hex")
                )


def _categories(wanted: Catalogue) -> dict[str, uuid.UUID]:
    ids: dict[str, uuid.UUID] = {row.slug: row.id for row in db.rows("SELECT slug, id FROM category")}
    for each in wanted["category"]:
        if each["slug"] not in ids:
            texts = {name: each.get(name, {}) for name in ("intro", "story", "seo_title", "seo_description")}
            made = catalog.create_category(
                each["slug"],
                name=each["name"],
                parent_id=ids.get(each.get("parent", "")),
                position=each.get("position", 0),
                picture=each.get("picture"),
                **texts,
            )
            ids[each["slug"]] = made.id
    return ids


def _products(
    wanted: Catalogue, categories: Mapping[str, uuid.UUID], warehouses: Mapping[str, uuid.UUID]
) -> list[dict[str, Any]]:
    """Create what is not there; returns the tables of what was created."""
    known = {row[0] for row in db.rows("SELECT slug FROM product UNION SELECT slug FROM slug_redirect")}
    missing = [each for each in wanted["product"] if each["slug"] not in known]
    for each in missing:
        catalog.create_product(_new_product(each, wanted, categories))
    variants = [variant for each in missing for variant in each["variants"]]
    _receive(variants, warehouses)
    new = {each["sku"] for each in variants}
    for plan in wanted["plan"]:
        if plan["sku"] in new:  # one that the merchant has ended stays so
            plans.add(plan["sku"], period=plan["period"], every=plan["every"], by="demo")
    return missing


def _receive(variants: Sequence[Mapping[str, Any]], warehouses: Mapping[str, uuid.UUID]) -> None:
    skus = [each["sku"] for each in variants]
    ids = {row.sku: row.id for row in db.rows("SELECT sku, id FROM variant WHERE sku = ANY(:skus)", skus=skus)}
    shelves.receive_many(
        [
            (ids[each["sku"]], warehouses[code], quantity, each.get("safety", 0))
            for each in variants
            for code, quantity in each["stock"].items()
        ],
        reason="demo",
    )


def _new_product(table: Mapping[str, Any], wanted: Catalogue, categories: Mapping[str, uuid.UUID]) -> NewProduct:
    plain = ("motif", "fibre", "colours", "options", "unit", "step_mm", "weight_grams", "tax_class", "hs_code", "made_in",
             "max_per_order", "tailored_as", "is_tailored_only", "tailoring_days")  # fmt: skip
    return NewProduct(
        slug=table["slug"],
        category_id=categories[table["category"]],
        name=table["name"],
        variants=[_new_variant(each, table) for each in table["variants"]],
        pictures=[_new_picture(each["name"], wanted) for each in table["pictures"]],
        created_at=clock.now() - timedelta(days=table.get("created_days_ago", 0)),
        **{name: table[name] for name in TEXTS if name in table},
        **{name: table[name] for name in plain if name in table},
    )


def _new_variant(table: Mapping[str, Any], product: Mapping[str, Any]) -> NewVariant:
    was = table.get("compare_at", {})
    return NewVariant(
        sku=table["sku"],
        options=table["options"],
        prices={currency: (price, was.get(currency)) for currency, price in table["price"].items()},
        min_quantity=product.get("min_steps", 1),
        picture=table.get("picture"),
    )


def _new_picture(name: str, wanted: Catalogue) -> NewPicture:
    drawn = wanted.pictures[name]
    return NewPicture(
        public_id=name,
        image_url=storage.url(name, max(drawn["sizes"]), "webp"),
        alt=wanted.alts[name],
        tint=drawn["tint"],
        width=drawn["width"],
        height=drawn["height"],
    )

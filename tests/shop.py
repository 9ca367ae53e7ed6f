"""A small shop to test with: one category, products as asked for, tax and delivery as shipped."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from app.catalog.models import Category, Product, Variant, VariantPrice
from app.core import db
from app.core.ids import new_id
from app.core.transaction import transaction
from app.ops import audit
from app.shipping import actions as shipping
from app.stock.actions import goods as shelves
from app.stock.models import Warehouse
from app.tax import actions as tax

ADDRESS = {
    "name": "Aina Rahman",
    "country": "MY",
    "postcode": "50480",
    "line1": "12 Jalan Kiara",
    "line2": "",
    "city": "Kuala Lumpur",
    "state": "Kuala Lumpur",
}
CONTACT = {"email": "aina@example.com", "phone": "+60 12-345 6789"}


# What an open shop begins with, as rows in JSON: put together by its own verbs once in a process.
FIRST_TABLES = ("warehouse", "category", "tax_rate", "shipping_zone", "shipping_rate")
_first_rows: dict[str, str] = {}


def open_shop() -> None:
    """Warehouses, one category, tax rates and delivery zones."""
    if not _first_rows:
        _set_up()
        for table in FIRST_TABLES:
            _first_rows[table] = db.scalar(f"SELECT json_agg(t)::text FROM {table} t")
        db.release()
        return
    with transaction():
        for table, rows in _first_rows.items():
            db.rows(f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, :rows)", rows=rows)


def _set_up() -> None:
    with transaction():
        tax.load_fixtures()
        shipping.load_fixtures()
        db.session.add(Warehouse(id=new_id(), code="KB", name="Kota Bharu", priority=0))
        db.session.add(Warehouse(id=new_id(), code="KL", name="Kuala Lumpur", priority=1))
        db.session.add(Category(id=new_id(), slug="shirts", name={"en": "Shirts", "ms": "Kemeja"}))


def add_product(
    name: str = "Kemeja Teluk",
    *,
    stock_of: Mapping[str, int] | None = None,
    price: int = 18900,
    unit: str = "piece",
    safety: int = 0,
    max_per_order: int | None = None,
    min_quantity: int = 1,
    weight_grams: int = 300,
) -> uuid.UUID:
    """A product with one variant. `stock_of` maps warehouse codes to units; returns the variant's id."""
    product_id, variant_id = new_id(), new_id()
    slug = f"{name.lower().replace(' ', '-')}-{variant_id.hex[-6:]}"
    with transaction():
        db.session.add(
            Product(
                id=product_id,
                slug=slug,
                category_id=db.scalar("SELECT id FROM category WHERE slug = 'shirts'"),
                name={"en": name, "ms": name},
                unit=unit,
                step_mm=500 if unit == "metre" else None,
                weight_grams=weight_grams,
                max_per_order=max_per_order,
                hs_code="6205",
                is_available=True,
            )
        )
        db.session.flush()
        db.session.add(
            Variant(
                id=variant_id,
                product_id=product_id,
                sku=f"SKU-{variant_id.hex[-8:]}",
                options={},
                is_available=True,
                min_quantity=min_quantity,
            )
        )
        db.session.flush()
        for currency, factor in (("MYR", 100), ("INR", 1850), ("USD", 24)):
            db.session.add(VariantPrice(variant_id=variant_id, currency=currency, price_minor=price * factor // 100))
        for code, quantity in (stock_of if stock_of is not None else {"KB": 5}).items():
            warehouse = db.scalar("SELECT id FROM warehouse WHERE code = :code", code=code)
            shelves.receive(variant_id, warehouse, quantity, safety=safety)
    return variant_id


def stock_row(variant_id: uuid.UUID) -> tuple[int, int]:
    """(on hand, locked) over all warehouses."""
    row = db.rows("SELECT sum(on_hand)::int, sum(locked)::int FROM stock_item WHERE variant_id = :id", id=variant_id)[0]
    db.release()
    return row[0], row[1]


def let_the_goods_arrive() -> None:
    """Every paid order was paid so long ago that its goods are on their way no more (`Retention.delivery_days`)."""
    with transaction():
        db.rows(
            "UPDATE orders SET confirmed_at = confirmed_at - interval '15 days' WHERE confirmed_at IS NOT NULL RETURNING id"
        )


def faults() -> dict[str, int]:
    """Every broken invariant with its count: {} when all is well."""
    found = {name: count for name, count in audit.run(cleanup_interval_minutes=5).items() if count}
    db.release()
    return found

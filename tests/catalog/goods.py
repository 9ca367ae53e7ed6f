"""Products to test lists and pages with, made by the catalogue's own verbs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from app.catalog import actions as catalog
from app.catalog.actions import NewPicture, NewProduct, NewVariant
from app.catalog.rules import slugify
from app.core import clock, db
from app.core.transaction import transaction
from app.search import actions as search
from app.stock.actions import goods as shelves

SIZE = {"code": "size", "name": {"en": "Size", "ms": "Saiz"}}
COLOUR = {"code": "colour", "name": {"en": "Colour", "ms": "Warna"}}
_number = iter(range(1, 10**9))


def words(en: str, ms: str = "") -> dict[str, str]:
    return {"en": en, **({"ms": ms} if ms else {})}


def category(slug: str, en: str = "", ms: str = "", *, parent: uuid.UUID | None = None, position: int = 0) -> uuid.UUID:
    with transaction():
        made = catalog.create_category(slug, name=words(en or slug.title(), ms), parent_id=parent, position=position)
    db.forget()
    return made.id


def attribute(kind: str, slug: str, en: str, ms: str = "", *, hex: str | None = None) -> None:
    with transaction():
        catalog.put_attribute(kind, slug, name=words(en, ms), hex=hex)
    db.forget()


def product(name: str, category_id: uuid.UUID, **about: Any) -> uuid.UUID:
    """A listed product (see `_make`). Returns its id."""
    return products([name], category_id, **about)[0]


def products(names: Iterable[str], category_id: uuid.UUID, **about: Any) -> list[uuid.UUID]:
    """Products that are alike but for their names."""
    with transaction():
        made = [_make(name, category_id, **about) for name in names]
        search.reindex(made)
    db.forget()
    return made


def _make(
    name: str,
    category_id: uuid.UUID,
    *,
    ms: str = "",
    price: int = 10_000,
    sizes: Iterable[str] = (),
    stock_of: int | Mapping[str, int] = 5,
    pictures: int = 1,
    days_ago: int = 0,
    currencies: Iterable[str] = ("MYR", "INR", "USD"),
    **more: Any,
) -> uuid.UUID:
    """One variant per size, `stock_of` units of each (or by size)."""
    number = next(_number)
    options = [{"size": size} for size in sizes] or [{}]
    new = NewProduct(
        slug=more.pop("slug", f"{slugify(name)}-{number}"),
        category_id=category_id,
        name=words(name, ms),
        variants=[
            NewVariant(sku=f"S{number}-{n}", options=each, prices=dict.fromkeys(currencies, (price, None)))
            for n, each in enumerate(options)
        ],
        pictures=[picture(f"pic-{number}-{n}") for n in range(pictures)],
        options=[SIZE] if options != [{}] else [],
        created_at=clock.now() - timedelta(days=days_ago),
        **more,
    )
    made = catalog.create_product(new)
    warehouse = shelves.put_warehouse("KB", name="Kota Bharu", country="MY", priority=1)
    shelves.receive_many(
        [
            (row.id, warehouse, stock_of if isinstance(stock_of, int) else stock_of[row.options["size"]], 0)
            for row in db.rows("SELECT id, options FROM variant WHERE product_id = :id", id=made.id)
        ]
    )
    return made.id


def picture(public_id: str) -> NewPicture:
    return NewPicture(public_id=public_id, image_url=f"/media/{public_id}-1000.webp", alt=words(f"Picture {public_id}"))


def variants_of(product_id: uuid.UUID) -> list[uuid.UUID]:
    found = [
        row[0] for row in db.rows("SELECT id FROM variant WHERE product_id = :id ORDER BY position", id=product_id)
    ]
    db.forget()
    return found

"""Reads of the catalogue, for pages. What rarely changes is remembered per catalogue version (CAT-25, OPS-66).

The version is read from PostgreSQL, one tiny statement a request: it grows in the transaction of every change, so a page
is right from the commit on, in every process, whether Redis is there, was flushed, or not. Redis and the memory of this
process hold only what belongs to a version. Shapes are in `shapes.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from app.catalog import rules
from app.catalog.errors import SlugMoved
from app.catalog.queries import shapes
from app.catalog.queries.shapes import Card, CategoryPage, Frame, ProductPage, SitemapEntry
from app.core import db
from app.core.errors import NotFound
from app.core.memory import Memory, edition

Value = TypeVar("Value")
RELATED = 4
SITEMAP_PAGE = 5_000  # products in a file of the sitemap, each in every language (the protocol allows 50,000 addresses)

_EDITION = edition(__file__, shapes.__file__)
_frames: Memory[Frame] = Memory(f"frame-{_EDITION}", entries=6)
_products: Memory[ProductPage] = Memory(f"product-{_EDITION}", entries=1500)  # 5 kB each
_cards: Memory[tuple[Card, ...]] = Memory(f"cards-{_EDITION}", entries=1000)  # 5 kB each

_VERSION = "SELECT version FROM catalog_state"


def version() -> int:
    """The version of the catalogue; read once per session (request, job), 0 while there is no catalogue."""
    info = db.session().info
    known: int | None = info.get("catalog_version")
    if known is None:
        known = info["catalog_version"] = db.scalar(_VERSION) or 0
    return known


def frame(*, locale: str) -> Frame:
    """All categories and filter words: what navigation, lists and breadcrumbs are made of."""
    return _remembered(_frames, "", (locale,), read=_read_frame, load=lambda raw: shapes.frame(raw, locale))


def category(slug: str, *, locale: str) -> CategoryPage:
    """Raises SlugMoved when the category lives elsewhere now, NotFound when there is none."""
    known = frame(locale=locale)
    found = known.by_slug.get(slug)
    if found is None:
        raise _missing("category", slug)
    return known.page(found)


def product(slug: str, *, locale: str, currency: str) -> ProductPage:
    """Everything of a product but its stock. `is_withdrawn` ones are shown as gone (410).

    Raises SlugMoved when it lives elsewhere now, NotFound when there is none or it is not shown.
    """
    if not rules.is_slug(slug):
        raise NotFound()
    known = frame(locale=locale)
    return _remembered(
        _products,
        slug,
        (locale, currency),
        read=lambda: _read_product(slug),
        load=lambda raw: shapes.product_page(raw, frame=known, locale=locale, currency=currency),
    )


def products_after(last: uuid.UUID | None, *, limit: int, locale: str, currency: str) -> list[ProductPage]:
    """The next products that are for sale, by id, as their pages show them: for what reads the whole catalogue piece by piece.
    They are remembered nowhere."""
    known = frame(locale=locale)
    found = db.rows(_PRODUCTS_AFTER, last=last or uuid.UUID(int=0), limit=limit)
    return [shapes.product_page(row[0], frame=known, locale=locale, currency=currency) for row in found]


def cards(product_ids: Sequence[uuid.UUID], *, locale: str, currency: str) -> tuple[Card, ...]:
    """Cards in the order of the ids, without those that are not for sale (in this currency)."""
    if not product_ids:
        return ()
    raws = card_rows(_CHOSEN, {"ids": list(product_ids)})
    return shapes.cards(raws, frame=frame(locale=locale), locale=locale, currency=currency)


def only_variant(product_id: uuid.UUID) -> uuid.UUID | None:
    """The one variant of a product; None where there is something to choose, or nothing for sale."""
    found = db.rows("SELECT id FROM variant WHERE product_id = :p AND is_available LIMIT 2", p=product_id)
    return found[0].id if len(found) == 1 else None


def newest(*, limit: int, locale: str, currency: str) -> tuple[Card, ...]:
    """The newest products that are for sale (CAT-05)."""
    return _remembered_cards(f"newest:{limit}", _NEWEST, {"limit": limit}, locale=locale, currency=currency)


def related(page: ProductPage, *, locale: str, currency: str) -> tuple[Card, ...]:
    """Up to four others: the same motif in the same category first, then its category, its motif, the newest."""
    values = {
        "id": page.id,
        "category": page.category.id,
        "motif": page.motif.slug if page.motif else "",
        "limit": RELATED,
    }
    return _remembered_cards(f"related:{page.id}", _RELATED, values, locale=locale, currency=currency)


def sitemap_pages() -> int:
    """How many files of SITEMAP_PAGE product addresses there are."""
    count = db.scalar("SELECT count(*) FROM product WHERE is_available AND withdrawn_at IS NULL")
    return -(-count // SITEMAP_PAGE)


def sitemap_products(page: int) -> list[SitemapEntry]:
    """Product addresses of one file (from 1) with the moment of their last change."""
    found = db.rows(
        "SELECT slug, updated_at FROM product WHERE is_available AND withdrawn_at IS NULL ORDER BY id LIMIT :limit OFFSET :offset",
        limit=SITEMAP_PAGE,
        offset=(page - 1) * SITEMAP_PAGE,
    )
    return [SitemapEntry(row.slug, row.updated_at) for row in found]


def _remembered_cards(name: str, which: str, values: dict[str, Any], *, locale: str, currency: str) -> tuple[Card, ...]:
    known = frame(locale=locale)
    return _remembered(
        _cards,
        name,
        (locale, currency),
        read=lambda: card_rows(which, values),
        load=lambda raws: shapes.cards(raws, frame=known, locale=locale, currency=currency),
    )


def _remembered(
    memory: Memory[Value], name: str, view: tuple[str, ...], *, read: Callable[[], Any], load: Callable[[Any], Value]
) -> Value:
    """`name` as it is at the present version, in the language and currency of `view`. Without a version: read anew."""
    now = version()
    if not now:
        return load(read())
    return memory.recall((now, name, *view), shared=f"{now}:{name}", read=read, load=load)


def _missing(kind: str, slug: str) -> NotFound:
    """SlugMoved if the slug once belonged to something that is still shown, else NotFound."""
    table = {"product": "product", "category": "category"}[kind]
    now = db.scalar(
        f"SELECT t.slug FROM slug_redirect r JOIN {table} t ON t.id = r.target_id WHERE r.kind = :kind AND r.slug = :slug",  # noqa: S608  # nosec B608
        kind=kind,
        slug=slug,
    ) if rules.is_slug(slug) else None  # fmt: skip
    return SlugMoved(now) if now else NotFound()


_FRAME = """
SELECT
  (SELECT coalesce(json_agg(json_build_object('id', c.id, 'slug', c.slug, 'parent_id', c.parent_id, 'name', c.name,
     'intro', c.intro, 'story', c.story, 'seo_title', c.seo_title, 'seo_description', c.seo_description,
     'picture', coalesce(c.picture, i.public_id), 'alt', i.alt, 'tint', i.tint, 'width', i.width, 'height', i.height)
     ORDER BY c.position, c.slug), '[]')
   FROM category c LEFT JOIN LATERAL (
     SELECT public_id, alt, tint, width, height FROM product_image WHERE public_id = c.picture LIMIT 1) i ON true),
  (SELECT coalesce(json_agg(json_build_array(kind, slug, name, origin, hex) ORDER BY kind, slug), '[]') FROM attribute_value)
"""


def _read_frame() -> dict[str, Any]:
    categories, attributes = db.rows(_FRAME)[0]
    return {"categories": categories, "attributes": attributes}


_PRODUCT_FACTS = """
SELECT json_build_object('id', p.id, 'slug', p.slug, 'category_id', p.category_id, 'name', p.name, 'summary', p.summary,
  'description', p.description, 'story', p.story, 'care', p.care, 'seo_title', p.seo_title,
  'seo_description', p.seo_description, 'motif', p.motif, 'fibre', p.fibre, 'colours', p.colours, 'options', p.options,
  'unit', p.unit, 'step_mm', p.step_mm, 'weight_grams', p.weight_grams, 'made_in', p.made_in,
  'max_per_order', p.max_per_order, 'tailored_as', p.tailored_as, 'is_tailored_only', p.is_tailored_only,
  'tailoring_days', p.tailoring_days, 'is_withdrawn', p.withdrawn_at IS NOT NULL,
  'variants', (SELECT coalesce(json_agg(json_build_object('id', v.id, 'sku', v.sku, 'options', v.options,
      'min_quantity', v.min_quantity, 'image_id', v.image_id, 'prices',
      (SELECT json_object_agg(r.currency, json_build_array(r.price_minor, r.compare_at_minor))
       FROM variant_price r WHERE r.variant_id = v.id)) ORDER BY v.position, v.id), '[]')
    FROM variant v WHERE v.product_id = p.id AND v.is_available),
  'images', (SELECT coalesce(json_agg(json_build_array(i.id, i.public_id, i.alt, i.tint, i.width, i.height)
      ORDER BY i.is_main DESC, i.position, i.id), '[]')
    FROM product_image i WHERE i.product_id = p.id))
FROM product p WHERE """
_PRODUCT = _PRODUCT_FACTS + "p.slug = :slug AND (p.is_available OR p.withdrawn_at IS NOT NULL)"
_PRODUCTS_AFTER = (
    _PRODUCT_FACTS + "p.id > :last AND p.is_available AND p.withdrawn_at IS NULL ORDER BY p.id LIMIT :limit"
)


def _read_product(slug: str) -> dict[str, Any]:
    found: dict[str, Any] | None = db.scalar(_PRODUCT, slug=slug)
    if found is None:
        raise _missing("product", slug)
    return found


_NEWEST = """
    SELECT id, row_number() OVER (ORDER BY created_at DESC, id DESC) AS n FROM (
      SELECT id, created_at FROM product WHERE is_available AND withdrawn_at IS NULL
      ORDER BY created_at DESC, id DESC LIMIT :limit) newest
"""
_RELATED = """
    SELECT id, row_number() OVER (ORDER BY same_category AND same_motif DESC, same_category DESC, same_motif DESC, created_at DESC) AS n
    FROM (
      SELECT DISTINCT ON (id) id, created_at, category_id = :category AS same_category,
        coalesce(motif = :motif, false) AS same_motif
      FROM (
        (SELECT id, created_at, category_id, motif FROM product
         WHERE category_id = :category AND is_available AND withdrawn_at IS NULL ORDER BY created_at DESC LIMIT 60)
        UNION ALL
        (SELECT id, created_at, category_id, motif FROM product
         WHERE is_available AND withdrawn_at IS NULL ORDER BY created_at DESC LIMIT 60)
      ) candidates WHERE id <> :id
    ) ranked ORDER BY n LIMIT :limit
"""
_CHOSEN = "SELECT id, n FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS chosen(id, n)"
_CARDS = """
    WITH which AS MATERIALIZED ({which})
    SELECT coalesce(json_agg(json_build_array(p.id, p.slug, p.category_id, p.name, p.unit, p.step_mm, p.colours, v.prices, v.count,
      p.created_at, i.public_id, i.alt, i.tint, i.width, i.height) ORDER BY w.n), '[]')
    FROM which w JOIN product p ON p.id = w.id AND p.is_available AND p.withdrawn_at IS NULL
    LEFT JOIN product_image i ON i.product_id = p.id AND i.is_main
    CROSS JOIN LATERAL (
      SELECT json_object_agg(currency, json_build_array(low, high, compare_at)) AS prices, max(count) AS count FROM (
        SELECT r.currency, min(r.price_minor) AS low, max(r.price_minor) AS high, count(*) AS count,
          (array_agg(r.compare_at_minor ORDER BY r.price_minor, r.compare_at_minor DESC NULLS LAST))[1] AS compare_at
        FROM variant x JOIN variant_price r ON r.variant_id = x.id
        WHERE x.product_id = p.id AND x.is_available GROUP BY r.currency) by_currency
    ) v
"""


def card_rows(which: str, values: dict[str, Any]) -> list[Any]:
    """What cards are made from (`shapes.cards`), as plain JSON. `which` is a statement of rows (id, n): products and order."""
    rows: list[Any] = db.scalar(_CARDS.replace("{which}", which), **values)
    return rows

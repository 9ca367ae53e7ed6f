"""Verbs of the catalogue, in the caller's transaction. Each one bumps the version that all caches are keyed by, and
announces what changed, so that the search documents follow."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.audit import actions as audit
from app.catalog import rules
from app.catalog.errors import ChangedMeanwhile, DuplicateVariant, SlugTaken
from app.catalog.events import AttributeChanged, CategoryChanged, ProductChanged
from app.catalog.models import AttributeValue, Category, Product, ProductImage, SlugRedirect, Variant, VariantPrice
from app.catalog.rules import Tailoring
from app.core import db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import Money

Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A stored picture to show. `image_url` is its largest rendition."""

    public_id: str
    image_url: str
    alt: Words
    tint: str = "plaster"
    width: int = 1000
    height: int = 1250


@dataclass(frozen=True, slots=True)
class NewVariant:
    """`prices` maps currencies to (price, compare-at or None) of one unit, in minor units; `picture` is a public_id."""

    sku: str
    options: Mapping[str, str]
    prices: Mapping[str, tuple[int, int | None]]
    min_quantity: int = 1
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product with all it needs to be shown. The first picture is the main one."""

    slug: str
    category_id: uuid.UUID
    name: Words
    variants: Sequence[NewVariant]
    pictures: Sequence[NewPicture] = ()
    summary: Words = field(default_factory=dict)
    description: Words = field(default_factory=dict)
    story: Words = field(default_factory=dict)
    care: Words = field(default_factory=dict)
    seo_title: Words = field(default_factory=dict)
    seo_description: Words = field(default_factory=dict)
    motif: str | None = None
    fibre: str | None = None
    colours: Sequence[str] = ()
    options: Sequence[Mapping[str, Any]] = ()
    unit: str = "piece"
    step_mm: int | None = None
    weight_grams: int = 0
    tax_class: str = "standard"
    hs_code: str = ""
    made_in: str = "MY"
    max_per_order: int | None = None
    tailored_as: str | None = None
    is_tailored_only: bool = False
    tailoring_days: int | None = None
    created_at: datetime | None = None  # None: now


def touch() -> int:
    """Start a new version of the catalogue; the row lock makes catalogue writers queue. Called by every verb below.

    Versions are microseconds of the database's clock, so a database restored from a backup never counts up to a number
    that some cache has already seen with other contents.
    """
    version: int = db.scalar(
        "INSERT INTO catalog_state AS s (id, version) VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
        " ON CONFLICT (id) DO UPDATE SET version = greatest(s.version + 1, excluded.version) RETURNING version"
    )
    db.session().info.pop("catalog_version", None)
    return version


def create_category(
    slug: str, *, name: Words, parent_id: uuid.UUID | None = None, position: int = 0, **texts: Any
) -> Category:
    """`texts`: intro, story, seo_title, seo_description (in languages) and picture (a public_id). Raises SlugTaken."""
    touch()
    category = Category(id=new_id(), slug=slug, name=dict(name), parent_id=parent_id, position=position, **texts)
    _add_with_slug(category, "category", slug)
    outbox.record(CategoryChanged(category.id))
    return category


def put_attribute(kind: str, slug: str, *, name: Words, origin: Words | None = None, hex: str | None = None) -> None:
    """Name (or rename) a motif, colour or fibre."""
    touch()
    found = db.session.scalars(
        select(AttributeValue).where(AttributeValue.kind == kind, AttributeValue.slug == slug)
    ).one_or_none()
    if found is None:
        found = AttributeValue(kind=kind, slug=slug, name=dict(name))
        db.session.add(found)
    found.name, found.origin, found.hex = dict(name), dict(origin or {}), hex
    db.session.flush()
    outbox.record(AttributeChanged(kind, slug))


def create_product(new: NewProduct) -> Product:
    """The product with its variants, prices and pictures. Raises SlugTaken or DuplicateVariant."""
    touch()
    product = Product(
        id=new_id(),
        slug=new.slug,
        category_id=new.category_id,
        name=dict(new.name),
        summary=dict(new.summary),
        description=dict(new.description),
        story=dict(new.story),
        care=dict(new.care),
        seo_title=dict(new.seo_title),
        seo_description=dict(new.seo_description),
        motif=new.motif,
        fibre=new.fibre,
        colours=list(new.colours),
        options=[dict(axis) for axis in new.options],
        unit=new.unit,
        step_mm=new.step_mm,
        weight_grams=new.weight_grams,
        tax_class=new.tax_class,
        hs_code=new.hs_code,
        made_in=new.made_in,
        max_per_order=new.max_per_order,
        tailored_as=new.tailored_as,
        is_tailored_only=new.is_tailored_only,
        tailoring_days=new.tailoring_days,
        **({"created_at": new.created_at} if new.created_at else {}),
    )
    _add_with_slug(product, "product", new.slug)
    images = [_image(product.id, picture, position) for position, picture in enumerate(new.pictures)]
    db.session.add_all(images)
    db.session.flush()
    by_public_id = {image.public_id: image.id for image in images}
    _add_variants(product.id, new.variants, images=by_public_id, first_position=0)
    outbox.record(ProductChanged(product.id))
    return product


def add_variant(product_id: uuid.UUID, new: NewVariant) -> uuid.UUID:
    """Returns the variant's id. Raises DuplicateVariant."""
    touch()
    images = {
        row.public_id: row.id
        for row in db.rows("SELECT public_id, id FROM product_image WHERE product_id = :id", id=product_id)
    }
    position = db.scalar("SELECT coalesce(max(position) + 1, 0) FROM variant WHERE product_id = :id", id=product_id)
    added = _add_variants(product_id, [new], images=images, first_position=position)
    outbox.record(ProductChanged(product_id))
    return added[0]


def set_price(variant_id: uuid.UUID, price: Money, *, compare_at: Money | None = None) -> None:
    """Price of one unit of the variant in one currency. Raises NotFound. Orders that exist keep theirs."""
    touch()
    product_id = _product_of(variant_id)
    row = db.session.get(VariantPrice, (variant_id, price.currency), populate_existing=True)
    if row is None:
        row = VariantPrice(variant_id=variant_id, currency=price.currency)
        db.session.add(row)
    row.price_minor, row.compare_at_minor = price.minor, compare_at.minor if compare_at else None
    db.session.flush()
    outbox.record(ProductChanged(product_id))


def set_variant_available(variant_id: uuid.UUID, is_available: bool) -> None:
    """Whether this variant is shown and sold. Raises NotFound."""
    touch()
    product_id = _product_of(variant_id)
    db.session.execute(update(Variant).where(Variant.id == variant_id).values(is_available=is_available))
    outbox.record(ProductChanged(product_id))


def add_image(product_id: uuid.UUID, new: NewPicture) -> uuid.UUID:
    """Add a picture at the end; the first one of a product is its main one. Returns its id."""
    touch()
    position = db.scalar(
        "SELECT coalesce(max(position) + 1, 0) FROM product_image WHERE product_id = :id", id=product_id
    )
    image = _image(product_id, new, position)
    db.session.add(image)
    db.session.flush()
    outbox.record(ProductChanged(product_id))
    return image.id


def set_main_image(image_id: uuid.UUID) -> None:
    """Make this picture the main one of its product; at most one is (a unique index sees to it). Raises NotFound."""
    touch()
    product_id = db.scalar("SELECT product_id FROM product_image WHERE id = :id", id=image_id)
    if product_id is None:
        raise NotFound()
    db.session.execute(
        update(ProductImage).where(ProductImage.product_id == product_id, ProductImage.is_main).values(is_main=False)
    )
    db.session.execute(update(ProductImage).where(ProductImage.id == image_id).values(is_main=True))
    outbox.record(ProductChanged(product_id))


def remove_image(image_id: uuid.UUID) -> str:
    """Take a picture off its product; the next one becomes the main one. Returns the public_id, for the storage.

    Raises NotFound.
    """
    touch()
    image = db.session.get(ProductImage, image_id)
    if image is None:
        raise NotFound()
    product_id, public_id, was_main = image.product_id, image.public_id, image.is_main
    db.session.execute(delete(ProductImage).where(ProductImage.id == image_id))
    if was_main:
        following = (
            select(ProductImage.id)
            .where(ProductImage.product_id == product_id)
            .order_by(ProductImage.position)
            .limit(1)
        )
        db.session.execute(
            update(ProductImage).where(ProductImage.id == following.scalar_subquery()).values(is_main=True)
        )
    outbox.record(ProductChanged(product_id))
    return public_id


def rename_slug(kind: str, thing_id: uuid.UUID, slug: str) -> None:
    """Give a product or category (`kind`) a new address. The old one answers with a 301 from now on. Raises SlugTaken."""
    touch()
    thing: Product | Category | None = (
        db.session.get(Product, thing_id, populate_existing=True)
        if kind == "product"
        else db.session.get(Category, thing_id, populate_existing=True)
    )
    if thing is None:
        raise NotFound()
    if thing.slug == slug:
        return
    _check_free(kind, slug, owner=thing_id)
    db.session.execute(delete(SlugRedirect).where(SlugRedirect.kind == kind, SlugRedirect.slug == slug))
    db.session.add(SlugRedirect(kind=kind, slug=thing.slug, target_id=thing_id))
    thing.slug = slug
    db.session.flush()
    outbox.record(ProductChanged(thing_id) if kind == "product" else CategoryChanged(thing_id))


def set_tailoring(product_id: uuid.UUID, new: Tailoring | None, *, seen: str, by: str) -> None:
    """Have it made to measure so from now on; None: not any more. Orders keep the measures they hold, and so do carts. `seen` is
    the mark (`rules.tailoring_mark`) of what whoever decides has before them.

    Raises NotFound, also for what is sold by length, and ChangedMeanwhile when it is neither as seen nor as wished.
    """
    touch()
    product = db.session.get(Product, product_id, populate_existing=True)
    if product is None or product.unit != "piece":
        raise NotFound()
    known = product.tailoring
    if known == new:
        return
    if rules.tailoring_mark(known) != seen:
        raise ChangedMeanwhile()
    product.tailoring = new
    before, after = (asdict(each) if each else {"garment": None} for each in (known, new))
    audit.record(
        "catalogue.tailoring_set", actor=by, object_kind="product", object_id=product_id, before=before, after=after
    )
    db.session.flush()
    outbox.record(ProductChanged(product_id))


def set_available(product_id: uuid.UUID, is_available: bool) -> None:
    """Whether the product is listed and can be bought (CAT-04). Raises NotFound."""
    _set_product(product_id, is_available=is_available)


def withdraw(product_id: uuid.UUID) -> None:
    """Take the product out of the shop for good: not listed, not sold, its page says so (410). Raises NotFound."""
    _set_product(product_id, is_available=False, withdrawn_at=db.scalar("SELECT clock_timestamp()"))


def _set_product(product_id: uuid.UUID, **values: Any) -> None:
    touch()
    changed = db.session.scalars(
        update(Product).where(Product.id == product_id).values(**values).returning(Product.id)
    ).all()
    if not changed:
        raise NotFound()
    outbox.record(ProductChanged(product_id))


def _add_with_slug(thing: Product | Category, kind: str, slug: str) -> None:
    _check_free(kind, slug, owner=thing.id)
    db.session.add(thing)
    db.session.flush()


def _check_free(kind: str, slug: str, *, owner: uuid.UUID) -> None:
    """An address that redirects to something else counts as taken: its old links would lead astray."""
    if not rules.is_slug(slug):
        raise ValueError(f"{slug!r} is no address: lower-case letters, digits and hyphens")
    table = {"product": "product", "category": "category"}[kind]
    taken = db.scalar(
        f"SELECT EXISTS (SELECT 1 FROM {table} WHERE slug = :slug AND id <> :owner)"  # noqa: S608
        " OR EXISTS (SELECT 1 FROM slug_redirect WHERE kind = :kind AND slug = :slug AND target_id <> :owner)",  # nosec B608
        slug=slug,
        kind=kind,
        owner=owner,
    )
    if taken:
        raise SlugTaken(slug)


def _add_variants(
    product_id: uuid.UUID, new: Sequence[NewVariant], *, images: Mapping[str, uuid.UUID], first_position: int
) -> list[uuid.UUID]:
    variants = [
        Variant(
            id=new_id(),
            product_id=product_id,
            sku=each.sku,
            options=dict(each.options),
            position=first_position + number,
            min_quantity=each.min_quantity,
            image_id=images.get(each.picture or ""),
        )
        for number, each in enumerate(new)
    ]
    prices = [
        VariantPrice(variant_id=variant.id, currency=currency, price_minor=price, compare_at_minor=compare_at)
        for variant, each in zip(variants, new, strict=True)
        for currency, (price, compare_at) in each.prices.items()
    ]
    try:
        with db.session.begin_nested():
            db.session.add_all(variants)
            db.session.flush()
            db.session.add_all(prices)
    except IntegrityError as error:
        if "uq_variant" not in str(error.orig):
            raise
        raise DuplicateVariant(", ".join(each.sku for each in new)) from error
    return [each.id for each in variants]


def _image(product_id: uuid.UUID, new: NewPicture, position: int) -> ProductImage:
    return ProductImage(
        id=new_id(),
        product_id=product_id,
        image_url=new.image_url,
        public_id=new.public_id,
        is_main=position == 0,
        position=position,
        alt=dict(new.alt),
        tint=new.tint,
        width=new.width,
        height=new.height,
    )


def _product_of(variant_id: uuid.UUID) -> uuid.UUID:
    product_id: uuid.UUID | None = db.scalar("SELECT product_id FROM variant WHERE id = :id", id=variant_id)
    if product_id is None:
        raise NotFound()
    return product_id

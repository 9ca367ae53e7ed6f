"""What pages get to see of the catalogue: frozen views in one language and currency, made from the JSON of `queries`. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.catalog.rules import in_locale, naturally_sorted
from app.core.clock import now
from app.core.money import Money

NEW_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Picture:
    """`public_id` names it in the image storage (`storage.url(public_id, width=…, kind=…)`)."""

    public_id: str
    alt: str
    tint: str = "plaster"
    width: int = 1000
    height: int = 1250


@dataclass(frozen=True, slots=True)
class Attribute:
    """A motif, colour or fibre; `hex` for colours, `origin` tells where a motif comes from."""

    kind: str
    slug: str
    name: str
    origin: str = ""
    hex: str | None = None


@dataclass(frozen=True, slots=True)
class Category:
    id: uuid.UUID
    slug: str
    name: str
    parent_slug: str | None
    intro: str
    story: str
    seo_title: str
    seo_description: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class CategoryPage:
    """`trail` leads from the top to the category's parent."""

    category: Category
    trail: tuple[Category, ...]
    children: tuple[Category, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """All categories (in the merchant's order) and filter words."""

    categories: tuple[Category, ...]
    attributes: Mapping[tuple[str, str], Attribute]
    by_slug: Mapping[str, Category] = field(repr=False)
    by_id: Mapping[uuid.UUID, Category] = field(repr=False)

    @property
    def top(self) -> tuple[Category, ...]:
        return tuple(each for each in self.categories if each.parent_slug is None)

    def children(self, slug: str) -> tuple[Category, ...]:
        return tuple(each for each in self.categories if each.parent_slug == slug)

    def trail(self, category: Category) -> tuple[Category, ...]:
        """From the top down to the category's parent."""
        trail: list[Category] = []
        while category.parent_slug is not None and len(trail) < 10:
            category = self.by_slug[category.parent_slug]
            trail.insert(0, category)
        return tuple(trail)

    def page(self, category: Category) -> CategoryPage:
        return CategoryPage(category, self.trail(category), self.children(category.slug))

    def attribute(self, kind: str, slug: str) -> Attribute:
        """The word with its name; one nobody has named yet is called by its slug."""
        return self.attributes.get((kind, slug)) or Attribute(kind, slug, slug.replace("-", " ").capitalize())


@dataclass(frozen=True, slots=True)
class Card:
    """A product in a list. `price` is of one unit (a piece, or a step of `step_mm`), the lowest of its variants."""

    id: uuid.UUID
    slug: str
    name: str
    category: Category
    price: Money
    compare_at: Money | None
    has_price_range: bool
    unit: str
    step_mm: int | None
    variant_count: int
    colours: tuple[Attribute, ...]
    picture: Picture | None
    created_at: datetime

    @property
    def is_new(self) -> bool:
        return now() - self.created_at < NEW_FOR

    @property
    def price_per_metre(self) -> Money | None:
        return per_metre(self.price, self.step_mm)


@dataclass(frozen=True, slots=True)
class VariantView:
    """`options` maps option codes to values (`{"size": "M"}`), `label` is “M, Teluk”. `price` is None where it is not sold."""

    id: uuid.UUID
    sku: str
    options: Mapping[str, str]
    label: str
    price: Money | None
    compare_at: Money | None
    min_quantity: int
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class OptionValue:
    value: str
    label: str
    hex: str | None
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Option:
    code: str
    name: str
    values: tuple[OptionValue, ...]


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A product as its page shows it, without stock. Prices are of one unit: a piece, or a step of `step_mm`."""

    id: uuid.UUID
    slug: str
    name: str
    summary: str
    description: str
    story: str
    care: str
    seo_title: str
    seo_description: str
    category: Category
    trail: tuple[Category, ...]
    motif: Attribute | None
    fibre: Attribute | None
    colours: tuple[Attribute, ...]
    options: tuple[Option, ...]
    variants: tuple[VariantView, ...]
    pictures: tuple[Picture, ...]
    unit: str
    step_mm: int | None
    weight_grams: int
    made_in: str
    max_per_order: int | None
    tailored_as: str | None
    is_tailored_only: bool
    tailoring_days: int | None
    is_withdrawn: bool

    @property
    def picture(self) -> Picture | None:
        return self.pictures[0] if self.pictures else None

    def variant(self, variant_id: uuid.UUID | str | None) -> VariantView | None:
        """The variant with this id (as it stands in `?v=`); None when it is not one of this product's."""
        return next((each for each in self.variants if str(each.id) == str(variant_id)), None)

    def variant_with(self, options: Mapping[str, str]) -> VariantView | None:
        """The variant with just these option values; None when there is no such combination."""
        return next((each for each in self.variants if dict(each.options) == dict(options)), None)


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    slug: str
    changed_at: datetime


def per_metre(price: Money, step_mm: int | None) -> Money | None:
    """The price of a metre of cloth sold in steps; None for pieces."""
    return Money(price.minor * 1000 // step_mm, price.currency) if step_mm else None


def frame(raw: dict[str, Any], locale: str) -> Frame:
    slugs = {each["id"]: each["slug"] for each in raw["categories"]}
    categories = tuple(_category(each, slugs, locale) for each in raw["categories"])
    attributes = {
        (kind, slug): Attribute(kind, slug, in_locale(name, locale), in_locale(origin, locale), hex_)
        for kind, slug, name, origin, hex_ in raw["attributes"]
    }
    return Frame(
        categories, attributes, {each.slug: each for each in categories}, {each.id: each for each in categories}
    )


def _category(raw: dict[str, Any], slugs: Mapping[str, str], locale: str) -> Category:
    picture = None
    if raw["picture"]:
        picture = _picture([None, raw["picture"], raw["alt"], raw["tint"], raw["width"], raw["height"]], locale)
    return Category(
        id=uuid.UUID(raw["id"]),
        slug=raw["slug"],
        name=in_locale(raw["name"], locale),
        parent_slug=slugs.get(raw["parent_id"]),
        intro=in_locale(raw["intro"], locale),
        story=in_locale(raw["story"], locale),
        seo_title=in_locale(raw["seo_title"], locale),
        seo_description=in_locale(raw["seo_description"], locale),
        picture=picture,
    )


def _picture(raw: Sequence[Any], locale: str) -> Picture:
    _id, public_id, alt, tint, width, height = raw
    return Picture(public_id, in_locale(alt, locale), tint or "plaster", width or 1000, height or 1250)


def cards(raws: Sequence[Any], *, frame: Frame, locale: str, currency: str) -> tuple[Card, ...]:
    """Cards of those products that have a price in the currency."""
    return tuple(_card(raw, frame, locale, currency) for raw in raws if currency in (raw[7] or {}))


def _card(raw: Sequence[Any], frame: Frame, locale: str, currency: str) -> Card:
    (
        id_,
        slug,
        category_id,
        name,
        unit,
        step_mm,
        colours,
        prices,
        count,
        created_at,
        public_id,
        alt,
        tint,
        width,
        height,
    ) = raw
    low, high, compare_at = prices[currency]
    return Card(
        id=uuid.UUID(id_),
        slug=slug,
        name=in_locale(name, locale),
        category=frame.by_id[uuid.UUID(category_id)],
        price=Money(low, currency),
        compare_at=None if compare_at is None else Money(compare_at, currency),
        has_price_range=low != high,
        unit=unit,
        step_mm=step_mm,
        variant_count=count,
        colours=tuple(frame.attribute("colour", each) for each in colours),
        picture=_picture([None, public_id, alt, tint, width, height], locale) if public_id else None,
        created_at=datetime.fromisoformat(created_at),
    )


def product_page(raw: dict[str, Any], *, frame: Frame, locale: str, currency: str) -> ProductPage:
    category = frame.by_id[uuid.UUID(raw["category_id"])]
    pictures = {each[0]: _picture(each, locale) for each in raw["images"]}
    variants = tuple(
        _variant(each, product=raw, frame=frame, pictures=pictures, locale=locale, currency=currency)
        for each in raw["variants"]
    )
    return ProductPage(
        id=uuid.UUID(raw["id"]),
        slug=raw["slug"],
        name=in_locale(raw["name"], locale),
        summary=in_locale(raw["summary"], locale),
        description=in_locale(raw["description"], locale),
        story=in_locale(raw["story"], locale),
        care=in_locale(raw["care"], locale),
        seo_title=in_locale(raw["seo_title"], locale),
        seo_description=in_locale(raw["seo_description"], locale),
        category=category,
        trail=(*frame.trail(category), category),
        motif=frame.attribute("motif", raw["motif"]) if raw["motif"] else None,
        fibre=frame.attribute("fibre", raw["fibre"]) if raw["fibre"] else None,
        colours=tuple(frame.attribute("colour", each) for each in raw["colours"]),
        options=tuple(_option(axis, variants, frame, locale) for axis in raw["options"]),
        variants=variants,
        pictures=tuple(pictures.values()),
        unit=raw["unit"],
        step_mm=raw["step_mm"],
        weight_grams=raw["weight_grams"],
        made_in=raw["made_in"],
        max_per_order=raw["max_per_order"],
        tailored_as=raw["tailored_as"],
        is_tailored_only=raw["is_tailored_only"],
        tailoring_days=raw["tailoring_days"],
        is_withdrawn=raw["is_withdrawn"],
    )


def _variant(
    raw: dict[str, Any],
    *,
    product: dict[str, Any],
    frame: Frame,
    pictures: Mapping[str, Picture],
    locale: str,
    currency: str,
) -> VariantView:
    price, compare_at = (raw["prices"] or {}).get(currency, (None, None))
    codes = [axis["code"] for axis in product["options"]] or list(raw["options"])
    labels = [_label(code, raw["options"][code], frame) for code in codes if code in raw["options"]]
    return VariantView(
        id=uuid.UUID(raw["id"]),
        sku=raw["sku"],
        options=raw["options"],
        label=", ".join(labels),
        price=None if price is None else Money(price, currency),
        compare_at=None if compare_at is None else Money(compare_at, currency),
        min_quantity=raw["min_quantity"],
        picture=pictures.get(raw["image_id"]),
    )


def _label(code: str, value: str, frame: Frame) -> str:
    return frame.attribute("colour", value).name if code == "colour" else value


def _option(axis: dict[str, Any], variants: Sequence[VariantView], frame: Frame, locale: str) -> Option:
    """The values in the merchant's order, sizes in their natural one; each with the picture of its first variant."""
    code = axis["code"]
    pictures: dict[str, Picture | None] = {}
    for each in variants:
        if code in each.options:
            pictures.setdefault(each.options[code], each.picture)
    ordered = naturally_sorted(pictures) if code == "size" else list(pictures)
    values = tuple(
        OptionValue(value, _label(code, value, frame), frame.attribute("colour", value).hex if code == "colour" else None,
                    pictures[value]) for value in ordered
    )  # fmt: skip
    return Option(code, in_locale(axis["name"], locale), values)

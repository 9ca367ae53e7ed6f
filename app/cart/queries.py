"""Reads of the cart: the hot copy in Redis when it is as new as the visitor's cookie, else PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.cart.rules import at_least
from app.core import cache, db
from app.core.money import Money
from app.stock import queries as stock
from app.stock.queries import Availability
from app.tailoring import queries as tailoring
from app.tailoring.rules import Fitting

HOT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it is stored. `fitting` is the encrypted text of the measures it is to be made to."""

    line_id: uuid.UUID
    variant_id: uuid.UUID
    quantity: int
    price_seen_minor: int
    fitting_key: str = ""
    fitting: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a cart. `cart_id` None: there is none (yet)."""

    cart_id: uuid.UUID | None = None
    version: int = 0
    entries: tuple[Entry, ...] = ()
    visitor: str = ""


EMPTY = Contents()


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What cart, checkout and order need to know of a variant, in one language and currency. `price` None: not sold so."""

    variant_id: uuid.UUID
    product_id: uuid.UUID
    slug: str
    sku: str
    name: str
    options: str
    picture: str | None
    picture_alt: str
    tint: str
    unit: str
    step_mm: int | None
    min_quantity: int
    max_per_order: int | None
    tax_class: str
    weight_grams: int
    hs_code: str
    price_minor: int | None
    is_sellable: bool
    tailored_as: str | None
    is_tailored_only: bool
    tailoring_days: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is shown, with what can be had of it now."""

    entry: Entry
    facts: VariantFacts
    available: int
    held_by_others: int
    currency: str
    units_before: int = 0  # of the same variant, in lines above: they come out of the same stock

    @property
    def price(self) -> Money:
        return Money(self.facts.price_minor or 0, self.currency)

    @property
    def total(self) -> Money:
        return self.price * self.entry.quantity

    @property
    def is_short(self) -> bool:
        return self.entry.quantity > self.possible

    @property
    def possible(self) -> int:
        """Units this line can have now."""
        if not self.facts.is_sellable:
            return 0
        most = min(self.available, self.facts.max_per_order or self.available)
        return at_least(self.facts.min_quantity, most - self.units_before)

    @property
    def is_few(self) -> bool:
        """Less than is sold at least: the merchant has raised that since."""
        return self.entry.quantity < self.facts.min_quantity

    @property
    def offered(self) -> int:
        """Units to have instead, of a line that cannot be had as it is."""
        return min(self.possible, self.facts.min_quantity) if self.is_few else self.possible

    @property
    def fitting(self) -> Fitting | None:
        """What it is to be made to, None: a standard size."""
        return tailoring.opened(self.entry.fitting) if self.entry.fitting else None

    @property
    def missing_measures(self) -> tuple[str, ...]:
        """What nobody has measured and the garment needs."""
        garment, fitting = self.facts.tailored_as, self.fitting
        return fitting.missing(garment) if garment and fitting else ()

    @property
    def is_unfit(self) -> bool:
        """It cannot be made so: the measures are missing, or none are taken for it (any more)."""
        if self.entry.fitting is None:
            return self.facts.is_tailored_only
        return self.facts.tailored_as is None or bool(self.missing_measures)

    @property
    def old_price(self) -> Money | None:
        """What the shopper saw when adding, if the price has changed since."""
        seen = self.entry.price_seen_minor
        return (
            Money(seen, self.currency)
            if self.facts.price_minor is not None and seen != self.facts.price_minor
            else None
        )


def contents(visitor: str | None, *, at_least: int = 0) -> Contents:
    """The visitor's open cart. A hot copy older than `at_least` (the cookie's version) is not believed."""
    if visitor is None:
        return EMPTY
    hot = cache.get_json(_key(visitor))
    if hot and hot["version"] >= max(at_least, 1):
        return _thaw(hot, visitor)
    found = stored(visitor)
    if found.cart_id is not None:
        warm(visitor, found)
    return found


def stored(visitor: str) -> Contents:
    """The truth, from PostgreSQL."""
    found = db.rows(
        "SELECT c.id, c.version, l.id AS line_id, l.variant_id, l.quantity, l.price_seen_minor, l.fitting_key, l.fitting FROM cart c"
        " LEFT JOIN cart_line l ON l.cart_id = c.id WHERE c.visitor = :visitor AND c.is_open AND c.expires_at > now()"
        " ORDER BY l.created_at, l.id",
        visitor=visitor,
    )
    if not found:
        return EMPTY
    entries = tuple(Entry(*row[2:]) for row in found if row.line_id)
    return Contents(found[0].id, found[0].version, entries, visitor)


def warm(visitor: str, found: Contents) -> None:
    """Put the hot copy in place. Call it after the commit, with what was committed. Somebody's measures stay in PostgreSQL."""
    if any(e.fitting for e in found.entries):
        cool(visitor)
        return
    entries = [[str(e.line_id), str(e.variant_id), e.quantity, e.price_seen_minor] for e in found.entries]
    copy = {"cart_id": str(found.cart_id), "version": found.version, "entries": entries}
    cache.put_json(_key(visitor), copy, seconds=HOT_SECONDS)


def cool(visitor: str) -> None:
    cache.drop(_key(visitor))


def lines(found: Contents, *, currency: str, locale: str, with_stock: bool = True) -> list[Line]:
    """The lines as they are shown, in one statement however many there are. Without stock no line is short."""
    ids = [entry.variant_id for entry in found.entries]
    if not ids:
        return []
    sql, values = db.each_of(_FACTS_AND_STOCK if with_stock else _FACTS, ids=ids)
    values |= {"currency": currency, "locale": locale} | ({"visitor": found.visitor} if with_stock else {})
    known = {row.id: row for row in db.rows(sql, **values)}
    shown, units = [], dict.fromkeys(known, 0)
    for each in found.entries:
        if each.variant_id in known:
            shown.append(_line(each, known[each.variant_id], currency, units[each.variant_id]))
            units[each.variant_id] += each.quantity
    return shown


def facts(variant_ids: Sequence[uuid.UUID], *, currency: str, locale: str) -> dict[uuid.UUID, VariantFacts]:
    if not variant_ids:
        return {}
    sql, values = db.each_of(_FACTS, ids=variant_ids)
    found = db.rows(sql, currency=currency, locale=locale, **values)
    return {row.id: _facts(row) for row in found}


_COLUMNS = """
    v.id, v.product_id, p.slug, v.sku, coalesce(p.name->>:locale, p.name->>'en') AS name, p.options AS axes, v.options,
    coalesce(a.name->>:locale, a.name->>'en') AS colour, i.public_id, coalesce(i.alt->>:locale, i.alt->>'en', '') AS alt,
    coalesce(i.tint, 'plaster') AS tint, p.unit, p.step_mm, v.min_quantity, p.max_per_order, p.tax_class, p.weight_grams, p.hs_code,
    p.tailored_as, p.is_tailored_only, p.tailoring_days, r.price_minor,
    (p.is_available AND v.is_available AND p.withdrawn_at IS NULL AND r.price_minor IS NOT NULL) AS is_sellable
"""
_TABLES = """
    variant v JOIN product p ON p.id = v.product_id
    LEFT JOIN variant_price r ON r.variant_id = v.id AND r.currency = :currency
    LEFT JOIN product_image i ON i.id = coalesce(v.image_id, (SELECT m.id FROM product_image m WHERE m.product_id = p.id AND m.is_main))
    LEFT JOIN attribute_value a ON a.kind = 'colour' AND a.slug = v.options->>'colour'
"""
_FACTS = f"SELECT {_COLUMNS}, NULL AS total FROM {_TABLES} WHERE v.id = ANY(:ids)"  # noqa: S608 - our own words  # nosec B608
_FACTS_AND_STOCK = (
    f"SELECT {_COLUMNS}, left_of.total, left_of.longest, left_of.held FROM {_TABLES}"  # noqa: S608
    f" CROSS JOIN {stock.LEFT_OF_VARIANT} WHERE v.id = ANY(:ids)"  # nosec B608
)


def notice(notice_id: uuid.UUID, visitor: str) -> dict[str, Any] | None:
    """What `leave_notice` left for this visitor; another one's is none."""
    facts: dict[str, Any] | None = db.scalar(
        "SELECT facts FROM cart_notice WHERE id = :id AND visitor = :visitor", id=notice_id, visitor=visitor
    )
    return facts


def count(found: Contents, units: dict[uuid.UUID, str] | None = None) -> int:
    """What the badge says: pieces; a length counts as one."""
    units = units or {}
    return sum(1 if units.get(entry.variant_id) == "metre" else entry.quantity for entry in found.entries)


def _facts(row: Any) -> VariantFacts:
    return VariantFacts(
        variant_id=row.id,
        product_id=row.product_id,
        slug=row.slug,
        sku=row.sku,
        name=row.name,
        options=_options(row.axes, row.options, row.colour),
        picture=row.public_id,
        picture_alt=row.alt,
        tint=row.tint,
        unit=row.unit,
        step_mm=row.step_mm,
        min_quantity=row.min_quantity,
        max_per_order=row.max_per_order,
        tax_class=row.tax_class,
        weight_grams=row.weight_grams,
        hs_code=row.hs_code,
        price_minor=row.price_minor,
        is_sellable=row.is_sellable,
        tailored_as=row.tailored_as,
        is_tailored_only=row.is_tailored_only,
        tailoring_days=row.tailoring_days,
    )


def _options(axes: Sequence[dict[str, Any]], values: dict[str, str], colour: str | None) -> str:
    """“M, Teluk”: the chosen values in the merchant's order, colours by their name."""
    codes = [axis["code"] for axis in axes] or list(values)
    return ", ".join(colour if code == "colour" and colour else values[code] for code in codes if code in values)


def _line(entry: Entry, row: Any, currency: str, units_before: int) -> Line:
    known = _facts(row)
    if row.total is None:
        enough = max(entry.quantity, known.min_quantity)
        return Line(entry, known, enough + units_before, 0, currency, units_before)
    available = Availability(row.total, row.longest, row.held).for_unit(known.unit)
    return Line(entry, known, available, row.held, currency, units_before)


def _thaw(hot: dict[str, Any], visitor: str) -> Contents:
    entries = tuple(Entry(uuid.UUID(e[0]), uuid.UUID(e[1]), e[2], e[3]) for e in hot["entries"])
    return Contents(uuid.UUID(hot["cart_id"]), hot["version"], entries, visitor)


def _key(visitor: str) -> str:
    return f"cart:{visitor}"

"""What lists and the search page get to see. Frozen; made once per version and remembered, except for the stock."""

from __future__ import annotations

from dataclasses import dataclass

from app.catalog.queries.shapes import Card, Category
from app.core.money import Money
from app.search.rules import Filters
from app.stock.queries import Availability
from app.stock.rules import StockWord, stock_word


@dataclass(frozen=True, slots=True)
class Tile:
    """A card with what can be sold of it right now."""

    card: Card
    stock: Availability

    @property
    def stock_word(self) -> StockWord:
        """In stock, low, sold out or reserved by others: see `stock.rules.stock_word`."""
        card, found = self.card, self.stock
        return stock_word(found.for_unit(card.unit), held=found.held, step_mm=card.step_mm)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """`count` is how many there would be with this value, given all other facets. Zero counts are kept."""

    value: str
    label: str
    count: int
    selected: bool
    hex: str | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """`group` is one of `rules.GROUPS`."""

    group: str
    values: tuple[FacetValue, ...]

    @property
    def selected(self) -> int:
        return sum(each.selected for each in self.values)


@dataclass(frozen=True, slots=True)
class Applied:
    """One filter that is set; `rest` are the filters without it. `count` is what would be found then, if it was counted."""

    group: str
    value: str | None
    label: str
    rest: Filters
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list without its stock: what is remembered."""

    cards: tuple[Card, ...]
    total: int
    is_capped: bool
    facets: tuple[Facet, ...]
    lowest: Money | None
    highest: Money | None
    in_stock: int
    applied: tuple[Applied, ...]
    remedies: tuple[Applied, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of a list.

    `total` is exact unless `is_capped`: then there are at least that many, and counts of facets are lower bounds too.
    `lowest` and `highest` are the prices without a price filter, `in_stock` counts what can be sold. With nothing found,
    `remedies` tells which filter to remove (the most fruitful first) and `suggestion` is a corrected query.
    """

    tiles: tuple[Tile, ...]
    total: int
    is_capped: bool
    page: int
    per_page: int
    facets: tuple[Facet, ...]
    lowest: Money | None
    highest: Money | None
    in_stock: int
    filters: Filters
    sort: str
    applied: tuple[Applied, ...]
    remedies: tuple[Applied, ...]
    query: str = ""
    suggestion: str | None = None

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def has_next(self) -> bool:
        return self.page < self.pages

    @property
    def shown(self) -> int:
        """How many the list has shown up to this page."""
        return min(self.page * self.per_page, self.total)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What the search box offers while typing. `total` products match in all (a lower bound when `is_capped`)."""

    terms: tuple[str, ...]
    categories: tuple[Category, ...]
    tiles: tuple[Tile, ...]
    total: int
    is_capped: bool

    @property
    def is_empty(self) -> bool:
        return not (self.terms or self.categories or self.tiles)

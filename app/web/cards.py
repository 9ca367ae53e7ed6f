"""Product cards as finished HTML. A card is the same for everybody who sees the same language, currency and stock word,
so each is rendered once per catalogue version and kept in this process; a list only joins them (24 a page)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app
from markupsafe import Markup

from app.catalog import queries as catalog
from app.search.queries.shapes import Tile
from app.web import languages

KEPT = 4096

_kept: dict[tuple[Any, ...], Markup] = {}


def render_cards(tiles: Iterable[Tile], *, eager: int = 0) -> Markup:
    """`<li>` elements for `<ul class="cards">`; the first `eager` pictures are loaded at once."""
    view = (catalog.version(), languages.language(), languages.currency())
    return Markup("").join([_card(tile, number < eager, view) for number, tile in enumerate(tiles)])


def _card(tile: Tile, is_eager: bool, view: tuple[Any, ...]) -> Markup:
    word = tile.stock_word
    key = (tile.card.id, word.kind, word.count, tile.card.is_new, is_eager, view)
    known = _kept.get(key)
    if known is None:
        if len(_kept) >= KEPT:
            _kept.clear()
        known = _kept[key] = Markup(_macro()(_shown(tile), eager=is_eager))  # noqa: S704 - made by an escaping template  # nosec B704
    return known


def _macro() -> Any:
    """In the language of the request: templates are compiled once for each."""
    return current_app.jinja_env.get_template("ui/product.html").module.product_card  # type: ignore[attr-defined]


def _shown(tile: Tile) -> dict[str, Any]:
    """The card as the `product_card` macro takes it; cloth is priced by the metre."""
    card = tile.card
    steps = 1000 // card.step_mm if card.step_mm else 1
    return {
        "url": f"/p/{card.slug}",
        "name": card.name,
        "picture": card.picture,
        "price": card.price * steps,
        "compare_at": card.compare_at * steps if card.compare_at else None,
        "price_from": card.has_price_range,
        "unit": card.unit,
        "stock_word": tile.stock_word,
        "is_new": card.is_new,
        "options_count": card.variant_count,
    }

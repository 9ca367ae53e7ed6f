"""What category and search pages share: filters out of the address, facets, chips, pages, cards."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import request
from flask_babel import gettext as _

from app.search import queries as search
from app.search.queries.shapes import Applied, Results
from app.search.rules import Filters, filters_from, major
from app.web import languages
from app.web.cards import render_cards

EAGER_CARDS = 4  # above the fold of a wide screen
SORTS = ("newest", "price_asc", "price_desc")


def asked_filters() -> Filters:
    return filters_from(request.args.to_dict(flat=False), currency=languages.currency())


def asked_page() -> int:
    text = request.args.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 1


def asked_sort(default: str) -> str:
    sort = request.args.get("sort", default)
    return sort if sort in (*SORTS, default) else default


def context(results: Results, *, path: str, default_sort: str, is_in_category: bool) -> dict[str, Any]:
    """Arguments of `storefront/catalog/_results.html` and its pieces."""
    fixed = [("q", results.query)] if results.query else []
    return {
        "results": results,
        "cards": render_cards(results.tiles, eager=EAGER_CARDS if results.page == 1 else 0),
        "facets": [facet for facet in results.facets if not (is_in_category and facet.group == "category")],
        "facets_of": (search.version(), path, results.query, results.filters, languages.currency()),
        "sorts": _sorts(default_sort),
        "chips": [_chip(each, results, path, fixed, default_sort) for each in results.applied],
        "remedies": [_chip(each, results, path, fixed, default_sort) for each in results.remedies],
        "clear_url": address(path, fixed),
        "next_url": _page_url(results, path, fixed, default_sort, results.page + 1) if results.has_next else None,
        "previous_url": _page_url(results, path, fixed, default_sort, results.page - 1) if results.page > 1 else None,
        "list_path": path,
        "price_min": _input(results.filters.price_from),
        "price_max": _input(results.filters.price_to),
    }


def address(path: str, pairs: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _sorts(default: str) -> list[tuple[str, str]]:
    names = {
        "relevance": _("Best match"),
        "newest": _("Newest"),
        "price_asc": _("Price, low to high"),
        "price_desc": _("Price, high to low"),
    }
    return [(code, names[code]) for code in dict.fromkeys((default, *SORTS))]


def _chip(
    each: Applied, results: Results, path: str, fixed: list[tuple[str, str]], default_sort: str
) -> dict[str, Any]:
    label = each.label or _("In stock")
    if each.group == "price":
        label = f"{results.tiles[0].card.price.currency if results.tiles else languages.currency()} {each.label}"
    pairs = [*fixed, *each.rest.parameters(languages.currency()), *_sort_pair(results.sort, default_sort)]
    return {"label": label, "url": address(path, pairs), "count": each.count}


def _page_url(results: Results, path: str, fixed: list[tuple[str, str]], default_sort: str, page: int) -> str:
    pairs = [*fixed, *results.filters.parameters(languages.currency()), *_sort_pair(results.sort, default_sort)]
    return address(path, [*pairs, *([("page", str(page))] if page > 1 else [])])


def _sort_pair(sort: str, default: str) -> list[tuple[str, str]]:
    return [("sort", sort)] if sort != default else []


def _input(minor: int | None) -> str | None:
    return None if minor is None else major(minor, languages.currency())

"""The search page and its typeahead."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.catalog import queries as catalog
from app.search import queries as search
from app.storefront import lists
from app.web import languages
from app.web.limits import SEARCH, address, limiter
from app.web.respond import respond

bp = Blueprint("search", __name__)

LONGEST = 200


@bp.get("/search")
@limiter.limit(SEARCH, key_func=address)
def show() -> ResponseReturnValue:
    query = " ".join(request.args.get("q", "")[:LONGEST].split())
    results = search.search(
        query,
        locale=languages.language(),
        currency=languages.currency(),
        filters=lists.asked_filters(),
        sort=lists.asked_sort("relevance" if query else "newest"),
        page=lists.asked_page(),
    )
    return respond(
        "storefront/search/show.html",
        ("storefront/catalog/_results.html",),
        also=("storefront/catalog/_counts.html",),
        search_term=query,
        query=query,
        categories=catalog.frame(locale=languages.language()).top,
        **lists.context(results, path="/search", default_sort="relevance" if query else "newest", is_in_category=False),
    )


@bp.get("/-/search/suggest")
@limiter.limit(SEARCH, key_func=address)
def suggest() -> ResponseReturnValue:
    """What to offer while somebody types; 204 while there is nothing to say."""
    query = " ".join(request.args.get("q", "")[:LONGEST].split())
    found = search.suggest(query, locale=languages.language(), currency=languages.currency())
    if found.is_empty:
        return "", 204
    answer = respond("storefront/search/_suggest.html", found=found, query=query)
    answer.headers["Cache-Control"] = "no-store"
    return answer

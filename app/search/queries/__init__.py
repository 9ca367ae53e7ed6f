"""Lists, search and typeahead: what is found, its facets, and live stock words on the cards.

A page of a list is remembered per version of catalogue and documents; only versions and stock are read every time. Cold, a
page costs at most six statements, however many products there are.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from app.catalog import queries as catalog
from app.catalog.queries import shapes as catalog_shapes
from app.catalog.queries.shapes import Card, Frame
from app.catalog.rules import naturally_sorted
from app.core import db
from app.core.memory import Memory, edition
from app.core.money import Money
from app.search import rules
from app.search.queries import shapes, statements
from app.search.queries.shapes import Applied, Facet, FacetValue, Listing, Results, Suggestions, Tile
from app.search.queries.statements import Scope
from app.search.rules import NO_FILTERS, PER_PAGE, Filters
from app.stock import queries as stock

Counts = dict[str, Any]

# Lists hold cards: both packages say what they are made of.
_EDITION = edition(__file__, shapes.__file__, statements.__file__, catalog.__file__, catalog_shapes.__file__)
_listings: Memory[Listing] = Memory(f"list-{_EDITION}", entries=96, seconds=900)  # 30 kB each
_counts: Memory[Counts] = Memory(f"counts-{_EDITION}", entries=256, seconds=900)
_suggestions: Memory[tuple[Any, ...]] = Memory(f"suggest-{_EDITION}", entries=256, seconds=900)

_VERSIONS = "SELECT (SELECT version FROM catalog_state), (SELECT version FROM search_state)"


def version() -> int:
    """The version of the search documents, read once per session together with the catalogue's."""
    info = db.session().info
    known: int | None = info.get("search_version")
    if known is None:
        catalogue, known = (number or 0 for number in db.rows(_VERSIONS)[0])
        info["search_version"] = known
        info.setdefault("catalog_version", catalogue)
    return known


def list_products(
    *,
    locale: str,
    currency: str,
    category: str | None = None,
    filters: Filters = NO_FILTERS,
    sort: str = "newest",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Results:
    """A page of a category (by its slug, with everything below it) or of the whole shop. What is sold out comes last."""
    scope = Scope(terms=None, category=category, locale=locale, currency=currency)
    return _results(scope, filters, sort=sort, page=page, per_page=per_page)


def search(
    query: str,
    *,
    locale: str,
    currency: str,
    filters: Filters = NO_FILTERS,
    sort: str = "relevance",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Results:
    """A page of what matches the query. A blank one lists the whole shop, one without any word finds nothing."""
    if rules.is_blank(query):
        return list_products(locale=locale, currency=currency, filters=filters, sort=sort, page=page, per_page=per_page)
    scope = Scope(terms=rules.terms(query), category=None, locale=locale, currency=currency)
    return _results(scope, filters, sort=sort, page=page, per_page=per_page, query=query[: rules.MAX_QUERY])


def suggest(
    query: str, *, locale: str, currency: str, terms: int = 4, categories: int = 3, products: int = 5
) -> Suggestions:
    """What to offer while somebody types: longer words of the shop, categories, products. Nothing below two letters."""
    words = rules.terms(query)
    if words and len(words[-1]) < 2:
        words = words[:-1]
    if not words:
        return Suggestions((), (), (), 0, False)
    version()
    scope = Scope(terms=words, category=None, locale=locale, currency=currency)
    found = _find(scope, NO_FILTERS, "relevance", 1, products)
    completed = _remembered(_suggestions, scope, (terms,), lambda: _completions(words, locale, terms), tuple)
    named = [each for each in catalog.frame(locale=locale).categories if _is_begun_by(each.name, words)][:categories]
    return Suggestions(completed, tuple(named), tiles(found.cards), found.total, found.is_capped)


def tiles(cards: Sequence[Card], found: Mapping[uuid.UUID, stock.Availability] | None = None) -> tuple[Tile, ...]:
    """Cards with what can be sold of each now: one statement, unless the caller has `found` it by product already."""
    if found is None:
        found = stock.availability_by_product([card.id for card in cards])
    return tuple(Tile(card, found.get(card.id, stock.NONE)) for card in cards)


def _results(scope: Scope, filters: Filters, *, sort: str, page: int, per_page: int, query: str = "") -> Results:
    sort = sort if sort in rules.SORTS else "newest"
    page = min(max(page, 1), rules.MAX_PAGE)
    listing = _nothing(filters) if scope.terms == () else _find(scope, filters, sort, page, per_page)
    suggestion = _correction(scope) if query and not listing.total else None
    return Results(
        tiles=tiles(listing.cards),
        total=listing.total,
        is_capped=listing.is_capped,
        page=page,
        per_page=per_page,
        facets=listing.facets,
        lowest=listing.lowest,
        highest=listing.highest,
        in_stock=listing.in_stock,
        filters=filters,
        sort=sort,
        applied=listing.applied,
        remedies=listing.remedies,
        query=query,
        suggestion=suggestion,
    )


def _find(scope: Scope, filters: Filters, sort: str, page: int, per_page: int) -> Listing:
    version()
    return _remembered(
        _listings,
        scope,
        (filters, sort, page, per_page),
        lambda: _read_listing(scope, filters, sort, page, per_page),
        lambda raw: _listing(raw, scope, filters),
    )


def _remembered(memory: Memory[Any], scope: Scope, details: tuple[Any, ...], read: Any, load: Any) -> Any:
    """The remembered value of this scope and details at the present versions; without versions: read anew."""
    versions = (catalog.version(), version())
    if not all(versions):
        return load(read())
    shared = blake2b(repr((versions, scope, details)).encode(), digest_size=20).hexdigest()
    return memory.recall((*versions, scope, *details), shared=shared, read=read, load=load)


def _read_listing(scope: Scope, filters: Filters, sort: str, page: int, per_page: int) -> dict[str, Any]:
    """The counts and the cards of one page as plain JSON: two statements, or none if only the page is new."""
    counts = _remembered(_counts, scope, (filters,), lambda: _read_counts(scope, filters), lambda raw: raw)
    if (page - 1) * per_page >= counts["total"]:
        return {"counts": counts, "cards": []}
    which, values = statements.page(scope, filters, sort=sort, number=page, per_page=per_page, total=counts["total"])
    return {"counts": counts, "cards": catalog.card_rows(which, values)}


def _read_counts(scope: Scope, filters: Filters) -> Counts:
    """`tokens` holds all values that the unfiltered list has, those that nothing has any more with 0."""
    statement, values = statements.counts(scope, filters)
    counts: Counts = {"tokens": {}, "without": {}}
    if filters.count:
        whole = _remembered(_counts, scope, (NO_FILTERS,), lambda: _read_counts(scope, NO_FILTERS), lambda raw: raw)
        counts["tokens"] = dict.fromkeys(whole["tokens"], 0)
    for kind, name, low, high in db.rows(statement, **values):
        if kind == "token":
            counts["tokens"][name] = high
        elif kind == "without":
            counts["without"][name] = high
        elif kind == "price":
            counts["lowest"], counts["highest"] = low, high
        else:
            counts[kind] = high
    counts["is_capped"] = counts["total"] > statements.CAP
    counts["total"] = min(counts["total"], statements.CAP)
    counts["without"] = {group: count + counts["total"] for group, count in counts["without"].items()}
    return counts


def _listing(raw: dict[str, Any], scope: Scope, filters: Filters) -> Listing:
    frame, counts = catalog.frame(locale=scope.locale), raw["counts"]
    applied = _applied(filters, frame, scope.currency, counts)
    cards = catalog_shapes.cards(raw["cards"], frame=frame, locale=scope.locale, currency=scope.currency)
    fruitful = sorted((each for each in applied if each.count), key=lambda each: -(each.count or 0))
    return Listing(
        cards=cards,
        total=counts["total"],
        is_capped=counts["is_capped"],
        facets=_facets(counts["tokens"], filters, frame, scope),
        lowest=_money(counts["lowest"], scope),
        highest=_money(counts["highest"], scope),
        in_stock=counts["stock"],
        applied=applied,
        remedies=() if counts["total"] else tuple(fruitful),
    )


def _nothing(filters: Filters) -> Listing:
    return Listing((), 0, False, (), None, None, 0, (), ())


def _money(minor: int | None, scope: Scope) -> Money | None:
    return None if minor is None else Money(minor, scope.currency)


def _facets(tokens: dict[str, int], filters: Filters, frame: Frame, scope: Scope) -> tuple[Facet, ...]:
    """The groups in their fixed order; values that are set stay even where nothing has them any more."""
    values: dict[str, dict[str, int]] = {group: {} for group in rules.GROUPS}
    for token, count in tokens.items():
        group, _, value = token.partition(":")
        values[group][value] = count
    for group in rules.GROUPS:
        for value in getattr(filters, group):
            values[group].setdefault(value, 0)
    values["category"] = _categories(values["category"], frame, scope)
    found = (Facet(group, tuple(_facet_values(group, values[group], filters, frame))) for group in rules.GROUPS)
    return tuple(facet for facet in found if facet.values)


def _categories(counts: dict[str, int], frame: Frame, scope: Scope) -> dict[str, int]:
    """On a category's page those right below it, else the top ones; in the merchant's order."""
    shown = [each.slug for each in (frame.children(scope.category) if scope.category else frame.top)]
    return {slug: counts[slug] for slug in shown if slug in counts}


def _facet_values(group: str, counts: dict[str, int], filters: Filters, frame: Frame) -> list[FacetValue]:
    selected = getattr(filters, group)
    if group == "size":
        return [FacetValue(each, each, counts[each], each in selected) for each in naturally_sorted(counts)]
    named: list[tuple[str, str, str | None]]
    if group == "category":
        named = [(frame.by_slug[slug].name, slug, None) for slug in counts]
    else:
        words = [frame.attribute(group, slug) for slug in counts]
        named = sorted((word.name, word.slug, word.hex) for word in words)
    return [FacetValue(slug, name, counts[slug], slug in selected, hex_) for name, slug, hex_ in named]


def _applied(filters: Filters, frame: Frame, currency: str, counts: Counts) -> tuple[Applied, ...]:
    """Every filter that is set, with what its facet's removal would find (for a facet with one value)."""
    found = []
    for group in filters.groups:
        count = counts["without"].get(group)
        if group not in rules.GROUPS:
            label = _price_label(filters, currency) if group == "price" else ""
            found.append(Applied(group, None, label, filters.without(group), count))
            continue
        values = getattr(filters, group)
        for value in values:
            count = count if len(values) == 1 else None
            found.append(Applied(group, value, _value_label(group, value, frame), filters.without(group, value), count))
    return tuple(found)


def _value_label(group: str, value: str, frame: Frame) -> str:
    if group == "size":
        return value
    if group == "category":
        category = frame.by_slug.get(value)
        return category.name if category else value
    return frame.attribute(group, value).name


def _price_label(filters: Filters, currency: str) -> str:
    """`50–120`, `50–`, `–120`: the figures; the page says the currency."""
    ends = ("" if end is None else rules.major(end, currency) for end in (filters.price_from, filters.price_to))
    return "–".join(ends)


_KNOWN_WORDS = "SELECT word, sum(frequency)::bigint AS frequency FROM search_word WHERE hints && :hints GROUP BY word"
_ANYTHING = {
    locale: f"SELECT EXISTS (SELECT 1 FROM search_document d WHERE d.{vector} @@ {statements.TSQUERY})"  # noqa: S608  # nosec B608
    for locale, vector in statements.VECTORS.items()
}


def _correction(scope: Scope) -> str | None:
    """The query with misspelt words put right, if that finds anything."""
    terms = scope.terms or ()
    wanted = sorted({hint for term in terms for hint in rules.hints(term)})
    known = {row.word: int(row.frequency) for row in db.rows(_KNOWN_WORDS, hints=wanted)} if wanted else {}
    corrected = rules.corrected(terms, known)
    if corrected is None:
        return None
    finds = db.scalar(_ANYTHING.get(scope.locale, _ANYTHING["en"]), words=rules.tsquery(corrected))
    return " ".join(corrected) if finds else None


def _completions(words: Sequence[str], locale: str, limit: int) -> list[str]:
    """The words before the last one kept, the last one completed from the shop's vocabulary, the language's own first."""
    *before, last = words
    vector = statements.VECTORS.get(locale, "words_en")
    others = (
        f"AND EXISTS (SELECT 1 FROM search_document d WHERE d.{vector} @@"  # noqa: S608
        " (to_tsquery('simple', :before) && to_tsquery('simple', quote_literal(w.word))))"  # nosec B608
    )
    found = db.rows(
        f"SELECT word FROM search_word w WHERE word LIKE :pattern {others if before else ''}"  # noqa: S608
        " GROUP BY word ORDER BY bool_or(locale = :locale) DESC, sum(frequency) DESC, word LIMIT :limit",  # nosec B608
        pattern=f"{last}%",
        locale=locale,
        limit=limit,
        before=" & ".join(f"'{word}'" for word in before),
    )
    return [" ".join([*before, row[0]]) for row in found]


def _is_begun_by(name: str, words: Sequence[str]) -> bool:
    """Whether each word begins some word of the name."""
    own = rules.words(name)
    return all(any(mine.startswith(word) for mine in own) for word in words)


def newest(*, limit: int, locale: str, currency: str) -> tuple[Tile, ...]:
    """The newest products with their stock (for the home page)."""
    return tiles(catalog.newest(limit=limit, locale=locale, currency=currency))


def related(page: catalog_shapes.ProductPage, *, locale: str, currency: str) -> tuple[Tile, ...]:
    """Others like this one with their stock (for the product page)."""
    return tiles(catalog.related(page, locale=locale, currency=currency))

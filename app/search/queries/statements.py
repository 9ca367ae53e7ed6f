"""The SQL of lists: one statement that counts, one that orders. Values are bound, only names we chose are in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.search import rules
from app.search.rules import Filters

CAP = 10_000  # matches that are counted; beyond it a list says "10,000+"
MANY = 2_000  # matches from which on a list is read in its standard order instead of collected and sorted
CANDIDATES = 20 * rules.PER_PAGE  # of many matches only the newest so many are ranked by their words: all match well

VECTORS = {"en": "words_en", "ms": "words_ms"}
ORDER = "d.is_sold_out, d.created_at DESC, d.product_id DESC"


@dataclass(frozen=True)
class Scope:
    """What a list is about, whatever is filtered: the words, the category of the page, the currency of its prices."""

    terms: tuple[str, ...] | None
    category: str | None
    locale: str
    currency: str

    @property
    def price(self) -> str:
        return f"d.price_{self.currency.lower()}"

    @property
    def vector(self) -> str:
        return f"d.{VECTORS.get(self.locale, 'words_en')}"


TSQUERY = "(to_tsquery('english', :words) || to_tsquery('simple', :words))"


def _scope(scope: Scope, values: dict[str, Any]) -> str:
    conditions = [f"{scope.price} IS NOT NULL"]
    if scope.category is not None:
        values["category_token"] = [rules.token("category", scope.category)]
        conditions.append("d.facets @> :category_token")
    if scope.terms:
        values["words"] = rules.tsquery(scope.terms)
        conditions.append(f"{scope.vector} @@ {TSQUERY}")
    return " AND ".join(conditions)


def _conditions(scope: Scope, filters: Filters, values: dict[str, Any]) -> dict[str, str]:
    """One condition for each facet that is set."""
    conditions = {}
    for group in filters.groups:
        if group == "price":
            values["price_from"], values["price_to"] = (
                filters.price_from or 0,
                filters.price_to or rules.MAX_PRICE_MINOR,
            )
            conditions[group] = f"{scope.price} BETWEEN :price_from AND :price_to"
        elif group == "stock":
            conditions[group] = "NOT d.is_sold_out"
        else:
            values[group] = [rules.token(group, value) for value in getattr(filters, group)]
            conditions[group] = f"d.facets && :{group}"
    return conditions


def counts(scope: Scope, filters: Filters) -> tuple[str, dict[str, Any]]:
    """Rows (name, value, base, count): the totals under `#…` names, then each token with its count in the whole scope and
    its count "as if its own facet were not set"."""
    values: dict[str, Any] = {"cap": CAP + 1}
    conditions = _conditions(scope, filters, values)
    flags = "".join(f", {condition} AS in_{group}" for group, condition in conditions.items())
    names = list(conditions)
    per_group = "".join(
        f" UNION ALL SELECT '#without', '{name}', count(*), {_count(_all_of(names, but=name))} FROM base"  # noqa: S608
        for name in names
    )
    price = _all_of(names, but="price")
    statement = f"""
        WITH base AS MATERIALIZED (
          SELECT d.facets, {scope.price} AS price, d.is_sold_out{flags} FROM search_document d
          WHERE {_scope(scope, values)} LIMIT :cap)
        SELECT '#total', '', count(*), {_count(_all_of(names))} FROM base
        UNION ALL SELECT '#stock', '', count(*), count(*) FILTER (WHERE NOT is_sold_out AND {_all_of(names, but="stock")}) FROM base
        UNION ALL SELECT '#price', '', min(price) FILTER (WHERE {price}), max(price) FILTER (WHERE {price}) FROM base
        {per_group}
        UNION ALL SELECT 'token', t, count(*), {_count(_but_own(names))} FROM base, unnest(facets) t GROUP BY t
    """  # noqa: S608
    return statement, values


def _all_of(names: Sequence[str], *, but: str = "") -> str:
    return " AND ".join(f"in_{name}" for name in names if name != but) or "true"


def _but_own(names: Sequence[str]) -> str:
    """The condition under which a token counts: all facets but the one it belongs to."""
    return (
        " AND ".join(f"(in_{n} OR starts_with(t, '{n}:'))" if n in rules.GROUPS else f"in_{n}" for n in names) or "true"
    )


def _count(condition: str) -> str:
    return "count(*)" if condition == "true" else f"count(*) FILTER (WHERE {condition})"


def page(
    scope: Scope, filters: Filters, *, sort: str, number: int, per_page: int, total: int
) -> tuple[str, dict[str, Any]]:
    """Rows (id, n): one page of products in their order. `total` is what was counted and decides how to get there."""
    values: dict[str, Any] = {"limit": per_page, "offset": (number - 1) * per_page}
    where = " AND ".join([_scope(scope, values), *_conditions(scope, filters, values).values()])
    is_ranked = sort == "relevance" and bool(scope.terms)
    if total > MANY and not sort.startswith("price"):
        return _walked(scope, where, is_ranked=is_ranked and values["offset"] < CANDIDATES), values
    order = _order(sort, scope, is_ranked=is_ranked)
    return f"{_numbered(order)} FROM search_document d WHERE {where} {_slice(order)}", values


def _walked(scope: Scope, where: str, *, is_ranked: bool) -> str:
    """All documents in their standard order, out of the index, until the page is full.

    OFFSET 0 keeps the planner from seeing through: with very many matches the page is met within some hundred rows, and
    to collect and sort all of them first, as statistics may suggest, would be the wrong plan.
    """
    walk = f"(SELECT * FROM search_document d ORDER BY {ORDER} OFFSET 0) d WHERE {where}"  # noqa: S608
    if not is_ranked:
        return f"SELECT d.product_id AS id, row_number() OVER () AS n FROM {walk} LIMIT :limit OFFSET :offset"  # noqa: S608
    order = _order("relevance", scope, is_ranked=True)
    return f"{_numbered(order)} FROM (SELECT d.* FROM {walk} LIMIT {CANDIDATES}) d {_slice(order)}"  # noqa: S608


def _numbered(order: str) -> str:
    return f"SELECT d.product_id AS id, row_number() OVER (ORDER BY {order}) AS n"


def _slice(order: str) -> str:
    return f"ORDER BY {order} LIMIT :limit OFFSET :offset"


def _order(sort: str, scope: Scope, *, is_ranked: bool) -> str:
    """What is sold out always comes last; the newest first among equals."""
    rank = {
        "price_asc": f"{scope.price}, ",
        "price_desc": f"{scope.price} DESC, ",
        "relevance": f"ts_rank({scope.vector}, {TSQUERY}) DESC, " if is_ranked else "",
    }.get(sort, "")
    return f"d.is_sold_out, {rank}d.created_at DESC, d.product_id DESC"

"""The SQL of lists: one statement that counts, one that orders. Values are bound, only names we chose are in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.search import rules
from app.search.rules import Filters

CAP = 10_000  # matches that are counted; beyond it a list says "10,000+"
CANDIDATES = 20 * rules.PER_PAGE  # of many matches only the newest so many are ranked by their words: all match well

# What is sold out always comes last; the newest first among equals.
STANDARD = "d.is_sold_out, d.created_at DESC, d.product_id DESC"
PRICE_ORDERS = {
    "price_asc": "d.is_sold_out, d.price, d.created_at DESC, d.product_id DESC",
    "price_desc": "d.is_sold_out, d.price DESC, d.created_at DESC, d.product_id DESC",
}
VECTORS = {"en": "words_en", "ms": "words_ms"}


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


# Stemmed or as typed; where both are the same, once: two equal halves would cost twice.
TSQUERY = (
    "(CASE WHEN to_tsquery('english', :words) = to_tsquery('simple', :words) THEN to_tsquery('simple', :words)"
    " ELSE to_tsquery('english', :words) || to_tsquery('simple', :words) END)"
)


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
    """Rows (kind, name, low, high): `total` and `stock` with all filters, `price` the range, `without` the total "as if
    this facet were not set", `token` each value's count so.

    What fails two filters counts nowhere. So two kinds of products are read, each up to the cap: those that pass all
    filters, and for each filter those that fail only it. Each is planned to be read as a whole (MATERIALIZED), which makes
    an index of it. Products with equal facets go on as one row with a weight: there are far fewer of those.
    """
    values: dict[str, Any] = {"cap": CAP + 1}
    conditions = _conditions(scope, filters, values)
    parts = {"": list(conditions.values())}
    for name in conditions:
        parts[name] = [f"NOT ({each})" if group == name else each for group, each in conditions.items()]
    columns = f"d.profile, d.facets, {scope.price} AS price, d.is_sold_out"
    found = ", ".join(
        f"part_{name} AS MATERIALIZED (SELECT '{name}' AS part, {columns} FROM search_document d"  # noqa: S608
        f" WHERE {' AND '.join([_scope(scope, values), *wanted])})"  # nosec B608
        for name, wanted in parts.items()
    )
    together = " UNION ALL ".join(f"(SELECT * FROM part_{name} LIMIT :cap)" for name in parts)  # noqa: S608  # nosec B608
    own = (
        " OR ".join(f"starts_with(t, '{name}:') AND part = '{name}'" for name in conditions if name in rules.GROUPS)
        or "false"
    )
    statement = f"""
        WITH {found},
        base AS MATERIALIZED (
          SELECT part, any_value(facets) AS facets, is_sold_out, count(*) AS n, min(price) AS low, max(price) AS high
          FROM ({together}) f GROUP BY part, profile, is_sold_out)
        SELECT 'total', '', 0, {_sum("part = ''")} FROM base
        UNION ALL SELECT 'stock', '', 0, {_sum("part IN ('', 'stock') AND NOT is_sold_out")} FROM base
        UNION ALL SELECT 'price', '', min(low), max(high) FROM base WHERE part IN ('', 'price')
        UNION ALL SELECT 'without', part, 0, sum(n)::bigint FROM base WHERE part <> '' GROUP BY part
        UNION ALL SELECT 'token', t, 0, sum(n)::bigint FROM base, unnest(facets) t WHERE part = '' OR {own} GROUP BY t
    """  # noqa: S608  # nosec B608
    return statement, values


def _sum(condition: str) -> str:
    return f"coalesce(sum(n) FILTER (WHERE {condition}), 0)::bigint"


def page(
    scope: Scope, filters: Filters, *, sort: str, number: int, per_page: int, total: int
) -> tuple[str, dict[str, Any]]:
    """Rows (id, n): one page of products in their order. `total` is what was counted and decides how to get there.

    Few matches are collected (through an index of words or facets) and sorted. Of very many, all documents are walked in
    their standard order until the page is full: OFFSET 0 and MATERIALIZED keep the planner from choosing the other way,
    which it would, as it cannot know how frequent words and facets are together.
    """
    values: dict[str, Any] = {"limit": per_page, "offset": (number - 1) * per_page}
    where = " AND ".join([_scope(scope, values), *_conditions(scope, filters, values).values()])
    is_ranked = sort == "relevance" and bool(scope.terms) and (total <= CANDIDATES or values["offset"] < CANDIDATES)
    if total >= CAP and not sort.startswith("price"):
        walked = f"(SELECT * FROM search_document d ORDER BY {STANDARD} OFFSET 0) d WHERE {where}"  # noqa: S608  # nosec B608
        if is_ranked:
            return _ranked(scope, f"SELECT d.* FROM {walked} LIMIT {CANDIDATES}"), values  # noqa: S608  # nosec B608
        return f"SELECT d.product_id AS id, row_number() OVER () AS n FROM {walked} LIMIT :limit OFFSET :offset", values  # noqa: S608  # nosec B608
    columns = f"d.product_id, d.is_sold_out, d.created_at, {scope.price} AS price"
    found = f"WITH found AS MATERIALIZED (SELECT {columns} FROM search_document d WHERE {where})"  # noqa: S608  # nosec B608
    if is_ranked:
        return f"{found} {_ranked(scope, f'SELECT d.* FROM found d ORDER BY {STANDARD} LIMIT {CANDIDATES}')}", values  # noqa: S608  # nosec B608
    return f"{found} {_numbered('found', PRICE_ORDERS.get(sort, STANDARD))}", values


def _ranked(scope: Scope, candidates: str) -> str:
    """By how well the words fit; of many matches the newest are ranked, the others follow on later pages, newest first."""
    ranked = (
        f"(SELECT c.product_id, c.is_sold_out, c.created_at, ts_rank({scope.vector}, {TSQUERY}) AS rank FROM ({candidates}) c"  # noqa: S608
        " JOIN search_document d ON d.product_id = c.product_id)"  # nosec B608
    )
    return _numbered(ranked, "d.is_sold_out, d.rank DESC, d.created_at DESC, d.product_id DESC")


def _numbered(source: str, order: str) -> str:
    """One page of the source. Numbered outside: a window over everything would sort everything, not just the top."""
    page = f"SELECT d.product_id AS id FROM {source} d ORDER BY {order} LIMIT :limit OFFSET :offset"  # noqa: S608  # nosec B608
    return f"SELECT id, row_number() OVER () AS n FROM ({page}) page"  # noqa: S608  # nosec B608

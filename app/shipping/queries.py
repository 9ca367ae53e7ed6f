from __future__ import annotations

from app.core import db
from app.core.memory import for_a_moment
from app.shipping.rules import Method


@for_a_moment(10)
def methods_for(*, country: str, state: str, currency: str, locale: str = "en") -> list[Method]:
    """Ways to deliver there, in the merchant's order; empty when we do not."""
    found = db.rows(
        "SELECT r.code, coalesce(r.name->>:locale, r.name->>'en'), r.base_minor, r.step_minor, r.free_from_minor,"
        " r.min_days, r.max_days, r.item_minor, z.id AS zone, cardinality(z.states) > 0 AS is_narrow"
        " FROM shipping_zone z JOIN shipping_rate r ON r.zone_id = z.id"
        " WHERE (:country = ANY(z.countries) OR '*' = ANY(z.countries)) AND r.currency = :currency"
        " AND (cardinality(z.states) = 0 OR :state = ANY(z.states))"
        " ORDER BY is_narrow DESC, '*' = ANY(z.countries), r.position, r.code",
        country=country,
        state=state,
        currency=currency,
        locale=locale,
    )
    return [Method(*row[:8]) for row in found if row.zone == found[0].zone]


@for_a_moment(10)
def cheapest_from(*, country: str, currency: str) -> int | None:
    """The lowest starting rate in a country, for “delivery from RM 8.00” before an address is known."""
    return db.scalar(
        "SELECT min(r.base_minor) FROM shipping_zone z JOIN shipping_rate r ON r.zone_id = z.id"
        " WHERE :country = ANY(z.countries) AND r.currency = :currency",
        country=country,
        currency=currency,
    )


def countries() -> list[str]:
    """ISO codes of the countries with rates of their own ('*' zones deliver everywhere else)."""
    return [row[0] for row in db.rows("SELECT DISTINCT unnest(countries) FROM shipping_zone ORDER BY 1")]

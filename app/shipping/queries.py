from __future__ import annotations

from app.core import db
from app.core.memory import for_a_moment
from app.shipping.rules import Method

_METHOD = (
    "r.code, coalesce(r.name->>:locale, r.name->>'en'), r.base_minor, r.step_minor, r.free_from_minor, r.min_days, r.max_days,"
    " r.item_minor, r.pickup_at, coalesce(r.pickup_hours->>:locale, r.pickup_hours->>'en')"
)
_COLUMNS = 10


@for_a_moment(10)
def methods_for(*, country: str, state: str, currency: str, locale: str = "en") -> list[Method]:
    """Ways to deliver there, in the merchant's order, and to pick up from there; empty when we do not."""
    found = db.rows(
        f"SELECT {_METHOD}, z.id AS zone, cardinality(z.states) > 0 AS is_narrow"  # noqa: S608
        " FROM shipping_zone z JOIN shipping_rate r ON r.zone_id = z.id"
        " WHERE (:country = ANY(z.countries) OR '*' = ANY(z.countries)) AND r.currency = :currency"
        " AND (cardinality(z.states) = 0 OR :state = ANY(z.states))"
        " ORDER BY is_narrow DESC, '*' = ANY(z.countries), r.position, r.code",  # nosec B608
        country=country,
        state=state,
        currency=currency,
        locale=locale,
    )
    return [Method(*row[:_COLUMNS]) for row in found if row.zone == found[0].zone]


@for_a_moment(10)
def pickups(*, currency: str, locale: str) -> list[Method]:
    """Where one may pick up what was ordered, in the merchant's order."""
    found = db.rows(
        f"SELECT {_METHOD} FROM shipping_rate r WHERE r.pickup_at IS NOT NULL AND r.currency = :currency"  # noqa: S608
        " ORDER BY r.position, r.code",  # nosec B608
        currency=currency,
        locale=locale,
    )
    return [Method(*row) for row in found]


@for_a_moment(10)
def cheapest_from(*, country: str, currency: str) -> int | None:
    """The lowest starting rate in a country, for “delivery from RM 8.00” before an address is known."""
    return db.scalar(
        "SELECT min(r.base_minor) FROM shipping_zone z JOIN shipping_rate r ON r.zone_id = z.id"
        " WHERE :country = ANY(z.countries) AND r.currency = :currency AND r.pickup_at IS NULL",
        country=country,
        currency=currency,
    )


def countries() -> list[str]:
    """ISO codes of the countries with rates of their own ('*' zones deliver everywhere else)."""
    return [row[0] for row in db.rows("SELECT DISTINCT unnest(countries) FROM shipping_zone ORDER BY 1")]

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from app.core import db
from app.core.ids import new_id
from app.shipping.models import ShippingRate, ShippingZone

EAST = ["Sabah", "Sarawak", "Labuan"]
STANDARD = {"en": "Standard delivery", "ms": "Penghantaran biasa"}
EXPRESS = {"en": "Express delivery", "ms": "Penghantaran ekspres"}

# (zone, name, countries, states, [(method, name, days, {currency: (base, step, free from)})])
Rates = list[tuple[str, dict[str, str], tuple[int, int], dict[str, Any]]]
FIXTURES: tuple[tuple[str, dict[str, str], list[str], list[str], Rates], ...] = (
    ("my-west", {"en": "Peninsular Malaysia", "ms": "Semenanjung Malaysia"}, ["MY"], [], [
        ("standard", STANDARD, (2, 4), {"MYR": (800, 200, 25000), "INR": (15000, 4000, 470000), "USD": (190, 50, 5800)}),
        ("express", EXPRESS, (1, 2), {"MYR": (1500, 400, None), "INR": (28000, 7500, None), "USD": (350, 95, None)}),
    ]),
    ("my-east", {"en": "Sabah, Sarawak and Labuan", "ms": "Sabah, Sarawak dan Labuan"}, ["MY"], EAST, [
        ("standard", STANDARD, (4, 7), {"MYR": (1400, 500, 35000), "INR": (26000, 9500, 650000), "USD": (330, 120, 8200)}),
        ("express", EXPRESS, (2, 3), {"MYR": (2600, 900, None), "INR": (48000, 17000, None), "USD": (600, 210, None)}),
    ]),
    ("sg", {"en": "Singapore", "ms": "Singapura"}, ["SG"], [], [
        ("standard", STANDARD, (3, 6), {"MYR": (2500, 800, 60000), "INR": (47000, 15000, 1130000), "USD": (590, 190, 14000)}),
    ]),
    ("in", {"en": "India", "ms": "India"}, ["IN"], [], [
        ("standard", STANDARD, (6, 10), {"MYR": (3800, 1500, 80000), "INR": (71000, 28000, 1500000), "USD": (890, 350, 18500)}),
        ("express", EXPRESS, (3, 5), {"MYR": (7200, 2600, None), "INR": (135000, 49000, None), "USD": (1690, 610, None)}),
    ]),
    ("us", {"en": "United States", "ms": "Amerika Syarikat"}, ["US"], [], [
        ("standard", STANDARD, (7, 14), {"MYR": (6500, 2600, None), "INR": (122000, 49000, None), "USD": (1500, 600, 25000)}),
        ("express", EXPRESS, (3, 5), {"MYR": (12500, 4800, None), "INR": (235000, 90000, None), "USD": (2900, 1100, None)}),
    ]),
    ("world", {"en": "Rest of the world", "ms": "Seluruh dunia"}, ["*"], [], [
        ("standard", STANDARD, (8, 16), {"MYR": (8500, 3200, None), "INR": (160000, 60000, None), "USD": (1990, 750, None)}),
    ]),
)  # fmt: skip


def load_fixtures() -> None:
    """Put the first zones and rates in where there are none; what the merchant changed stays as it is."""
    zones = [
        {"id": new_id(), "code": code, "name": name, "countries": countries, "states": states}
        for code, name, countries, states, _methods in FIXTURES
    ]
    db.session.execute(insert(ShippingZone).values(zones).on_conflict_do_nothing())
    ids = {row.code: row.id for row in db.rows("SELECT code, id FROM shipping_zone")}
    rates = [
        {
            "zone_id": ids[zone], "code": method, "name": words, "currency": currency, "base_minor": base, "step_minor": step,
            "free_from_minor": free, "min_days": days[0], "max_days": days[1], "position": position,
        }
        for zone, _name, _countries, _states, methods in FIXTURES
        for position, (method, words, days, prices) in enumerate(methods)
        for currency, (base, step, free) in prices.items()
    ]  # fmt: skip
    db.session.execute(insert(ShippingRate).values(rates).on_conflict_do_nothing())


def offer_pickup(
    zone: str,
    code: str,
    *,
    name: Mapping[str, str],
    at: Mapping[str, str],
    hours: Mapping[str, str],
    days: tuple[int, int],
    prices: Mapping[str, int],
) -> None:
    """Let shoppers fetch their orders at an address (`line1`, `postcode`, `city`, `state`, `country`) that lies in the zone, ready
    after so many working days, for a price in minor units in each currency. One that is known by its code stays as it is."""
    zone_id = db.scalar("SELECT id FROM shipping_zone WHERE code = :code", code=zone)
    rates = [
        {
            "zone_id": zone_id, "code": code, "name": dict(name), "currency": currency, "base_minor": price, "min_days": days[0],
            "max_days": days[1], "position": 99, "pickup_at": dict(at), "pickup_hours": dict(hours),
        }
        for currency, price in prices.items()
    ]  # fmt: skip
    db.session.execute(insert(ShippingRate).values(rates).on_conflict_do_nothing())

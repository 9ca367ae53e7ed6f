from datetime import date

import pytest

from app.shipping import places
from app.shipping.rules import Method, add_working_days


@pytest.mark.parametrize(
    ("country", "postcode", "state"),
    [
        ("MY", "50480", "Kuala Lumpur"),
        ("MY", "15000", "Kelantan"),
        ("MY", "88000", "Sabah"),
        ("MY", "87000", "Labuan"),
        ("MY", "93000", "Sarawak"),
        ("MY", "62000", "Putrajaya"),
        ("MY", "46000", "Selangor"),
        ("IN", "560001", "Karnataka"),
        ("IN", "400001", "Maharashtra"),
        ("IN", "403001", "Goa"),
        ("IN", "110001", "Delhi"),
        ("IN", "500001", "Telangana"),
        ("US", "94103", None),
    ],
)
def test_a_postcode_says_the_state(country, postcode, state):
    assert places.state_of(country, postcode) == state


def test_working_days_skip_the_weekend():
    assert add_working_days(date(2026, 11, 20), 1) == date(2026, 11, 23)  # a Friday
    assert add_working_days(date(2026, 11, 20), 0) == date(2026, 11, 20)


def test_a_parcel_costs_by_half_kilos_and_nothing_from_the_threshold_on():
    method = Method("standard", "Standard", 800, 200, 25_000, 2, 4)
    costs = [method.cost(subtotal_minor=100, grams=grams, items=9) for grams in (0, 500, 501, 1000, 1001)]
    assert costs == [800, 800, 1000, 1000, 1200]
    assert method.cost(subtotal_minor=25_000, grams=9_999, items=9) == 0


def test_a_parcel_may_cost_by_the_number_of_items_too():
    method = Method("standard", "Standard", 800, 200, 25_000, 2, 4, item_minor=150)
    assert [method.cost(subtotal_minor=100, grams=100, items=items) for items in (0, 1, 2, 5)] == [800, 800, 950, 1400]
    assert method.cost(subtotal_minor=100, grams=501, items=2) == 1150
    assert method.cost(subtotal_minor=25_000, grams=501, items=2) == 0

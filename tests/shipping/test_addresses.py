"""Addresses as each country writes them (N20)."""

import pytest

from app.shipping import addresses
from app.storefront.checkout_forms import countries

AINA = {"name": "Aina Rahman", "line1": "12 Long Street", "line2": "Unit 3"}


def lines(country: str, postcode: str, city: str, state: str = "") -> list[str]:
    """What stands below the street."""
    found = addresses.lines({**AINA, "country": country, "postcode": postcode, "city": city, "state": state})
    assert found[:3] == list(AINA.values())
    return found[3:]


@pytest.mark.parametrize(
    ("country", "typed", "normal"),
    [("MY", " 50 480 ", "50480"), ("MY", "5048", None), ("MY", "", None), ("MY", "５０４８０", None), ("IN", "560 001", "560001"),
     ("GB", "sw1a 1aa", "SW1A 1AA"), ("GB", "SW1A 1AA!", None), ("DE", "10115", "10115"),
     ("DE", "1011", None), ("US", "94103-1234", "94103-1234"),
     ("FR", "!", None), ("NL", "1234 ab", "1234 AB"), ("PL", "00-950", "00-950"), ("FI", "FI-00550", "00550"), ("CH", "CH-8001", "8001"),
     ("HK", "", ""), ("HK", "999077", "999077"), ("HK", "<none>", None), ("AE", "", ""), ("IE", "", ""), ("IE", "nonsense", None)],
)  # fmt: skip
def test_postcodes_as_each_country_writes_them(country: str, typed: str, normal: str | None) -> None:
    assert addresses.normal_postcode(country, typed) == normal


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (("MY", "15000", "Kota Bharu", "Kelantan"), ["15000 Kota Bharu", "Kelantan"]),
        (("MY", "50480", "Kuala Lumpur", "Kuala Lumpur"), ["50480 Kuala Lumpur"]),
        (("US", "94103", "San Francisco", "California"), ["San Francisco, California 94103"]),
        (("US", "10001", "New York", "New York"), ["New York, New York 10001"]),
        (("IN", "560001", "Bengaluru", "Karnataka"), ["Bengaluru 560001", "Karnataka"]),
        (("GB", "SW1A 1AA", "London"), ["London", "SW1A 1AA"]),
        (("SG", "238801", "Singapore"), ["SINGAPORE 238801"]),
        (("HK", "", "Central", "Hong Kong Island"), ["Central", "Hong Kong Island"]),
        (("AE", "", "Deira", "Dubai"), ["Deira", "Dubai"]),
    ],
)
def test_the_lines_stand_as_the_country_writes_them(place: tuple[str, ...], shown: list[str]) -> None:
    assert lines(*place) == shown


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (("US", "10001", "New York"), ["New York, 10001"]),  # saved before the state was asked for
        (("US", "", "", "Texas"), ["Texas"]),
        (("DE", "10115", "Berlin", "Land Berlin"), ["10115 Berlin", "Land Berlin"]),
        (("AE", "00000", "Dubai", "Dubai"), ["Dubai", "00000"]),
        (("IC", "35001", "Las Palmas", "Canarias"), ["35001 Las Palmas", "Canarias"]),
    ],
)
def test_whatever_is_saved_stays_readable(place: tuple[str, ...], shown: list[str]) -> None:
    assert lines(*place) == shown


def test_an_address_that_was_forgotten_has_no_lines() -> None:
    assert addresses.lines({}) == []


def test_where_the_street_stands_beside_the_town_nothing_is_lost() -> None:
    found = addresses.lines({**AINA, "country": "JP", "postcode": "104-0061", "city": "Chuo-ku", "state": "Tokyo"})
    assert found == ["Aina Rahman", "12 Long Street, Unit 3, Chuo-ku, Tokyo", "104-0061"]


def test_each_country_s_example_is_one_of_its_postcodes() -> None:
    for country, form in ((code, addresses.format_of(code)) for code, _name in countries("en")):
        if form.example:
            assert addresses.normal_postcode(country, form.example) == form.example, country
        else:
            assert "postcode" not in form.required, country

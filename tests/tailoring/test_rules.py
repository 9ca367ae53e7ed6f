"""Lengths as people write them, and what a garment needs."""

from __future__ import annotations

import pytest

from app.tailoring.rules import BOUNDS, GARMENTS, MEASURES, Fitting, NotALength, fitting, is_other_unit, parsed, shown


@pytest.mark.parametrize(
    ("text", "unit", "mm"),
    [
        ("102.5", "cm", 1025),
        ("102,5", "cm", 1025),
        ("39", "cm", 390),
        ("0", "cm", 0),
        ("40", "in", 1016),
        ("40.25", "in", 1022),  # 1022.35
        ("15.5", "in", 394),  # 393.7
        ("15.05", "in", 382),  # 382.27
        ("40 1/4", "in", 1022),
        ("15-1/2", "in", 394),
        ("15 7/8", "in", 403),  # 403.225
        ("2.5", "in", 64),  # 63.5: half up
    ],
)
def test_lengths_as_people_write_them(text: str, unit: str, mm: int):
    assert parsed(text, unit) == mm


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", "cm"),
        (" 39", "cm"),
        ("39\n", "cm"),
        ("-40", "cm"),
        ("102.55", "cm"),
        ("1e2", "cm"),
        ("٤٠", "cm"),
        ("1000", "cm"),
        ("40 1/4", "cm"),
        ("40 cm", "cm"),
        ("40.125", "in"),
        ("40 3/2", "in"),
        ("40 2/4", "in"),
        ("nan", "in"),
        ("40", "ells"),
        ("4" * 5000, "cm"),
    ],
)
def test_what_is_no_length(text: str, unit: str):
    with pytest.raises(NotALength):
        parsed(text, unit)


@pytest.mark.parametrize("unit", ["cm", "in"])
def test_every_length_is_shown_so_that_it_comes_back(unit: str):
    assert [mm for mm in range(100, 2400) if parsed(shown(mm, unit), unit) != mm] == []


def test_shown_without_trailing_zeros():
    assert [shown(390, "cm"), shown(395, "cm"), shown(1000, "cm")] == ["39", "39.5", "100"]
    assert [shown(1016, "in"), shown(381, "in"), shown(1022, "in")] == ["40", "15", "40.24"]


def test_inches_typed_as_centimetres_are_noticed():
    assert is_other_unit("height", "66", "cm")
    assert is_other_unit("chest", "102", "in")
    assert not is_other_unit("height", "5", "cm")
    assert not is_other_unit("chest", "wide", "cm")


def test_garments_need_what_can_be_measured():
    assert {name for names in GARMENTS.values() for name in names} == set(MEASURES)
    assert all(low < high for low, high in BOUNDS.values())


def test_a_garment_gets_what_it_needs_and_no_more():
    whole = Fitting(dict.fromkeys(MEASURES, 500), "in", "Aminah", "loose")
    assert tuple(whole.only_for("bottom").measures) == GARMENTS["bottom"]
    assert whole.missing("full") == ()
    assert Fitting({"waist": 700}).missing("bottom") == ("hip", "inside_leg", "height")
    assert fitting(whole.record()) == whole

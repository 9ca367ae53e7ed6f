import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import Money, included_in, rate_of


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_parts_of_a_split_add_up_and_none_is_off_by_more_than_one(minor, weights):
    parts = Money(minor, "MYR").split(weights)
    assert sum(part.minor for part in parts) == minor
    total = sum(weights) or len(weights)
    for part, weight in zip(parts, weights if any(weights) else [1] * len(weights), strict=True):
        assert abs(part.minor * total - minor * weight) < total


def test_money_refuses_what_is_no_money():
    for wrong in (1.0, "1", True, None):
        with pytest.raises(TypeError):
            Money(wrong, "MYR")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, "XYZ")
    with pytest.raises(ValueError, match="cannot mix"):
        _ = Money(1, "MYR") + Money(1, "INR")
    with pytest.raises(TypeError):
        _ = Money(1, "MYR") * 0.5  # type: ignore[operator]


def test_rates_are_rounded_half_up_and_mirror():
    assert [rate_of(amount, basis_points=500) for amount in (9, 10, -10, 0)] == [0, 1, -1, 0]
    assert included_in(110, basis_points=1000) == 10
    assert included_in(-110, basis_points=1000) == -10

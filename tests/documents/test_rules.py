"""The arithmetic of documents: groups, shares of refunds, the parts of GST, series."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.documents import rules
from app.documents.rules import Taxed

patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
KL = ZoneInfo("Asia/Kuala_Lumpur")
amounts = st.integers(min_value=0, max_value=10**9)
groups = st.lists(
    st.builds(Taxed, st.sampled_from(["SST", "GST", ""]), st.sampled_from([0, 500, 1000]), amounts, amounts),
    min_size=1,
    max_size=6,
).map(rules.grouped)


def total(taxed):
    return sum(each.total_minor for each in taxed)


def test_a_year_begins_in_the_shops_own_zone():
    late = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    new_year = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert [rules.series_of("invoice", at, KL) for at in (late, new_year)] == ["INV-2026", "INV-2027"]
    assert rules.series_of("credit_note", late, KL) == "CN-2026"


@patiently
@given(groups, st.data())
def test_any_row_of_refunds_ends_exactly_at_nothing(whole, data):
    """P15: in every group, net and tax, and never below zero on the way."""
    left = whole
    while rest := total(left):
        part = data.draw(st.integers(min_value=max(1, rest // 4), max_value=rest))
        shares = rules.share(part, left)
        assert total(shares) == part
        assert all(each.taxable_minor >= 0 and each.tax_minor >= 0 for each in shares)
        left = rules.less(left, shares)
        assert all(each.taxable_minor >= 0 and each.tax_minor >= 0 for each in left)
    assert all((each.taxable_minor, each.tax_minor) == (0, 0) for each in left)


def test_more_than_is_left_is_refused():
    left = [Taxed("SST", 1000, 1000, 100)]
    for amount in (1101, 0, -1):
        with pytest.raises(ValueError, match="left"):
            rules.share(amount, left)


def test_a_share_keeps_the_rate():
    assert rules.share(1100, [Taxed("SST", 1000, 10000, 1000), Taxed("", 0, 0, 0)]) == [Taxed("SST", 1000, 1000, 100)]


@patiently
@given(st.lists(st.builds(Taxed, st.just("IGST"), st.sampled_from([500, 1200]), amounts, amounts), max_size=8))
def test_the_parts_of_lines_add_up_to_the_parts_of_their_groups(lines):
    names = ("CGST", "SGST")
    cut = rules.parts_in_order(lines, names)
    for line, parts in zip(lines, cut, strict=True):
        assert sum(part.tax_minor for part in parts) == line.tax_minor
        assert abs(parts[0].tax_minor - parts[1].tax_minor) <= 1
    for group in rules.grouped(lines):
        own = [part for parts in cut for part in parts if part.basis_points == group.basis_points]
        for part in rules.parts_of(group, names):
            assert sum(each.tax_minor for each in own if each.name == part.name) == part.tax_minor


@pytest.mark.parametrize(
    ("seller", "buyer", "parts"),
    [
        ("Karnataka", "Karnataka", ("CGST", "SGST")),
        ("Karnataka", "Maharashtra", ("IGST",)),
        ("Ladakh", "Ladakh", ("CGST", "UTGST")),
        ("Delhi", "Delhi", ("CGST", "SGST")),
        ("", "Goa", ("IGST",)),
    ],
)
def test_gst_is_two_halves_at_home_and_one_tax_across(seller, buyer, parts):
    assert rules.gst_parts(seller_state=seller, state=buyer) == parts


def test_rates_are_printed_without_needless_zeros():
    assert [rules.percent(points) for points in (1000, 500, 825, 0)] == ["10\xa0%", "5\xa0%", "8.25\xa0%", "0\xa0%"]
    assert rules.percent(500, parts=2) == "2.5\xa0%"


@patiently
@given(groups, st.data())
def test_a_refund_of_goods_is_credited_at_their_own_tax_as_far_as_that_is_left(whole, data):
    own = data.draw(st.sampled_from(whole))
    amount = data.draw(st.integers(min_value=1, max_value=max(1, total(whole))))
    if amount > total(whole):
        return
    shares = rules.share_of(amount, whole, name=own.name, basis_points=own.basis_points)
    assert total(shares) == amount
    taken = [each for each in shares if (each.name, each.basis_points) == (own.name, own.basis_points)]
    assert total(taken) == min(amount, own.total_minor)
    assert all((each.taxable_minor, each.tax_minor) >= (0, 0) for each in rules.less(whole, shares))

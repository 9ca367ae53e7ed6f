"""Instalments add up exactly in every currency, and each is an amount that providers take."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import EXPONENTS, Money, smallest_charge, smallest_step
from app.payments.rules import Plan, PlanPart, plans_for, split_due
from tests.notifications.test_letters import PART


@given(
    currency=st.sampled_from(sorted(EXPONENTS)),
    minor=st.integers(min_value=1, max_value=10**12),
    parts=st.integers(1, 12),
)
def test_a_split_adds_up_and_every_part_can_be_taken(currency, minor, parts):
    due, step = Money(minor, currency), smallest_step(currency)
    try:
        amounts = [each.minor for each in split_due(due, parts)]
    except ValueError:
        assert minor // step // parts * step < smallest_charge(currency)
        return
    assert (sum(amounts), len(amounts)) == (minor, parts)
    assert min(amounts) >= smallest_charge(currency)
    assert all(each % step == 0 for each in amounts[1:])
    assert amounts[0] >= amounts[-1]
    assert amounts[0] - amounts[-1] < parts * step + step  # what does not divide, and no more
    assert len(set(amounts[1:])) <= 1


@given(
    currency=st.sampled_from(sorted(EXPONENTS)),
    minor=st.integers(min_value=0, max_value=10**7),
    most=st.integers(0, 12),
    least=st.integers(0, 10**6),
)
def test_every_plan_that_is_offered_can_be_made(currency, minor, most, least):
    due = Money(minor, currency)
    for parts, amounts in plans_for(due, most=most, least_minor=least).items():
        assert 2 <= parts <= most
        assert minor >= least
        assert amounts == split_due(due, parts)


@pytest.mark.parametrize(
    ("minor", "currency", "parts", "amounts"),
    [
        (10000, "MYR", 3, [3334, 3333, 3333]),
        (1000, "JPY", 3, [334, 333, 333]),
        (10000, "KWD", 3, [3340, 3330, 3330]),
        (10005, "KWD", 2, [5005, 5000]),
        (200, "MYR", 2, [100, 100]),
    ],
)
def test_what_does_not_divide_is_in_the_first(minor, currency, parts, amounts):
    assert [each.minor for each in split_due(Money(minor, currency), parts)] == amounts


@pytest.mark.parametrize(
    ("minor", "currency", "parts"), [(199, "MYR", 2), (299, "JPY", 3), (2990, "KWD", 3), (0, "MYR", 2)]
)
def test_too_little_is_not_split(minor, currency, parts):
    with pytest.raises(ValueError, match="too little"):
        split_due(Money(minor, currency), parts)
    assert parts not in plans_for(Money(minor, currency), most=12, least_minor=0)


def test_a_plan_knows_how_far_it_is():
    dice = random.Random(7)
    for _ in range(200):
        paid, all_parts = dice.randrange(0, 13), 12
        states = ["paid"] * min(paid, all_parts) + ["open"] * max(0, all_parts - paid)
        amounts = [dice.randrange(100, 9000) for _ in states]
        rows = [
            PlanPart(n, Money(minor, "MYR"), state, PART.due_at)
            for n, (minor, state) in enumerate(zip(amounts, states, strict=True), start=1)
        ]
        plan = Plan(rows)
        assert plan.received + plan.balance == Money(sum(amounts), "MYR")
        assert plan.received.minor == sum(amounts[: plan.paid])
        assert plan.has_begun == (plan.paid > 0)
        assert plan.next == next((row for row in rows if row.state == "open"), None)

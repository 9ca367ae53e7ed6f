"""When a recurring order comes again, and when its provider is asked. No database."""

from datetime import UTC, datetime, timedelta

import pytest

from app.recurring import rules

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "period", "every", "then"),
    [
        ("2026-01-31T16:30", "month", 1, "2026-02-28T16:30"),
        ("2028-01-31T16:30", "month", 1, "2028-02-29T16:30"),
        ("2026-11-30T23:59", "month", 3, "2027-02-28T23:59"),
        ("2026-12-15T00:00", "month", 1, "2027-01-15T00:00"),
        ("2026-03-28T16:30", "week", 1, "2026-04-04T16:30"),  # over the start of summer time: UTC knows none
        ("2026-12-28T08:00", "week", 2, "2027-01-11T08:00"),
        ("2026-12-31T08:00", "month", 12, "2027-12-31T08:00"),
    ],
)
def test_the_next_time(start, period, every, then):
    assert rules.after(at(start), period, every) == at(then)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("period", rules.PERIODS)
@pytest.mark.parametrize("every", range(1, rules.MOST_EVERY + 1))
def test_neighbouring_turns_are_never_the_same_and_a_moved_one_is(period, every):
    for day in range(366):
        start = at("2026-01-01T20:00") + timedelta(days=day)
        following = rules.after(start, period, every)
        assert not rules.is_same_turn(start, following, period=period, every=every)
        assert rules.is_same_turn(following, following + timedelta(days=3), period=period, every=every)


def test_a_subscription_ends_after_ten_years():
    assert [rules.charges_of(*how) for how in (("month", 1), ("month", 12), ("week", 1), ("week", 5))] == [
        120,
        10,
        520,
        104,
    ]


def test_stock_is_held_until_the_provider_had_time_to_charge():
    assert rules.minutes_until_charged(NOW + timedelta(hours=48), NOW) == (48 + rules.CHARGE_HOURS) * 60
    assert rules.minutes_until_charged(NOW - timedelta(days=3), NOW) == 1
    assert [rules.charge_is_over(NOW - timedelta(hours=hours), NOW) for hours in (23, 24)] == [False, True]


@pytest.mark.parametrize(
    ("state", "next_charge", "closed", "minutes"),
    [
        ("pending", None, None, 1),
        ("active", timedelta(days=20), None, 360),
        ("active", timedelta(minutes=30), None, 40),
        ("active", timedelta(hours=-3), None, 10),  # a charge is overdue
        ("past_due", None, None, 360),
        ("paused", timedelta(days=2), None, 360),
        ("cancelled", None, timedelta(days=-1), 360),
        ("cancelled", None, timedelta(days=-4), None),  # nothing can be under way any more
    ],
)
def test_when_the_provider_is_asked_again(state, next_charge, closed, minutes):
    asked = rules.ask_next(
        state,
        next_charge_at=NOW + next_charge if next_charge else None,
        closed_at=NOW + closed if closed else None,
        now=NOW,
    )
    assert asked == (NOW + timedelta(minutes=minutes) if minutes else None)


def test_the_provider_is_asked_often_while_a_turn_is_due():
    asked = rules.ask_next("active", next_charge_at=NOW + timedelta(days=28), closed_at=None, is_due=True, now=NOW)
    assert asked == NOW + timedelta(minutes=rules.ASK_MINUTES)


def test_the_provider_is_asked_until_it_is_over_there_too():
    closed = NOW - timedelta(days=rules.AFTER_DAYS)
    asked = rules.ask_next("cancelled", next_charge_at=None, closed_at=closed, is_over_there=False, now=NOW)
    assert asked == NOW + timedelta(hours=rules.LOOK_HOURS)


def test_a_charge_that_is_left_out_is_not_the_next_one():
    charge, month = NOW + timedelta(days=2), {"period": "month", "every": 1}
    assert rules.next_charge(charge, left_out=charge - timedelta(hours=1), **month) == rules.after(charge, "month", 1)
    assert rules.next_charge(charge, left_out=NOW - timedelta(days=28), **month) == charge
    assert rules.next_charge(charge, left_out=None, **month) == charge
    assert rules.next_charge(None, left_out=charge, **month) is None


def test_what_is_over_stays_over():
    assert all(rules.RECURRING_MOVES[state] == frozenset() for state in rules.OVER)
    assert all(rules.CYCLE_MOVES[state] == frozenset() for state in ("charged", "skipped"))

"""When a recurring order comes again, its states, and when its provider is asked. Pure; all times are aware UTC."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime, timedelta

PERIODS = ("week", "month")
MOST_EVERY = 12
YEARS = 10  # a subscription ends after so many years by itself: providers want an end

RECURRING_MOVES: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"active", "cancelled"}),  # the first order is not paid yet
    "active": frozenset({"paused", "past_due", "cancelled", "ended"}),
    "paused": frozenset({"active", "cancelled", "ended"}),
    "past_due": frozenset({"active", "cancelled", "ended"}),  # a charge failed; the provider tries again
    "cancelled": frozenset(),
    "ended": frozenset(),  # every charge that was agreed upon has been made
}
OVER = ("cancelled", "ended")
REASONS = ("by_customer", "by_staff", "unpaid", "not_started", "at_provider", "ended")

CYCLE_MOVES: Mapping[str, frozenset[str]] = {
    "due": frozenset({"charged", "failed", "skipped"}),  # charged by the provider before we held anything for it
    "locked": frozenset({"charged", "failed", "skipped"}),  # its order is open and its stock held
    "failed": frozenset({"charged", "skipped"}),
    "charged": frozenset(),
    "skipped": frozenset(),  # money that comes for it all the same goes back
}
OPEN = ("due", "locked", "failed")

CHARGE_HOURS = 24  # how long around its time a provider may take to charge: so long stock is held, or a pause kept
DUNNING_DAYS = 14  # how long an order waits for a charge that is tried again
ASK_MINUTES = 10  # between two questions while a charge is expected
LOOK_HOURS = 6  # and otherwise
AFTER_DAYS = 4  # so long a subscription that is over is still looked at for money that was under way


def after(moment: datetime, period: str, every: int) -> datetime:
    """The next time: weeks later, or that day of a later month; its last day where it has no such day."""
    if period == "week":
        return moment + timedelta(weeks=every)
    months = moment.month - 1 + every
    year, month = moment.year + months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def charges_of(period: str, every: int) -> int:
    """How often a subscription is charged until it ends by itself."""
    return YEARS * (52 if period == "week" else 12) // every


def half_a_turn(period: str, every: int) -> timedelta:
    """Two times less than this apart are the same turn: providers move a charge by hours, never by half its period."""
    return timedelta(days=every * (7 if period == "week" else 28)) / 2


def is_same_turn(one: datetime, other: datetime, *, period: str, every: int) -> bool:
    return abs(one - other) < half_a_turn(period, every)


def next_charge(upcoming: datetime | None, *, left_out: datetime | None, period: str, every: int) -> datetime | None:
    """When something is charged next: the provider's next charge, or the one after it where that turn is left out."""
    if upcoming is None or left_out is None or not is_same_turn(upcoming, left_out, period=period, every=every):
        return upcoming
    return after(upcoming, period, every)


def charge_is_over(due_at: datetime, now: datetime) -> bool:
    """Whether a provider would not charge this turn any more, so that one that is left out may be resumed."""
    return now >= due_at + timedelta(hours=CHARGE_HOURS)


def minutes_until_charged(due_at: datetime, now: datetime) -> int:
    """How long stock is held for a charge, in minutes."""
    until = due_at + timedelta(hours=CHARGE_HOURS)
    return max(1, int((until - now).total_seconds() // 60))


def ask_next(
    state: str,
    *,
    next_charge_at: datetime | None,
    closed_at: datetime | None,
    is_due: bool = False,
    is_over_there: bool = True,
    now: datetime,
) -> datetime | None:
    """When to ask the provider again; None: never.

    `is_due`: a turn waits for its charge right now. `is_over_there`: the provider, too, says that it charges no more.
    """
    if state in OVER:
        ends = (closed_at or now) + timedelta(days=AFTER_DAYS)
        return now + timedelta(hours=LOOK_HOURS) if now < ends or not is_over_there else None
    if state == "pending":
        return now + timedelta(minutes=1)
    if is_due:
        return now + timedelta(minutes=ASK_MINUTES)
    seldom = now + timedelta(hours=LOOK_HOURS)
    if next_charge_at is None:
        return seldom
    return min(seldom, max(next_charge_at, now) + timedelta(minutes=ASK_MINUTES))

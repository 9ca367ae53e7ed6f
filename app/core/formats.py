"""Money, lengths and dates in the reader's language, fast enough for forty prices a page (CLDR forms, UX 2.12)."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time

from app.core.money import Money, exponent

SYMBOLS = {"MYR": "RM\u00a0", "INR": "₹", "USD": "US$", "SGD": "S$", "EUR": "€", "GBP": "£"}
LAKH = {"INR"}


@lru_cache(maxsize=16384)
def format_minor(minor: int, currency: str) -> str:
    """`RM 1,268.00`, `₹1,26,800.00`, `US$26.80`: the same in English and Malay, with a no-break space."""
    places = exponent(currency)
    whole, rest = divmod(abs(minor), 10**places)
    digits = _grouped_in_lakhs(whole) if currency in LAKH else f"{whole:,}"
    text = f"{digits}.{rest:0{places}d}" if places else digits
    return f"{'-' if minor < 0 else ''}{SYMBOLS.get(currency, currency + chr(0xA0))}{text}"


def format_money(amount: Money) -> str:
    return format_minor(amount.minor, amount.currency)


def decimal(amount: Money) -> str:
    """For programs: `1200.50`, the currency told apart."""
    places = exponent(amount.currency)
    whole, rest = divmod(amount.minor, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)


def format_length(steps: int, step_mm: int) -> str:
    """Whole steps as metres: `2.5 m`. Without trailing zeros."""
    return f"{metres(steps, step_mm)}\u00a0m"


def metres(steps: int, step_mm: int) -> str:
    """The figure alone, as a quantity field takes it: `2.5`."""
    whole, rest = divmod(steps * step_mm, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


def format_quantity(quantity: int, step_mm: int | None) -> str:
    """A quantity as shown on a line: `3`, or `2.5 m` for goods by length."""
    return format_length(quantity, step_mm) if step_mm else str(quantity)


def format_day(moment: date, *, language: str, timezone: ZoneInfo, form: str = "d MMM y") -> str:
    """A day in the shop's time zone: `25 Nov 2026`."""
    return format_date(_local(moment, timezone), form, locale=language)


def format_moment(moment: datetime, *, language: str, timezone: ZoneInfo, form: str = "d MMM y, HH:mm") -> str:
    return format_datetime(_local(moment, timezone), form, locale=language)


def format_clock(moment: datetime, *, language: str, timezone: ZoneInfo) -> str:
    """Hours and minutes in the shop's time zone: `14:32`."""
    return format_time(_local(moment, timezone).time(), "HH:mm", locale=language)


def _local(moment: date, timezone: ZoneInfo) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(timezone)
    return datetime(moment.year, moment.month, moment.day, tzinfo=timezone)


def _grouped_in_lakhs(whole: int) -> str:
    head, tail = divmod(whole, 1000)
    if not head:
        return str(tail)
    groups = [f"{tail:03d}"]
    while head >= 100:
        head, pair = divmod(head, 100)
        groups.append(f"{pair:02d}")
    return ",".join([str(head), *reversed(groups)])

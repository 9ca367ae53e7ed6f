"""Numbers for people, one series each: no gaps, no doubles.

Counted under the row lock of the series, in the transaction that uses the number: one that is rolled back gives its number
back. Take it last (the series is locked from here to the commit), and series of one transaction always in the same order.
"""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import db
from app.core.db import Base


class NumberSeries(Base):
    """The last number given in a series, and what stands before its digits."""

    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(Text, primary_key=True)
    prefix: Mapped[str] = mapped_column(Text, server_default="")
    last: Mapped[int] = mapped_column(server_default="0")


def take(series: str, *, prefix: str = "", first: int = 1, digits: int = 0) -> str:
    """The next number of a series, at least `digits` long: `INV-2026-00001`. `prefix` and `first` are for one that begins."""
    row = db.rows(
        "INSERT INTO number_series AS n (series, prefix, last) VALUES (:series, :prefix, :first)"
        " ON CONFLICT (series) DO UPDATE SET last = n.last + 1 RETURNING prefix, last",
        series=series,
        prefix=prefix,
        first=first,
    )[0]
    return f"{row.prefix}{row.last:0{digits}d}"


def name(series: str, prefix: str, *, first: int) -> None:
    """Let the numbers of a series begin with `prefix` (`MB-10001`), while none has been given yet."""
    db.rows(
        "INSERT INTO number_series (series, prefix, last) VALUES (:series, :prefix, :last)"
        " ON CONFLICT DO NOTHING RETURNING series",
        series=series,
        prefix=prefix,
        last=first - 1,
    )

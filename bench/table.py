"""Rows, limits and verdicts; the table for the terminal and for `results.md`."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results.md"
HEAD = ("work", "measured", "ratio", "must", "aim", "verdict")


@dataclass(frozen=True)
class Row:
    """One line: what was measured in words, and the number that `must` and `aim` are held against."""

    work: str
    measured: str
    value: float
    must: float
    aim: float | None = None
    unit: str = "%"  # "%" of a yardstick, "×", "s", "ms", "MiB", or "" for what must be exact
    is_ceiling: bool = False
    wrong: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        if self.wrong:
            return "WRONG"
        if self.aim is not None and self._reaches(self.aim):
            return "aim"
        return "must" if self._reaches(self.must) else "MISSES"

    @property
    def is_good(self) -> bool:
        return self.verdict in ("must", "aim")

    def cells(self) -> tuple[str, ...]:
        return (
            self.work,
            self.measured,
            self._text(self.value),
            self._limit(self.must),
            self._limit(self.aim),
            self.verdict,
        )

    def _reaches(self, limit: float) -> bool:
        return self.value <= limit if self.is_ceiling else self.value >= limit

    def _limit(self, limit: float | None) -> str:
        return "" if limit is None else f"{'≤' if self.is_ceiling else '≥'} {self._text(limit)}"

    def _text(self, value: float) -> str:
        if self.unit == "%":
            return f"{value * 100:.1f} %"
        return f"{value:.1f} {self.unit}".replace(".0 ", " ").strip()


def ratio(shares: list[float]) -> float:
    """The median of the rounds."""
    return median(shares)


def percentile(milliseconds: list[float], share: float) -> float:
    ordered = sorted(milliseconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


def text(rows: list[Row]) -> str:
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def summary(rows: list[Row]) -> str:
    missed = [row for row in rows if not row.is_good]
    if not missed:
        return (
            f"All {len(rows)} rows reach what they must; {sum(row.verdict == 'aim' for row in rows)} reach their aim."
        )
    names = "; ".join(f"{row.work}: {row.cells()[2]}, {row.cells()[3]} wanted" for row in missed)
    return f"{len(missed)} of {len(rows)} rows MISS what they must: {names}"


def write(rows: list[Row], *, rounds: int, notes: list[str], path: Path = RESULTS) -> None:
    table = [
        "| " + " | ".join(HEAD) + " |",
        "|---" * len(HEAD) + "|",
        *("| " + " | ".join(row.cells()) + " |" for row in rows),
    ]
    wrong = [f"- {row.work}: {fault[:300]}" for row in rows for fault in row.wrong]
    path.write_text(
        "\n".join([INTRODUCTION, _where(rounds), "", *table, "", summary(rows), "", *NOTES, *notes, *wrong, ""])
    )


def _where(rounds: int) -> str:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} processors, load averages at the end {load};"
        f" medians of {rounds} interleaved rounds."
    )


INTRODUCTION = """# Benchmarks

Written by `make bench`; read the ratios, not the rates: both sides of each were measured in the same minute. Why rows
miss: [README.md](README.md).

**Y** is a Flask page of the same HTML size that Jinja renders from memory, on the same server with as many workers. **G** is
pgbench with the bare reservation (conditional UPDATE, then an INSERT) on one hot row, 16 clients, `synchronous_commit` on.
"""
NOTES = (
    """
- 2 web workers by the Procfile's line, 1,000 products in 100 categories, 24 a page, a visitor without cookies, each at an address
  of their own; rate limits on; no whole-page cache; no compression asked for on either side.
- Pages: 16 keep-alive connections; every answer is checked for its status and for its end or its content.
- A purchase is every page and form from the product to the confirmed order without JavaScript, the provider's two pages included,
  while worker, cron, sandbox with its webhooks and mail catcher run on the same processors.
""".strip(),
)

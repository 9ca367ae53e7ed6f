"""`make bench`: measures, prints the table, writes bench/results.md. Exit code 0 even when a row misses; the table says so.

`ARGS="--quick"` takes some two minutes: fewer rounds, smaller numbers, without the 100,000 products, nothing written.
`ARGS="--only pages"` measures one part.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

from bench import books, holds, logins, memory, pages, purchases, stand, table, webhooks
from bench.stand import Stand
from bench.table import Row
from run.problem import Problem, sentence

PARTS = ("pages", "purchases", "rush", "locks", "release", "books", "webhooks", "logins", "memory")
PAGE_SIZE = 40_000  # when the pages themselves are not measured


@dataclass(frozen=True)
class Plan:
    """How much is measured; seconds are those of one side of one round."""

    rounds: int
    seconds: float
    purchases: int
    rush_units: int
    expired: int
    requests: int
    clean_orders: int
    webhook_seconds: int
    login_samples: int
    with_large: bool


FULL = Plan(rounds=5, seconds=3, purchases=100, rush_units=240, expired=holds.EXPIRED, requests=10_000,
            clean_orders=books.ORDERS, webhook_seconds=30, login_samples=200, with_large=True)  # fmt: skip
QUICK = Plan(rounds=2, seconds=1, purchases=32, rush_units=48, expired=10_000, requests=1_000,
             clean_orders=2_000, webhook_seconds=5, login_samples=30, with_large=False)  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller numbers; writes no results")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone (may be repeated)")
    options = parser.parse_args(arguments)
    plan, parts = QUICK if options.quick else FULL, options.only or PARTS
    begun = time.monotonic()
    try:
        with stand.built(with_large=plan.with_large and "pages" in parts) as at:
            rows = measure(at, plan, parts)
    except (Problem, OSError) as problem:
        print(sentence(problem), file=sys.stderr)
        return 1
    print(f"\n{table.text(rows)}\n\n{table.summary(rows)}\n({time.monotonic() - begun:.0f} s)")
    for row in rows:
        for fault in row.wrong:
            print(f"{row.work}: {fault[:500]}", file=sys.stderr)
    if not options.quick and not options.only:
        table.write(rows, rounds=plan.rounds, notes=[])
    return 0


def measure(at: Stand, plan: Plan, parts: list[str] | tuple[str, ...]) -> list[Row]:
    rows, size, tell = [], PAGE_SIZE, _tell
    seconds = max(1, int(plan.seconds))
    if "pages" in parts:
        rows, size = pages.measure(at, rounds=plan.rounds, seconds=plan.seconds, with_large=plan.with_large, tell=tell)
    if "purchases" in parts:
        rows += purchases.measure(
            at, rounds=plan.rounds, purchases=plan.purchases, size=size, seconds=plan.seconds, tell=tell
        )
    if "locks" in parts:
        rows += holds.measure_lock(at, rounds=plan.rounds, seconds=seconds, tell=tell)
    if "rush" in parts:
        rows += purchases.measure_rush(at, rounds=plan.rounds, units=plan.rush_units, seconds=seconds, tell=tell)
    if "release" in parts:
        rows += holds.measure_release(at, count=plan.expired, seconds=plan.seconds, tell=tell)
    if "books" in parts:
        rows += books.measure(at, orders=plan.clean_orders, tell=tell)
    if "webhooks" in parts:
        rows += webhooks.measure(at, seconds=plan.webhook_seconds, tell=tell)
    if "logins" in parts:
        rows += logins.measure(at, rounds=plan.rounds, seconds=plan.seconds, samples=plan.login_samples, tell=tell)
    if "memory" in parts:
        rows += memory.measure(at, requests=plan.requests, tell=tell)
    return rows


def _tell(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The lock call beside pgbench, and the release of a hundred thousand expired locks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text

from app.core import db
from app.core.transaction import transaction
from bench import pages, pgbench, stand
from bench.stand import Stand
from bench.table import Row, percentile, ratio
from run.environment import PROJECT

PROCESSES, THREADS = 2, 8
PER_SECOND = 4_000  # orders kept ready for the lock call, more than any machine takes
EXPIRED = 100_000

# Bare orders for locks to belong to.
_ORDERS = text("""
    INSERT INTO orders (id, reference, token, place_key, fingerprint, currency, subtotal_minor, shipping_minor, total_minor, snapshot,
      locale, visitor, email, email_index, phone, address, country, shipping_method, payment_method, expires_at)
    SELECT uuidv7(), :mark || n, :mark || n || '-token-of-the-benchmark', gen_random_uuid(), n, 'MYR', 100, 0, 100, '{}', 'en',
      :mark || n, '', '', '', '', 'MY', 'standard', 'card', clock_timestamp() + interval '1 day'
    FROM generate_series(1, :count) n RETURNING id
""")
_EXPIRED_LOCKS = text("""
    WITH item AS (
      SELECT id, variant_id, warehouse_id, row_number() OVER (ORDER BY id) AS place FROM stock_item ORDER BY id LIMIT 1000),
    place AS (SELECT id AS order_id, 1 + row_number() OVER () % 1000 AS place FROM orders WHERE visitor LIKE :mark || '%'),
    held AS (
      INSERT INTO stock_lock (id, order_id, stock_item_id, variant_id, warehouse_id, quantity, expires_at)
      SELECT uuidv7(), order_id, item.id, variant_id, warehouse_id, 1, clock_timestamp() - interval '5 minutes'
      FROM place JOIN item USING (place) RETURNING id, order_id, stock_item_id),
    noted AS (
      INSERT INTO stock_movement (id, stock_item_id, order_id, lock_id, kind, locked_delta, on_hand_after, locked_after)
      SELECT uuidv7(), h.stock_item_id, h.order_id, h.id, 'lock', 1, s.on_hand,
        s.locked + row_number() OVER (PARTITION BY h.stock_item_id ORDER BY h.id)
      FROM held h JOIN stock_item s ON s.id = h.stock_item_id)
    UPDATE stock_item s SET locked = s.locked + t.n FROM (SELECT stock_item_id, count(*) AS n FROM held GROUP BY 1) t
    WHERE s.id = t.stock_item_id
""")
_HELD = "SELECT count(*) FROM stock_lock WHERE state = 'held' AND expires_at <= now()"


def measure_lock(at: Stand, *, rounds: int, seconds: int, tell: Callable[[str], Any]) -> list[Row]:
    """Locks a second by two processes of eight threads, beside pgbench: on one row, and on a thousand."""
    url = at.environ["DATABASE_URL"]
    pgbench.prepare(url)
    variants = _filled_variants()
    shares: dict[int, list[float]] = {1: [], 1000: []}
    rates: dict[int, list[float]] = {1: [], 1000: []}
    wrong: list[str] = []
    for number in range(rounds):
        tell(f"the lock call, round {number + 1} of {rounds}")
        for rows in (1, 1000):
            g = pgbench.rate(url, rows=rows, seconds=seconds)
            jobs = [_job(url, f"lock-{number}-{rows}-{n}-", variants[:rows], seconds) for n in range(PROCESSES)]
            with ThreadPoolExecutor(PROCESSES) as pool:
                found = list(pool.map(lambda job: stand.run("bench.locks", job), jobs))
            wrong += [fault for each in found for fault in each["wrong"]]
            rates[rows].append(sum(each["rate"] for each in found))
            shares[rows].append(rates[rows][-1] / g)
    return [
        Row(f"the lock call, {name}, 2 × 8 threads", _words(rates[rows], shares[rows], name="G" if rows == 1 else "pgbench"),
            ratio(shares[rows]), must, aim, wrong=tuple(wrong[:3]))
        for rows, name, must, aim in ((1, "one hot row", 0.60, 0.80), (1000, "1,000 rows", 0.25, 0.40))
    ]  # fmt: skip


def _words(rates: list[float], shares: list[float], *, name: str) -> str:
    g = ratio([each / share for each, share in zip(rates, shares, strict=True)])
    return f"{ratio(rates):,.0f}/s, {name} {g:,.0f}/s"


def _job(url: str, mark: str, variants: list[str], seconds: int) -> dict[str, Any]:
    with transaction():
        orders = [
            str(row[0])
            for row in db.session.execute(_ORDERS, {"mark": mark, "count": PER_SECOND * seconds // PROCESSES})
        ]
    db.forget()
    return {"database_url": url, "threads": THREADS, "seconds": seconds, "orders": orders, "variants": variants}


def _filled_variants() -> list[str]:
    """A thousand variants that one shelf can serve all along."""
    with transaction():
        found = db.rows(
            "UPDATE stock_item SET on_hand = on_hand + 1000000 WHERE id IN"
            " (SELECT DISTINCT ON (variant_id) id FROM stock_item ORDER BY variant_id, id LIMIT 1000)"
            " RETURNING id, variant_id, on_hand, locked"
        )
        db.session.execute(
            text(
                "INSERT INTO stock_movement (id, stock_item_id, kind, on_hand_delta, on_hand_after, locked_after, reason)"
                " VALUES (uuidv7(), :id, 'receive', 1000000, :on_hand, :locked, 'bench')"
            ),
            [{"id": row.id, "on_hand": row.on_hand, "locked": row.locked} for row in found],
        )
    db.forget()
    return [str(row.variant_id) for row in found]


def measure_release(at: Stand, *, count: int, seconds: float, tell: Callable[[str], Any]) -> list[Row]:
    """How long until `count` locks that ran out are free, while pages are asked for all the time."""
    tell(f"{count:,} expired locks")
    _expire(count)
    work, rates, stop = pages.category(at), [], threading.Event()

    def shop() -> None:
        while not stop.is_set():
            result = work.flood(seconds=1, connections=4)
            rates.append((pages.rate(result), percentile(result.milliseconds, 0.95)))

    shopping = threading.Thread(target=shop)
    shopping.start()
    begun = time.monotonic()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "stock", "release"]
    subprocess.run(command, cwd=PROJECT, env=at.environ, check=True, capture_output=True, timeout=600)
    took = time.monotonic() - begun
    left = db.scalar(_HELD)
    db.forget()
    stop.set()
    shopping.join()
    wrong = [*work.wrong, *([f"{left} are still held"] if left else [])]
    pages_s, p95 = ratio([each for each, _ in rates]), ratio([each for _, each in rates])
    words = f"{count:,} locks on 1,000 rows; meanwhile {pages_s:,.0f} pages/s, p95 {p95:.0f} ms"
    limit, aim = 60 * count / EXPIRED, 20 * count / EXPIRED
    return [
        Row(
            f"{count:,} expired locks released",
            words,
            took,
            limit,
            aim,
            unit="s",
            is_ceiling=True,
            wrong=tuple(wrong[:3]),
        )
    ]


def _expire(count: int) -> None:
    with transaction():
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        db.session.execute(_ORDERS, {"mark": "expired-", "count": count})
        db.session.execute(
            text(
                "WITH came AS (UPDATE stock_item SET on_hand = on_hand + :count"
                " WHERE id IN (SELECT id FROM stock_item ORDER BY id LIMIT 1000) RETURNING id, on_hand, locked)"
                " INSERT INTO stock_movement (id, stock_item_id, kind, on_hand_delta, on_hand_after, locked_after)"
                " SELECT uuidv7(), id, 'receive', :count, on_hand, locked FROM came"
            ),
            {"count": count},
        )
        db.session.execute(_EXPIRED_LOCKS, {"mark": "expired-"})
    db.forget()

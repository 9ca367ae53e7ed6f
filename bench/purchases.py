"""Whole purchases, and “Place order” on one hot item."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from app.core import db
from app.core.transaction import transaction
from app.stock.actions import goods as shelves
from bench import flood, pages, pgbench, stand
from bench.stand import Stand
from bench.table import Row, percentile, ratio

BUYERS = 8
RUSH = 16
PLENTY = 100_000


def product_paths(at: Stand) -> list[str]:
    """Product pages of pieces, filled up so that nobody is sent away."""
    with transaction():
        found = db.rows(
            "SELECT DISTINCT ON (p.id) p.slug, v.id, (SELECT warehouse_id FROM stock_item s WHERE s.variant_id = v.id LIMIT 1) AS warehouse"
            " FROM product p JOIN variant v ON v.product_id = p.id AND v.is_available JOIN variant_price r ON r.variant_id = v.id"
            " WHERE p.unit = 'piece' AND p.is_available AND r.currency = 'MYR' ORDER BY p.id LIMIT 300"
        )
        found = [row for row in found if row.warehouse]
        shelves.receive_many([(row.id, row.warehouse, PLENTY, 0) for row in found], reason="bench")
    db.forget()
    return [f"/p/{row.slug}?v={row.id}" for row in found]


def measure(
    at: Stand, *, rounds: int, purchases: int, size: int, seconds: float, tell: Callable[[str], Any]
) -> list[Row]:
    """Purchases a second with eight buyers at once, as a share of Y."""
    paths = product_paths(at)
    shares, rates, milliseconds, wrong = [], [], [], []
    _buy(at, random.sample(paths, BUYERS * 2))
    for number in range(rounds):
        tell(f"purchases, round {number + 1} of {rounds}")
        y = pages.rate(pages.measure_yardstick(at.yardstick, size=size, seconds=seconds))
        found = _buy(at, random.choices(paths, k=purchases))
        rates.append(len(found["milliseconds"]) / found["elapsed"])
        shares.append(rates[-1] / y)
        milliseconds += found["milliseconds"]
        wrong += found["wrong"]
    name = "whole guest purchase, 8 buyers at once"
    words = f"{ratio(rates):.1f}/s, Y {ratio([each / share for each, share in zip(rates, shares, strict=True)]):,.0f}/s"
    p95 = percentile(milliseconds, 0.95)
    return [
        Row(name, words, ratio(shares), 0.015, 0.025, wrong=tuple(wrong)),
        Row(f"{name}: p95", f"median {percentile(milliseconds, 0.5):.0f} ms", p95, 800, unit="ms", is_ceiling=True),
    ]


def _buy(at: Stand, paths: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = stand.run(
        "bench.buyer", {"port": at.shop, "buyers": BUYERS, "paths": paths, "until": "confirmed"}
    )
    return found


def measure_rush(at: Stand, *, rounds: int, units: int, seconds: int, tell: Callable[[str], Any]) -> list[Row]:
    """“Place order” by sixteen at once until nothing is left of one item; a quarter of them come too late."""
    url, shares, rates, wrong, sold = at.environ["DATABASE_URL"], [], [], [], []
    for number, (path, variant) in enumerate(_hot_items(rounds)):
        tell(f"the rush, round {number + 1} of {rounds}")
        _set_stock(variant, PLENTY)
        buyers = units * 4 // 3
        job = {"port": at.shop, "buyers": BUYERS, "paths": [path] * buyers, "until": "review"}
        forms = stand.run("bench.buyer", job)
        wrong += forms["wrong"]
        _set_stock(variant, units)
        g = pgbench.rate(url, rows=1, seconds=seconds)
        job = {
            "port": at.shop,
            "connections": RUSH,
            "requests": forms["forms"],
            "expect": [303, 409],
            "marker": "/checkout/pay/",
        }
        result = flood.Result(**stand.run("bench.flood", job))
        wrong += result.wrong
        sold.append(result.statuses.get("303", 0) - units)
        rates.append(units / result.last_good)
        shares.append(rates[-1] / g)
        if _left(variant):
            wrong.append(f"{_left(variant)} units are left")
    name = "“Place order” on one hot item, 16 at once"
    words = (
        f"{ratio(rates):,.0f}/s, G {ratio([each / share for each, share in zip(rates, shares, strict=True)]):,.0f}/s"
    )
    exact = Row(f"{name}: orders beyond or below the stock", f"{units} units, {rounds} times", sum(map(abs, sold)), 0, unit="",
                is_ceiling=True)  # fmt: skip
    return [Row(name, words, ratio(shares), 0.10, 0.20, wrong=tuple(wrong[:3])), exact]


def _hot_items(count: int) -> list[tuple[str, Any]]:
    found = db.rows(
        "SELECT p.slug, min(v.id::text)::uuid AS id FROM product p JOIN variant v ON v.product_id = p.id AND v.is_available"
        " JOIN stock_item s ON s.variant_id = v.id WHERE p.unit = 'piece' AND p.is_available AND s.on_hand < 1000"
        " AND EXISTS (SELECT FROM variant_price r WHERE r.variant_id = v.id AND r.currency = 'MYR')"
        " GROUP BY p.slug, p.id ORDER BY p.id DESC LIMIT :count",
        count=count,
    )
    db.release()
    return [(f"/p/{row.slug}?v={row.id}", row.id) for row in found]


def _set_stock(variant: Any, units: int) -> None:
    """Exactly so many of a variant can be sold, all in one warehouse."""
    with transaction():
        rows = db.rows(
            "SELECT id, on_hand - locked - safety AS free FROM stock_item WHERE variant_id = :id ORDER BY id",
            id=variant,
        )
        for number, row in enumerate(rows):
            wanted = units if number == 0 else 0
            if wanted != row.free:
                shelves.adjust(row.id, wanted - row.free, reason="bench", actor="bench")
    db.forget()


def _left(variant: Any) -> int:
    left = db.scalar("SELECT sum(on_hand - locked - safety)::int FROM stock_item WHERE variant_id = :id", id=variant)
    db.forget()
    return int(left)

"""Pages and the add-to-cart form, each beside the yardstick of its size."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app.core import db
from bench import flood, stand, yardstick
from bench.stand import Stand
from bench.table import Row, percentile, ratio

CONNECTIONS = 16
WORDS = ("batik", "kemeja", "shirt", "sarong", "indigo", "cotton", "silk", "blue", "scarf", "kawung", "cloth", "red", "parang", "floral",
         "men", "selendang")  # fmt: skip
FILTERS = ("", "&stock=1", "&min=50", "&max=300", "&sort=price_asc", "&page=2")


@dataclass
class Work:
    """What is asked for, and what the rounds found."""

    name: str
    port: int
    requests: list[str]
    marker: str
    must: float
    aim: float
    expect: tuple[int, ...] = (200,)
    size: int = 0
    shares: list[float] = field(default_factory=list)
    slower: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def flood(self, *, seconds: float, connections: int = CONNECTIONS) -> flood.Result:
        job = {"port": self.port, "connections": connections, "requests": self.requests, "seconds": seconds,
               "expect": self.expect, "marker": self.marker, "first": random.randrange(10_000)}  # fmt: skip
        result = flood.Result(**stand.run("bench.flood", job))
        self.wrong += result.wrong
        return result


def rate(result: flood.Result) -> float:
    return sum(result.statuses.values()) / result.elapsed


def probe(work: Work) -> None:
    """One look at the page: how large is it?"""
    work.size = work.flood(seconds=0.05, connections=1).bytes


def measure_yardstick(port: int, *, size: int, seconds: float) -> flood.Result:
    requests = [flood.request(f"/{size}", port=port)]
    return Work("Y", port, requests, yardstick.MARKER, 0, 0).flood(seconds=seconds)


def round_of(work: Work, at: Stand, *, seconds: float, size: int = 0) -> None:
    """The yardstick, then the page."""
    y = measure_yardstick(at.yardstick, size=size or work.size, seconds=seconds)
    x = work.flood(seconds=seconds)
    work.rates.append(rate(x))
    work.shares.append(rate(x) / rate(y))
    work.slower.append(percentile(x.milliseconds, 0.95) / percentile(y.milliseconds, 0.95))


def rows_of(work: Work, *, with_latency: bool = True) -> list[Row]:
    y = ratio([each / share for each, share in zip(work.rates, work.shares, strict=True)])
    measured = f"{ratio(work.rates):,.0f}/s, Y {y:,.0f}/s"
    found = [Row(work.name, measured, ratio(work.shares), work.must, work.aim, wrong=tuple(work.wrong[:3]))]
    if with_latency:
        found.append(Row(f"{work.name}: p95 to Y's", "", ratio(work.slower), 4, unit="×", is_ceiling=True))
    return found


def home(at: Stand) -> Work:
    return Work("home", at.shop, [flood.request("/", port=at.shop)], "</html>", 0.25, 0.50)


def category(at: Stand) -> Work:
    """The first pages of the categories that fill one with 24 cards."""
    found = db.rows(
        "SELECT t.slug FROM category t WHERE parent_id IS NULL AND"
        " (SELECT count(*) FROM product p JOIN category c ON c.id = p.category_id WHERE t.id IN (c.id, c.parent_id)) >= 48"
    )
    db.release()
    requests = [flood.request(f"/c/{row[0]}{page}", port=at.shop) for row in found for page in ("", "?page=2")]
    return Work("category of 24 cards", at.shop, requests, "</html>", 0.25, 0.50)


def product(at: Stand) -> Work:
    """Two hundred of the products, from all over the shop: more than a process is asked for in the time it remembers one."""
    found = db.rows("SELECT slug FROM product WHERE is_available ORDER BY md5(slug) LIMIT 200")
    db.release()
    return Work(
        "product", at.shop, [flood.request(f"/p/{row[0]}", port=at.shop) for row in found], "</html>", 0.25, 0.50
    )


def search(at: Stand, port: int, *, products: str) -> Work:
    requests = [flood.request(f"/search?q={word}{more}", port=port) for word in WORDS for more in FILTERS]
    return Work(f"search with facets, {products} products", port, requests, "</html>", 0.15, 0.25)


def add_to_cart(at: Stand, *, size: int) -> Work:
    """The POST, each by somebody who has no cart yet. Their tokens are fetched before."""
    variants = [str(row[0]) for row in db.rows(_BUYABLE)]
    db.release()
    cookies = stand.run("bench.sessions", {"port": at.shop, "count": 400})
    requests = [
        flood.request("/cart/lines", port=at.shop, method="POST", cookie=cookie,
                      body=urlencode({"csrf_token": token, "variant": random.choice(variants), "quantity": "1"}))
        for cookie, token in cookies
    ]  # fmt: skip
    return Work("add to cart (POST)", at.shop, requests, "/cart", 0.20, 0.30, expect=(303,), size=size)


_BUYABLE = (
    "SELECT v.id FROM variant v JOIN product p ON p.id = v.product_id WHERE p.unit = 'piece' AND p.is_available AND v.is_available"
    " AND (SELECT sum(on_hand - locked - safety) FROM stock_item s WHERE s.variant_id = v.id) > 3 ORDER BY v.id"
)


def measure(
    at: Stand, *, rounds: int, seconds: float, with_large: bool, tell: Callable[[str], Any]
) -> tuple[list[Row], int]:
    """The rows, and the size of a category's page: the yardstick of everything that is no page."""
    works = [home(at), category(at), product(at), search(at, at.shop, products="1,000")]
    large = search(at, at.large, products="100,000") if with_large else None
    for each in [*works, *([large] if large else [])]:
        probe(each)
        each.flood(seconds=seconds)  # warm: both workers have met every page
    form = add_to_cart(at, size=works[1].size)
    of_small: list[float] = []
    for number in range(rounds):
        tell(f"pages, round {number + 1} of {rounds}")
        for work in [*works, form]:
            round_of(work, at, seconds=seconds)
        if large is not None:
            large.rates.append(rate(large.flood(seconds=seconds)))
            of_small.append(large.rates[-1] / works[3].rates[-1])
    rows = [row for work in works for row in rows_of(work)]
    if large is not None:
        words = f"{ratio(large.rates):,.0f}/s, at 1,000 {ratio(works[3].rates):,.0f}/s"
        rows.append(Row(large.name, words, ratio(of_small), 0.60, 0.80, wrong=tuple(large.wrong[:3])))
    return rows + rows_of(form, with_latency=False), works[1].size

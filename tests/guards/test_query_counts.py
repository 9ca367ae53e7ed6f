"""How many statements a request costs at most (issue 2, section 6): the same however many products there are.

Opening a transaction is no statement here: BEGIN and SAVEPOINT ask nothing. Each page is asked for when nothing is
remembered, in the process or in Redis, and once more afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.catalog import actions as catalog_actions
from app.core import cache, db, memory
from app.core.transaction import transaction
from app.search import actions as search_actions
from tests.bank import Bank
from tests.flows.shopper import Shopper
from tests.shop import add_product
from tests.sql import watched
from tools.webforms import form_to

CONTROL = re.compile(r"(BEGIN|SAVEPOINT|RELEASE|ROLLBACK)\b")


def sent_by(work: Callable[[], Any]) -> list[str]:
    with watched() as seen:
        work()
    return [" ".join(each.split()) for each in seen if not CONTROL.match(each)]


def count(work: Callable[[], Any]) -> int:
    return len(sent_by(work))


def fill(products: int) -> list[str]:
    """Variants of so many products, and the documents that lists are made of."""
    variants = [str(add_product(f"Kemeja {n}")) for n in range(products)]
    with transaction():
        catalog_actions.touch()
        search_actions.reindex_all()
    db.forget()
    return variants


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known for ten seconds stays known on a slow machine."""
    monkeypatch.setattr(memory, "monotonic", lambda: 0.0)


def forget() -> None:
    memory.forget_all()
    cache.client().flushdb()


PAGES = {
    "/": 6,
    "/c/shirts": 6,
    "/c/shirts?colour=indigo&sort=price_asc": 6,
    "/search?q=kemeja": 6,
    "/search?q=kemeja&stock=1": 6,
}


@pytest.mark.parametrize("path", PAGES)
def test_lists_cost_the_same_for_1_24_and_96_products(shop: Flask, path: str):
    browser, cold, warm, there = shop.test_client(), [], [], 0
    for products in (1, 24, 96):
        fill(products - there)
        there = products
        forget()
        for found in (cold, warm):
            found.append(count(lambda: browser.get(path)))
    assert len(set(cold)) == len(set(warm)) == 1, (cold, warm)
    assert warm[0] <= cold[0] <= PAGES[path]
    assert warm[0] <= 2


def test_a_product_costs_the_same_for_1_24_and_96_products(shop: Flask):
    browser, cold, warm, there = shop.test_client(), [], [], 0
    for products in (1, 24, 96):
        fill(products - there)
        there = products
        slug = db.scalar("SELECT slug FROM product ORDER BY id LIMIT 1")
        forget()
        for found in (cold, warm):
            found.append(count(lambda slug=slug: browser.get(f"/p/{slug}")))
    assert len(set(cold)) == len(set(warm)) == 1, (cold, warm)
    assert warm[0] <= cold[0] <= 8
    assert warm[0] <= 3


def test_a_feed_costs_the_same_for_1_24_and_96_products(shop: Flask):
    browser, cold, warm, there = shop.test_client(), [], [], 0
    for products in (1, 24, 96):
        fill(products - there)
        there = products
        forget()
        for found in (cold, warm):
            found.append(count(lambda: browser.get("/feeds/google-merchant.xml")))
    assert len(set(cold)) == len(set(warm)) == 1, (cold, warm)
    assert warm[0] <= cold[0] <= 6


def test_a_cart_costs_the_same_for_1_and_24_lines(shopper: Shopper):
    adding, showing = [], []
    for number, variant in enumerate(fill(24)):
        form = {"csrf_token": shopper.csrf(), "variant": variant, "quantity": "1"}
        adding.append(count(lambda form=form: shopper.client.post("/cart/lines", data=form)))
        if number in (0, 23):
            forget()
            showing.append(count(lambda: shopper.get("/cart")))
    assert len(set(adding)) == len(set(showing)) == 1, (adding, showing)
    assert adding[0] <= 8
    assert showing[0] <= 6


@pytest.mark.parametrize("lines", [1, 3])
def test_placing_an_order(shopper: Shopper, lines: int):
    for variant in fill(lines):
        shopper.add(variant)
    form = form_to(shopper.to_review(), "/checkout/orders").filled()
    answers = []
    statements = sent_by(lambda: answers.append(shopper.client.post("/checkout/orders", data=form)))
    assert "/checkout/pay/" in answers[0].location
    assert len(statements) <= 22, "\n".join(statements)


def test_a_whole_purchase(shopper: Shopper, shop: Flask, bank: Bank):
    """From “Add to cart” to the confirmed order, the cart's page and every form between. The worker's part is not the shopper's."""
    (variant,) = fill(1)
    shopper.pay(shopper.order(variant))  # somebody has bought before: rates are known to the process
    another = Shopper(shop.test_client(), bank)
    form = {"csrf_token": another.csrf(), "variant": variant, "quantity": "1"}
    tokens = []

    def buy() -> None:
        another.get(another.client.post("/cart/lines", data=form).location)
        tokens.append(another.place().location.rsplit("/", 1)[-1])
        another.get(another.pay(tokens[0]).location)

    statements = sent_by(buy)
    assert "is confirmed" in another.heading(tokens[0])
    assert len(statements) <= 60, f"{len(statements)}:\n" + "\n".join(statements)

"""Pages promise the minutes that `STOCK_LOCK_EXPIRY_MINUTES` says, in every language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.core import db
from tests import shop as shops
from tests.bank import Bank
from tests.flows.providers import razorpay
from tests.flows.shopper import Shopper

Open = Callable[[int], Flask]


@pytest.fixture
def open_with(bank: Bank, make_app: Callable[..., Flask]) -> Open:
    """A shop that holds what is ordered for so many minutes."""

    def make(minutes: int) -> Flask:
        app = make_app(STOCK_LOCK_EXPIRY_MINUTES=str(minutes), **razorpay(bank))
        shops.open_shop()
        return app

    return make


@pytest.mark.parametrize(("minutes", "language", "words"), [
    (7, "en", "7 minutes"), (1, "en", "1 minute"), (7, "ms", "7 minit"), (1, "ms", "1 minit"),
])  # fmt: skip
def test_the_promise_is_the_setting(open_with: Open, bank: Bank, minutes: int, language: str, words: str):
    shop = open_with(minutes)
    last, other = shops.add_product("Kain Akhir", stock_of={"KB": 1}), shops.add_product("Kain Lain")
    slug = db.scalar("SELECT p.slug FROM product p JOIN variant v ON v.product_id = p.id WHERE v.id = :id", id=last)
    db.forget()
    late = Shopper(shop.test_client(), bank)
    late.client.set_cookie("lang", language)
    late.add(last)
    late.add(other)
    Shopper(shop.test_client(), bank).order(last)  # somebody else is quicker
    pages = {path: late.get(path) for path in ("/", f"/p/{slug}", "/cart")}
    for line in db.rows("SELECT id FROM cart_line WHERE variant_id = :id", id=last):
        late.post(f"/cart/lines/{line[0]}", remove="1")
    pages["/checkout/review"] = late.to_review()
    for path, page in pages.items():
        assert f"{words} " in page or f"{words}<" in page, path
        assert "15 min" not in page, path
    assert f" {minutes} min" in late.get("/terms")
    assert pages["/cart"].count(words) == 2  # what others hold, and what “Place order” will do


def test_the_review_says_until_when_others_hold(open_with: Open, bank: Bank):
    shop = open_with(7)
    last = shops.add_product("Kain Akhir", stock_of={"KB": 1})
    late = Shopper(shop.test_client(), bank)
    late.add(last)
    review = late.to_review()
    Shopper(shop.test_client(), bank).order(last)
    answer = late.place(review)
    assert answer.status_code == 409
    assert "may return within 7 minutes" in answer.text

"""What a delivery costs by what is in the cart (N7)."""

from __future__ import annotations

import re

from app.core import db, memory
from app.core.transaction import transaction
from tests.flows.shopper import Shopper
from tests.shop import add_product


def charge(item_minor: int) -> None:
    """Each further item costs so much more; what is known of rates for a moment is forgotten."""
    with transaction():
        db.rows("UPDATE shipping_rate SET item_minor = :each RETURNING id", each=item_minor)
    db.forget()
    memory.forget_all()


def delivery_of(token: str) -> int:
    cost: int = db.scalar("SELECT shipping_minor FROM orders WHERE token = :token", token=token)
    db.release()
    return cost


def test_each_further_item_costs_more_a_length_of_cloth_counts_once(shopper: Shopper):
    shirt = add_product("Kemeja", price=1_000, weight_grams=10)
    cloth = add_product("Kain", price=1_000, weight_grams=10, unit="metre", stock_of={"KB": 20})
    charge(150)
    shopper.add(shirt, 3)
    shopper.add(cloth, "2.5")
    review = shopper.to_review()
    assert re.search(r"RM\xa012\.50", review)
    answer = shopper.place(review)
    assert answer.status_code == 303
    assert delivery_of(answer.location.rsplit("/", 1)[-1]) == 800 + 3 * 150


def test_rates_by_weight_alone_stay_as_they_were(shopper: Shopper):
    assert delivery_of(shopper.order(add_product(price=1_000, weight_grams=10), 3)) == 800


def test_the_shipping_page_tells_it(shopper: Shopper):
    assert "further item" not in shopper.get("/shipping")
    charge(150)
    assert "+ RM\xa01.50 for each further item" in shopper.get("/shipping")
    assert "+ RM\xa01.50 bagi setiap barang tambahan" in shopper.get("/shipping?lang=ms")

"""N18: what is sold from so many on is never sold in less, and every page says from how many."""

from app.core import db
from app.core.transaction import transaction
from tests.shop import add_product, faults
from tools.webforms import form_to


def product_page(shopper, variant):
    slug = db.scalar("SELECT p.slug FROM product p JOIN variant v ON v.product_id = p.id WHERE v.id = :id", id=variant)
    db.release()
    return shopper.get(f"/p/{slug}?v={variant}")


def raise_minimum(least):
    with transaction():
        db.rows("UPDATE variant SET min_quantity = :least RETURNING id", least=least)


def in_cart():
    found = db.rows("SELECT id, quantity FROM cart_line")
    db.release()
    return found


def test_n18_fewer_pieces_than_the_minimum_are_refused_and_the_minimum_is_offered(shopper):
    shirt = add_product(stock_of={"KB": 10}, min_quantity=3)
    page = product_page(shopper, shirt)
    assert "Sold from 3 pieces" in page
    assert form_to(page, "/cart/lines").fields["quantity"] == "3"
    answer = shopper.add(shirt, 2)
    assert answer.status_code == 422
    assert "Sold from 3 pieces" in answer.text
    assert "Only 10" not in answer.text
    assert in_cart() == []
    offer = form_to(answer.text, "/cart/lines")
    assert shopper.client.post("/cart/lines", data=offer.filled()).status_code == 303
    assert shopper.add(shirt, 1).status_code == 303  # one more on a line that has enough
    assert [row.quantity for row in in_cart()] == [4]


def test_n18_a_length_has_its_minimum_in_metres(shopper):
    cloth = add_product("Kain Ela", unit="metre", price=1900, stock_of={"KB": 10}, min_quantity=3)
    assert "Sold from 1.5" in product_page(shopper, cloth)
    answer = shopper.add(cloth, "1")
    assert answer.status_code == 422
    assert "Sold from 1.5" in answer.text
    assert form_to(answer.text, "/cart/lines").fields["quantity"] == "1.5"
    assert shopper.add(cloth, "1.5").status_code == 303


def test_n18_a_line_of_the_cart_stays_at_the_minimum_or_goes(shopper):
    shopper.add(add_product(stock_of={"KB": 10}, min_quantity=3), 4)
    line, _ = in_cart()[0]
    answer = shopper.post(f"/cart/lines/{line}", quantity="2")
    assert answer.status_code == 422
    assert "Sold from 3 pieces" in answer.text
    assert "Take 3" in answer.text
    assert in_cart() == [(line, 4)]
    assert shopper.post(f"/cart/lines/{line}", remove="1").status_code == 303
    assert in_cart() == []


def test_n18_less_left_than_the_minimum_is_sold_out(shopper):
    shirt = add_product(stock_of={"KB": 2}, min_quantity=3)
    page = product_page(shopper, shirt)
    assert "Only 2 left" not in page
    assert 'aria-disabled="true"' in page
    answer = shopper.add(shirt, 3)
    assert answer.status_code == 409
    assert "sold out" in answer.text
    assert in_cart() == []


def test_n18_a_minimum_that_came_after_the_cart_is_said_by_cart_and_review_and_refuses_the_order(shopper):
    shopper.add(add_product(stock_of={"KB": 10}), 2)
    review = shopper.to_review()
    raise_minimum(3)
    line, _ = in_cart()[0]
    assert "Sold from 3 pieces" in shopper.get("/cart")
    assert "Sold from 3 pieces" in shopper.get("/checkout/review")
    answer = shopper.place(review)
    assert answer.status_code == 409
    assert "Sold from 3 pieces" in answer.text
    assert db.scalar("SELECT count(*) FROM orders") == 0
    offer = form_to(answer.text, f"/cart/lines/{line}")
    assert offer.fields["quantity"] == "3"
    answer = shopper.client.post(f"/cart/lines/{line}", data=offer.filled())
    assert answer.status_code == 303
    assert shopper.place(shopper.get("/checkout/review")).status_code == 303
    assert faults() == {}


def test_n18_what_is_left_below_the_minimum_is_not_offered_at_review(shopper):
    """Somebody took the rest between the page and the click."""
    shirt = add_product(stock_of={"KB": 4}, min_quantity=3)
    shopper.add(shirt, 3)
    review = shopper.to_review()
    with transaction():
        db.rows("UPDATE stock_item SET safety = 2 RETURNING id")
    answer = shopper.place(review)
    assert answer.status_code == 409
    assert "sold out" in answer.text
    assert form_to(answer.text, f"/cart/lines/{in_cart()[0].id}").fields.keys() == {"csrf_token", "to"}

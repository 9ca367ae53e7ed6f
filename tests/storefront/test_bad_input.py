"""Whatever is typed or forged gets a clear answer, the right status, and nothing is lost or half done."""

import pytest

from app.core import db
from app.core.transaction import transaction
from tests.flows.providers import razorpay
from tests.flows.shopper import Shopper
from tests.shop import ADDRESS, CONTACT, add_product, faults, open_shop, stock_row
from tools.webforms import form_to


def lines_in_carts() -> int:
    return db.scalar("SELECT count(*) FROM cart_line")


@pytest.mark.parametrize(
    "quantity", ["-1", "0", "1_000", "+5", "１", "١٢", "NaN", "1.5", "", "1e3", "0x10", "2 3", " 7 ", "1.0", "१"]
)
def test_c7_malformed_quantities_are_422_and_change_nothing(shopper, quantity):
    shirt = add_product()
    answer = shopper.add(shirt, quantity)
    assert answer.status_code == 422
    assert "Enter a quantity" in answer.text
    assert lines_in_carts() == 0


@pytest.mark.parametrize("quantity", ["6", "1000000000", "9223372036854775808", "9" * 30, "9" * 300])
def test_c7_more_than_there_is_is_409_and_the_possible_number_is_offered(shopper, quantity):
    shirt = add_product(stock_of={"KB": 5})
    answer = shopper.add(shirt, quantity)
    assert answer.status_code == 409
    assert form_to(answer.text, "/cart/lines").fields["quantity"] == "5"
    assert lines_in_carts() == 0


def test_adding_again_adds_to_the_line_and_counts_what_is_in_the_cart(shopper):
    shirt = add_product(stock_of={"KB": 5})
    shopper.add(shirt, 3)
    answer = shopper.add(shirt, 3)
    assert answer.status_code == 409
    assert form_to(answer.text, "/cart/lines").fields["quantity"] == "2"
    assert shopper.add(shirt, 2).status_code == 303
    assert db.scalar("SELECT quantity FROM cart_line") == 5


def test_a_limit_per_order_holds(shopper):
    """N18."""
    shirt = add_product(stock_of={"KB": 9}, max_per_order=2)
    assert shopper.add(shirt, 3).status_code == 409
    assert shopper.add(shirt, 2).status_code == 303


@pytest.mark.parametrize(
    "variant", ["", "1", "x" * 1000, "0199d1f0-0000-7000-8000-000000000000", "'; DROP TABLE cart;--"]
)
def test_an_unknown_variant_is_404(shopper, variant):
    add_product()
    assert shopper.post("/cart/lines", variant=variant, quantity="1").status_code == 404


def test_x7_somebody_elses_line_is_404_whatever_was_posted(shop, shopper, bank):
    shopper.add(add_product())
    line = db.scalar("SELECT id FROM cart_line")
    stranger = Shopper(shop.test_client(), bank)
    for fields in ({"quantity": "2"}, {"quantity": "-1"}, {"remove": "1"}):
        assert stranger.post(f"/cart/lines/{line}", **fields).status_code == 404
    assert db.scalar("SELECT quantity FROM cart_line") == 1


def test_a_line_keeps_its_quantity_when_the_wanted_one_cannot_be_had(shopper):
    shopper.add(add_product(stock_of={"KB": 3}), 2)
    line = db.scalar("SELECT id FROM cart_line")
    assert shopper.post(f"/cart/lines/{line}", quantity="4").status_code == 409
    assert shopper.post(f"/cart/lines/{line}", quantity="x").status_code == 422
    assert db.scalar("SELECT quantity FROM cart_line") == 2
    assert shopper.post(f"/cart/lines/{line}", quantity="3").status_code == 303
    assert shopper.post(f"/cart/lines/{line}", remove="1").status_code == 303
    assert lines_in_carts() == 0


def contact(shopper: Shopper, **changed: str):
    form = form_to(shopper.get("/checkout/contact"), "/checkout/contact")
    return shopper.client.post("/checkout/contact", data=form.filled(**{**CONTACT, **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"email": ""},
        {"email": "no-at-sign"},
        {"email": "a@b"},
        {"email": "a@example.com\r\nBcc: x@example.com"},
        {"email": "a\x00@example.com"},
        {"email": "a" * 300 + "@example.com"},
        {"phone": ""},
        {"phone": "hello"},
        {"phone": "+60 12\n345"},
        {"phone": "98765 43210"},
        {"phone": "415 555 0123"},
    ],
)
def test_c15_bad_contacts_are_422_and_keep_what_was_typed(shopper, changed):
    shopper.add(add_product())
    answer = contact(shopper, **changed)
    assert answer.status_code in (400, 422)
    if answer.status_code == 422:
        assert "There is a problem" in answer.text
        assert answer.text.count("Error:") >= 1
    assert db.scalar("SELECT count(*) FROM checkout_session WHERE contact IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [("MY", "012-345 6789", "+60123456789"), ("MY", "+91 98765 43210", "+919876543210"), ("IN", "98765 43210", "+919876543210")],
)  # fmt: skip
def test_n20_a_number_without_a_country_is_the_shops(bank, make_app, country, typed, kept):
    shop = make_app(**razorpay(bank), SHOP_COUNTRY=country)
    open_shop()
    shopper = Shopper(shop.test_client(), bank)
    shopper.add(add_product())
    assert contact(shopper, phone=typed).status_code == 303
    assert form_to(shopper.get("/checkout/contact"), "/checkout/contact").fields["phone"] == kept


def test_n20_a_number_from_abroad_is_asked_for_its_country(shopper):
    shopper.add(add_product())
    assert "with its country code, such as +60 12-345 6789" in contact(shopper, phone="98765 43210").text


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "Aina\r\nRahman"},
        {"name": "A" * 5000},
        {"country": "XX"},
        {"country": ""},
        {"postcode": "504"},
        {"postcode": "99999"},
        {"postcode": ""},
        {"city": ""},
        {"country": "DE", "postcode": "1011"},
        {"country": "US", "postcode": "94103", "state": ""},
        {"country": "HK", "postcode": "", "city": "", "state": ""},
        {"postcode": "abcde"},
        {"line1": ""},
        {"city": "\x07"},
        {"line2": "x" * 1000},
    ],
)
def test_c15_bad_addresses_are_422_at_the_field(shopper, changed):
    shopper.add(add_product())
    contact(shopper)
    form = form_to(shopper.get("/checkout/delivery"), "/checkout/delivery")
    answer = shopper.client.post("/checkout/delivery", data=form.filled(**{**ADDRESS, **changed}))
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert db.scalar("SELECT count(*) FROM checkout_session WHERE address IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({"country": "HK", "postcode": "", "city": "", "state": "Kowloon"}, "Kowloon, Hong Kong SAR China"),
        ({"country": "AE", "postcode": "", "city": "Deira", "state": "Dubai"}, "Deira, Dubai, United Arab Emirates"),
        ({"country": "DE", "postcode": "10115", "city": "Berlin", "state": ""}, "10115 Berlin, Germany"),
    ],
)
def test_n20_what_a_country_needs_is_asked_for_and_no_more(shopper, place, shown):
    shopper.add(add_product())
    assert shown in shopper.to_review(**place)


def test_n20_the_example_is_of_that_country(shopper):
    shopper.add(add_product())
    contact(shopper)
    form = form_to(shopper.get("/checkout/delivery"), "/checkout/delivery")
    answer = shopper.client.post(
        "/checkout/delivery", data=form.filled(**ADDRESS | {"country": "DE", "postcode": "1011"})
    )
    assert "Enter a postcode of that country, such as 26133" in answer.text


def test_c15_names_of_all_scripts_go_through(shopper, bank):
    shopper.add(add_product())
    review = shopper.to_review(name="Siti Nurhaliza 😀 رحمن 李")
    token = shopper.place(review).location.rsplit("/", 1)[-1]
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)


def test_a_differing_state_is_corrected_by_the_postcode(shopper):
    shopper.add(add_product())
    review = shopper.to_review(state="Sabah", postcode="50480")
    assert "Sabah" not in review


def test_a_name_of_one_megabyte_is_refused_with_words(shopper):
    shopper.add(add_product())
    contact(shopper)
    form = form_to(shopper.get("/checkout/delivery"), "/checkout/delivery")
    answer = shopper.client.post("/checkout/delivery", data=form.filled(**{**ADDRESS, "name": "A" * 1_000_000}))
    assert answer.status_code in (413, 422)
    assert len(answer.text) > 500


def test_bad_utf8_is_400(shopper):
    answer = shopper.client.post(
        "/checkout/contact",
        data=b"email=%ff%fe&csrf_token=" + shopper.csrf().encode(),
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changed", [{"key": "x"}, {"accept_total": ""}, {"accept_total": "-1"}, {"payment_method": "gold"}]
)
def test_a_forged_place_order_is_422_and_places_nothing(shopper, changed):
    shirt = add_product()
    shopper.add(shirt)
    assert shopper.place(**changed).status_code == 422
    assert stock_row(shirt) == (5, 0)
    assert db.scalar("SELECT count(*) FROM orders") == 0


def test_x13_posted_prices_and_states_are_ignored(shopper):
    """X13, X27."""
    shirt = add_product()
    shopper.post("/cart/lines", variant=str(shirt), quantity="1", price="1", price_seen_minor="1")
    shopper.place(state="confirmed", total_minor="1", number="MB-1")
    row = db.rows("SELECT state, number, total_minor FROM orders")[0]
    assert tuple(row) == ("pending", None, 19700)
    assert faults() == {}


def test_a_key_of_another_visitor_places_nothing(shop, shopper, bank):
    shirt = add_product()
    shopper.add(shirt)
    review = shopper.to_review()
    shopper.place(review)
    other = Shopper(shop.test_client(), bank)
    other.add(shirt)
    key = form_to(review, "/checkout/orders").fields["key"]
    answer = other.place(key=key)
    assert answer.status_code in (409, 422)
    assert db.scalar("SELECT count(*) FROM orders") == 1


def test_an_expired_session_is_refused_in_words_and_nothing_typed_is_lost(shopper):
    """CHK-02."""
    shopper.add(add_product())
    review = shopper.to_review()
    with transaction():
        db.rows("UPDATE checkout_session SET expires_at = now() - interval '1 minute' RETURNING 1")
    answer = shopper.place(review)
    assert answer.status_code == 409
    assert "Nothing was ordered" in answer.text
    again = shopper.get("/checkout/contact")
    assert "Pick up where you left off" in again
    assert CONTACT["email"] in again


def test_x6_every_post_needs_a_token(shopper):
    for path in ("/cart/lines", "/checkout/contact", "/checkout/delivery", "/checkout/orders", "/track"):
        assert shopper.client.post(path, data={"variant": "x"}).status_code == 400

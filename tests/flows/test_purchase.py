"""The whole purchase through HTTP, without JavaScript."""

from app.core import db
from app.core.transaction import transaction
from app.orders import flows
from tests.flows.shopper import Shopper, money
from tests.shop import add_product, faults, stock_row
from tools.webforms import form_to, heading_of

PRICE, DELIVERY = 18900, 800


def test_a_guest_buys_a_shirt(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 3})
    token = shopper.order(shirt, 2)
    assert stock_row(shirt) == (3, 2)
    answer = shopper.pay(token)
    assert (answer.status_code, answer.location) == (303, f"/order/{token}")
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (1, 0)
    drain()
    assert "Your cart is empty" in shopper.get("/cart")
    assert money(bank) == (2 * PRICE, 0)
    assert faults() == {}


def test_the_webhook_alone_confirms_when_the_browser_never_comes_back(shopper, bank, drain):
    """PAY-19, P6: the notice is stored, the worker asks and settles."""
    shirt = add_product()
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"])
    assert "is pending" in shopper.heading(token)
    flows.reconcile(everything=True)
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_coming_back_twice_and_reloading_changes_nothing(shopper, bank, drain):
    """C16, P1, P10: one paid transition, one sale, whoever replays the return."""
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    answer = bank.pay(form.fields["order_id"])
    for _ in range(3):
        assert shopper.come_back(form.fields["callback_url"], answer).status_code == 303
    number = db.scalar("SELECT number FROM orders WHERE token = :token", token=token)
    flows.reconcile(everything=True)
    drain()
    assert db.scalar("SELECT number FROM orders WHERE token = :token", token=token) == number
    assert stock_row(shirt) == (1, 0)
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert faults() == {}


def test_a_signature_of_another_order_pays_nothing(shop, shopper, bank):
    """P9: a valid triple of a cheap order, replayed on an expensive one."""
    cheap, dear = add_product("Cheap", price=1000), add_product("Dear", price=90000)
    cheap_form = shopper.hand_over(shopper.order(cheap))
    paid = bank.pay(cheap_form.fields["order_id"])
    other = Shopper(shop.test_client(), bank)
    token = other.order(dear)
    form = other.hand_over(token)
    assert other.come_back(form.fields["callback_url"], paid).status_code == 400
    assert "is pending" in other.heading(token)


def test_the_total_shown_is_the_total_charged(shopper, bank):
    """C3, X27: a changed price shows the page again; a tampered total is no total."""
    shirt = add_product()
    shopper.add(shirt)
    review = shopper.to_review()
    with transaction():
        db.rows("UPDATE variant_price SET price_minor = price_minor + 100 WHERE variant_id = :id RETURNING 1", id=shirt)
    answer = shopper.place(review)
    assert answer.status_code == 409
    assert "The total has changed" in answer.text
    assert stock_row(shirt) == (5, 0)
    assert shopper.place(answer.text, accept_total="abc").status_code == 422
    assert shopper.place(answer.text, accept_total="1").status_code == 409
    assert shopper.place(answer.text).status_code == 303
    assert db.scalar("SELECT total_minor FROM orders") == PRICE + 100 + DELIVERY


def test_the_same_click_twice_is_one_order(shopper):
    """C1: a double click (same key) and a second tab (same cart, other key) end at one order."""
    shirt = add_product()
    shopper.add(shirt)
    review = shopper.to_review()
    first, again = shopper.place(review), shopper.place(review)
    other_tab = shopper.place(shopper.get("/checkout/review"))
    assert first.location == again.location == other_tab.location
    assert db.scalar("SELECT count(*) FROM orders") == 1
    assert stock_row(shirt) == (5, 1)


def test_the_own_earlier_lock_is_never_in_the_way(shopper, drain):
    """S10: back to the cart, another quantity, place again, although all stock is held by oneself."""
    shirt = add_product(stock_of={"KB": 2})
    first = shopper.order(shirt, 1)
    shopper.hand_over(first)
    shopper.add(shirt, 1)
    second = shopper.place().location.rsplit("/", 1)[-1]
    assert second != first
    assert stock_row(shirt) == (2, 2)
    assert "is cancelled" in shopper.heading(first)
    assert faults() == {}


def test_s10_the_own_lock_is_not_somebody_elses_on_the_products_page(shop, shopper, bank):
    """Who holds the last one can have it again, there as in the cart; to everybody else it is reserved."""
    shirt = add_product(stock_of={"KB": 1})
    shopper.order(shirt)
    slug = db.scalar("SELECT slug FROM product")
    page = shopper.get(f"/p/{slug}?v={shirt}")
    assert "Reserved by other shoppers" not in page
    assert 'aria-disabled="true"' not in page
    page = Shopper(shop.test_client(), bank).get(f"/p/{slug}?v={shirt}")
    assert "Reserved by other shoppers" in page
    assert 'aria-disabled="true"' in page


def test_money_for_a_replaced_order_goes_back(shopper, bank, drain):
    """P11: paid in the old tab, ordered anew in another: the old money is refunded once."""
    shirt = add_product(stock_of={"KB": 3})
    first = shopper.order(shirt, 1)
    form = shopper.hand_over(first)
    shopper.add(shirt, 1)
    second = shopper.place().location.rsplit("/", 1)[-1]
    paid = bank.pay(form.fields["order_id"])
    shopper.come_back(form.fields["callback_url"], paid)
    shopper.pay(second)
    drain()
    assert "refund" in shopper.heading(first)
    assert "is confirmed" in shopper.heading(second)
    assert money(bank) == (PRICE + DELIVERY + 2 * PRICE, PRICE + DELIVERY)
    assert faults() == {}


def test_sold_out_between_cart_and_place(shop, shopper, bank):
    """S12, S1: the second buyer gets a plain page, no order, and no provider order."""
    shirt = add_product(stock_of={"KB": 1})
    shopper.add(shirt)
    review = shopper.to_review()
    Shopper(shop.test_client(), bank).order(shirt)
    answer = shopper.place(review)
    assert answer.status_code == 409
    assert "sold out" in answer.text.lower()
    assert db.scalar("SELECT count(*) FROM orders") == 1
    assert faults() == {}


def test_a_limit_that_came_between_cart_and_place(shopper):
    """S12: no order has more than the merchant lets one have."""
    shirt = add_product(stock_of={"KB": 9})
    shopper.add(shirt, 3)
    review = shopper.to_review()
    with transaction():
        db.rows("UPDATE product SET max_per_order = 2 RETURNING id")
    answer = shopper.place(review)
    assert answer.status_code == 409
    assert "Kemeja Teluk: only 2 left" in answer.text
    assert db.scalar("SELECT count(*) FROM orders") == 0
    line = db.scalar("SELECT id FROM cart_line")
    assert shopper.post(f"/cart/lines/{line}", quantity="2").status_code == 303
    assert shopper.place(shopper.get("/checkout/review")).status_code == 303
    assert faults() == {}


def test_a_length_is_cut_in_one_piece(shopper):
    cloth = add_product("Kain Ela", unit="metre", price=1900, stock_of={"KB": 4, "KL": 3})
    assert shopper.add(cloth, "2.5").status_code == 409
    assert shopper.add(cloth, "1.3").status_code == 422
    assert shopper.add(cloth, "1.5").status_code == 303
    assert "1.5" in shopper.get("/cart")


def test_pieces_may_come_from_two_warehouses(shopper, bank):
    shirt = add_product(stock_of={"KB": 1, "KL": 1})
    shopper.pay(shopper.order(shirt, 2))
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_tax_added_abroad_adds_up(shopper, bank):
    """C18: GST on lines and delivery, added; the order's sums and the bank's amount agree."""
    shirt = add_product()
    shopper.add(shirt, 3)
    review = shopper.to_review(country="IN", postcode="560001", city="Bengaluru", state="Goa")
    assert "Karnataka" in review
    assert "IGST" in review
    token = shopper.place(review).location.rsplit("/", 1)[-1]
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_steps_cannot_be_skipped(shopper):
    """ASVS 2.3.1."""
    shirt = add_product()
    assert shopper.client.get("/checkout/contact").location == "/cart"
    shopper.add(shirt)
    assert shopper.client.get("/checkout/review").location == "/checkout/contact"
    assert shopper.post("/checkout/orders", key="0" * 32, accept_total="1", payment_method="fpx").status_code == 303
    assert db.scalar("SELECT count(*) FROM orders") == 0


def test_an_order_is_tracked_by_number_and_email(shopper, bank):
    shirt = add_product()
    token = shopper.order(shirt)
    shopper.pay(token)
    number = db.scalar("SELECT number FROM orders")
    form = form_to(shopper.get("/track"), "/track")
    found = shopper.client.post("/track", data=form.filled(number=number, contact="AINA@example.com"))
    assert found.location == f"/order/{token}"
    by_phone = shopper.client.post("/track", data=form.filled(number=number, contact="012-345 6789"))
    assert by_phone.location == f"/order/{token}"
    wrong = shopper.client.post("/track", data=form.filled(number=number, contact="somebody@example.com"))
    assert wrong.status_code == 422
    assert token not in wrong.text
    assert heading_of(wrong.text) == "Track an order"


def test_another_token_is_nobodys(shopper):
    """X7: ids, numbers, references and shortened tokens are 404."""
    token = shopper.order(add_product())
    row = db.rows("SELECT id, reference FROM orders")[0]
    for guess in (str(row.id), row.reference, token[:-1], token + "A", token.swapcase()):
        assert shopper.client.get(f"/order/{guess}").status_code == 404
        assert shopper.client.get(f"/checkout/pay/{guess}").status_code == 404

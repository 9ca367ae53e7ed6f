"""“Place order” takes what it wants whole or not at all, and not more than anybody may hold."""

import pytest

from app.checkout.rules import MAX_LIVE_ORDERS_PER_ADDRESS
from app.core import db
from app.core.transaction import transaction
from tests.flows.shopper import Shopper
from tests.shop import add_product, faults, stock_row
from tests.sql import failing, watched
from tools.webforms import form_to, heading_of

PLACE = "/checkout/orders"
WRITTEN = ("orders", "order_line", "order_event", "stock_lock", "payment")


def written():
    """How many rows of each table an order writes."""
    found = [db.scalar(f"SELECT count(*) FROM {table}") for table in WRITTEN]
    db.release()
    return found


def crowd(count):
    """So many unpaid orders more that hold stock from the address of the only one there is."""
    with transaction():
        db.rows(
            "WITH more AS (INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', uuidv7(),"
            "  'token', md5(n::text), 'return_token', md5('r' || n), 'reference', 'CROWD-' || n, 'place_key', uuidv7(),"
            "  'visitor', 'crowd'))).* FROM orders o, generate_series(1, :count) n RETURNING id)"
            " INSERT INTO stock_lock SELECT (jsonb_populate_record(l, jsonb_build_object('id', uuidv7(), 'order_id', more.id))).*"
            " FROM stock_lock l, more RETURNING id",
            count=count,
        )


def test_s11_an_address_holds_so_much_and_then_nothing_more(shop, shopper, bank):
    """The last one that may be placed, and the one after it: 429, in words, and nothing is held; another address goes on."""
    shirt = add_product(stock_of={"KB": 9})
    shopper.order(shirt)
    crowd(MAX_LIVE_ORDERS_PER_ADDRESS - 2)
    Shopper(shop.test_client(), bank).order(shirt)
    before = (written(), stock_row(shirt))
    late = Shopper(shop.test_client(), bank)
    late.add(shirt)
    answer = late.place()
    assert (answer.status_code, heading_of(answer.text)) == (429, "You have several unpaid orders already")
    assert int(answer.headers["Retry-After"]) > 0
    assert (written(), stock_row(shirt)) == before
    late.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert late.place(late.get("/checkout/review")).status_code == 303


def test_s11_who_orders_anew_is_not_in_their_own_way_at_the_limit(shopper):
    shirt = add_product(stock_of={"KB": 9})
    shopper.order(shirt)
    crowd(MAX_LIVE_ORDERS_PER_ADDRESS - 1)
    shopper.add(shirt)
    assert shopper.place(shopper.get("/checkout/review")).status_code == 303


@pytest.mark.parametrize("at_server", [True, False])
def test_s14_a_fault_at_any_statement_leaves_nothing_half_done(shopper, at_server):
    """S14, ASVS 2.3.3: each statement of the click fails once; then the same click places one order."""
    shirt, scarf = add_product(stock_of={"KB": 2}), add_product("Selendang", stock_of={"KB": 2})
    shopper.add(shirt, 2)
    shopper.add(scarf)
    click = form_to(shopper.to_review(), PLACE).filled()
    for number in range(1, 100):
        with failing(number, at_server=at_server) as seen:
            answer = shopper.client.post(PLACE, data=click)
        if len(seen) < number:
            break
        assert answer.status_code == 500, seen[number - 1]
        assert (written(), stock_row(shirt), stock_row(scarf)) == ([0] * 5, (2, 0), (2, 0)), seen[number - 1]
    assert answer.status_code == 303
    assert number > 10
    assert (written(), stock_row(shirt), stock_row(scarf)) == ([1, 2, 1, 2, 1], (2, 2), (2, 1))
    assert faults() == {}


@pytest.mark.usefixtures("impatient")
def test_s16_a_stock_row_that_stays_busy_is_a_503_and_the_click_counts_later(shopper, somebody):
    shirt = add_product(stock_of={"KB": 2})
    shopper.add(shirt)
    click = form_to(shopper.to_review(), PLACE).filled()
    somebody.execute("SELECT id FROM stock_item FOR UPDATE")
    with watched() as seen:
        answer = shopper.client.post(PLACE, data=click)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert sum(statement.startswith("INSERT INTO orders") for statement in seen) == 3
    assert (written(), stock_row(shirt)) == ([0] * 5, (2, 0))
    somebody.rollback()
    assert shopper.client.post(PLACE, data=click).status_code == 303
    assert faults() == {}

"""The verbs of stock from many connections at once: lock, renew, release, sell and the clean-up on the same few rows."""

import random

from app.core import db
from app.core.transaction import in_transaction
from app.orders import flows
from app.orders import queries as order_queries
from app.stock import actions as stock
from app.stock import queries as stock_queries
from app.stock.errors import LockLost, NoMoreRenewals, OutOfStock
from chaos import races
from chaos.buyer import token_of
from tests import shop


def some_orders(stand, count, variant):
    """Ids of orders that hold nothing."""
    buyers = races.prepared(stand, range(500, 500 + count), variant)
    tokens = [token_of(buyer.place()) for buyer in buyers]
    ids = [row[0] for row in db.rows("SELECT id FROM orders WHERE token = ANY(:tokens)", tokens=tokens)]
    db.release()
    for order_id in ids:
        in_transaction(lambda order_id=order_id: stock.release(order_id, reason="test"))
    return ids


def test_every_verb_at_once_keeps_the_books(stand):
    """Eight connections, each doing what it likes with orders and rows of all: counters, locks and ledger agree."""
    variants = [shop.add_product(stock_of={"KB": 6, "KL": 4}) for _ in range(3)]
    ids = some_orders(stand, 8, shop.add_product(stock_of={"KB": 8}))

    def meddle(seed):
        draw = random.Random(seed)
        for _ in range(25):
            order_id, wanted = draw.choice(ids), draw.sample(variants, draw.randint(1, 3))
            verb = draw.choice((lock, lock, release, sell, renew, expire, clean_up))
            try:
                in_transaction(lambda verb=verb, order_id=order_id, wanted=wanted: meet(verb, order_id, wanted, draw))
            except (OutOfStock, LockLost, NoMoreRenewals):
                db.forget()

    answers = races.at_once([lambda seed=seed: meddle(seed) for seed in range(8)])
    assert answers == [None] * 8
    flows.release_unpaid_locks(flows.Tally())
    assert all(0 <= locked <= on_hand <= 10 for _held, on_hand, locked in map(races.holdings, variants))
    assert stand.faults() == {}


def meet(verb, order_id, wanted, draw):
    """Everybody who changes the stock of an order holds the order's row."""
    if verb is not clean_up:
        order_queries.lock_order(order_id)
    verb(order_id, wanted, draw)


def lock(order_id, variants, draw):
    """What an order wants, once it holds nothing and has not sold: each order sells once."""
    has_sold = db.scalar(
        "SELECT EXISTS (SELECT 1 FROM stock_movement WHERE order_id = :id AND kind = 'sell')", id=order_id
    )
    if not has_sold and not stock_queries.hold_of(order_id).quantities:
        stock.lock(order_id, [stock.Demand(each, draw.randint(1, 3)) for each in variants], minutes=15)


def release(order_id, _variants, _draw):
    stock.release(order_id, reason="test")


def sell(order_id, _variants, draw):
    """Only now and then, or nothing would be left to fight for."""
    if draw.random() < 0.1:
        found = db.rows(
            "SELECT variant_id, sum(quantity)::int FROM stock_lock WHERE order_id = :id AND state = 'held' GROUP BY 1",
            id=order_id,
        )
        stock.sell(order_id, {row[0]: row[1] for row in found})


def renew(order_id, _variants, draw):
    stock.renew(order_id, minutes=draw.choice((1, 15)), max_renewals=100)


def expire(order_id, _variants, _draw):
    db.rows(
        "UPDATE stock_lock SET expires_at = now() - interval '1 minute' WHERE order_id = :id AND state = 'held' RETURNING 1",
        id=order_id,
    )


def clean_up(_order_id, _variants, _draw):
    stock.release_expired_batch(stock_queries.items_to_release(without=[]), busy="skip")


def test_crossing_demands_never_deadlock(stand):
    """S3: two hundred pairs in opposite order; the rows are locked in one order, so nobody is a victim."""
    first, second = (shop.add_product(stock_of={"KB": 400}) for _ in range(2))
    one, other = some_orders(stand, 2, shop.add_product(stock_of={"KB": 8}))
    before = deadlocks()

    def cross(order_id, variants):
        for _ in range(200):
            in_transaction(lambda: stock.lock(order_id, [stock.Demand(each, 1) for each in variants], minutes=15))
            in_transaction(lambda: stock.release(order_id, reason="test"))

    assert races.at_once([lambda: cross(one, (first, second)), lambda: cross(other, (second, first))]) == [None, None]
    assert deadlocks() == before
    assert [races.holdings(each) for each in (first, second)] == [(0, 400, 0), (0, 400, 0)]
    assert stand.faults() == {}


def deadlocks():
    found = db.scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    db.release()
    return found

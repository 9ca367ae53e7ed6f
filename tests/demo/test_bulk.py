"""Generated shops: as large as asked for, the same again, and true to every invariant."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.core import db, storage
from app.core.transaction import in_transaction, transaction
from app.documents import actions as documents
from app.ops import audit
from app.orders import queries as orders
from app.search import queries as search
from demo import bulk, load

SEEN = {"locale": "en", "currency": "MYR"}


@pytest.fixture
def demo(as_owner: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(storage, "_service", storage.make("file:media", home=tmp_path))
    load.load()
    db.forget()


def fill(**numbers: int) -> None:
    bulk.fill(**{"products": 0, "orders": 0, **numbers})
    db.forget()


def contents(table: str, columns: str) -> list[tuple[object, ...]]:
    found = [tuple(row) for row in db.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2")]
    db.forget()
    return found


def test_products_orders_and_people_up_to_the_numbers(demo: None):
    fill(products=150, orders=300, customers=40)
    assert db.scalar("SELECT count(*) FROM product") == 150
    assert db.scalar("SELECT count(*) FROM search_document") == 150
    assert db.scalar("SELECT count(*) FROM category") == 100
    assert db.scalar("SELECT count(*) FROM orders") == 300
    assert 30 <= db.scalar("SELECT count(DISTINCT email_index) FROM orders") <= 40
    assert {row[0] for row in db.rows("SELECT DISTINCT state FROM orders")} == {"confirmed", "expired", "cancelled"}
    assert not any(audit.run(cleanup_interval_minutes=5).values())


def test_filling_up_further(demo: None):
    fill(products=100, orders=50)
    fill(products=100, orders=50)
    assert db.scalar("SELECT count(*) FROM orders") == 50
    db.forget()
    fill(products=120, orders=90)
    assert db.scalar("SELECT count(*) FROM product") == 120
    numbers = [int(row[0].lstrip("-MB")) for row in db.rows("SELECT number FROM orders WHERE number IS NOT NULL")]
    assert sorted(numbers) == list(range(min(numbers), min(numbers) + len(numbers)))
    assert not any(audit.run(cleanup_interval_minutes=5).values())


def test_the_same_seed_makes_the_same_shop(demo: None):
    columns = "slug, id, name, created_at"
    fill(products=90, orders=60)
    products, lines = contents("product", columns), contents("order_line", "id, sku, quantity, total_minor")
    with transaction():
        db.session.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # documents and the ledger are never emptied
        db.session.execute(text("TRUNCATE ledger_entry, ledger_line"))
        db.session.execute(text("TRUNCATE orders, product, category, warehouse, stock_movement, number_series CASCADE"))
    db.forget()
    load.load()
    db.forget()
    fill(products=90, orders=60)
    generated = [row for row in contents("product", columns) if "-g" in str(row[0])]
    assert generated == [row for row in products if "-g" in str(row[0])]
    assert len(contents("order_line", "id, sku, quantity, total_minor")) == len(lines)


def test_generated_products_are_found_and_shown(demo: None):
    fill(products=200)
    results = search.list_products(category="shirts", **SEEN)
    assert results.total > 24
    assert len(results.tiles) == 24
    assert all(tile.card.picture for tile in results.tiles)
    assert {facet.group for facet in results.facets} == {"category", "motif", "colour", "fibre", "size"}
    assert search.search("orchid", **SEEN).total > 0


def test_generated_orders_that_are_paid_can_have_their_documents(demo: None):
    """As for every order from before the shop issued them: what they store adds up."""
    fill(orders=40)
    paid = [row[0] for row in db.rows("SELECT id FROM orders WHERE confirmed_at IS NOT NULL")]
    db.release()
    assert len(paid) > 5
    for order_id in paid:
        issued = in_transaction(lambda order_id=order_id: documents.issue_for_order(order_id))
        assert [each.kind for each in issued] == ["invoice", "receipt"]
        order = orders.order(order_id)
        assert order is not None
        amounts = (order.total_minor, order.tax_added_minor + order.tax_included_minor)
        assert [(each.total_minor, each.tax_minor) for each in issued] == [amounts] * 2


def test_generated_orders_can_be_read(demo: None):
    fill(orders=20)
    order = orders.order_by_token(
        db.scalar("SELECT token FROM orders WHERE state = 'confirmed' ORDER BY created_at LIMIT 1")
    )
    assert order is not None
    assert order.email.endswith("@example.com")
    assert order.address["country"] == order.country
    assert (
        sum(line.total_minor for line in order.lines) + order.shipping_minor + order.shipping_tax_minor
        == order.total_minor
    )


def test_indexes_are_back_after_a_large_load(demo: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("demo.bulk.tables.MANY", 10)
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    before = db.rows(indexes)
    db.forget()
    fill(products=80, orders=30)
    assert db.rows(indexes) == before
    assert not any(audit.run(cleanup_interval_minutes=5).values())


def test_people_without_orders_are_refused_before_anything_is_loaded(app: Flask):
    ended = app.test_cli_runner().invoke(args=["demo", "load", "--customers", "40"])
    assert ended.exit_code == 2
    assert "--orders" in ended.output
    assert db.scalar("SELECT count(*) FROM product") == 0

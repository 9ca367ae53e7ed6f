"""Thousands of orders with nothing wrong, for the comparison of the books with the provider. `make bench` loads them too."""

from __future__ import annotations

from collections.abc import Callable
from importlib import util
from typing import Any

from app.core import db
from app.core.transaction import transaction
from app.ops import schema

LOAD = """
    WITH n AS (SELECT n, uuidv7() AS order_id, uuidv7() AS payment, uuidv7() AS attempt, uuidv7() AS capture,
        now() - make_interval(mins => 60 + n) AS at, 1000 + n * 7 % 90000 AS minor,
        (ARRAY['MYR', 'INR', 'JPY', 'USD'])[1 + n % 4] AS currency FROM generate_series(1, :count) n),
    o AS (INSERT INTO orders (id, number, reference, token, place_key, fingerprint, state, currency, subtotal_minor,
        shipping_minor, total_minor, snapshot, locale, visitor, email, email_index, phone, address, country,
        shipping_method, payment_method, expires_at, created_at, confirmed_at)
      SELECT order_id, 'C' || n, 'C' || n, 'token-' || order_id, uuidv7(), '', 'confirmed', currency, minor, 0, minor, '{}', 'en', 'v',
        '', '', '', '', 'MY', 'standard', 'card', at, at, at FROM n),
    p AS (INSERT INTO payment (id, order_id, amount_minor, received_minor, currency, state, paid_at)
      SELECT payment, order_id, minor, minor, currency, 'paid', at FROM n),
    a AS (INSERT INTO payment_attempt (id, payment_id, position, provider, method, receipt, return_token, state, amount_minor, currency,
        provider_order_id) SELECT attempt, payment, 1, 'razorpay', 'card', 'C' || n || '-1', 'r-' || attempt, 'captured', minor,
        currency, 'order_' || lpad(n::text, 14, '0') FROM n)
    INSERT INTO payment_capture (id, payment_id, attempt_id, provider, provider_payment_id, amount_minor, currency, state, is_applied,
      fee_minor, created_at, captured_at)
    SELECT capture, payment, attempt, 'razorpay', 'pay_' || lpad(n::text, 14, '0'), minor, currency, 'captured', true,
      minor * 20 / 1000, at, at
    FROM n RETURNING id
"""


def load_clean_orders(count: int, *, control: Callable[[str, str, object], Any]) -> None:
    """Orders of the last days, one a minute, here and at the provider (`control` of its sandbox); every tenth was refunded
    in part. Into an empty shop."""
    with transaction():
        db.session.connection().exec_driver_sql("SET LOCAL session_replication_role = replica")
        db.session.connection().exec_driver_sql("SET LOCAL statement_timeout = 0")  # loading is no request of a shop
        db.rows(LOAD, count=count)
        db.rows(
            "INSERT INTO refund (id, payment_id, capture_id, amount_minor, currency, reason, state, provider_refund_id, created_at)"
            " SELECT uuidv7(), payment_id, id, 100, currency, 'test', 'succeeded', 'rfnd_' || right(provider_payment_id, 14), created_at"
            " FROM payment_capture WHERE right(provider_payment_id, 1) = '0' RETURNING id"
        )
        opening()
        db.session.connection().exec_driver_sql("ANALYZE")  # as autovacuum does in the days that these orders took
    rows = db.rows(
        "SELECT c.provider_payment_id, c.amount_minor, c.currency, extract(epoch FROM c.created_at)::float AS at, a.provider_order_id,"
        " a.receipt, r.provider_refund_id, r.id AS refund_id FROM payment_capture c JOIN payment_attempt a ON a.id = c.attempt_id"
        " LEFT JOIN refund r ON r.capture_id = c.id ORDER BY c.created_at"
    )
    db.release()
    payments = [
        {
            "order_id": row.provider_order_id,
            "payment_id": row.provider_payment_id,
            "receipt": row.receipt,
            "amount": row.amount_minor,
            "currency": row.currency,
            "at": row.at,
            "refund": {"id": row.provider_refund_id, "key": f"refund-{row.refund_id}", "amount": 100, "at": row.at}
            if row.refund_id
            else None,
        }
        for row in rows
    ]
    for start in range(0, len(payments), 2000):
        control("POST", "/load", {"payments": payments[start : start + 2000]})


def opening() -> None:
    """The books of these orders, by the statements that open the books of any shop."""
    [path] = (schema.FOLDER / "versions").glob("*_books_opening.py")
    spec = util.spec_from_file_location("opening", path)
    assert spec is not None
    assert spec.loader is not None
    revision = util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    for statement in revision.STATEMENTS:
        db.session.connection().exec_driver_sql(statement)

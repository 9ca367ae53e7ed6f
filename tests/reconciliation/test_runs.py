"""The run itself: large, cut off, at once, without Redis; webhooks that fall silent; the mails about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import util

from app.core import db
from app.core.ids import new_id, new_token
from app.core.transaction import in_transaction, transaction
from app.ops import schema
from app.reconciliation import actions, flows, queries
from app.reconciliation.errors import AlreadyRunning
from tests.shop import faults

CLEAN = 2_000
LOAD = """
    WITH n AS (SELECT n, uuidv7() AS order_id, uuidv7() AS payment, uuidv7() AS attempt, uuidv7() AS capture,
        now() - make_interval(mins => 60 + n) AS at, 1000 + n * 7 % 90000 AS minor,
        (ARRAY['MYR', 'INR', 'JPY', 'USD'])[1 + n % 4] AS currency FROM generate_series(1, :count) n),
    o AS (INSERT INTO orders (id, number, reference, token, place_key, fingerprint, state, currency, subtotal_minor,
        shipping_minor, total_minor, snapshot, locale, visitor, email, email_index, phone, address, country,
        shipping_method, payment_method, expires_at, created_at, confirmed_at)
      SELECT order_id, 'C' || n, 'C' || n, 'token-' || order_id, uuidv7(), '', 'confirmed', currency, minor, 0, minor, '{}', 'en', 'v',
        '', '', '', '', 'MY', 'standard', 'card', at, at, at FROM n),
    p AS (INSERT INTO payment (id, order_id, amount_minor, currency, state, paid_at)
      SELECT payment, order_id, minor, currency, 'paid', at FROM n),
    a AS (INSERT INTO payment_attempt (id, payment_id, position, provider, method, receipt, return_token, state, amount_minor, currency,
        provider_order_id) SELECT attempt, payment, 1, 'razorpay', 'card', 'C' || n || '-1', 'r-' || attempt, 'captured', minor,
        currency, 'order_' || lpad(n::text, 14, '0') FROM n)
    INSERT INTO payment_capture (id, payment_id, attempt_id, provider, provider_payment_id, amount_minor, currency, state, is_applied,
      fee_minor, created_at, captured_at)
    SELECT capture, payment, attempt, 'razorpay', 'pay_' || lpad(n::text, 14, '0'), minor, currency, 'captured', true,
      minor * 20 / 1000, at, at
    FROM n RETURNING id
"""


def load_clean_orders(books, count):
    """Orders of the last seven days, here and at the provider; every tenth was refunded in part."""
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
        books.bank.control("POST", "/load", {"payments": payments[start : start + 2000]})


def opening():
    """The books of these orders, by the statements that open the books of any shop."""
    [path] = (schema.FOLDER / "versions").glob("*_books_opening.py")
    spec = util.spec_from_file_location("opening", path)
    revision = util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    for statement in revision.STATEMENTS:
        db.session.connection().exec_driver_sql(statement)


def test_f4_nothing_is_invented_in_thousands_of_clean_orders(books):
    load_clean_orders(books, CLEAN)
    books.settle()
    assert books.reconcile() == 0
    assert books.open() == []
    listed = db.rows("SELECT payments, refunds, statement_rows FROM reconciliation_run WHERE provider = 'razorpay'")[0]
    assert tuple(listed[:2]) == (CLEAN, CLEAN // 10)
    assert listed.statement_rows >= CLEAN + CLEAN // 10
    balances = queries.last_balances().balances
    sums = {each["currency"]: 0 for each in balances}
    for each in balances:
        sums[each["currency"]] += each["minor"]
    assert sums == {"MYR": 0, "INR": 0, "JPY": 0, "USD": 0}
    db.release()


def test_a_run_that_is_going_on_is_left_alone(books):
    books.sell()
    now = datetime.now(UTC)
    in_transaction(lambda: actions.start_run("razorpay", trigger="test", since=now, until=now))
    assert flows.reconcile(trigger="command") == 0
    states = [tuple(row) for row in db.rows("SELECT provider, state FROM reconciliation_run ORDER BY started_at")]
    assert states == [("razorpay", "running"), ("shop", "done")]
    db.release()


def test_a_run_that_was_cut_off_is_no_hindrance(books):
    now = datetime.now(UTC)
    in_transaction(lambda: actions.start_run("razorpay", trigger="test", since=now, until=now))
    with transaction():
        db.rows("UPDATE reconciliation_run SET started_at = now() - interval '3 hours' RETURNING id")
    flows.reconcile(trigger="command")
    assert (
        books.value("SELECT state || ': ' || error FROM reconciliation_run WHERE trigger = 'test'") == "failed: cut off"
    )
    assert books.value("SELECT count(*) FROM reconciliation_run WHERE state = 'done'") == 2


def test_only_one_of_two_may_begin(books):
    now = datetime.now(UTC)
    in_transaction(lambda: actions.start_run("razorpay", trigger="one", since=now, until=now))
    try:
        in_transaction(lambda: actions.start_run("razorpay", trigger="two", since=now, until=now))
    except AlreadyRunning:
        assert books.value("SELECT string_agg(trigger, '') FROM reconciliation_run") == "one"
    else:
        raise AssertionError("two runs at once")


def test_the_statement_goes_on_where_it_ended(books):
    books.sell()
    books.settle()
    books.reconcile()
    through = queries.statement_through("razorpay")
    db.release()
    books.sell()
    books.settle()
    books.reconcile()
    assert queries.statement_through("razorpay") > through
    assert books.value("SELECT count(*) FROM provider_transaction WHERE kind = 'charge'") == 2
    assert books.value("SELECT count(*) FROM ledger_entry WHERE kind = 'payout'") == 2
    assert faults() == {}


def silence(books):
    books.sell()
    books.change("UPDATE payment_capture SET created_at = now() - interval '1 hour'")
    flows.watch_webhooks()


def test_p6_webhooks_that_stop_are_one_incident_until_one_comes(books):
    silence(books)
    flows.watch_webhooks()
    assert books.value("SELECT count(*) FROM webhook_silence WHERE ended_at IS NULL") == 1
    assert books.value("SELECT count(*) FROM outbox_event WHERE name = 'webhooks.fell_silent'") == 1
    assert queries.alerts().silent == "razorpay"
    with transaction():
        db.rows(
            "INSERT INTO payment_notice (id, provider, event_id, kind, facts) VALUES (:id, 'razorpay', :event, 'x', '{}') RETURNING id",
            id=new_id(),
            event=new_token(),
        )
    flows.watch_webhooks()
    assert queries.alerts().silent is None
    assert books.value("SELECT count(*) FROM webhook_silence") == 1


def test_a_payment_of_this_minute_is_no_silence(books):
    books.sell()
    flows.watch_webhooks()
    assert books.value("SELECT count(*) FROM webhook_silence") == 0


def test_the_window_leaves_out_what_may_be_on_its_way():
    window = flows.Window.of_last_days(8)
    assert timedelta(minutes=14) < datetime.now(UTC) - window.until < timedelta(minutes=16)
    assert window.until - window.since == timedelta(days=8)

"""The run itself: large, cut off, at once, without Redis; webhooks that fall silent; the mails about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.core import db
from app.core.ids import new_id, new_token
from app.core.transaction import in_transaction, transaction
from app.reconciliation import actions, flows, queries
from app.reconciliation.errors import AlreadyRunning
from tests.reconciliation.clean import load_clean_orders
from tests.shop import faults

CLEAN = 2_000  # `make bench` compares 10,000


def test_f4_nothing_is_invented_in_thousands_of_clean_orders(books, as_owner):
    load_clean_orders(CLEAN, control=books.bank.control)
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

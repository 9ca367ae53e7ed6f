"""The database guards the books: nothing unbalanced, nothing changed, nothing twice."""

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.books import actions, queries
from app.books.rules import Entry, Line
from app.core import db
from app.core.money import Money
from app.core.transaction import transaction
from tests.shop import faults

ENTRY = Entry("payout", [Line("bank", "MYR", 500), Line("provider_clearing:razorpay", "MYR", -500)], "test", "1")


@pytest.fixture(autouse=True)
def _shop(database):
    """An empty database."""


def count(table="ledger_line"):
    found = db.scalar(f"SELECT count(*) FROM {table}")
    db.release()
    return found


def test_an_entry_is_posted_once_whoever_posts_it():
    with transaction():
        assert actions.post(ENTRY) == 1
    with transaction():
        assert actions.post(ENTRY, Entry("payout", ENTRY.lines, "test", "2")) == 1
    assert (count("ledger_entry"), count()) == (2, 4)
    assert [(each.account, each.minor) for each in queries.balances()] == [
        ("bank", 1000),
        ("provider_clearing:razorpay", -1000),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_line SET amount_minor = 1",
        "DELETE FROM ledger_line",
        "UPDATE ledger_entry SET kind = 'fee'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_line, ledger_entry",
    ],
)
def test_nobody_changes_what_was_posted(as_owner, sql):
    with transaction():
        actions.post(ENTRY)
    with pytest.raises(IntegrityError, match="only added to"), transaction():
        db.session.execute(text(sql))
    assert (count("ledger_entry"), count()) == (1, 2)


def by_hand(account="bank", minor=1):
    """An entry with one line, as somebody without our code would write it."""
    with transaction():
        db.rows(
            "INSERT INTO ledger_entry (id, kind, source_table, source_id) VALUES (uuidv7(), 'fee', 'test', '3') RETURNING id"
        )
        db.rows(
            "INSERT INTO ledger_line (entry_id, account, currency, amount_minor)"
            " SELECT id, :account, 'MYR', :minor FROM ledger_entry RETURNING 1",
            account=account,
            minor=minor,
        )


def test_the_database_refuses_an_entry_that_does_not_add_up():
    with pytest.raises(IntegrityError, match="does not add up"):
        by_hand()
    assert count("ledger_entry") == 0


def test_the_database_refuses_an_entry_that_says_nothing():
    with pytest.raises(IntegrityError, match="no lines"), transaction():
        db.rows(
            "INSERT INTO ledger_entry (id, kind, source_table, source_id) VALUES (uuidv7(), 'fee', 'test', '3') RETURNING id"
        )
    assert count("ledger_entry") == 0


def test_a_line_cannot_be_slipped_into_an_old_entry():
    with transaction():
        actions.post(ENTRY)
    with pytest.raises(IntegrityError, match="does not add up"), transaction():
        db.rows(
            "INSERT INTO ledger_line (entry_id, account, currency, amount_minor) SELECT id, 'sales', 'MYR', 1 FROM ledger_entry RETURNING 1"
        )
    assert count() == 2


@pytest.mark.parametrize(("account", "minor"), [("pockets", 5), ("provider_clearing:", 5), ("bank", 0)])
def test_only_accounts_that_exist_and_amounts_that_are_some(account, minor):
    with pytest.raises(IntegrityError, match="ck_ledger_line"):
        by_hand(account, minor)
    assert count("ledger_entry") == 0


def test_a_fee_that_changes_is_posted_by_its_difference():
    capture, order = uuid.uuid4(), uuid.uuid4()
    for fee in (100, 100, 140, 90):
        with transaction():
            actions.post_fee(capture, order_id=order, provider="razorpay", fee=Money(fee, "KWD"))
    assert queries.fees_of(capture) == (90, 3)
    assert faults() == {}

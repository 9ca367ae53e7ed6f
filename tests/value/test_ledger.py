"""Accounts and their ledger: counters are the sums of entries, the database lets nothing be changed, the books owe as much."""

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.books import queries as books
from app.core import crypto, db
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.value import actions as value
from app.value import queries
from app.value.actions import NewValue
from app.value.errors import AlreadyIssued, TooMuch
from app.value.rules import normal_code
from tests.value.cards import counters, end, issue, movements


def balances():
    return {(each.account, each.currency): each.minor for each in books.balances() if each.minor}


def test_issuing_posts_what_the_shop_owes_and_keeps_no_code(database):
    issued = issue(5000)
    sold = in_transaction(
        lambda: value.issue(NewValue(Money(700, "JPY"), by="staff:1", key=new_id(), is_sold=True), count=3)
    )
    assert len({each.code for each in sold}) == 3
    assert balances() == {
        ("goodwill", "MYR"): 5000,
        ("customer_credit", "MYR"): -5000,
        ("bank", "JPY"): 2100,
        ("customer_credit", "JPY"): -2100,
    }
    row = db.rows("SELECT * FROM value_account WHERE id = :id", id=issued.account.id)[0]
    plain = normal_code(issued.code)
    assert row.code_index == crypto.blind_index(plain)
    assert (row.mail_code, row.last_four) == (None, plain[-4:])
    assert not any(plain in str(field) for field in row)
    assert set(queries.faults().values()) == {0}
    db.release()


def test_a_form_sent_twice_issues_once(database):
    new = NewValue(Money(100, "MYR"), by="staff:1", key=new_id())
    in_transaction(lambda: value.issue(new, count=2))
    with pytest.raises(AlreadyIssued):
        in_transaction(lambda: value.issue(new))
    assert db.scalar("SELECT count(*) FROM value_account") == 2
    assert set(queries.faults().values()) == {0}
    db.release()


def test_adjusting_has_a_reason_happens_once_and_never_goes_below_zero(database):
    card, key = issue(1000).account, new_id()

    def change(minor, key=key):
        return in_transaction(lambda: value.adjust(card.id, minor, reason="Thank you", key=key, by="staff:1"))

    assert (change(500), change(500)) == (True, False)
    with pytest.raises(TooMuch):
        change(-1501, new_id())
    assert change(-1500, new_id())
    assert (counters(card), balances()) == ((0, 0), {})
    assert movements(card)[1:] == [("adjust", 500, 0), ("adjust", -1500, 0)]
    assert set(queries.faults().values()) == {0}
    db.release()


def test_what_is_left_at_the_end_becomes_the_shops(database):
    card = issue(1000).account
    assert not in_transaction(lambda: value.expire(card.id))
    end(card)
    assert (in_transaction(lambda: value.expire(card.id)), in_transaction(lambda: value.expire(card.id))) == (
        True,
        False,
    )
    assert balances() == {("goodwill", "MYR"): 1000, ("breakage", "MYR"): -1000}
    assert set(queries.faults().values()) == {0}
    db.release()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE value_entry SET balance_delta = 9 RETURNING id",
        "DELETE FROM value_entry RETURNING id",
        "UPDATE value_account SET balance_minor = -1 RETURNING id",
        "UPDATE value_account SET held_minor = balance_minor + 1 RETURNING id",
    ],
)
def test_the_database_refuses_what_cannot_be(as_owner, sql):
    card = issue(1000).account
    with pytest.raises((IntegrityError, DBAPIError)), transaction():
        db.rows(sql)
    assert (counters(card), movements(card)) == ((1000, 0), [("issue", 1000, 0)])


def test_the_audit_sees_a_counter_that_was_changed(database):
    card = issue(1000).account
    with transaction():
        db.rows("UPDATE value_account SET balance_minor = 999 WHERE id = :id RETURNING id", id=card.id)
    assert queries.faults() == {"value_drift": 1, "value_negative": 0, "value_unposted": 1}
    db.release()


def test_a_disabled_card_pays_nothing(database):
    card = issue(1000)
    assert in_transaction(lambda: value.set_state(card.account.id, "disabled", by="staff:1"))
    assert not in_transaction(lambda: value.set_state(card.account.id, "disabled", by="staff:1"))
    assert queries.usable([card.account.id], currency="MYR") == []
    in_transaction(lambda: value.set_state(card.account.id, "active", by="staff:1"))
    assert [each.free_minor for each in queries.usable([card.account.id], currency="MYR")] == [1000]
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action LIKE 'value.%'") == 3
    db.release()

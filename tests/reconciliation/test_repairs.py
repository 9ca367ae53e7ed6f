"""Each repair puts its difference right with a verb that exists anyway, once, and is noted with who did it."""

import pytest

from app.core import db
from app.payments.errors import ProviderUnavailable
from app.reconciliation.errors import AlreadyClosed, NoSuchRepair, ReasonMissing
from app.reconciliation.flows.repair import repair
from tests.flows.shopper import money
from tests.reconciliation import test_differences as seeds
from tests.shop import add_product, faults

WHO = "staff:0"


@pytest.fixture
def sold(books):
    token, payment = books.sell()
    books.settle()
    return token, payment


def find(books, kind):
    """Reconcile; the id of the one difference of that kind."""
    books.reconcile()
    found = db.rows("SELECT id FROM difference WHERE kind = :kind AND state = 'open'", kind=kind)
    db.release()
    assert len(found) == 1
    return found[0][0]


def state(difference_id):
    row = db.rows("SELECT state, closed_by, reason FROM difference WHERE id = :id", id=difference_id)[0]
    db.release()
    return tuple(row)


def audited():
    found = [tuple(row) for row in db.rows("SELECT action, actor FROM audit_entry WHERE action LIKE 'difference.%'")]
    db.release()
    return found


def pressed(books, kind, how, **options):
    """Repair it, twice: the second time somebody was faster. Then it is really gone."""
    difference_id = find(books, kind)
    repair(difference_id, how, actor=WHO, **options)
    with pytest.raises(AlreadyClosed):
        repair(difference_id, how, actor=WHO, **options)
    assert state(difference_id)[:2] == ("repaired", WHO)
    assert audited() == [(f"difference.{how}", WHO)]
    books.reconcile()
    assert kind not in [each for each, _ in books.open()]


def test_a_missed_payment_is_settled(books, sold):
    token, _payment = seeds.unheard(books)
    pressed(books, "missed_payment", "settle")
    assert "is confirmed" in books.shopper.heading(token)
    assert faults() == {}


def test_a_dashboard_refund_joins(books, sold, drain):
    refund = books.refund_at_the_bank(sold[1], 1000)
    pressed(books, "refund_unknown_here", "join_refund")
    row = db.rows("SELECT provider_refund_id, amount_minor, state, reason FROM refund")
    assert [tuple(each) for each in row] == [(refund, 1000, "succeeded", "dashboard")]
    assert books.value("SELECT amount_minor FROM ledger_line WHERE account = 'customer_refunds'") == 1000
    assert money(books.bank)[1] == 1000
    drain()
    assert faults() == {}


def test_a_refund_nobody_has_is_marked_as_failed(books, sold, drain):
    seeds.refund_unknown_there(books, *sold)
    books.reconcile()
    [unposted] = [row[0] for row in db.rows("SELECT id FROM difference WHERE kind = 'refund_unposted'")]
    db.release()
    repair(unposted, "post", actor=WHO)
    repair(find(books, "refund_unknown_there"), "fail_refund", actor=WHO)
    assert books.value("SELECT state FROM refund") == "failed"
    books.reconcile()
    assert books.open() == []
    assert faults() == {}


def test_the_last_word_on_a_refund_is_noted(books, sold, drain):
    refund = books.refund_at_the_bank(sold[1], 1000)
    seeds.known_refund(books, sold[1], state="pending", provider_refund_id=refund)
    pressed(books, "refund_state_differs", "ask_refund")
    assert books.value("SELECT state FROM refund") == "succeeded"
    assert faults() == {}


def test_a_second_payment_goes_back(books, sold):
    seeds.captured_twice(books, *sold)
    pressed(books, "captured_twice", "send_back")
    assert books.value("SELECT count(*) FROM refund WHERE is_automatic") == 1


def test_a_missing_entry_is_posted(books, sold):
    seeds.capture_unposted(books, *sold)
    pressed(books, "capture_unposted", "post")
    assert "ledger_missing" not in faults()


def test_a_fee_of_the_statement_is_posted(books, sold):
    books.falsify(sold[1], "fee", 999)
    pressed(books, "fee_differs", "post_fee")
    assert books.value("SELECT fee_minor FROM payment_capture") == 999
    assert books.value("SELECT sum(amount_minor) FROM ledger_line WHERE account = 'payment_fees'") == 999
    assert faults() == {}


def test_writing_off_needs_a_reason_and_empties_the_providers_account(books, sold):
    seeds.not_settled(books, *sold)
    difference_id = find(books, "not_settled")
    for reason in ("", "   "):
        with pytest.raises(ReasonMissing):
            repair(difference_id, "write_off", actor=WHO, reason=reason)
    assert state(difference_id)[0] == "open"
    assert books.value("SELECT count(*) FROM ledger_entry WHERE kind = 'write_off'") == 0
    repair(difference_id, "write_off", actor=WHO, reason="lost in a merger")
    assert state(difference_id) == ("accepted", WHO, "lost in a merger")
    lines = db.rows(
        "SELECT l.account, l.amount_minor FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id WHERE e.kind = 'write_off' ORDER BY 1"
    )
    total = books.value("SELECT amount_minor FROM payment_capture")
    assert [tuple(row) for row in lines] == [("provider_clearing:razorpay", -total), ("write_off", total)]
    books.reconcile()
    assert "not_settled" not in [kind for kind, _ in books.open()]


def test_accepting_posts_nothing(books, sold):
    seeds.settled_unknown(books, *sold)
    difference_id = find(books, "settled_unknown")
    before = books.value("SELECT count(*) FROM ledger_entry")
    repair(difference_id, "accept", actor=WHO, reason="a test of ours")
    assert books.value("SELECT count(*) FROM ledger_entry") == before
    assert state(difference_id) == ("accepted", WHO, "a test of ours")


def test_a_repair_of_another_kind_is_refused(books, sold):
    seeds.settled_unknown(books, *sold)
    difference_id = find(books, "settled_unknown")
    with pytest.raises(NoSuchRepair):
        repair(difference_id, "send_back", actor=WHO)
    assert state(difference_id)[0] == "open"
    assert audited() == []


def test_a_bank_that_does_not_answer_changes_nothing(books, sold):
    seeds.unheard(books)
    difference_id = find(books, "missed_payment")
    books.bank.fault("status", path="/v1/**", status=502)
    with pytest.raises(ProviderUnavailable):
        repair(difference_id, "settle", actor=WHO)
    assert state(difference_id)[0] == "open"
    assert audited() == []


def test_a_second_sale_after_the_repair_is_untouched(books, sold):
    seeds.unheard(books)
    pressed(books, "missed_payment", "settle")
    token = books.shopper.order(add_product())
    books.shopper.pay(token)
    books.settle()
    assert books.reconcile() == 0

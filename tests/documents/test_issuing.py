"""Issued once, numbered without gaps, never changed; credit notes follow the money that went back."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core import clock, db, numbers, outbox
from app.core.settings import Shop
from app.core.transaction import in_transaction, transaction
from app.documents import actions, printing, queries, sheets
from app.documents.rules import Taxed
from app.orders import queries as orders
from app.orders.actions import belonging
from app.orders.models import Order
from chaos.races import at_once
from tests.documents.sales import CONTACT, INDIAN_SELLER, ask_refund, end_refund, pay, place, refund
from tests.shop import add_product, faults

pytestmark = pytest.mark.usefixtures("shop_open")
YEAR = clock.now().astimezone(Shop().timezone).year


@pytest.fixture
def shirt():
    return add_product(stock_of={"KB": 60})


@pytest.fixture
def order_id(shirt):
    """A paid order with its documents."""
    order_id = place(shirt, 2)
    pay(order_id)
    outbox.drain()
    return order_id


def issued(order_id=None):
    """(kind, number, total) of every document, as they were issued."""
    found = db.rows(
        "SELECT kind, number, total_minor FROM document WHERE CAST(:id AS uuid) IS NULL OR order_id = :id ORDER BY series, number",
        id=order_id,
    )
    db.release()
    return [tuple(row) for row in found]


def deliver_again():
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'pending', finished_at = NULL RETURNING id")
    outbox.drain()


def test_a_credit_note_says_what_its_invoice_did_of_who_was_forgotten(shirt, seller):
    seller(INDIAN_SELLER)
    order_id = place(shirt, 2)
    with transaction():
        order = orders.order(order_id)
        order.country, order.address = "IN", {**order.address, "country": "IN", "state": "Karnataka"}
    pay(order_id)
    outbox.drain()
    in_transaction(lambda: belonging.forget([order_id]))
    refund(order_id, 5000)
    outbox.drain()
    invoice, note = (queries.document_of(order_id, "invoice"), queries.documents_of(order_id)[-1])
    assert note.kind == "credit_note"
    assert note.buyer == invoice.buyer
    assert note.buyer["lines"][-1] == CONTACT["email"]
    place_of_supply = ["Place of supply", "Karnataka (29)"]
    assert place_of_supply in invoice.facts["details"]
    assert place_of_supply in note.facts["details"]
    assert orders.order(order_id).address == {"state": "Karnataka"}
    db.release()


def test_nothing_is_issued_before_the_money_is_there(shirt):
    order_id = place(shirt)
    assert in_transaction(lambda: actions.issue_for_order(order_id)) == []
    outbox.drain()
    assert issued() == []
    assert db.scalar("SELECT count(*) FROM number_series") == 0


def test_a_paid_order_gets_invoice_and_receipt_once(order_id):
    assert issued() == [("invoice", f"INV-{YEAR}-00001", 38600), ("receipt", f"RC-{YEAR}-00001", 38600)]
    deliver_again()
    assert in_transaction(lambda: actions.issue_for_order(order_id)) == []
    assert len(issued()) == 2
    assert faults() == {}


def test_taxes_add_up_to_the_orders(order_id):
    order = orders.order(order_id)
    for document in queries.documents_of(order_id):
        assert document.tax_minor == order.tax_included_minor + order.tax_added_minor
        assert sum(Taxed(**each).total_minor for each in document.taxes) == document.total_minor == order.total_minor


def test_twenty_confirmations_at_once_leave_no_gap(shirt):
    """Twenty orders at once, each asked for twice; one in between that breaks gives its number back."""
    paid = [place(shirt) for _ in range(20)]
    for order_id in paid:
        pay(order_id)

    def breaks():
        with transaction():
            actions.issue_for_order(paid[0])
            raise LookupError("after the number was taken")

    def issue(order_id):
        return in_transaction(lambda: [each.number for each in actions.issue_for_order(order_id)])

    answers = at_once([breaks, *(lambda each=each: issue(each) for each in paid * 2)])
    assert isinstance(answers[0], LookupError)
    assert [each for each in answers[1:] if isinstance(each, Exception)] == []
    numbered = [number for kind, number, _ in issued() if kind == "invoice"]
    assert numbered == [f"INV-{YEAR}-{n:05d}" for n in range(1, 21)]
    assert [number for kind, number, _ in issued() if kind == "receipt"] == [f"RC-{YEAR}-{n:05d}" for n in range(1, 21)]


def test_a_number_goes_back_with_its_transaction(database):
    def take():
        return numbers.take("X-2026", prefix="X-2026-", digits=5)

    def breaks():
        assert take() == "X-2026-00002"
        raise LookupError

    assert in_transaction(take) == "X-2026-00001"
    with pytest.raises(LookupError):
        in_transaction(breaks)
    assert in_transaction(take) == "X-2026-00002"


def test_each_year_counts_anew(shirt, monkeypatch):
    for moment in (datetime(2027, 12, 31, 15, 59, tzinfo=UTC), datetime(2027, 12, 31, 16, 1, tzinfo=UTC)):
        order_id = place(shirt)
        pay(order_id)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        in_transaction(lambda order_id=order_id: actions.issue_for_order(order_id))
        monkeypatch.undo()
    assert [number for kind, number, _ in issued() if kind == "invoice"] == ["INV-2027-00001", "INV-2028-00001"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE document SET total_minor = 1",
        "UPDATE document SET buyer = buyer || 'x'",
        "UPDATE document SET buyer = 'x' || buyer, number = 'INV-1'",
        "DELETE FROM document",
        "TRUNCATE document",
    ],
)
def test_a_document_is_never_changed_or_deleted(order_id, as_owner, statement):
    before = issued()
    with pytest.raises(DBAPIError, match="never changed or deleted"), transaction():
        db.session.execute(text(statement))
    assert issued() == before


def test_what_was_issued_stays_whatever_changes_afterwards(order_id, seller):
    """Settings, names, addresses, translations: the bytes are the same."""

    def pdfs():
        found = [printing.pdf(printing.sheet_of(each)) for each in queries.documents_of(order_id)]
        db.forget()
        return [hashlib.sha256(each).hexdigest() for each in found]

    before = pdfs()
    seller(dataclasses.replace(Shop(), name="Another Shop", legal_name="Another Sdn. Bhd.", address=("Elsewhere",)))
    with transaction():
        db.rows("UPDATE order_line SET name = 'Renamed' RETURNING id")
        order = db.session.get(Order, order_id)
        order.address, order.email, order.locale = {"name": "Somebody", "country": "SG"}, "other@example.com", "ms"
    assert pdfs() == before
    assert sheets.sale_of(orders.order(order_id)).lines[0][0].name == "Renamed"


def test_personal_data_is_stored_encrypted_and_is_in_no_event(order_id):
    row = str(db.rows("SELECT * FROM document LIMIT 1")[0])
    events = json.dumps([row[0] for row in db.rows("SELECT payload FROM outbox_event")])
    for secret in ("Aina Rahman", "12 Jalan Kiara", "aina@example.com"):
        assert secret not in row
        assert secret not in events
    assert "Aina Rahman" in queries.documents_of(order_id)[0].buyer["lines"]


def credits(order_id):
    return [total for kind, _, total in issued(order_id) if kind == "credit_note"]


def test_a_refund_that_succeeded_is_credited_once(order_id):
    refund_id = ask_refund(order_id, 9000)
    outbox.drain()
    assert credits(order_id) == []
    end_refund(refund_id, order_id)
    outbox.drain()
    deliver_again()
    assert credits(order_id) == [9000]
    note = queries.credit_note_of(refund_id)
    assert note.number == f"CN-{YEAR}-00001"
    assert ["Credits invoice", f"INV-{YEAR}-00001"] in note.facts["details"]


def test_two_equal_refunds_are_two_credit_notes(order_id):
    """P14."""
    for _ in range(2):
        refund(order_id, 5000)
    outbox.drain()
    assert credits(order_id) == [5000, 5000]


def test_p15_partial_refunds_end_exactly_at_the_invoice(order_id):
    """Net and tax of the credit notes are those of the invoice, to the sen."""
    for minor in (1, 9999, 3333, 12345):
        refund(order_id, minor)
    refund(order_id, 38600 - 1 - 9999 - 3333 - 12345)
    outbox.drain()
    invoice = queries.document_of(order_id, "invoice")
    notes = [each for each in queries.documents_of(order_id) if each.kind == "credit_note"]
    assert sum(each.total_minor for each in notes) == invoice.total_minor
    assert sum(each.tax_minor for each in notes) == invoice.tax_minor
    credited = [Taxed(**each) for note in notes for each in note.taxes]
    for group in (Taxed(**each) for each in invoice.taxes):
        same = [each for each in credited if (each.name, each.basis_points) == (group.name, group.basis_points)]
        assert sum(each.taxable_minor for each in same) == group.taxable_minor


def test_refunds_that_succeed_at_once_are_credited_one_after_the_other(order_id):
    refunds = [ask_refund(order_id, 3000) for _ in range(8)]
    for each in refunds:
        end_refund(each, order_id)
    answers = at_once(
        [lambda each=each: in_transaction(lambda: actions.issue_credit_note(each, order_id)) for each in refunds * 2]
    )
    assert [each for each in answers if isinstance(each, Exception)] == []
    assert credits(order_id) == [3000] * 8
    invoice = queries.document_of(order_id, "invoice")
    assert (
        sum(each.tax_minor for each in queries.documents_of(order_id) if each.kind == "credit_note")
        <= invoice.tax_minor
    )


def test_p16_a_refund_asked_for_again_has_the_note_of_the_one_that_failed(order_id):
    """Credit notes add up to what went back, never to more."""
    first = refund(order_id, 9000)
    outbox.drain()
    end_refund(first, order_id, "failed")
    refund(order_id, 9000)
    outbox.drain()
    assert credits(order_id) == [9000]
    refund(order_id, 1000)
    outbox.drain()
    assert credits(order_id) == [9000, 1000]


def test_a_failed_refund_is_not_credited(order_id):
    end_refund(ask_refund(order_id, 9000), order_id, "failed")
    outbox.drain()
    assert credits(order_id) == []


def test_p11_money_that_paid_no_order_is_not_credited(shirt):
    """Paid twice: the second payment goes back, and no invoice was ever made of it."""
    order_id = place(shirt, 2)
    pay(order_id, times=2)
    outbox.drain()
    [refund_id] = [row[0] for row in db.rows("SELECT id FROM refund")]
    db.release()
    end_refund(refund_id, order_id)
    outbox.drain()
    assert credits(order_id) == []
    assert len(issued(order_id)) == 2


def test_a_refund_before_the_invoice_makes_it_first(shirt):
    order_id = place(shirt)
    pay(order_id)
    refund_id = refund(order_id, 19700)
    in_transaction(lambda: actions.issue_credit_note(refund_id, order_id))
    assert [kind for kind, _, _ in issued(order_id)] == ["credit_note", "invoice", "receipt"]
    outbox.drain()
    assert len(issued(order_id)) == 3


def test_p22_documents_are_written_under_the_orders_lock(order_id, statements):
    refund_id = refund(order_id, 100)
    statements()
    in_transaction(lambda: actions.issue_credit_note(refund_id, order_id))
    asked = statements()
    locks = [n for n, sql in enumerate(asked) if "FOR UPDATE" in sql and "FROM orders" in sql]
    series = [n for n, sql in enumerate(asked) if "number_series" in sql]
    assert locks[0] < series[0]
    later = [sql.split()[0:3] for sql in asked[series[0] + 1 :]]
    assert [words for words in later if words[0] == "SELECT"] == []  # the series comes last


def refund_parts(order_id, *parts):
    """A refund of these (kind, quantity, amount), as `returns` writes it down."""
    refund_id = ask_refund(order_id, sum(amount for _, _, amount in parts))
    with transaction():
        line_id = db.scalar("SELECT id FROM order_line WHERE order_id = :id", id=order_id)
        for kind, quantity, amount in parts:
            db.rows(
                "INSERT INTO refund_line (id, refund_id, kind, order_line_id, quantity, amount_minor)"
                " VALUES (uuidv7(), :refund, :kind, CASE CAST(:kind AS text) WHEN 'goods' THEN CAST(:line AS uuid) END,"
                " :quantity, :amount) RETURNING id",
                refund=refund_id, kind=kind, line=line_id, quantity=quantity, amount=amount,
            )  # fmt: skip
    end_refund(refund_id, order_id)
    outbox.drain()
    return queries.credit_note_of(refund_id)


def test_goods_and_delivery_are_credited_by_line_at_their_own_tax(order_id):
    note = refund_parts(order_id, ("goods", 1, 18900), ("shipping", 0, 800))
    assert [(line["title"], line["detail"].split(" · ")[0], line["cells"]) for line in note.facts["lines"]] == [
        ("Kemeja Teluk", "1 ×", ["RM\xa0171.82", "RM\xa017.18", "RM\xa0189.00"]),
        ("Delivery", "", ["RM\xa08.00", "RM\xa00.00", "RM\xa08.00"]),
    ]
    assert [Taxed(**each) for each in note.taxes] == [Taxed("SST", 1000, 17182, 1718), Taxed("", 0, 800, 0)]


def test_amounts_and_lines_in_any_order_end_exactly_at_the_invoice(order_id):
    """P15: an amount of nothing in particular has taken from the line's tax before the rest of the line goes back."""
    refund_parts(order_id, ("amount", 0, 5000))
    refund_parts(order_id, ("goods", 1, 18900), ("shipping", 0, 800))
    refund_parts(order_id, ("goods", 1, 13900))
    invoice = queries.document_of(order_id, "invoice")
    notes = [each for each in queries.documents_of(order_id) if each.kind == "credit_note"]
    assert sum(each.total_minor for each in notes) == invoice.total_minor
    assert sum(each.tax_minor for each in notes) == invoice.tax_minor

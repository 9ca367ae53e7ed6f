"""The same money told by everybody at once, and the same repair pressed by everybody, stand in the books once."""

from app.books import queries as books
from app.core import db
from app.core.transaction import in_transaction
from app.orders import flows
from app.payments import queries
from app.payments.actions import postings
from app.payments.models import PaymentCapture
from chaos import races
from chaos.buyer import token_of
from tests import shop


def entries(token):
    found = db.rows(
        "SELECT e.kind, count(*) FROM ledger_entry e JOIN orders o ON o.id = e.order_id WHERE o.token = :token GROUP BY 1",
        token=token,
    )
    db.release()
    return dict(map(tuple, found))


def test_a_capture_told_by_several_at_once_is_posted_once(stand, bank):
    shirt = shop.add_product(stock_of={"KB": 9})
    for number in range(460, 464):
        buyer = races.prepared(stand, [number], shirt)[0]
        token = token_of(buyer.place())
        assert buyer.press_pay(token).status_code == 303
        fields = buyer.hand_over(token, bank.url).fields
        paid = bank.pay(fields["order_id"])
        asked = [lambda: flows.reconcile(everything=True)] * 3
        races.at_once([*asked, lambda b=buyer, f=fields, p=paid: b.come_back(f["callback_url"], p)])
        assert entries(token) == {"capture": 1, "sale": 1}
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_a_fee_noted_by_several_at_once_is_posted_once(stand, bank):
    shirt = shop.add_product(stock_of={"KB": 1})
    buyer = races.prepared(stand, [470], shirt)[0]
    token = token_of(buyer.place())
    buyer.press_pay(token)
    fields = buyer.hand_over(token, bank.url).fields
    buyer.come_back(fields["callback_url"], bank.pay(fields["order_id"]))
    capture_id = db.scalar(
        "SELECT c.id FROM payment_capture c JOIN payment p ON p.id = c.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE o.token = :token",
        token=token,
    )
    fee = db.session.get_one(PaymentCapture, capture_id).fee_minor
    db.release()

    def note():
        [capture] = queries.lock_captures([capture_id])
        postings.note_fee(capture, fee + 7)

    races.at_once([lambda: in_transaction(note)] * 6)
    assert books.fees_of(capture_id) == (fee + 7, 1)
    db.release()
    assert stand.faults() == {}

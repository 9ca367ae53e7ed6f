"""F4: each kind of difference is seeded, found just once, closes by itself when it is gone; clean books show none."""

import pytest

from app.core import db
from app.core.transaction import transaction
from app.reconciliation import rules
from tests.reconciliation.conftest import KEYS
from tests.shop import add_product, faults


@pytest.fixture
def sold(books):
    """A paid order, settled by the provider; and its payment's id."""
    token, payment = books.sell()
    books.settle()
    return token, payment


def test_clean_books_show_nothing(books):
    for _ in range(3):
        books.sell()
    [settlement] = books.settle()
    assert books.reconcile() == 0
    assert books.open() == []
    assert books.value("SELECT count(*) FROM provider_transaction WHERE kind = 'charge'") == 3
    total = books.value("SELECT sum(net_minor) FROM provider_transaction WHERE kind = 'charge'")
    assert total == books.value("SELECT net_minor FROM provider_transaction WHERE transaction_id = :id", id=settlement)
    assert books.value("SELECT sum(amount_minor) FROM ledger_line WHERE account = 'bank'") == total
    assert (
        books.value(
            "SELECT coalesce(sum(amount_minor), 0) FROM ledger_line WHERE account = 'provider_clearing:razorpay'"
        )
        == 0
    )
    assert faults() == {}


def unheard(books):
    """Paid at the bank, and nobody told us."""
    token = books.shopper.order(add_product())
    form = books.shopper.hand_over(token)
    paid = books.bank.pay(form.fields["order_id"])
    return token, paid["razorpay_payment_id"]


def missed_payment(books, _token, _payment):
    return unheard(books)[1]


def foreign_payment(books, _token, _payment):
    order = books.bank.session.post(
        f"{books.bank.url}/v1/orders",
        json={"amount": 5000, "currency": "MYR", "receipt": "by hand"},
        auth=KEYS,
        timeout=10,
    ).json()
    return books.bank.pay(order["id"])["razorpay_payment_id"]


def unknown_there(books, _token, payment):
    """An attempt and capture that the provider never saw, of an order that has another one."""
    books.change(
        "UPDATE payment_capture SET provider_payment_id = 'pay_00000000000000' WHERE provider_payment_id = :id",
        id=payment,
    )
    return "pay_00000000000000"


def amount_differs(books, _token, payment):
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    return payment


def currency_differs(books, _token, payment):
    books.bank.fault("wrong_currency", path="/v1/payments", currency="USD")
    return payment


def refund_unknown_here(books, _token, payment):
    return books.refund_at_the_bank(payment, 1000)


def known_refund(books, payment, *, state="succeeded", amount=1000, provider_refund_id="rfnd_00000000000000"):
    books.change(
        "INSERT INTO refund (id, payment_id, capture_id, amount_minor, currency, reason, state, provider_refund_id)"
        " SELECT uuidv7(), payment_id, id, :amount, currency, 'dashboard', :state, :refund FROM payment_capture"
        " WHERE provider_payment_id = :id",
        amount=amount,
        state=state,
        refund=provider_refund_id,
        id=payment,
    )
    return provider_refund_id


def refund_unknown_there(books, _token, payment):
    return known_refund(books, payment)


def refund_amount_differs(books, _token, payment):
    return known_refund(books, payment, amount=900, provider_refund_id=books.refund_at_the_bank(payment, 1000))


def refund_state_differs(books, _token, payment):
    return known_refund(books, payment, state="failed", provider_refund_id=books.refund_at_the_bank(payment, 1000))


def paid_without_capture(books, token, payment):
    books.change(
        "UPDATE payment_capture SET state = 'authorized', is_applied = false WHERE provider_payment_id = :id",
        id=payment,
    )
    return books.value("SELECT reference FROM orders WHERE token = :token", token=token)


def second_capture(books, payment, *, state="captured"):
    books.change(
        "INSERT INTO payment_capture (id, payment_id, attempt_id, provider, provider_payment_id, amount_minor, currency, state,"
        " captured_at)"
        " SELECT uuidv7(), payment_id, attempt_id, provider, 'pay_00000000000002', amount_minor, currency, :state, captured_at"
        " FROM payment_capture WHERE provider_payment_id = :id",
        state=state,
        id=payment,
    )
    return "pay_00000000000002"


def captured_twice(books, _token, payment):
    return second_capture(books, payment)


def money_unused(books, _token, payment):
    books.change("UPDATE payment_capture SET is_applied = false WHERE provider_payment_id = :id", id=payment)
    return payment


def over_refunded(books, _token, payment):
    books.change(
        "UPDATE payment_capture SET refunded_minor = amount_minor + 1 WHERE provider_payment_id = :id", id=payment
    )
    return payment


def not_settled(books, _token, payment):
    books.falsify(payment, "drop")
    books.change(
        "UPDATE payment_capture SET captured_at = now() - interval '9 days', created_at = now() - interval '9 days'"
        " WHERE provider_payment_id = :id",
        id=payment,
    )
    return payment


def row_of(books, payment):
    [settlement] = {row["id"] for row in settlements(books)}
    return f"{settlement}:{payment}"


def settlements(books):
    return books.bank.session.get(f"{books.bank.url}/v1/settlements", auth=KEYS, timeout=10).json()["items"]


def settled_amount_differs(books, _token, payment):
    books.falsify(payment, "amount", 17777)
    return row_of(books, payment)


def settled_unknown(books, _token, _payment):
    stray = books.bank.control("POST", "/settlements/stray", {"type": "payment", "amount": 4200})
    return f"{stray['settlement_id']}:{stray['entity_id']}"


def settled_twice(books, _token, payment):
    books.falsify(payment, "repeat")
    return f"charge:{payment}"


def fee_differs(books, _token, payment):
    books.falsify(payment, "fee", 999)
    return row_of(books, payment)


def row_differs(books, _token, payment):
    books.falsify(payment, "credit", 1)
    return row_of(books, payment)


def payout_differs(books, _token, payment):
    [settlement] = settlements(books)
    books.falsify(settlement["id"], "amount", settlement["amount"] - 100)
    return settlement["id"]


def adjustment(books, _token, _payment):
    stray = books.bank.control("POST", "/settlements/stray", {"type": "adjustment", "amount": 300})
    return f"{stray['settlement_id']}:{stray['entity_id']}"


def capture_unposted(books, _token, payment):
    second_capture(books, payment, state="refunded")
    return "pay_00000000000002"


def refund_unposted(books, _token, payment):
    known_refund(books, payment)
    return str(books.value("SELECT id FROM refund"))


def fee_unposted(books, _token, payment):
    """Of a payment that the provider lists it would be corrected by what the provider says."""
    subject = second_capture(books, payment, state="refunded")
    books.change("UPDATE payment_capture SET fee_minor = 5 WHERE provider_payment_id = :id", id=subject)
    return subject


SEEDS = (
    missed_payment, foreign_payment, unknown_there, amount_differs, currency_differs, refund_unknown_here, refund_unknown_there,
    refund_amount_differs, refund_state_differs, paid_without_capture, captured_twice, money_unused, over_refunded, not_settled,
    settled_amount_differs, settled_unknown, settled_twice, fee_differs, row_differs, payout_differs, adjustment,
    capture_unposted, refund_unposted, fee_unposted,
)  # fmt: skip


def test_there_is_a_seed_for_every_kind():
    at_stripe = ["paid_out_by_hand"]  # see test_stripe_books.py
    assert sorted([*at_stripe, *(seed.__name__ for seed in SEEDS)]) == sorted(rules.KINDS)
    assert len(SEEDS) >= 12


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_f4_a_seeded_difference_is_found_once(books, sold, seed):
    """Found by the first comparison, listed once by the second, with the order of the shop where it has one."""
    subject = seed(books, *sold)
    books.reconcile()
    assert (seed.__name__, subject) in books.open()
    before = books.open()
    assert books.reconcile() == 0
    assert books.open() == before
    assert books.value("SELECT count(*) FROM difference") == len(before)


def test_what_is_gone_closes_by_itself_and_comes_back(books, sold):
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    assert books.reconcile() == 1
    books.bank.control("DELETE", "/faults")
    assert books.reconcile() == 0
    assert books.open() == []
    assert books.value("SELECT state || ' ' || closed_by FROM difference") == "gone system"
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    assert books.reconcile() == 1
    assert books.value("SELECT count(*) FROM difference") == 1


def test_a_provider_that_does_not_answer_closes_nothing(books, sold):
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    books.reconcile()
    books.bank.control("DELETE", "/faults")
    books.bank.fault("status", path="/v1/payments", status=500)
    with pytest.raises(AssertionError, match="razorpay"):
        books.reconcile()
    assert [kind for kind, _ in books.open()] == ["amount_differs"]


def test_what_somebody_accepted_stays_so_until_it_changes(books, sold):
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    books.reconcile()
    with transaction():
        db.rows("UPDATE difference SET state = 'accepted', closed_at = now() RETURNING 1")
    assert books.reconcile() == 0
    books.bank.control("DELETE", "/faults")
    books.bank.fault("wrong_amount", path="/v1/payments", delta=8)
    assert books.reconcile() == 1
    assert [kind for kind, _ in books.open()] == ["amount_differs"]

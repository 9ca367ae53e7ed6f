"""F4 at Stripe: its intents, refunds, balance transactions and payouts are read, clean books show nothing, seeded differences show."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core import db
from app.reconciliation.flows import fetch_statement
from tests import shop as shops
from tests.bank import STRIPE
from tests.flows.providers import StripeShopper, refund, stripe
from tests.flows.shopper import provider_order_of
from tests.reconciliation.conftest import Books
from tests.reconciliation.seeds import (
    amount_differs,
    refund_amount_differs,
    refund_state_differs,
    refund_unknown_here,
)
from tests.reconciliation.test_differences import known_refund
from tests.shop import add_product, faults

FEE = 19700 * 3 // 100


class StripeBooks(Books):
    """The same at Stripe; each sale to somebody else."""

    def __init__(self, shop, bank):
        self.shop, self.bank = shop, bank

    @property
    def shopper(self):
        return StripeShopper(self.shop.test_client(), self.bank)

    def sell(self):
        token = self.shopper.buy(add_product())
        return token, self.payment_of(token)

    def settle(self):
        return self.bank.control("POST", "/stripe/payouts")

    def ask(self, method, path, **data):
        answer = self.bank.session.request(
            method,
            f"{self.bank.url}/stripe/v1{path}",
            data=data,
            headers={"Authorization": f"Bearer {STRIPE['secret_key']}"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refund_at_the_bank(self, payment_id, amount):
        return self.ask("POST", "/refunds", payment_intent=payment_id, amount=amount)["id"]

    def rows(self):
        """(kind, gross, fee, net) of the stored statement."""
        found = db.rows("SELECT kind, gross_minor, fee_minor, net_minor FROM provider_transaction ORDER BY kind, 2")
        db.release()
        return [tuple(row) for row in found]


@pytest.fixture
def books(bank, make_app):
    shop = make_app(**stripe(bank), RAZORPAY_KEY_ID="", PAYMENT_PROVIDER="stripe")
    shops.open_shop()
    return StripeBooks(shop, bank)


def test_clean_books_show_nothing_and_hold_the_fees(books, drain):
    for _ in range(2):
        token, _ = books.sell()
    refund(token, 1000)
    drain()
    books.bank.control("POST", "/stripe/fees", {"amount": 250, "currency": "MYR"})
    payout = books.settle()
    assert payout["amount"] == 2 * (19700 - FEE) - 1000 - 250
    assert (books.reconcile(), books.open()) == (0, [])
    assert books.rows() == [
        ("charge", 19700, FEE, 19700 - FEE),
        ("charge", 19700, FEE, 19700 - FEE),
        ("fee", -250, 0, -250),
        ("payout", payout["amount"], 0, payout["amount"]),
        ("refund", -1000, 0, -1000),
    ]
    assert books.value("SELECT sum(amount_minor) FROM ledger_line WHERE account = 'bank'") == payout["amount"]
    spent = books.value("SELECT sum(amount_minor) FROM ledger_line WHERE account = 'payment_fees'")
    assert spent == 2 * FEE + 250


def missed_payment(books):
    """Paid at Stripe, and nobody came back or told us."""
    shopper = books.shopper
    token = shopper.order(add_product())
    shopper.press(shopper.open_page(token))
    session = books.ask("GET", f"/checkout/sessions/{provider_order_of(token)}")
    return session["payment_intent"]


def foreign_payment(books):
    """Somebody makes a session of their own under the same account."""
    data = {
        "mode": "payment",
        "success_url": "http://elsewhere.example/",
        "line_items[0][quantity]": 1,
        "line_items[0][price_data][currency]": "myr",
        "line_items[0][price_data][unit_amount]": 5000,
        "line_items[0][price_data][product_data][name]": "By hand",
    }
    session = books.ask("POST", "/checkout/sessions", **data)
    return books.bank.control("POST", "/stripe/pay", {"session_id": session["id"]})["payment_intent"]["id"]


def unknown_there(books):
    _, payment = books.sell()
    books.change("UPDATE payment_capture SET provider_payment_id = 'pi_0' WHERE provider_payment_id = :id", id=payment)
    return "pi_0"


def refund_unknown_there(books):
    return known_refund(books, books.sell()[1], provider_refund_id="re_0")


def fee_differs(books):
    """Found on the statement, by the transaction's id."""
    _, payment = books.sell()
    books.change("UPDATE payment_capture SET fee_minor = 5 WHERE provider_payment_id = :id", id=payment)
    charge = books.ask("GET", f"/payment_intents/{payment}")["latest_charge"]
    return books.ask("GET", f"/charges/{charge}")["balance_transaction"]


SEEDS = (
    missed_payment, foreign_payment, unknown_there, amount_differs, refund_unknown_here, refund_unknown_there,
    refund_amount_differs, refund_state_differs, fee_differs,
)  # fmt: skip


def test_f4_seeded_differences_are_found_at_once_and_once(books):
    seeded = {(seed.__name__, seed(books)) for seed in SEEDS}
    books.settle()
    books.reconcile()
    found = books.open()
    assert seeded <= set(found), seeded - set(found)
    assert books.reconcile() == 0
    assert books.open() == found


def test_a_list_longer_than_a_page_is_read_to_its_end(books, monkeypatch):
    monkeypatch.setattr("app.payments.providers.stripe.PAGE", 1)
    for _ in range(2):
        books.sell()
    books.settle()
    assert (books.reconcile(), books.open(), faults()) == (0, [], {})
    assert [row[0] for row in books.rows()] == ["charge", "charge", "payout"]


@pytest.mark.parametrize("currency", ["MYR", "USD"])
def test_what_was_paid_out_by_hand_is_no_mystery(books, currency):
    """Such a payout names no payments: the books hold it, and its payments are told apart from those that nobody paid out."""
    sold = [books.sell()[1] for _ in range(2)]
    payout = books.bank.control("POST", "/stripe/payouts", {"automatic": False})
    books.change(
        "UPDATE payment_capture SET captured_at = now() - interval '9 days', created_at = now() - interval '9 days'"
        " WHERE provider_payment_id = ANY(:ids)",
        ids=sold,
    )
    books.reconcile(days=10)
    books.change("UPDATE provider_transaction SET currency = :currency", currency=currency)  # the account's own
    books.reconcile(days=10)
    assert books.open() == sorted(("paid_out_by_hand", payment) for payment in sold)
    assert books.rows() == [("payout", payout["amount"], 0, payout["amount"])]
    assert books.value("SELECT sum(amount_minor) FROM ledger_line WHERE account = 'bank'") == payout["amount"]
    assert (books.reconcile(days=10), faults()) == (0, {})


def test_what_was_taken_after_a_payout_by_hand_still_waits_for_its_own(books):
    _, earlier = books.sell()
    books.bank.control("POST", "/stripe/payouts", {"automatic": False})
    _, later = books.sell()
    day = "UPDATE payment_capture SET created_at = captured_at WHERE provider_payment_id = :id"
    when = (
        "UPDATE payment_capture SET captured_at = now() - make_interval(days => :days) WHERE provider_payment_id = :id"
    )
    for payment, days in ((earlier, 12), (later, 9)):
        books.change(when, id=payment, days=days)
        books.change(day, id=payment)
    books.reconcile(days=14)
    books.change("UPDATE provider_transaction SET settled_at = now() - interval '11 days' WHERE kind = 'payout'")
    books.reconcile(days=14)
    assert books.open() == sorted([("not_settled", later), ("paid_out_by_hand", earlier)])


def test_a_payout_by_hand_counts_once_it_is_at_the_bank_and_is_taken_back_when_that_sends_it_back(books):
    _, payment = books.sell()
    payout = books.bank.control("POST", "/stripe/payouts", {"automatic": False, "status": "pending"})
    sent = ("payout", payout["amount"], 0, payout["amount"])
    back = ("payout", -payout["amount"], 0, -payout["amount"])
    at_bank = "SELECT coalesce(sum(amount_minor), 0) FROM ledger_line WHERE account = 'bank'"
    when = (
        "UPDATE payment_capture SET captured_at = now() - interval '9 days', created_at = now() - interval '9 days'"
        " WHERE provider_payment_id = :id"
    )
    books.change(when, id=payment)
    for status, rows, kind in (
        ("pending", [], "not_settled"),
        ("in_transit", [], "not_settled"),
        ("paid", [sent], "paid_out_by_hand"),
        ("failed", [back, sent], "not_settled"),
    ):
        books.bank.control("POST", f"/stripe/payouts/{payout['id']}", {"status": status})
        for _ in range(2):
            books.reconcile(days=10)
        assert books.rows() == rows, status
        assert books.value(at_bank) == sum(row[3] for row in rows), status
        assert books.open() == [(kind, payment)], status
    assert faults() == {}


def test_a_payout_by_hand_that_comes_to_the_bank_days_later_is_not_missed(books):
    books.sell()
    payout = books.bank.control("POST", "/stripe/payouts", {"automatic": False, "status": "pending"})
    books.reconcile()
    books.bank.control("POST", "/clock", {"advance_seconds": 5 * 86400})
    books.bank.control("POST", f"/stripe/payouts/{payout['id']}", {"status": "paid"})
    books.change("UPDATE statement_progress SET through = now() + interval '5 days'")
    until = datetime.now(UTC) + timedelta(days=5)
    assert fetch_statement("stripe", until=until) == 1
    assert books.rows() == [("payout", payout["amount"], 0, payout["amount"])]

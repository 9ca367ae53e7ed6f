"""F4 at PayPal: what Transaction Search lists is read, clean books show nothing, seeded differences show."""

import pytest

from app.core import db
from tests import shop as shops
from tests.bank import PAYPAL
from tests.flows.providers import PayPalShopper, paypal, refund, state_of
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

TOTAL = 19700
FEE = TOTAL * 39 // 1000


class PayPalBooks(Books):
    """The same at PayPal; each sale to somebody else. `sell` answers with PayPal's order, the payment's id to us."""

    def __init__(self, shop, bank):
        self.shop, self.bank = shop, bank

    @property
    def shopper(self):
        return PayPalShopper(self.shop.test_client(), self.bank)

    def sell(self):
        token = self.shopper.buy(add_product())
        return token, self.payment_of(token)

    def ask(self, method, path, **body):
        keys = (PAYPAL["client_id"], PAYPAL["client_secret"])
        token = self.bank.session.post(
            f"{self.bank.url}/paypal/v1/oauth2/token", data={"grant_type": "client_credentials"}, auth=keys, timeout=10
        ).json()["access_token"]
        answer = self.bank.session.request(
            method,
            f"{self.bank.url}/paypal{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json()

    def capture_of(self, order_id):
        order = self.ask("GET", f"/v2/checkout/orders/{order_id}")
        return order["purchase_units"][0]["payments"]["captures"][0]["id"]

    def refund_at_the_bank(self, payment_id, amount):
        value = {"currency_code": "MYR", "value": f"{amount / 100:.2f}"}
        path = f"/paypal/captures/{self.capture_of(payment_id)}/refund"
        return self.bank.control("POST", path, {"amount": value})["id"]

    def falsify(self, entity_id, change, value=0):
        body = {"id": entity_id, "change": change, "value": value}
        return self.bank.control("POST", "/paypal/transactions/falsify", body)["transaction_id"]

    def move(self, code, amount, **facts):
        """A movement of PayPal's balance by itself; its id."""
        body = {"event_code": code, "amount": amount, **facts}
        return self.bank.control("POST", "/paypal/transactions", body)["transaction_id"]

    def rows(self):
        """(kind, gross, fee, net) of the stored statement."""
        found = db.rows("SELECT kind, gross_minor, fee_minor, net_minor FROM provider_transaction ORDER BY kind, 2")
        db.release()
        return [tuple(row) for row in found]


@pytest.fixture
def books(bank, make_app):
    shop = make_app(**paypal(bank), RAZORPAY_KEY_ID="", PAYMENT_PROVIDER="paypal")
    shops.open_shop()
    return PayPalBooks(shop, bank)


def test_clean_books_show_nothing_and_hold_fees_disputes_and_withdrawals(books, drain):
    for _ in range(2):
        token, _ = books.sell()
    refund(token, 1000)
    drain()
    books.move("T0106", -250)
    books.move("T1201", -700)
    books.move("T0400", -9000)
    books.move("T1503", -300)
    books.move("T1105", 300)
    assert (books.reconcile(), books.open()) == (0, [])
    assert books.rows() == [
        ("charge", TOTAL, FEE, TOTAL - FEE),
        ("charge", TOTAL, FEE, TOTAL - FEE),
        ("dispute", -700, 0, -700),
        ("fee", -250, 0, -250),
        ("payout", 9000, 0, 9000),
        ("refund", -1000, 0, -1000),
    ]
    sums = "SELECT coalesce(sum(amount_minor), 0) FROM ledger_line WHERE account = :account"
    assert books.value(sums, account="bank") == 9000
    assert books.value(sums, account="payment_fees") == 2 * FEE + 250
    assert books.value(sums, account="disputes") == 700
    left = 2 * TOTAL - 2 * FEE - 250 - 700 - 9000 - 1000
    assert books.value(sums, account="provider_clearing:paypal") == left
    assert (books.reconcile(), faults()) == (0, {})


def test_what_paypal_lists_hours_later_is_no_difference(books, drain):
    token, payment = books.sell()
    back = refund(token, 1000)
    drain()
    assert state_of(back) == "succeeded"
    books.falsify(books.capture_of(payment), "drop")
    books.falsify(books.value("SELECT provider_refund_id FROM refund"), "drop")
    assert (books.reconcile(), books.open(), books.rows()) == (0, [], [])


def missed_payment(books):
    """Approved and captured at PayPal, and nobody came back or told us."""
    shopper = books.shopper
    token = shopper.order(add_product())
    shopper.approve(token)
    order_id = provider_order_of(token)
    books.ask("POST", f"/v2/checkout/orders/{order_id}/capture")
    return order_id


def foreign_payment(books):
    return books.move("T0006", 5000, invoice_id="somebody-elses-1")


def unknown_there(books):
    """Asked for by its order, which PayPal has with another payment."""
    _, payment = books.sell()
    books.change(
        "UPDATE payment_capture SET provider_payment_id = 'NOORDER0' WHERE provider_payment_id = :id", id=payment
    )
    return "NOORDER0"


def currency_differs(books):
    _, payment = books.sell()
    books.change("UPDATE payment_capture SET currency = 'USD' WHERE provider_payment_id = :id", id=payment)
    return payment


def refund_unknown_there(books):
    return known_refund(books, books.sell()[1], provider_refund_id="NOREFUND0")


def fee_differs(books):
    capture = books.capture_of(books.sell()[1])
    books.falsify(capture, "fee", 5)
    books.change(
        "UPDATE payment_capture SET fee_minor = 900 WHERE provider_payment_id = :id", id=order_of(books, capture)
    )
    return capture


def settled_amount_differs(books):
    capture = books.capture_of(books.sell()[1])
    books.falsify(capture, "amount", 17777)
    return capture


def settled_unknown(books):
    return books.move("T0006", 4200)


def settled_twice(books):
    _, payment = books.sell()
    books.falsify(books.capture_of(payment), "repeat")
    return f"charge:{payment}"


def not_settled(books):
    _, payment = books.sell()
    books.falsify(books.capture_of(payment), "drop")
    books.change(
        "UPDATE payment_capture SET captured_at = now() - interval '9 days', created_at = now() - interval '9 days'"
        " WHERE provider_payment_id = :id",
        id=payment,
    )
    return payment


def adjustment(books):
    return f"{books.move('T0200', -300)}-T0200"


def order_of(books, capture):
    capture = books.ask("GET", f"/v2/payments/captures/{capture}")
    return capture["supplementary_data"]["related_ids"]["order_id"]


SEEDS = (
    missed_payment, foreign_payment, unknown_there, amount_differs, currency_differs, refund_unknown_here, refund_unknown_there,
    refund_amount_differs, refund_state_differs, fee_differs, settled_amount_differs, settled_unknown, settled_twice,
    not_settled, adjustment,
)  # fmt: skip


def test_f4_seeded_differences_are_found_at_once_and_once(books):
    seeded = {(seed.__name__, seed(books)) for seed in SEEDS}
    books.reconcile(days=10)
    found = books.open()
    assert seeded <= set(found), seeded - set(found)
    assert books.reconcile(days=10) == 0
    assert books.open() == found


def test_a_list_longer_than_a_page_is_read_to_its_end(books, monkeypatch):
    monkeypatch.setattr("app.payments.providers.paypal.PAGE", 1)
    for _ in range(3):
        books.sell()
    books.bank.fault(
        "status", status=500, method="GET", path="/paypal/v1/reporting/transactions", count=1
    )  # once is no harm: reading is tried again
    assert (books.reconcile(), books.open(), faults()) == (0, [], {})
    assert [row[0] for row in books.rows()] == ["charge", "charge", "charge"]


def test_when_paypal_does_not_list_only_its_run_fails_and_says_so(books):
    books.sell()
    books.bank.fault("status", status=500, method="GET", path="/paypal/v1/reporting/transactions")
    with pytest.raises(AssertionError, match="paypal: "):
        books.reconcile()
    runs = db.rows("SELECT provider, state FROM reconciliation_run ORDER BY provider")
    assert [tuple(run) for run in runs] == [("paypal", "failed"), ("shop", "done")]
    db.release()

"""Mails to the merchant about the books: once for each run that found something, once for each silence (P6)."""

import pytest

from app.core import db
from app.core.transaction import transaction
from app.reconciliation import flows
from tests.notifications.post_office import body_of
from tests.reconciliation.conftest import Books


@pytest.fixture
def books(shopper, bank):
    return Books(shopper, bank)


def about(office, words):
    return [mail for mail in office.mails if words in str(mail["Subject"])]


def test_the_merchant_hears_of_new_differences_once(books, office, drain):
    books.sell()
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    books.reconcile()
    books.reconcile()
    drain()
    [mail] = about(office, "Your books and your payment provider do not agree")
    for kind in ("plain", "html"):
        assert "one new difference" in body_of(mail, kind)
        assert "/admin/books" in body_of(mail, kind)


def test_p6_the_merchant_hears_once_that_webhooks_have_stopped(books, office, drain):
    books.sell()
    with transaction():
        db.rows("UPDATE payment_capture SET created_at = now() - interval '1 hour' RETURNING id")
    flows.watch_webhooks()
    flows.watch_webhooks()
    drain()
    [mail] = about(office, "does not report payments any more")
    assert "Razorpay" in str(mail["Subject"])
    for kind in ("plain", "html"):
        assert "/admin/books" in body_of(mail, kind)

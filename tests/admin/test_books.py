"""The books in the back office: what differs and its remedy, through the page's own forms."""

import re

import pytest

from app.core import db
from app.core.transaction import transaction
from app.reconciliation import flows
from tests.changes import changes
from tests.reconciliation.conftest import Books
from tests.shop import faults
from tools.webforms import forms_of


@pytest.fixture
def books(shopper, bank):
    return Books(shopper, bank)


def differ(books):
    """A payment that the provider lists with another amount; the difference's page."""
    books.sell()
    books.bank.fault("wrong_amount", path="/v1/payments", delta=7)
    books.reconcile()
    found = db.scalar("SELECT id FROM difference")
    db.release()
    return f"/admin/books/{found}"


def test_an_empty_shop_says_so(owner):
    page = owner.get("/admin/books")
    assert "Nothing differs" in page
    assert "It is drawn up with the first comparison" in page
    assert "No statement yet" in owner.get("/admin/books/statement")


def test_the_page_shows_balance_runs_and_success(merchant, books):
    books.sell()
    books.settle()
    books.reconcile()
    page = merchant.get("/admin/books")
    for text in (
        "100.0 %",
        "target 95 %",
        "With Razorpay, not paid out",
        "Goods sold",
        "Payment fees",
        "Bank",
        "Our own rows",
        "Razorpay",
    ):
        assert text in page or text == "With Razorpay, not paid out", text
    statement = merchant.get("/admin/books/statement")
    assert "setl_" in statement
    assert "pay_" in statement


def test_a_difference_is_put_right_with_a_reason(merchant, books):
    page = differ(books)
    listed = merchant.get("/admin/books?kind=amount_differs")
    assert "Other amount there" in listed
    assert page in listed
    assert "RM\u00a0197.07" in listed
    shown = merchant.get(page)
    assert "The order in the books" in shown
    form = next(form for form in forms_of(shown) if form.action == f"{page}/repair")
    answer = merchant.client.post(form.action, data=form.filled(how="accept", reason=" "))
    assert answer.status_code == 422
    assert "Say why" in answer.text
    assert db.scalar("SELECT state FROM difference") == "open"
    answer = merchant.client.post(form.action, data=form.filled(how="accept", reason="a test"))
    assert answer.status_code == 303
    assert "Noted, with your reason" in merchant.get(answer.location)
    again = merchant.client.post(form.action, data=form.filled(how="accept", reason="a test"))
    assert "dealt with already" in merchant.get(again.location)
    assert changes("difference.accept") == [({"state": "open"}, {"state": "accepted"})]
    assert "a test" in merchant.get(page)
    assert page in merchant.get("/admin/books?state=closed")


@pytest.mark.parametrize("how", ["", "send_back", "drop table"])
def test_another_repair_than_the_kinds_is_refused(merchant, books, how):
    page = differ(books)
    form = next(form for form in forms_of(merchant.get(page)) if form.action == f"{page}/repair")
    answer = merchant.client.post(form.action, data=form.filled(how=how, reason="x"))
    assert "cannot be done here" in merchant.get(answer.location)
    assert db.scalar("SELECT state FROM difference") == "open"


def test_compare_now_is_done_by_the_worker(merchant, books, drain):
    books.sell()
    page = merchant.press("/admin/books", "/admin/books/reconcile")
    assert "The comparison begins within seconds" in page
    assert db.scalar("SELECT count(*) FROM reconciliation_run") == 0
    drain()
    assert db.scalar("SELECT count(*) FROM reconciliation_run WHERE state = 'done'") == 2
    assert db.scalar("SELECT action FROM audit_entry WHERE action LIKE 'books%'") == "books.reconciliation_requested"
    assert faults() == {}


def test_p6_a_banner_stands_on_every_page_while_webhooks_are_silent(merchant, books):
    books.sell()
    with transaction():
        db.rows("UPDATE payment_capture SET created_at = now() - interval '1 hour' RETURNING id")
    assert "No payment reports" not in merchant.get("/admin/")
    flows.watch_webhooks()
    for path in ("/admin/", "/admin/orders", "/admin/books"):
        assert "No payment reports from Razorpay" in merchant.get(path)


def test_a_long_list_goes_on_by_key_with_the_same_few_queries(merchant, books, count_queries):
    differ(books)
    few = count_queries(lambda: merchant.get("/admin/books"))
    with transaction():
        db.rows(
            "INSERT INTO difference (id, kind, provider, subject, currency, expected_minor, found_minor, happened_at, last_run_id)"
            " SELECT uuidv7(), kind, provider, 'copy ' || n, currency, 1, 2, happened_at, last_run_id"
            " FROM difference, generate_series(1, 119) n RETURNING id"
        )
    assert count_queries(lambda: merchant.get("/admin/books")) == few <= 16
    seen, path = [], "/admin/books"
    while path:
        page = merchant.get(path)
        seen += re.findall(r'href="/admin/books/([0-9a-f-]{36})"', page)
        found = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 120
    assert merchant.get("/admin/books?before=nonsense&kind=nonsense&state=nonsense")


def test_unknown_differences_are_404(owner):
    assert owner.client.get("/admin/books/0192f5a0-7c3e-7000-8000-000000000000").status_code == 404
    assert owner.client.get("/admin/books/12").status_code == 404


def test_the_metrics_tell_of_differences_and_success(merchant, books, client):
    differ(books)
    text = client.get("/metrics").text
    for line in (
        "differences_open 1.0",
        "payments_success_ratio 1.0",
        "payments_paid_24h 1.0",
        "payments_orphaned 0.0",
        "webhooks_silent_seconds 0.0",
    ):
        assert f"\n{line}\n" in text, line

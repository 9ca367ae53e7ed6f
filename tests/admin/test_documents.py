"""ORD-25: the papers of an order in the back office, and on their way to the customer."""

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from app.core import db
from tests.shop import add_product


@pytest.fixture
def order(shopper):
    """(id, page) of a paid order whose documents are not issued yet."""
    token = shopper.order(add_product("Kemeja Teluk"))
    shopper.pay(token)
    order_id = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    return order_id, f"/admin/orders/{order_id}"


def documents():
    found = {row.kind: row for row in db.rows("SELECT id, kind, number FROM document")}
    db.release()
    return found


def actions():
    found = [
        row[0]
        for row in db.rows(
            "SELECT action FROM audit_entry WHERE actor LIKE 'staff:%' AND action NOT LIKE 'form.%' ORDER BY created_at"
        )
    ]
    db.release()
    return found


def test_staff_reads_the_papers_from_the_orders_page(merchant, order, drain):
    drain()
    page = merchant.get(order[1])
    for each in documents().values():
        assert each.number in page
        answer = merchant.client.get(f"/admin/documents/{each.id}")
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        assert answer.headers["Content-Disposition"] == f"attachment; filename={each.number}.pdf"
        assert answer.headers["Cache-Control"] == "no-store"
        assert each.number in PdfReader(BytesIO(answer.data)).pages[0].extract_text()


def test_an_order_from_before_gets_its_papers_by_hand_and_once(merchant, order, drain):
    """The worker has not come by, as for orders paid before the shop issued documents."""
    page = merchant.press(order[1], f"{order[1]}/documents")
    assert "Invoice and receipt are issued." in page
    assert sorted(documents()) == ["invoice", "receipt"]
    assert actions() == ["document.issued"]
    drain()
    assert len(documents()) == 2
    assert f"{order[1]}/documents" not in page


def test_an_unpaid_order_gets_none_by_hand(merchant, shopper):
    shopper.order(add_product())
    order_id = db.scalar("SELECT id FROM orders")
    page = merchant.get(f"/admin/orders/{order_id}")
    assert "They are issued when the order is paid." in page
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', merchant.get("/admin/stock-locks"))[1]
    answer = merchant.client.post(f"/admin/orders/{order_id}/documents", data={"csrf_token": csrf})
    assert "done=issued-before" in answer.location
    assert (documents(), actions()) == ({}, [])


def test_a_document_that_is_none_is_404(merchant, order):
    for path in ("/admin/documents/0192f5a0-7c3e-7000-8000-000000000000", "/admin/documents/INV-2026-00001"):
        assert merchant.client.get(path).status_code == 404


def test_asking_for_a_mail_is_told_and_noted(merchant, order, drain):
    drain()
    invoice = documents()["invoice"]
    page = merchant.press(order[1], f"/admin/documents/{invoice.id}/mail")
    assert "The document is on its way to the customer." in page
    assert actions() == ["document.mailed"]
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'document.wanted'") == 1

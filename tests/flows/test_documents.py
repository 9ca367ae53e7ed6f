"""ORD-24, PAY-27: from a paid order to its papers in the shopper's hands, by the links of the order's page."""

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from app.core import db
from tests.documents.sales import refund
from tests.flows.shopper import Shopper
from tests.shop import add_product


@pytest.fixture
def paid(shopper):
    """The token of a paid order whose documents are not issued yet."""
    token = shopper.order(add_product("Kemeja Teluk"), 2)
    shopper.pay(token)
    return token


def links(page):
    return re.findall(r'href="(/order/[^"]+\.pdf)"', page)


def words(answer):
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages).split())


def order_id_of(token):
    found = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    return found


def test_the_links_stand_there_as_soon_as_the_documents_do(shopper, paid, drain):
    assert links(shopper.get(f"/order/{paid}")) == []
    drain()
    found = links(shopper.get(f"/order/{paid}"))
    assert found == [f"/order/{paid}/documents/invoice.pdf", f"/order/{paid}/documents/receipt.pdf"]
    number = db.scalar("SELECT number FROM orders")
    for path, title in zip(found, ("Invoice", "Receipt"), strict=True):
        answer = shopper.client.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        assert answer.headers["Cache-Control"] == "no-store"
        paper = {"Invoice": "INV", "Receipt": "RC"}[title]
        assert re.fullmatch(rf"attachment; filename={paper}-\d{{4}}-00001\.pdf", answer.headers["Content-Disposition"])
        text = words(answer).replace("\xa0", " ")
        for said in (title, number, "Kemeja Teluk", "RM 378.00", "Aina Rahman", f"{paper}-"):
            assert said in text
        assert shopper.client.get(path).data == answer.data


def test_an_order_in_malay_has_its_papers_in_malay(shop, bank, drain):
    client = shop.test_client()
    client.set_cookie("lang", "ms")
    reader = Shopper(client, bank)
    token = reader.order(add_product())
    reader.pay(token)
    drain()
    english = shop.test_client()
    text = words(english.get(f"/order/{token}/documents/invoice.pdf"))
    assert "Invois" in text
    assert "Tarikh dikeluarkan" in text
    assert "Invoice" not in text


def test_a_refund_adds_its_credit_note(shopper, paid, drain):
    drain()
    refund(order_id_of(paid), 18900)
    drain()
    path = links(shopper.get(f"/order/{paid}"))[2]
    assert re.search(r"/CN-\d{4}-00001\.pdf$", path)
    answer = shopper.client.get(path)
    text = words(answer).replace("\xa0", " ")
    assert "Credit note" in text
    assert "RM 189.00" in text


def test_an_unpaid_order_has_none(shopper):
    token = shopper.order(add_product())
    for name in ("invoice", "receipt"):
        assert shopper.client.get(f"/order/{token}/documents/{name}.pdf").status_code == 404


def test_x7_papers_are_for_whoever_holds_the_token(shopper, paid, shop, drain):
    """By id, number, reference or another token there is nothing; nor by a name that is none."""
    drain()
    order_id, number, reference = db.rows("SELECT id, number, reference FROM orders")[0]
    document = db.rows("SELECT id, number FROM document WHERE kind = 'invoice'")[0]
    db.release()
    stranger = shop.test_client()
    for token in (order_id, number, reference, paid.swapcase(), paid[:-1], "x" * 22):
        assert stranger.get(f"/order/{token}/documents/invoice.pdf").status_code == 404
    for name in (document.id, document.number, "credit_note", "CN-2026-00001", "..%2finvoice", "INVOICE"):
        answer = stranger.get(f"/order/{paid}/documents/{name}.pdf")
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"
    assert stranger.get(f"/order/{paid}/documents/invoice.pdf").status_code == 200


def test_another_orders_credit_note_is_not_found_below_ones_own(shopper, paid, shop, bank, drain):
    drain()
    refund(order_id_of(paid), 100)
    drain()
    number = db.scalar("SELECT number FROM document WHERE kind = 'credit_note'")
    db.release()
    other = Shopper(shop.test_client(), bank)
    token = other.order(add_product("Other"))
    other.pay(token)
    drain()
    assert other.client.get(f"/order/{token}/documents/{number}.pdf").status_code == 404
    assert other.client.get(f"/order/{paid}/documents/{number}.pdf").status_code == 200

"""ORD-23: `GET /api/v2/orders/{id}/invoice`."""

import uuid
from io import BytesIO

import pytest
from pypdf import PdfReader

from app.core import db
from tests.shop import add_product


@pytest.fixture
def paid(shopper, drain):
    """(id, number) of a paid order with its documents."""
    token = shopper.order(add_product())
    shopper.pay(token)
    drain()
    row = db.rows("SELECT id, number FROM orders WHERE token = :token", token=token)[0]
    db.release()
    return row


def path(order):
    return f"/api/v2/orders/{order}/invoice"


def refused(answer, status, code=None):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert code in (None, answer.json["code"])
    return True


def test_by_id_and_by_number_it_is_the_same_paper(merchant, paid):
    answers = [merchant.client.get(path(each)) for each in (paid.id, paid.number)]
    assert [(each.status_code, each.mimetype) for each in answers] == [(200, "application/pdf")] * 2
    assert answers[0].data == answers[1].data
    assert answers[0].headers["Cache-Control"] == "no-store"
    text = PdfReader(BytesIO(answers[0].data)).pages[0].extract_text()
    assert paid.number in text
    assert "197.00" in text


def test_strangers_learn_nothing(shop, paid, shopper):
    """X4, X7: not even the shopper's own session opens it, and what is not there is 401 too."""
    for client in (shop.test_client(), shopper.client):
        for order in (paid.id, paid.number, uuid.uuid4()):
            assert refused(client.get(path(order)), 401, "sign_in_required")


def test_what_has_no_invoice_is_404(merchant, shopper):
    shopper.order(add_product())
    order_id, reference = db.rows("SELECT id, reference FROM orders")[0]
    db.release()
    for order in (order_id, reference, uuid.uuid4(), "MB-10001", "1", "' OR 1=1 --", "ü" * 50):
        assert refused(merchant.client.get(path(order)), 404, "not_found"), order


def test_it_is_described_as_a_pdf(client):
    operation = client.get("/api/openapi.json").json["paths"]["/api/v2/orders/{order_id}/invoice"]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["application/pdf"]
    assert {"401", "404"} <= set(operation["responses"])
    assert operation["security"] == [{"staff": []}, {"bearer": []}, {"key": ["orders.view"]}]

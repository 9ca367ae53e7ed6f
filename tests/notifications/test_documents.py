"""ORD-25: documents by mail, as PDF, once for each time they were asked for."""

from email.message import EmailMessage
from io import BytesIO

import pytest
from pypdf import PdfReader

from app.core import db
from app.core.transaction import transaction
from app.documents import actions, printing, queries
from tests.documents.sales import refund
from tests.flows.shopper import Shopper
from tests.notifications.post_office import body_of
from tests.shop import CONTACT, add_product


@pytest.fixture
def order_id(shopper, drain):
    token = shopper.order(add_product())
    shopper.pay(token)
    drain()
    found = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    return found


def wish(order_id, kind="invoice"):
    """Staff presses “Send by mail”."""
    with transaction():
        actions.ask_to_mail(queries.document_of(order_id, kind), actor="staff:test")


def papers(office):
    return [mail for mail in office.mails if list(mail.iter_attachments())]


def attached(mail: EmailMessage) -> tuple[str | None, bytes]:
    [part] = mail.iter_attachments()
    assert part.get_content_type() == "application/pdf"
    return part.get_filename(), part.get_content()


def deliver_again(drain):
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'pending', finished_at = NULL RETURNING id")
    drain()


def test_a_purchase_alone_attaches_nothing(order_id, office):
    assert len(office.mails) == 3
    assert papers(office) == []


def test_the_invoice_is_attached_as_it_was_issued(order_id, office, drain):
    wish(order_id)
    drain()
    [mail] = papers(office)
    invoice = queries.document_of(order_id, "invoice")
    name, content = attached(mail)
    assert name == f"{invoice.number}.pdf"
    assert content == printing.pdf(printing.sheet_of(invoice))
    assert (mail["To"], mail["Subject"]) == (
        CONTACT["email"],
        f"Invoice {invoice.number} for order {db.scalar('SELECT number FROM orders')}",
    )
    assert "RM\xa0197.00" in body_of(mail, "plain")
    assert "RM\xa0197.00" in body_of(mail, "html")


def test_each_wish_is_one_mail(order_id, office, drain):
    for _ in range(2):
        wish(order_id)
    drain()
    deliver_again(drain)
    assert len(papers(office)) == 2


def test_the_receipt_can_be_asked_for_too(order_id, office, drain):
    wish(order_id, "receipt")
    drain()
    [mail] = papers(office)
    assert mail["Subject"].startswith("Receipt RC-")


def test_not12_a_refund_and_its_credit_note_are_one_mail_and_once(order_id, office, drain):
    before = len(office.mails)
    refund(order_id, 5000)
    drain()
    deliver_again(drain)
    assert len(office.mails) == before + 2  # on its way, and done
    [mail] = papers(office)
    name, content = attached(mail)
    assert mail["Subject"] == "Your refund of RM\xa050.00 has been made".replace("\xa0", " ")
    assert name.startswith("CN-")
    assert f"The credit note {name.removesuffix('.pdf')} is attached" in body_of(mail, "plain")
    assert "50.00" in PdfReader(BytesIO(content)).pages[0].extract_text()


def test_a_mail_server_that_is_down_delays_the_paper_not_its_making(order_id, office, drain, make_due):
    """C12."""
    office.after_data = "451 later"
    refund(order_id, 5000)
    drain()
    assert len(queries.documents_of(order_id)) == 3
    db.forget()
    assert papers(office) == []
    office.after_data = "250 OK"
    make_due()
    drain()
    assert len(papers(office)) == 1


def test_in_the_language_of_the_order(shop, bank, office, drain):
    client = shop.test_client()
    client.set_cookie("lang", "ms")
    reader = Shopper(client, bank)
    token = reader.order(add_product())
    reader.pay(token)
    drain()
    order_id = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    wish(order_id)
    drain()
    [mail] = papers(office)
    assert mail["Subject"].startswith("Invois INV-")
    assert "untuk pesanan" in mail["Subject"]
    assert mail["Content-Language"] == "ms"

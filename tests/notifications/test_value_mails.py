"""The code of a gift card on its way to whom it is for (PAY-31): once, and then the shop knows it no more."""

from app.core import db
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import in_transaction
from app.value import actions as value
from app.value import queries
from app.value.actions import NewValue


def test_the_code_is_mailed_once_and_forgotten(shop, office, drain):
    new = NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email="aina@example.com", locale="ms")
    [issued] = in_transaction(lambda: value.issue(new))
    drain()
    drain()
    [mail] = office.mails
    text = mail.get_body(("plain",)).get_content()
    assert (mail["To"], mail["Subject"]) == ("aina@example.com", "Kad hadiah bernilai RM 50.00 untuk anda")
    assert issued.code in text
    assert queries.account(issued.account.id).mail_code is None
    db.release()
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE payload::text LIKE :code", code=f"%{issued.code}%") == 0
    db.release()


def test_a_mail_that_cannot_leave_keeps_its_code_for_the_next_try(shop, office, drain, make_due):
    office.after_data = "451 later"
    new = NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email="aina@example.com")
    [issued] = in_transaction(lambda: value.issue(new))
    drain()
    assert office.mails == []
    office.after_data = "250 OK"
    make_due()
    drain()
    assert issued.code in office.mails[0].get_body(("plain",)).get_content()

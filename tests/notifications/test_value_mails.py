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


def test_a_code_whose_mail_is_refused_for_good_is_kept_and_a_new_one_can_be_sent(shop, office, drain):
    office.refuse["aina"] = "550 5.1.1 no such user"
    new = NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email="aina@example.com")
    [issued] = in_transaction(lambda: value.issue(new))
    account_id = issued.account.id
    drain()
    assert (office.mails, queries.account(account_id).mail_code) == ([], issued.code)
    db.release()
    in_transaction(lambda: value.renew_code(account_id, email="aminah@example.com", by="staff:1"))
    code = queries.account(account_id).mail_code
    db.release()
    drain()
    drain()
    [mail] = office.mails
    assert (mail["To"], code in mail.get_body(("plain",)).get_content()) == ("aminah@example.com", True)
    assert (queries.account_by_code(code).id, queries.account_by_code(issued.code)) == (account_id, None)
    assert queries.account(account_id).mail_code is None
    db.release()

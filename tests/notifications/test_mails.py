"""Mails from the event to the mailbox: the right ones, once each, whatever happens to servers and workers."""

import json

import pytest

from app.core import db, outbox
from app.core.transaction import transaction
from app.orders import actions as orders
from app.orders import flows
from tests.flows.shopper import Shopper
from tests.notifications.post_office import PostOffice, body_of
from tests.shop import ADDRESS, CONTACT, add_product

MERCHANT = "hello@murnibatik.example"


def told(office):
    """(recipient, subject) of every mail taken, in order."""
    return [(mail["To"], mail["Subject"]) for mail in office.mails]


def subjects_to(office, recipient):
    return sorted(subject for to, subject in told(office) if to == recipient)


def records():
    found = db.rows("SELECT template, state, attempts, server, last_error FROM mail_message ORDER BY template")
    db.release()
    return [tuple(row) for row in found]


def order_row(token):
    row = db.rows("SELECT id, number, reference, state FROM orders WHERE token = :token", token=token)[0]
    db.release()
    return row


@pytest.fixture
def paid(shopper, bank):
    """The token of a paid order; its mails wait in the outbox."""
    token = shopper.order(add_product())
    shopper.pay(token)
    return token


def test_a_purchase_tells_shopper_and_merchant_once_each(paid, office, drain):
    drain()
    number = order_row(paid).number
    assert subjects_to(office, CONTACT["email"]) == [
        f"Order {number} is confirmed",
        "We have received your payment of RM 197.00",
    ]
    assert subjects_to(office, MERCHANT) == [f"You have sold something: {number}, RM 197.00"]
    assert [(row[0], row[1], row[2], row[3]) for row in records()] == [
        (template, "sent", 1, f"127.0.0.1:{office.port}")
        for template in ("order_confirmed", "payment_received", "something_sold")
    ]


def test_the_confirmation_holds_the_order_and_the_way_back_to_it(paid, office, drain):
    drain()
    mail = next(mail for mail in office.mails if "is confirmed" in mail["Subject"])
    assert mail["From"] == "Murni Batik <orders@murnibatik.example>"
    assert mail["Reply-To"] == MERCHANT
    for half in ("plain", "html"):
        text = body_of(mail, half)
        for word in (
            "Kemeja Teluk",
            "RM\u00a0189.00",
            "RM\u00a08.00",
            "RM\u00a0197.00",
            f"http://localhost/order/{paid}",
            "Malaysia",
        ):
            assert word in text
        assert all(
            line in text for line in (ADDRESS["name"], ADDRESS["line1"], "50480 Kuala Lumpur", "Murni Batik Sdn. Bhd.")
        )


def test_every_delivery_run_again_sends_nothing_again(paid, office, drain):
    drain()
    count = len(office.mails)
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'pending', finished_at = NULL RETURNING id")
    drain()
    assert len(office.mails) == count == 3


def test_no_event_and_no_outbox_row_holds_personal_data(paid, office, drain):
    drain()
    stored = json.dumps(
        [
            [str(cell) for cell in row]
            for row in db.rows(
                "SELECT e.payload, d.last_error FROM outbox_event e JOIN outbox_delivery d ON d.event_id = e.id"
            )
        ]
    )
    mails = json.dumps(
        [
            [str(cell) for cell in row]
            for row in db.rows("SELECT topic, template, recipient, last_error FROM mail_message")
        ]
    )
    for secret in (*CONTACT.values(), *filter(None, ADDRESS.values())):
        if len(secret) > 2:
            assert secret not in stored
            assert secret not in mails
    assert paid not in stored


def test_the_mail_is_in_the_orders_language(shop, bank, office, drain):
    client = shop.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "ms-MY,ms;q=0.9"
    shopper = Shopper(client, bank)
    shopper.pay(shopper.order(add_product()))
    drain()
    to_shopper = [mail for mail in office.mails if mail["To"] == CONTACT["email"]]
    assert {mail["Content-Language"] for mail in to_shopper} == {"ms"}
    assert all('<html lang="ms">' in body_of(mail, "html") for mail in to_shopper)
    assert "Penghantaran biasa" in body_of(
        next(m for m in to_shopper if "Kemeja Teluk" in body_of(m, "plain")), "plain"
    )
    assert [mail["Content-Language"] for mail in office.mails if mail["To"] == MERCHANT] == ["en"]


def test_c12_with_every_server_down_the_order_stands_and_the_mails_come_later(
    make_shop, bank, open_office, drain, make_due
):
    closed = PostOffice()
    shopper = Shopper(make_shop(MAIL_URL=closed.url).test_client(), bank)
    token = shopper.order(add_product())
    shopper.pay(token)
    drain()
    assert order_row(token).state == "confirmed"
    assert {(row[1], row[2], row[4]) for row in records()} == {
        ("queued", 1, f"127.0.0.1:{closed.port}: ConnectionRefusedError")
    }
    waiting = db.rows(
        "SELECT state, attempts, due_at > clock_timestamp() AS later, last_error"
        " FROM outbox_delivery WHERE handler LIKE 'notifications%'"
    )
    assert {(row.state, row.attempts, row.later) for row in waiting} == {("pending", 1, True)}
    assert all("MailDelayed" in row.last_error and "@" not in row.last_error for row in waiting)
    back = open_office(port=closed.port)
    make_due()
    drain()
    assert len(back.mails) == 3
    assert {(row[1], row[2], row[4]) for row in records()} == {("sent", 2, None)}


def test_not03_the_second_server_takes_what_the_first_does_not(make_shop, bank, office, open_office, drain):
    second = open_office()
    office.after_data = "451 try again later"
    shopper = Shopper(make_shop(MAIL_FALLBACK_URL=second.url).test_client(), bank)
    shopper.pay(shopper.order(add_product()))
    drain()
    assert office.mails == []
    assert len(second.mails) == 3
    assert {row[3] for row in records()} == {f"127.0.0.1:{second.port}"}


def test_a_recipient_who_does_not_exist_is_refused_once_and_for_all(paid, office, drain, make_due):
    office.refuse["aina"] = "550 5.1.1 no such user <aina@example.com>"
    drain()
    make_due()
    drain()
    assert [(row[0], row[1], row[2]) for row in records()] == [
        ("order_confirmed", "refused", 1),
        ("payment_received", "refused", 1),
        ("something_sold", "sent", 1),
    ]
    assert {row[4] for row in records()[:2]} == {f"127.0.0.1:{office.port}: recipient refused 550"}
    assert outbox.due() == []
    assert told(office) == [(MERCHANT, office.mails[0]["Subject"])]


def test_a_retry_is_the_same_mail_by_its_message_id(make_shop, bank, office, drain, make_due):
    shopper = Shopper(make_shop().test_client(), bank)
    shopper.pay(shopper.order(add_product()))
    drain()
    first = {mail["Subject"]: mail["Message-ID"] for mail in office.mails}
    assert len(set(first.values())) == 3
    with transaction():  # as if the worker had died between the server's answer and our note of it
        db.rows("UPDATE mail_message SET state = 'queued' RETURNING id")
        db.rows("UPDATE outbox_delivery SET state = 'pending' WHERE handler LIKE 'notifications%' RETURNING id")
    drain()
    again = {mail["Subject"]: mail["Message-ID"] for mail in office.mails[3:]}
    assert again == first


def test_a_failed_payment_is_told_with_the_way_to_try_again(shopper, bank, office, drain, make_due):
    """Only once the shopper has had time to take another card on the provider's page."""
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "failed")
    flows.reconcile(everything=True)
    drain()
    assert told(office) == []
    make_due()
    drain()
    reference = order_row(token).reference
    assert told(office) == [(CONTACT["email"], f"Your payment for order {reference} did not go through")]
    assert f"http://localhost/order/{token}" in body_of(office.mails[0], "plain")


def test_a_failure_that_was_followed_by_another_way_to_pay_is_not_told(shopper, bank, office, drain, make_due):
    token = shopper.order(add_product())
    bank.pay(shopper.hand_over(token).fields["order_id"], "failed")
    flows.reconcile(everything=True)
    shopper.hand_over(token)
    make_due()
    drain()
    assert (db.scalar("SELECT count(*) FROM payment_attempt"), told(office)) == (2, [])


def test_a_failure_that_was_overtaken_by_the_money_is_not_told(shopper, bank, office, drain, make_due):
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "failed")
    flows.reconcile(everything=True)  # the failure is announced; before its mail goes out the shopper tries again
    bank.pay(form.fields["order_id"])
    flows.reconcile(everything=True)
    make_due()
    drain()
    assert order_row(token).state == "confirmed"
    assert not [subject for _, subject in told(office) if "did not go through" in subject]
    assert len(office.mails) == 3


def test_an_order_nobody_paid_is_told_when_it_expires(shopper, office, drain):
    token = shopper.order(add_product())
    with transaction():
        db.rows("UPDATE orders SET expires_at = clock_timestamp() - interval '1 second' RETURNING id")
        db.rows("UPDATE stock_lock SET expires_at = clock_timestamp() - interval '1 hour' RETURNING id")
    flows.release_pass(trigger="test")
    drain()
    assert told(office) == [(CONTACT["email"], f"Your order {order_row(token).reference} has expired")]


def test_an_order_the_shopper_cancels_is_told(shopper, office, drain):
    token = shopper.order(add_product())
    with transaction():
        orders.cancel(order_row_id(token), actor="customer", reason="by_customer")
    drain()
    assert told(office) == [(CONTACT["email"], f"Your order {order_row(token).reference} is cancelled")]


def test_an_order_replaced_by_the_shoppers_next_one_is_not_told(shopper, office, drain):
    first = shopper.order(add_product("First"))
    second = shopper.order(add_product("Second"))
    drain()
    assert (order_row(first).state, order_row(second).state) == ("cancelled", "pending")
    assert office.mails == []


MONEY_BACK = [({"force": True}, "197.00", "more than once"), ({"amount": 100}, "1.00", "is not the total")]


@pytest.mark.parametrize("case", MONEY_BACK)
def test_money_that_goes_back_is_told_once(shopper, bank, office, drain_all, case):
    how, amount, words = case
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    if "force" in how:
        bank.pay(form.fields["order_id"])
    bank.pay(form.fields["order_id"], **how)
    for _ in range(2):
        flows.reconcile(everything=True)
        drain_all()
    refunds = sorted(
        (mail for mail in office.mails if "refund" in mail["Subject"]), key=lambda mail: mail["Subject"], reverse=True
    )
    assert [mail["Subject"] for mail in refunds] == [
        f"Your refund of RM {amount} is on its way",
        f"Your refund of RM {amount} has been made",
    ]
    assert words in body_of(refunds[0], "plain")
    assert words in body_of(refunds[0], "html")
    assert not [subject for _, subject in told(office) if "did not go through" in subject]


def test_without_a_mail_server_nothing_piles_up(make_shop, bank, drain):
    shopper = Shopper(make_shop(MAIL_URL="").test_client(), bank)
    shopper.pay(shopper.order(add_product()))
    drain()
    assert {(row[1], row[4]) for row in records()} == {("refused", "MAIL_URL is not set")}
    assert db.scalar("SELECT count(*) FROM outbox_delivery WHERE state <> 'done'") == 0


def order_row_id(token):
    return db.scalar("SELECT id FROM orders WHERE token = :token", token=token)

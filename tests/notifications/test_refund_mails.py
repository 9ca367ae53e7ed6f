"""Mail on each step of a refund: asked, declined, on its way, done (NOT-12), failed; and when a payment is disputed."""

from functools import partial

import pytest

from app.core import db
from app.core.transaction import in_transaction, transaction
from app.returns import flows as returns
from app.returns.actions import wishes
from app.returns.rules import Wish
from tests.flows.shopper import Shopper
from tests.notifications.post_office import body_of
from tests.returns.counter import buy, order_of, provider_payment, refund_now
from tests.shop import CONTACT, add_product

MERCHANT = "hello@murnibatik.example"


def told(office, word):
    """(recipient, subject) of the mails whose subject or recipient holds the word."""
    return [(mail["To"], mail["Subject"]) for mail in office.mails if word in mail["Subject"]]


@pytest.fixture
def token(shopper, drain):
    bought = buy(shopper, (add_product(), 1))
    drain()
    return bought


@pytest.fixture
def number(token):
    found = db.scalar("SELECT number FROM orders")
    db.release()
    return found


def line_of(token):
    found = db.scalar("SELECT l.id FROM order_line l JOIN orders o ON o.id = l.order_id WHERE o.token = :t", t=token)
    db.release()
    return found


def asked(token):
    wish = partial(wishes.ask, order_of(token), quantities={line_of(token): 1}, reason="damaged", note="torn")
    return in_transaction(wish).id


def test_not12_a_refund_is_told_on_its_way_and_when_it_is_done(token, office, drain):
    refund_now(order_of(token), Wish(amount_minor=5000))
    for _ in range(2):
        drain()
        with transaction():
            db.rows("UPDATE outbox_delivery SET state = 'pending', finished_at = NULL RETURNING id")
    drain()
    assert sorted(told(office, "refund")) == [
        (CONTACT["email"], "Your refund of RM 50.00 has been made"),
        (CONTACT["email"], "Your refund of RM 50.00 is on its way"),
    ]
    done = next(mail for mail in office.mails if "has been made" in mail["Subject"])
    for half in ("plain", "html"):
        for word in ("RM\u00a050.00", f"/order/{token}", "rfnd_"):
            assert word in body_of(done, half), word


def test_nothing_is_told_before_a_second_person_agrees(token, office, drain):
    refund_now(order_of(token), Wish(amount_minor=5000), above=0)
    drain()
    assert told(office, "refund") == []


def test_p16_a_refund_that_fails_is_told_to_the_merchant_once(token, number, bank, office, drain):
    bank.control("POST", "/refunds", {"status": "pending", "count": 1})
    refund_now(order_of(token), Wish(amount_minor=5000))
    drain()
    bank.control("POST", f"/refunds/{db.scalar('SELECT provider_refund_id FROM refund')}", {"status": "failed"})
    for _ in range(2):
        returns.look_at_order(order_of(token))
        drain()
    assert told(office, "failed") == [(MERCHANT, f"A refund failed: {number}, RM 50.00")]
    assert told(office, "has been made") == []


def test_a_wish_is_confirmed_and_told_to_the_merchant(token, number, office, drain):
    asked(token)
    drain()
    assert sorted(told(office, "refund")) == [
        (CONTACT["email"], f"You asked for a refund of order {number}"),
        (MERCHANT, f"A customer asks for a refund: {number}"),
    ]


def test_a_declined_wish_is_told_with_the_reason(token, number, office, drain):
    request_id = asked(token)
    in_transaction(partial(wishes.decline, request_id, answer="Cut to <your> measure", by="staff:1"))
    drain()
    mail = next(mail for mail in office.mails if mail["Subject"] == f"About your refund of order {number}")
    assert "“Cut to <your> measure”" in body_of(mail, "plain")
    assert "“Cut to &lt;your&gt; measure”" in body_of(mail, "html")


def test_a_dispute_is_told_to_the_merchant_once(token, number, bank, office, drain):
    dispute = bank.control("POST", "/disputes", {"payment_id": provider_payment()})
    for status in (None, "under_review"):
        if status:
            bank.control("POST", f"/disputes/{dispute['id']}", {"status": status})
        returns.look_at_dispute("razorpay", dispute["id"])
        drain()
    assert told(office, "disputed") == [(MERCHANT, f"A payment is disputed: {number}, RM 197.00")]


def test_the_mails_are_malay_for_whoever_ordered_in_malay(shop, bank, office, drain):
    client = shop.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "ms-MY,ms;q=0.9"
    token = buy(Shopper(client, bank), (add_product(), 1))
    drain()
    refund_now(order_of(token), Wish(amount_minor=5000))
    request_id = asked(token)
    in_transaction(partial(wishes.decline, request_id, answer="Tidak", by="staff:1"))
    drain()
    mails = [mail for mail in office.mails if mail["To"] == CONTACT["email"]]
    assert {mail["Content-Language"] for mail in mails} == {"ms"}
    assert not [mail["Subject"] for mail in mails if "refund" in mail["Subject"].lower()]

"""A customer asks for a refund with the order's link alone; staff answer (REF-09)."""

import pytest

from app.core import db
from app.returns import flows
from tests.bank import KEYS, WEBHOOK_SECRETS
from tests.flows.shopper import Shopper, money
from tests.returns.counter import buy, order_of, provider_payment, send, shown_total, states, timeline
from tests.shop import add_product
from tools.webforms import form_to


@pytest.fixture
def token(shopper):
    return buy(shopper, (add_product("Kemeja"), 2))


@pytest.fixture
def guest(shop, bank):
    """Somebody with the link and nothing else: no session, no cookie."""
    return Shopper(shop.test_client(), bank)


def ask(guest, token, **typed):
    form = form_to(guest.get(f"/order/{token}/refund"), f"/order/{token}/refund")
    return guest.client.post(form.action, data=form.filled(**{"reason": "damaged", **typed}))


def wishes():
    found = [tuple(row) for row in db.rows("SELECT state, answer FROM refund_request ORDER BY created_at")]
    db.release()
    return found


def test_a_guest_asks_and_staff_refund_just_that(guest, token, merchant, bank, drain):
    assert f"/order/{token}/refund" in guest.get(f"/order/{token}")
    answer = ask(guest, token, q1="1", note="A tear in the sleeve")
    assert (answer.status_code, answer.location) == (303, f"/order/{token}")
    page = guest.get(f"/order/{token}")
    assert "You asked for a refund on" in page
    assert f"/order/{token}/refund" not in page
    assert wishes() == [("open", "")]
    listed = merchant.get("/admin/refunds?view=asked")
    assert "A tear in the sleeve" in listed
    assert "Damaged or faulty" in listed
    request_id = db.scalar("SELECT id FROM refund_request")
    form = form_to(merchant.get(f"/admin/orders/{order_of(token)}/refund?request={request_id}"), "/admin/orders/")
    assert form.fields["q1"] == "1"
    assert form.fields["reason"] == "damaged"
    page = merchant.client.get(form.action, query_string={**form.fields, "preview": "1"}).text
    assert shown_total(page) == "RM 189.00"
    assert send(merchant, page).status_code == 303
    drain()
    assert (wishes(), states(), money(bank)[1]) == ([("accepted", "")], [("succeeded", 18900)], 18900)
    assert "Nobody waits for an answer" in merchant.get("/admin/refunds?view=asked")
    assert "refund_asked" in timeline(token)


def test_a_wish_is_declined_with_words_that_the_customer_reads(guest, token, merchant, bank):
    ask(guest, token, q1="2", reason="changed_mind")
    request_id = db.scalar("SELECT id FROM refund_request")
    form = form_to(merchant.get("/admin/refunds?view=asked"), f"/admin/refunds/requests/{request_id}/decline")
    for answer in ("", "   ", "x" * 501, "a\x00b"):
        refused = merchant.client.post(form.action, data=form.filled(answer=answer))
        assert refused.status_code in (400, 422)
    assert wishes() == [("open", "")]
    done = merchant.client.post(form.action, data=form.filled(answer="Cut to your measure <b>"))
    assert done.status_code == 303
    again = merchant.client.post(form.action, data=form.filled(answer="Something else"))
    assert "refund-decided" in again.location
    page = guest.get(f"/order/{token}")
    assert "Cut to your measure &lt;b&gt;" in page
    assert wishes() == [("declined", "Cut to your measure <b>")]
    assert money(bank)[1] == 0
    assert ask(guest, token, q1="1").status_code == 303  # they may ask anew


def test_one_wish_at_a_time(guest, token):
    form = form_to(guest.get(f"/order/{token}/refund"), f"/order/{token}/refund")
    filled = form.filled(q1="1", reason="other")
    assert guest.client.post(form.action, data=filled).status_code == 303
    again = guest.client.post(form.action, data=filled)
    assert again.status_code == 409
    assert "You have asked already" in again.text
    assert len(wishes()) == 1


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"q1": "0"}, 422),
        ({"q1": "3"}, 422),
        ({"q1": "-1"}, 422),
        ({"q1": "1", "reason": "goodwill"}, 422),
        ({"q1": "1", "reason": ""}, 422),
        ({"q1": "1", "note": "x" * 501}, 422),
        ({"q1": "1", "note": "a\r\nb"}, 422),
    ],
)
def test_what_cannot_be_asked_for_is_refused(guest, token, typed, status):
    answer = ask(guest, token, **typed)
    assert answer.status_code == status
    assert "There is a problem" in answer.text
    assert wishes() == []


def test_strangers_and_unpaid_orders(guest, shopper, token):
    assert guest.client.get(f"/order/{'0' * 22}/refund").status_code == 404
    assert guest.client.get(f"/order/{order_of(token)}/refund").status_code == 404
    unpaid = shopper.order(add_product("Other"))
    assert guest.client.get(f"/order/{unpaid}/refund").status_code == 409
    assert "Ask for a refund" not in guest.get(f"/order/{unpaid}")
    assert (
        guest.client.post(f"/order/{token}/refund", data={"q1": "1", "reason": "other"}).status_code == 400
    )  # no token
    assert wishes() == []


def test_asking_is_limited(make_app, guest, token, bank):
    limited = make_app(
        RATE_LIMIT_ENABLED="true", RAZORPAY_API_URL=bank.url, RAZORPAY_KEY_ID=KEYS["key_id"],
        RAZORPAY_KEY_SECRET=KEYS["key_secret"], RAZORPAY_WEBHOOK_SECRET=",".join(WEBHOOK_SECRETS),
    )  # fmt: skip
    eager = Shopper(limited.test_client(), bank)
    answers = [ask(eager, token, q1="0").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_nothing_is_left_to_ask_for(guest, token, bank, drain):
    bank.control("POST", "/dashboard/refunds", {"payment_id": provider_payment()})
    flows.look_at_order(order_of(token))
    drain()
    assert "refund" in guest.heading(token)
    assert "nothing to refund" in guest.get(f"/order/{token}/refund")

"""The refund form, the list of refunds, approval, sign-in again, evidence (REF-06, REF-08, REF-11)."""

import re

import pytest

from app.core import db
from app.core.transaction import transaction
from app.returns.rules import Wish
from tests.bank import KEYS, WEBHOOK_SECRETS
from tests.changes import changes
from tests.flows.conftest import shop  # noqa: F401 (fixture)
from tests.flows.shopper import Shopper, money
from tests.flows.test_value import placed
from tests.returns.counter import (
    ask_form,
    buy,
    order_of,
    payment_state,
    provider_payment,
    refund,
    refund_now,
    send,
    shown_total,
    states,
    timeline,
)
from tests.shop import add_product, faults, open_shop, stock_row
from tests.staff import hire
from tests.value.cards import counters, issue
from tools.webforms import form_to


def audited(action):
    found = db.rows("SELECT actor, facts FROM audit_entry WHERE action = :a ORDER BY created_at", a=action)
    db.release()
    return found


@pytest.fixture
def token(shopper):
    """Three shirts and two and a half metres, paid."""
    return buy(
        shopper,
        (add_product("Kemeja", stock_of={"KB": 5}), 3),
        (add_product("Kain", unit="metre", stock_of={"KB": 9}), "2.5"),
    )


def test_the_preview_shows_just_what_is_sent(merchant, token, bank, drain):
    page = ask_form(merchant, token, q1=2, q2="1.5", shipping=1)
    assert shown_total(page) == "RM 945.00"  # 2 × 189, 1.5 of 2.5 m at 189 a half metre; the delivery was free
    for text in ("2 × Kemeja", "1.5\u00a0m × Kain", "RM\u00a0378.00", "RM\u00a0567.00"):
        assert text in page, text
    send(merchant, page)
    drain()
    assert money(bank)[1] == 94500
    parts = db.rows("SELECT kind, quantity, amount_minor FROM refund_line ORDER BY quantity")
    assert [tuple(row) for row in parts] == [("goods", 2, 37800), ("goods", 3, 56700)]
    assert faults() == {}


def test_the_audit_names_order_amount_reason_and_actor(merchant, token):
    """REF-06."""
    refund(merchant, token, amount="12.50", reason="goodwill")
    [(actor, facts)] = audited("refund.requested")
    assert actor.startswith("staff:")
    assert facts == {"order": str(order_of(token)), "amount_minor": 1250, "currency": "MYR", "reason": "goodwill"}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({}, "Choose what goes back"),
        ({"q1": "4"}, "not so much left of a line"),
        ({"q1": "-1"}, "Enter how much of Kemeja"),
        ({"q1": "1.5"}, "Enter how much of Kemeja"),
        ({"q2": "0.3"}, "Enter how much of Kain"),
        ({"q1": "١"}, "Enter how much of Kemeja"),
        ({"amount": "12,5"}, "Enter an amount such as 12.50"),
        ({"amount": "1.234"}, "Enter an amount such as 12.50"),
        ({"amount": "-5"}, "Enter an amount such as 12.50"),
        ({"amount": "1e3"}, "Enter an amount such as 12.50"),
    ],
)
def test_what_cannot_be_is_said_in_words(merchant, token, bank, chosen, words):
    answer = merchant.client.get(f"/admin/orders/{order_of(token)}/refund", query_string={**chosen, "preview": 1})
    assert answer.status_code == 422
    assert words in answer.text
    assert (states(), money(bank)[1]) == ([], 0)


def test_more_than_is_left_is_cut_and_said(merchant, token):
    page = ask_form(merchant, token, amount="99999")
    assert "less than chosen" in page
    assert shown_total(page) == "RM 1,512.00"


def test_what_the_provider_sends_never_becomes_credit_instead(merchant, token, bank, drain):
    """Razorpay and Curlec refuse less than 1.00 (PAYMENTS, refund errors): asked again it would fail for ever."""
    page = ask_form(merchant, token, amount="1")
    refund(merchant, token, amount="1511.52")
    drain()
    at = f"/admin/orders/{order_of(token)}/refund"
    answer = merchant.client.get(at, query_string={"everything": 1, "preview": 1})
    assert (answer.status_code, "sends nothing so small back" in answer.text) == (422, True)
    late = send(merchant, page, amount="0.48", accept="48")  # the form as it was, with another amount
    assert (late.status_code, "sends nothing so small back" in late.text) == (422, True)
    assert (states(), money(bank)[1]) == ([("succeeded", 151152)], 151152)
    refund(merchant, token, everything=1, as_credit=1)
    drain()
    assert sorted(states()) == [("succeeded", 48), ("succeeded", 151152)]
    assert money(bank)[1] == 151152
    assert faults() == {}


def test_an_amount_that_changed_meanwhile_is_shown_again(merchant, token, bank):
    page = ask_form(merchant, token, everything=1)
    refund_now(order_of(token), Wish(amount_minor=1000))
    answer = send(merchant, page)
    assert answer.status_code == 409
    assert "not the amount that can be refunded now" in answer.text
    assert shown_total(merchant.get(f"/admin/orders/{order_of(token)}/refund?everything=1&preview=1")) == "RM 1,502.00"
    assert states() == [("requested", 1000)]


@pytest.mark.parametrize(
    "changed", [{"key": "x"}, {"key": ""}, {"accept": "-1"}, {"accept": "1.0"}, {"note": "a\x00b"}, {"note": "x" * 501}]
)
def test_a_tampered_form_changes_nothing(merchant, token, changed):
    answer = send(merchant, ask_form(merchant, token, q1=1), **changed)
    assert answer.status_code in (400, 422)
    assert states() == []


def test_p14_a_double_click_is_one_refund_and_two_forms_are_two(merchant, token, bank, drain):
    page = ask_form(merchant, token, amount="10")
    assert [send(merchant, page).status_code for _ in range(3)] == [303] * 3
    assert states() == [("requested", 1000)]
    refund(merchant, token, amount="10")
    drain()
    assert states() == [("succeeded", 1000)] * 2
    assert money(bank)[1] == 2000
    assert faults() == {}


def test_the_delivery_goes_back_where_it_was_paid(merchant, shopper, bank, drain):
    token = buy(shopper, (add_product(), 1))
    page = ask_form(merchant, token, shipping=1)
    assert shown_total(page) == "RM 8.00"
    send(merchant, page)
    drain()
    assert money(bank)[1] == 800
    assert "The delivery, " not in merchant.get(f"/admin/orders/{order_of(token)}/refund")
    refund(merchant, token, q1=1)
    drain()
    assert payment_state(token) == "refunded"
    assert faults() == {}


def test_another_orders_form_key_is_nobodys(merchant, token, shopper, drain):
    drain()  # empties the cart
    page = ask_form(merchant, token, amount="10")
    send(merchant, page)
    other = buy(shopper, (add_product("Another"), 1))
    key = re.search(r'name="key" value="([^"]+)"', page)[1]
    posted = ask_form(merchant, other, amount="10")
    assert send(merchant, posted, key=key).status_code == 404
    assert len(states()) == 1


def test_returned_goods_are_on_sale_again_once(merchant, shopper, bank, drain):
    """Also when the first refund failed and the second one ticks the same box."""
    shirt = add_product(stock_of={"KB": 2, "KL": 2})
    token = buy(shopper, (shirt, 3))
    drain()
    before = stock_row(shirt)
    bank.control("POST", "/refunds", {"status": "failed", "count": 1})
    refund(merchant, token, q1=2, restock=1)
    assert stock_row(shirt) == (before[0] + 2, 0)
    drain()
    bank.control("POST", "/clock", {"advance_seconds": 1})  # the bank has said no by now
    merchant.press(f"/admin/orders/{order_of(token)}", f"/admin/orders/{order_of(token)}/refunds/look")
    drain()
    assert states()[0][0] == "failed"
    refund(merchant, token, q1=3, restock=1)
    drain()
    assert stock_row(shirt) == (before[0] + 3, 0)
    assert db.scalar("SELECT count(*) FROM stock_movement WHERE kind = 'restock'") >= 2
    assert faults() == {}


@pytest.fixture
def careful(bank, make_app):
    """A shop where refunds above RM 100 need two people; the shopper and two members of staff."""
    app = make_app(
        RAZORPAY_API_URL=bank.url, RAZORPAY_KEY_ID=KEYS["key_id"], RAZORPAY_KEY_SECRET=KEYS["key_secret"],
        RAZORPAY_WEBHOOK_SECRET=",".join(WEBHOOK_SECRETS), REFUND_APPROVAL_MINOR="10000",
    )  # fmt: skip
    open_shop()
    people = [hire(app, email).sign_in() for email in ("siti@example.com", "ravi@example.com")]
    return Shopper(app.test_client(), bank), *people


def test_ref08_one_asks_and_another_approves(careful, bank, drain):
    shopper, siti, ravi = careful
    shirt = add_product(stock_of={"KB": 5})
    token = buy(shopper, (shirt, 2))
    page = ask_form(siti, token, q1=1)
    assert "somebody else has to approve" in page
    assert send(siti, page, restock="1").location.endswith("done=refund-waits")
    drain()
    assert (states(), money(bank)[1], stock_row(shirt)) == ([("waiting", 18900)], 0, (3, 0))
    assert "is confirmed" in shopper.heading(token)
    refund_id = db.scalar("SELECT id FROM refund")
    assert f"/admin/refunds/{refund_id}/approve" not in siti.get("/admin/refunds?view=approval")
    csrf = re.search(r'name="csrf-token" content="([^"]+)"', siti.get("/admin/refunds"))[1]
    for verb in ("approve", "reject"):
        answer = siti.client.post(f"/admin/refunds/{refund_id}/{verb}", data={"csrf_token": csrf})
        assert answer.location.endswith("done=not-yours")
    assert (states(), audited("refund.approved")) == ([("waiting", 18900)], [])
    assert "RM\u00a0189.00 of this order can be refunded" in siti.get(f"/admin/orders/{order_of(token)}/refund")
    said = ravi.press("/admin/refunds?view=approval", f"/admin/refunds/{refund_id}/approve")
    assert "Approved" in said
    drain()
    assert (states(), money(bank)[1], stock_row(shirt)) == ([("succeeded", 18900)], 18900, (4, 0))
    assert changes("refund.waiting") == [(None, {"state": "waiting"})]
    assert changes("refund.approved") == [({"state": "waiting"}, {"state": "requested"})]
    assert timeline(token)[-3:] == ["refund_waiting", "refund_approved", "refund_succeeded"]
    assert faults() == {}


def test_ref08_what_is_rejected_never_leaves(careful, bank, drain):
    shopper, siti, ravi = careful
    token = buy(shopper, (add_product(), 1))
    refund(siti, token, everything=1)
    ravi.press("/admin/refunds?view=approval", "/admin/refunds/" + str(db.scalar("SELECT id FROM refund")) + "/reject")
    drain()
    assert (states(), money(bank)[1], payment_state(token)) == ([("rejected", 19700)], 0, "paid")
    assert changes("refund.rejected") == [({"state": "waiting"}, {"state": "rejected"})]
    assert "RM\u00a0197.00 of this order can be refunded" in siti.get(f"/admin/orders/{order_of(token)}/refund")
    assert faults() == {}


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_ref08_a_refund_in_two_parts_is_decided_as_one(careful, bank, drain, verb):
    shopper, siti, ravi = careful
    card = issue(5000)
    token = placed(shopper, add_product(), card)
    shopper.pay(token)
    refund(siti, token, everything=1)
    assert sorted(states()) == [("waiting", 5000), ("waiting", 14700)]
    refund_id = db.scalar("SELECT id FROM refund WHERE amount_minor = 5000")
    db.release()
    ravi.press("/admin/refunds?view=approval", f"/admin/refunds/{refund_id}/{verb}")
    drain()
    left, state = (5000, "succeeded") if verb == "approve" else (0, "rejected")
    assert sorted(states()) == [(state, 5000), (state, 14700)]
    assert (counters(card.account), len(audited(f"refund.{state if verb == 'reject' else 'approved'}"))) == (
        (left, 0),
        2,
    )
    assert faults() == {}


def test_ref08_credit_is_not_given_for_money_that_went_back_meanwhile(careful, bank, drain):
    shopper, siti, ravi = careful
    token = buy(shopper, (add_product(), 1))
    refund(siti, token, everything=1, as_credit=1)
    bank.control("POST", "/dashboard/refunds", {"payment_id": provider_payment()})
    siti.press(f"/admin/orders/{order_of(token)}", f"/admin/orders/{order_of(token)}/refunds/look")
    waiting = db.scalar("SELECT id FROM refund WHERE state = 'waiting'")
    db.release()
    assert "went back meanwhile" in ravi.press("/admin/refunds?view=approval", f"/admin/refunds/{waiting}/approve")
    assert db.scalar("SELECT count(*) FROM value_account") == 0
    db.release()
    ravi.press("/admin/refunds?view=approval", f"/admin/refunds/{waiting}/reject")  # it waited still
    assert sorted(states()) == [("rejected", 19700), ("succeeded", 19700)]
    assert faults() == {}


def test_ref08_up_to_the_limit_nobody_is_asked(careful, bank, drain):
    shopper, siti, _ravi = careful
    token = buy(shopper, (add_product(), 1))
    refund(siti, token, amount="100")
    drain()
    assert (states(), money(bank)[1]) == ([("succeeded", 10000)], 10000)


def test_moving_money_asks_for_a_fresh_code_and_leads_back(merchant, token):
    """CONTRACT 4: a sign-in less than 15 minutes old."""
    merchant.press("/admin/backup-codes", "/admin/backup-codes")
    page = ask_form(merchant, token, q1=1)
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '15 minutes' RETURNING id")
    answer = send(merchant, page, note="private words")
    assert answer.status_code == 303
    assert answer.location.startswith("/admin/totp?again=1&next=/admin/kept/")
    assert "private" not in answer.location
    assert states() == []
    assert merchant.client.get(f"/admin/orders/{order_of(token)}/refund").status_code == 303
    form = form_to(merchant.get(answer.location), "/admin/totp")
    answer = merchant.client.post(form.action, data=form.filled(code=merchant.code()))
    form = form_to(merchant.get(answer.location), answer.location)
    answer = merchant.client.post(form.action, data=form.filled())
    assert (answer.status_code, answer.location) == (307, f"/admin/orders/{order_of(token)}/refund")
    assert states() == []
    for _ in range(2):
        assert merchant.client.post(answer.location, data=form.filled()).status_code == 303
    assert states() == [("requested", 18900)]
    assert db.scalar("SELECT note FROM refund") == "private words"


def test_an_unpaid_order_has_no_refund_page(merchant, shopper):
    token = shopper.order(add_product())
    assert merchant.client.get(f"/admin/orders/{order_of(token)}/refund").status_code == 404
    assert f"{order_of(token)}/refund" not in merchant.get(f"/admin/orders/{order_of(token)}")


def test_strangers_are_turned_away(shop, token):  # noqa: F811
    stranger = shop.test_client()
    for path in (
        "/admin/refunds",
        f"/admin/orders/{order_of(token)}/refund",
        f"/admin/orders/{order_of(token)}/evidence.json",
    ):
        assert stranger.get(path).status_code == 303
        assert stranger.post(path).status_code in (303, 401, 403)


def many_refunds(count):
    """Copies of the one refund there is, a second apart."""
    with transaction():
        db.rows(
            "INSERT INTO refund (id, payment_id, capture_id, amount_minor, currency, reason, state, created_at)"
            f" SELECT uuidv7(), payment_id, capture_id, 1, currency, reason, 'rejected', created_at - make_interval(secs => n)"
            f" FROM refund, generate_series(1, {count}) n RETURNING id"
        )


def test_the_list_goes_on_by_key_with_the_same_few_queries(merchant, token, count_queries):
    refund(merchant, token, amount="10")
    few = count_queries(lambda: merchant.get("/admin/refunds"))
    many_refunds(119)
    assert count_queries(lambda: merchant.get("/admin/refunds")) == few <= 9
    seen, path = 0, "/admin/refunds"
    while path:
        page = merchant.get(path)
        seen += len(re.findall(r'<a class="nowrap" href="/admin/orders/', page))
        found = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert seen == 120
    for view in ("asked", "approval", "under_way", "done", "failed", "rejected", "all", "nonsense"):
        assert merchant.get(f"/admin/refunds?view={view}&before=nonsense")


def test_the_refund_page_costs_a_bounded_number_of_queries(merchant, token, count_queries):
    few = count_queries(lambda: ask_form(merchant, token, q1=1))
    for _ in range(5):
        refund_now(order_of(token), Wish(amount_minor=100))
    assert count_queries(lambda: ask_form(merchant, token, q1=1)) == few <= 17


def test_the_preview_alone_is_a_piece_of_the_page(merchant, token):
    path = f"/admin/orders/{order_of(token)}/refund?q1=1"
    answer = merchant.client.get(path, headers={"HX-Request": "true", "HX-Target": "refund-preview"})
    assert answer.text.startswith('<section id="refund-preview"')
    assert shown_total(answer.text) == "RM 189.00"
    assert provider_payment().startswith("pay_")


def test_ord13_items_are_cancelled_before_they_are_sent(merchant, shopper, bank, drain):
    """From the order's page: the money of one goes back, it is on sale again at once, and the customer is told why."""
    shirt = add_product(stock_of={"KB": 5})
    token = buy(shopper, (shirt, 3))
    drain()
    assert stock_row(shirt) == (2, 0)
    page = merchant.get(f"/admin/orders/{order_of(token)}")
    link = f"/admin/orders/{order_of(token)}/refund?reason=items_cancelled"
    assert link in page
    form = merchant.get(link)
    assert "Say how much of each leaves the order" in form
    for _ in range(2):
        preview = ask_form(merchant, token, reason="items_cancelled", q1=1)
        assert send(merchant, preview).status_code == 303
        drain()
    assert stock_row(shirt) == (4, 0)
    assert states() == [("succeeded", 18900), ("succeeded", 18900)]
    assert payment_state(token) == "paid"
    assert "Cancelled before it was sent" in merchant.get(f"/admin/orders/{order_of(token)}")
    assert money(bank)[1] == 37800
    too_many = merchant.client.get(
        link.partition("?")[0], query_string={"reason": "items_cancelled", "q1": 2, "preview": 1}
    )
    assert too_many.status_code == 422
    assert (stock_row(shirt), faults()) == ((4, 0), {})

"""Gift cards and store credit through HTTP (PAY-31): a part of an order or all of it, late money, refunds to where it came from."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import select

from app.core import clock, db
from app.core.transaction import transaction
from app.documents import queries as documents
from app.orders import flows
from app.value import flows as value_flows
from app.value.models import ValueAccount
from tests.flows.shopper import Shopper, money
from tests.returns.counter import ask_form, payment_state, refund, send, shown_total, states, timeline
from tests.shop import add_product, faults, stock_row
from tests.value.cards import counters, end, issue, movements, order_id_of
from tools.webforms import form_to, forms_of

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY


def apply(shopper, code, status=303):
    """Type a code on the review page; returns the page that follows."""
    page = shopper.get("/checkout/review")
    form = next(each for each in forms_of(page) if each.action == "/checkout/value" and "code" in each.fields)
    answer = shopper.client.post("/checkout/value", data=form.filled(code=code))
    assert answer.status_code == status, answer.text
    return shopper.get("/checkout/review") if status == 303 else answer.text


def placed(shopper, variant, *cards, quantity=1):
    """An order that these cards pay a part of; its token."""
    shopper.add(variant, quantity)
    shopper.to_review()
    for card in cards:
        apply(shopper, card.code)
    answer = shopper.place(shopper.get("/checkout/review"))
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[-1]


def ways(page):
    """Where the preview says that a refund goes."""
    part = page[page.index('id="refund-ways"') :]
    return re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", part[: part.index("</dl>")].replace("\u00a0", " "))


def captures(token):
    found = db.rows(
        "SELECT c.provider, c.amount_minor, c.is_applied FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE o.token = :t ORDER BY c.attempt_id IS NULL, c.amount_minor",
        t=token,
    )
    db.release()
    return [tuple(row) for row in found]


def test_a_card_a_gift_card_and_credit_pay_one_order_and_each_gets_its_own_back(merchant, shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 5})
    card, credit = issue(2000), issue(5000, kind="store_credit")
    token = placed(shopper, shirt, card, credit)
    assert (counters(card.account), counters(credit.account)) == ((2000, 2000), (5000, 5000))
    page = shopper.get(f"/checkout/pay/{token}")
    for text in (f"Gift card ••••{card.account.last_four}", "To pay now", "RM\u00a0127.00"):
        assert text in page, text
    assert shopper.pay(token).status_code == 303
    assert money(bank) == (TOTAL - 7000, 0)
    assert captures(token) == [("razorpay", 12700, True), ("gift_card", 2000, True), ("store_credit", 5000, True)]
    assert (counters(card.account), counters(credit.account)) == ((0, 0), (0, 0))
    assert movements(card.account) == [("issue", 2000, 0), ("hold", 0, 2000), ("spend", -2000, -2000)]
    drain()
    page = shopper.get(f"/order/{token}")
    assert f"Paid by Gift card ••••{card.account.last_four}" in page
    receipt = documents.document_of(order_id_of(token), "receipt")
    assert [row[1:] for row in receipt.facts["tables"][0]["rows"]][1][1] == f"••••{card.account.last_four}"
    assert f"Gift card ••••{card.account.last_four}" in merchant.get(f"/admin/orders/{order_id_of(token)}")
    assert faults() == {}

    page = ask_form(merchant, token, amount="150")
    assert shown_total(page) == "RM 150.00"
    assert ways(page) == [
        ("Razorpay", "RM 127.00"),
        (f"Gift card ••••{card.account.last_four}", "RM 20.00"),
        (f"Store credit ••••{credit.account.last_four}", "RM 3.00"),
    ]
    assert send(merchant, page).status_code == 303
    drain()
    assert sorted(states()) == [("succeeded", 300), ("succeeded", 2000), ("succeeded", 12700)]
    assert money(bank) == (12700, 12700)
    assert (counters(card.account), counters(credit.account)) == ((2000, 0), (300, 0))
    assert refund(merchant, token, everything=1, restock=1).status_code == 303
    drain()
    assert (counters(credit.account), stock_row(shirt), payment_state(token)) == ((5000, 0), (5, 0), "refunded")
    notes = [each.total_minor for each in documents.documents_of(order_id_of(token)) if each.kind == "credit_note"]
    db.release()
    assert sum(notes) == TOTAL
    assert faults() == {}


def test_value_that_covers_everything_needs_no_provider(shopper, bank, drain):
    shirt, card = add_product(), issue(50000)
    token = placed(shopper, shirt, card)
    page = shopper.get(f"/checkout/pay/{token}")
    assert "payment_method-fpx" not in page
    assert "Pay with gift card" in page
    assert shopper.press_pay(token).location == f"/order/{token}"
    assert "is confirmed" in shopper.heading(token)
    assert shopper.client.post(f"/checkout/pay/{token}", data={"csrf_token": shopper.csrf()}).status_code == 303
    drain()
    assert (captures(token), counters(card.account)) == ([("gift_card", TOTAL, True)], (50000 - TOTAL, 0))
    assert (money(bank), stock_row(shirt), timeline(token).count("paid")) == ((0, 0), (4, 0), 1)
    assert db.scalar("SELECT count(*) FROM payment_attempt") == 0
    assert faults() == {}


def test_a_forged_click_cannot_skip_the_provider(shopper, bank):
    """`gift_card` where none covers it: at placing, and at paying."""
    shirt, card = add_product(), issue(100)
    shopper.add(shirt)
    assert shopper.place(shopper.to_review(), payment_method="gift_card").status_code == 422
    assert db.scalar("SELECT count(*) FROM orders") == 0
    db.release()
    apply(shopper, card.code)
    assert shopper.place(shopper.get("/checkout/review"), accept_value="0").status_code == 409
    token = shopper.place(shopper.get("/checkout/review")).location.rsplit("/", 1)[-1]
    answer = shopper.post(f"/checkout/pay/{token}", payment_method="gift_card")
    assert answer.status_code == 422
    assert "not paid" in shopper.get(f"/order/{token}")
    assert counters(card.account) == (100, 100)
    assert faults() == {}


def test_codes_that_cannot_pay_are_refused_in_words(shopper):
    shopper.add(add_product())
    shopper.to_review()
    empty, over, rupees, disabled, good = issue(1), issue(100), issue(100, currency="INR"), issue(100), issue(100)
    end(over.account)
    with transaction():
        db.rows("UPDATE value_account SET state = 'disabled' WHERE id = :id RETURNING id", id=disabled.account.id)
    unknown = apply(shopper, "ABCD-EFGH-JKLM-NPQR", 422)
    assert "We do not know this code" in unknown
    for code, words in (
        ("<b>", "We do not know this code"),
        (disabled.code, "We do not know this code"),
        (over.code, "The time of this gift card is over"),
        (rupees.code, "another currency"),
    ):
        assert words in apply(shopper, code, 422)
    assert "RM\u00a01.00" in apply(shopper, good.code.lower().replace("-", " "))
    assert "in use for your order" in apply(shopper, good.code, 422)
    for card in (empty, issue(2), issue(3), issue(4)):
        apply(shopper, card.code)
    assert "at most five" in apply(shopper, issue(5).code, 422)
    answer = shopper.post("/checkout/value", remove=str(good.account.id))
    assert answer.status_code == 303
    assert good.account.last_four not in shopper.get("/checkout/review")


def test_codes_are_for_one_order_and_used_up_ones_do_not_count(shopper, drain):
    rest, shirt = issue(TOTAL + 500), add_product()
    shopper.press_pay(placed(shopper, shirt, rest))
    drain()
    shopper.add(shirt)
    assert rest.account.last_four not in shopper.to_review()
    cards = [issue(100) for _ in range(5)]
    for card in cards:
        apply(shopper, card.code)
    end(cards[0].account)
    assert "RM\u00a05.00" in apply(shopper, rest.code)
    assert "at most five" in apply(shopper, issue(100).code, 422)


def test_placing_again_takes_the_same_value_and_cancelling_gives_it_back(shopper):
    shirt, card = add_product(stock_of={"KB": 5}), issue(3000)
    first = placed(shopper, shirt, card)
    shopper.add(shirt)
    assert "RM\u00a030.00" in shopper.get("/checkout/review")  # what the first order holds is free for the next one
    token = shopper.place(shopper.get("/checkout/review")).location.rsplit("/", 1)[-1]
    assert token != first
    assert (counters(card.account), timeline(first)[-1]) == ((3000, 3000), "cancelled")
    shopper.post(f"/checkout/pay/{token}/cancel")
    assert counters(card.account) == (3000, 0)
    assert movements(card.account)[1:] == [("hold", 0, 3000), ("release", 0, -3000)] * 2
    assert faults() == {}


def test_a_card_that_nearly_covers_leaves_what_a_provider_takes(shopper, bank):
    card = issue(TOTAL - 40)
    token = placed(shopper, add_product(), card)
    assert counters(card.account) == (TOTAL - 40, TOTAL - 100)
    assert shopper.pay(token).status_code == 303
    assert captures(token) == [("razorpay", 100, True), ("gift_card", TOTAL - 100, True)]
    assert faults() == {}


def test_a_refund_that_would_send_a_few_sen_outside_goes_to_the_card(merchant, shopper, bank, drain):
    card = issue(TOTAL - 140)
    token = placed(shopper, add_product(), card)
    shopper.pay(token)
    assert refund(merchant, token, amount="1").status_code == 303  # 40 sen of the money from outside are left
    drain()
    page = ask_form(merchant, token, amount="10")
    assert ways(page) == [(f"Gift card ••••{card.account.last_four}", "RM 10.00")]
    assert send(merchant, page).status_code == 303
    drain()
    assert sorted(states()) == [("succeeded", 100), ("succeeded", 1000)]
    assert (money(bank), counters(card.account)) == ((140, 100), (1000, 0))
    assert faults() == {}


def test_a_lock_that_runs_out_frees_value_and_holding_again_takes_it_again(shopper, run_out):
    card = issue(3000)
    token = placed(shopper, add_product(), card)
    run_out(token)
    flows.release_pass(trigger="test")
    flows.release_pass(trigger="test")
    assert counters(card.account) == (3000, 0)
    answer = shopper.post(f"/checkout/pay/{token}/hold")
    assert (answer.status_code, counters(card.account)) == (303, (3000, 3000))
    run_out(token)
    flows.release_pass(trigger="test")
    with transaction():
        db.rows("UPDATE value_account SET state = 'disabled' RETURNING id")
    answer = shopper.post(f"/checkout/pay/{token}/hold")
    assert (answer.status_code, counters(card.account)) == (409, (3000, 0))
    assert "Less is left on a gift card" in answer.text
    assert faults() == {}


def test_value_of_an_order_left_behind_comes_back_without_the_clean_up(shopper, run_out):
    card, shirt = issue(3000), add_product()
    token = placed(shopper, shirt, card)
    flows.expire_left_behind()
    assert counters(card.account) == (3000, 3000)
    run_out(token)
    flows.expire_left_behind()
    flows.expire_left_behind()
    assert (counters(card.account), stock_row(shirt)[1]) == ((3000, 0), 1)  # the lock is still there, run out
    assert faults() == {}


@pytest.mark.parametrize("is_left", [True, False])
def test_money_that_comes_late_takes_the_value_anew_or_goes_back(shopper, bank, run_out, drain, is_left):
    """The lock ran out while the shopper was at the bank; the card may have been spent elsewhere since."""
    shirt, card = add_product(stock_of={"KB": 5}), issue(3000)
    token = placed(shopper, shirt, card)
    form = shopper.hand_over(token)
    run_out(token, seconds=3600)
    flows.release_pass(trigger="test")
    flows.release_pass(trigger="test")
    assert (stock_row(shirt), counters(card.account)) == ((5, 0), (3000, 0))
    if not is_left:
        end(card.account)
        value_flows.expire_overdue()
    bank.pay(form.fields["order_id"], "captured")
    flows.reconcile(everything=True)
    drain()
    if is_left:
        assert "is confirmed" in shopper.heading(token)
        assert (money(bank), counters(card.account)) == ((TOTAL - 3000, 0), (0, 0))
    else:
        assert "refund" in shopper.heading(token)
        assert "after the gift card had been used" in shopper.get(f"/order/{token}")
        assert db.scalar("SELECT reason FROM refund") == "value_gone"
        db.release()
        assert (money(bank), counters(card.account), stock_row(shirt)) == ((TOTAL - 3000,) * 2, (0, 0), (5, 0))
    assert faults() == {}


def test_a_refund_can_become_store_credit_and_is_spent_again(merchant, shopper, bank, drain, shop):
    token = placed(shopper, add_product(), issue(1000))
    shopper.pay(token)
    drain()
    page = ask_form(merchant, token, everything=1, as_credit=1)
    assert "As store credit" in page
    assert send(merchant, page).location.endswith("done=refund-made")
    [credit] = db.session.scalars(select(ValueAccount).where(ValueAccount.kind == "store_credit"))
    assert (credit.balance_minor, credit.email) == (TOTAL, "aina@example.com")
    code = credit.mail_code
    db.release()
    assert (money(bank), payment_state(token)) == ((TOTAL - 1000, 0), "refunded")
    shopper.add(add_product())
    shopper.to_review()
    apply(shopper, code)
    again = shopper.place(shopper.get("/checkout/review")).location.rsplit("/", 1)[-1]
    assert shopper.press_pay(again).location == f"/order/{again}"
    assert "is confirmed" in shopper.heading(again)
    assert faults() == {}


def test_all_cards_whose_time_is_over_end_however_many_they_are(shop, monkeypatch):
    monkeypatch.setattr(value_flows, "A_BATCH", 2)
    cards = [issue(100) for _ in range(5)]
    for card in cards:
        end(card.account)
    value_flows.expire_overdue()
    assert [counters(card.account) for card in cards] == [(0, 0)] * 5
    assert faults() == {}


def test_money_back_on_a_card_that_ended_can_be_spent_for_a_while(merchant, shopper, drain):
    card = issue(3000)
    token = placed(shopper, add_product(), card)
    shopper.pay(token)
    drain()
    end(card.account)
    assert refund(merchant, token, everything=1).status_code == 303
    left = db.scalar("SELECT expires_at FROM value_account WHERE id = :id", id=card.account.id) - clock.now()
    db.release()
    assert (counters(card.account), left.days >= 89) == ((3000, 0), True)
    value_flows.expire_overdue()
    assert counters(card.account) == (3000, 0)
    end(card.account)
    value_flows.expire_overdue()
    value_flows.expire_overdue()
    assert (counters(card.account), movements(card.account)[-1]) == ((0, 0), ("expire", -3000, 0))
    assert faults() == {}


def at_once(*calls):
    """All of them at the same moment, each with a connection of its own."""
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_c6_the_last_money_of_a_card_pays_one_of_two_orders(shop, bank):
    """FAULTS C6: two shoppers with one code press “Place order” at the same moment."""
    shirt, card = add_product(stock_of={"KB": 9}), issue(2000)
    forms = []
    for shopper in (Shopper(shop.test_client(), bank), Shopper(shop.test_client(), bank)):
        shopper.add(shirt)
        shopper.to_review()
        forms.append((shopper.client, form_to(apply(shopper, card.code), "/checkout/orders").filled()))
    answers = at_once(*(partial(client.post, "/checkout/orders", data=form) for client, form in forms))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert (counters(card.account), stock_row(shirt)) == ((2000, 2000), (9, 1))
    assert db.scalar("SELECT count(*) FROM orders") == 1
    db.release()
    assert faults() == {}


def test_paying_with_a_card_many_times_at_once_pays_once(shopper, shop, drain):
    card = issue(50000)
    token = placed(shopper, add_product(), card)
    form = form_to(shopper.get(f"/checkout/pay/{token}"), f"/checkout/pay/{token}").filled()
    answers = at_once(*[partial(shopper.client.post, f"/checkout/pay/{token}", data=form)] * 4)
    assert {answer.location for answer in answers} == {f"/order/{token}"}
    assert (captures(token), counters(card.account)) == ([("gift_card", TOTAL, True)], (50000 - TOTAL, 0))
    assert timeline(token).count("paid") == 1
    assert faults() == {}


def test_the_balance_of_a_card_is_told_by_its_code_alone(shopper):
    card, disabled = issue(4250), issue(900)
    with transaction():
        db.rows("UPDATE value_account SET state = 'disabled' WHERE id = :id RETURNING id", id=disabled.account.id)
    form = form_to(shopper.get("/gift-cards"), "/gift-cards")
    page = shopper.client.post("/gift-cards", data=form.filled(code=card.code))
    assert (page.status_code, "RM\u00a042.50" in page.text, card.code in page.text) == (200, True, False)
    wrong = [shopper.client.post("/gift-cards", data=form.filled(code=code)) for code in (disabled.code, "WRONG", "")]
    assert {answer.status_code for answer in wrong} == {422}
    assert all("No gift card can be used with this code" in answer.text for answer in wrong)


def test_codes_cannot_be_tried_out(make_app, database):
    client = make_app(RATE_LIMIT_ENABLED="true").test_client()
    token = form_to(client.get("/gift-cards").text, "/gift-cards").fields["csrf_token"]
    answers = [client.post("/gift-cards", data={"csrf_token": token, "code": "ABCD"}).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]

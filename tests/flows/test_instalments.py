"""An order paid in several parts (PAY-28): over HTTP, with the sandbox as the bank."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy.exc import IntegrityError

from app.core import clock, db
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.documents import queries as documents
from app.orders import flows
from app.orders.actions import by_hand
from app.payments import queries as payment_queries
from app.payments.errors import AmountDiffers, OnPlan
from app.reconciliation.flows.repair import repair
from app.reconciliation.queries import checks
from app.returns import flows as returns
from app.stock import actions as stock
from app.stock import queries as stock_queries
from tests import shop as shops
from tests.changes import changes
from tests.flows.providers import PayPalShopper, StripeShopper, deliver, paypal, razorpay, stripe
from tests.flows.shopper import Shopper, money, provider_order_of
from tests.reconciliation.conftest import Books
from tests.returns import counter
from tests.shop import add_product, faults, stock_row
from tests.value.cards import counters, issue
from tools.webforms import form_to, forms_of

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY
PARTS = [6568, 6566, 6566]
DAYS = 30


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(
        **razorpay(bank),
        **stripe(bank),
        **paypal(bank),
        INSTALMENTS="3",
        INSTALMENT_DAYS=str(DAYS),
        INSTALMENT_MIN_MINOR="10000",
        MANUAL_METHODS="bank_transfer,cod",
        BANK_DETAILS="Murni Batik Sdn. Bhd.\nDemo Bank 5140 0000 0000",
    )
    shops.open_shop()
    return app


def order_in_parts(shopper, variant, parts=3, **chosen):
    """An order that will be paid in so many parts; its token."""
    assert shopper.add(variant).status_code == 303
    answer = shopper.place(parts=str(parts), **chosen)
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[-1]


def row_of(token):
    row = db.rows(
        "SELECT o.id, o.state, o.number, o.promised_at, p.state AS payment, p.received_minor, p.parts, p.paid_at IS NOT NULL AS is_paid"
        " FROM orders o JOIN payment p ON p.order_id = o.id WHERE o.token = :token",
        token=token,
    )[0]
    db.release()
    return row


def plan_of(token):
    """(amount, state) of the instalments, the first due first."""
    found = db.rows(
        "SELECT i.amount_minor, i.state FROM instalment i JOIN payment p ON p.id = i.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE o.token = :token ORDER BY i.position",
        token=token,
    )
    db.release()
    return [tuple(row) for row in found]


def captures(token):
    """(provider, part, amount, applied) of the money, as it came."""
    found = db.rows(
        "SELECT c.provider, c.part, c.amount_minor, c.is_applied FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE o.token = :token ORDER BY c.created_at, c.id",
        token=token,
    )
    db.release()
    return [tuple(row) for row in found]


def refunds(token):
    """(state, amount, reason, part it came with) of what goes back, the latest part first."""
    found = db.rows(
        "SELECT r.state, r.amount_minor, r.reason, c.part FROM refund r JOIN payment_capture c ON c.id = r.capture_id"
        " JOIN payment p ON p.id = c.payment_id JOIN orders o ON o.id = p.order_id WHERE o.token = :token"
        " ORDER BY c.part DESC, r.created_at",
        token=token,
    )
    db.release()
    return [tuple(row) for row in found]


def days_pass(token, days):
    """As if the plan had been made so many days earlier."""
    with transaction():
        db.rows(
            "UPDATE instalment SET due_at = due_at - make_interval(days => :days), remind_at = remind_at - make_interval(days => :days),"
            " late_at = late_at - make_interval(days => :days) FROM payment p JOIN orders o ON o.id = p.order_id"
            " WHERE p.id = payment_id AND o.token = :token RETURNING instalment.id",
            days=days,
            token=token,
        )


def mails(token):
    found = db.rows(
        "SELECT m.template FROM mail_message m JOIN orders o ON o.id = m.order_id WHERE o.token = :token ORDER BY m.created_at, m.id",
        token=token,
    )
    db.release()
    return [row[0] for row in found]


def suspense():
    """What stands in the books as money of no sale."""
    minor = db.scalar("SELECT coalesce(sum(amount_minor), 0)::int FROM ledger_line WHERE account = 'suspense'")
    db.release()
    return minor


def pay_rest(shopper, token):
    page = f"/checkout/pay/{token}"
    answer = shopper.client.post(page, data=form_to(shopper.get(page), page).filled(rest="1"))
    assert answer.status_code == 303, answer.text
    form = form_to(shopper.get(answer.location), shopper.bank.url)
    return shopper.come_back(form.fields["callback_url"], shopper.bank.pay(form.fields["order_id"], "captured"))


def test_three_parts_pay_an_order_and_the_last_one_confirms_it(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 5})
    assert shopper.add(shirt).status_code == 303
    review = shopper.to_review()
    for text in ("In 3 parts", "In 2 parts", "RM\u00a065.68", "RM\u00a065.66", "RM\u00a098.50", "Without interest"):
        assert text in review, text
    token = shopper.place(review, parts="3").location.rsplit("/", 1)[-1]
    page = shopper.get(f"/checkout/pay/{token}")
    assert "Pay RM\u00a065.68" in page
    assert "cod" not in [form.fields.get("payment_method") for form in forms_of(page)]
    assert "payment_method-cod" not in page
    assert shopper.pay(token).status_code == 303
    assert shopper.heading(token).endswith("is pending")
    page = shopper.get(f"/order/{token}")
    for text in ("1 of 3 paid, balance RM\u00a0131.32", "We have received RM\u00a065.68", "Pay RM\u00a065.66"):
        assert text in page, text
    assert "Thank you" not in page
    assert (stock_row(shirt), money(bank), row_of(token).number) == ((5, 1), (PARTS[0], 0), None)
    assert suspense() == -PARTS[0]
    drain()
    assert "Your cart is empty" in shopper.get("/cart")
    assert "Pay all that is left: RM\u00a0131.32" in shopper.get(f"/checkout/pay/{token}")
    shopper.pay(token)
    assert "2 of 3 paid, balance RM\u00a065.66" in shopper.get(f"/order/{token}")
    assert faults() == {}
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    drain()
    row = row_of(token)
    assert (row.state, row.payment, row.received_minor, row.is_paid) == ("confirmed", "paid", TOTAL, True)
    assert plan_of(token) == [(minor, "paid") for minor in PARTS]
    assert captures(token) == [("razorpay", n, minor, True) for n, minor in enumerate(PARTS, start=1)]
    assert (stock_row(shirt), money(bank), suspense()) == ((4, 0), (TOTAL, 0), 0)
    assert counter.timeline(token).count("paid") == 1
    assert sorted(mails(token)) == ["instalment_paid"] * 3 + ["order_confirmed", "something_sold"]
    paid = documents.document_of(row.id, "receipt").facts["tables"][0]["rows"]
    db.release()
    assert [line[-1] for line in paid] == ["RM\u00a065.68", "RM\u00a065.66", "RM\u00a065.66"]
    assert faults() == {}


def test_the_rest_can_be_paid_at_once(shopper, bank, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    assert pay_rest(shopper, token).status_code == 303
    drain()
    assert captures(token) == [("razorpay", 1, PARTS[0], True), ("razorpay", 2, PARTS[1] + PARTS[2], True)]
    assert plan_of(token) == [(minor, "paid") for minor in PARTS]
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_a_part_that_is_declined_is_paid_in_another_way(shopper, bank, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    shopper.pay(token, "failed")
    page = shopper.get(f"/checkout/pay/{token}")
    assert "The payment did not go through" in page
    assert "1 of 3 paid" in page
    by_paypal = PayPalShopper(shopper.client, bank)
    assert shopper.client.get(by_paypal.approve(token)).status_code == 303
    assert plan_of(token)[1] == (PARTS[1], "paid")
    shopper.choose(token, payment_method="fpx")
    shopper.pay(token)
    drain()
    applied = [row[:3] for row in captures(token) if row[3]]
    assert applied == [("razorpay", 1, PARTS[0]), ("paypal", 2, PARTS[1]), ("razorpay", 3, PARTS[2])]
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_parts_over_stripe_and_one_that_is_open_there_is_closed_when_another_way_is_chosen(bank, make_app, drain):
    app = make_app(**razorpay(bank), **stripe(bank), **paypal(bank), PAYMENT_PROVIDER="stripe", INSTALMENTS="2")
    shops.open_shop()
    shopper = StripeShopper(app.test_client(), bank)
    token = order_in_parts(shopper, add_product(), parts=2)
    shopper.pay_there(shopper.open_page(token))
    assert plan_of(token) == [(9850, "paid"), (9850, "open")]
    left_open = shopper.open_page(token)
    shopper.client.get(PayPalShopper(shopper.client, bank).approve(token))
    drain()
    assert [row[:3] for row in captures(token)] == [("stripe", 1, 9850), ("paypal", 2, 9850)]
    assert shopper.press(left_open).status_code == 400  # that page takes no money any more
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_a_part_by_bank_transfer(merchant, shopper, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    assert shopper.choose(token, payment_method="bank_transfer").status_code == 303
    drain()
    assert "how_to_pay" in mails(token)
    page = shopper.get(f"/order/{token}")
    assert "1 of 3 paid" in page
    assert "Demo Bank" in page
    order_id = counter.order_of(token)
    say = partial(by_hand.note_arrival, order_id, receipt=promised(token)[-1], reference="B1", by="staff:1")
    with pytest.raises(AmountDiffers):
        in_transaction(partial(say, amount=Money(TOTAL, "MYR")))
    say = partial(say, amount=Money(PARTS[1], "MYR"))
    assert [in_transaction(say), in_transaction(say)] == [True, False]
    assert plan_of(token) == [(PARTS[0], "paid"), (PARTS[1], "paid"), (PARTS[2], "open")]
    assert shopper.choose(token, payment_method="bank_transfer").status_code == 303
    give_up = partial(by_hand.give_up, order_id, by="staff:1")
    assert [in_transaction(give_up), in_transaction(give_up)] == [True, False]
    assert (row_of(token).state, stock_row(shirt)) == (
        "pending",
        (2, 1),
    )  # it goes on: only this transfer will not come
    shopper.choose(token, payment_method="fpx")
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    drain()
    assert faults() == {}


def promised(token):
    """The receipts of what is to come by hand, the first first."""
    found = db.rows(
        "SELECT a.receipt FROM payment_attempt a JOIN payment p ON p.id = a.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE o.token = :token AND a.provider = 'manual' ORDER BY a.position",
        token=token,
    )
    db.release()
    return [row[0] for row in found]


def test_one_line_of_the_bank_pays_one_part_whatever_page_it_is_typed_into(merchant, shopper, drain):
    token = order_in_parts(shopper, add_product())
    shopper.choose(token, payment_method="bank_transfer")
    path = f"/admin/orders/{counter.order_of(token)}"
    send = partial(merchant.client.post, f"{path}/money-arrived")
    stale = form_to(merchant.get(path), f"{path}/money-arrived")
    assert "money-arrived" in send(data=stale.filled(amount="65.68", reference="B1")).location
    shopper.choose(token, payment_method="bank_transfer")
    fresh = form_to(merchant.get(path), f"{path}/money-arrived")
    assert "said-before" in send(data=stale.filled(amount="65.66", reference="B2")).location
    assert "said-before" in send(data=fresh.filled(amount="65.66", reference="B2", receipt="")).location
    answer = send(data=fresh.filled(amount="65.66", reference="B1"))
    assert (answer.status_code, "was entered for this order before" in answer.text) == (422, True)
    assert row_of(token).received_minor == PARTS[0]
    assert "money-arrived" in send(data=fresh.filled(amount="65.66", reference="B2")).location
    assert row_of(token).received_minor == PARTS[0] + PARTS[1]
    drain()
    assert faults() == {}


def test_what_is_not_offered_is_refused_and_nothing_is_ordered(shopper):
    shirt, cheap = add_product(), add_product("Kain", price=2000)
    shopper.add(shirt)
    review = shopper.to_review()
    for parts in ("4", "0", "-1", "x", "", "٣", "1.5"):
        answer = shopper.place(review, parts=parts)
        assert answer.status_code == 422, parts
        assert "Choose whether you pay at once or in parts" in answer.text
    answer = shopper.place(shopper.get("/checkout/review"), parts="3", payment_method="cod")
    assert answer.status_code == 422
    assert "cannot be paid in so many parts" in answer.text
    assert db.scalar("SELECT count(*) FROM orders") == 0
    db.release()
    other = Shopper(shopper.client.application.test_client(), shopper.bank)
    other.add(cheap)
    review = other.to_review()
    assert "In 3 parts" not in review
    assert other.place(review, parts="3").status_code == 422
    assert db.scalar("SELECT count(*) FROM orders") == 0
    db.release()


def test_it_is_off_unless_it_is_switched_on(bank, make_app):
    app = make_app(**razorpay(bank))
    shops.open_shop()
    shopper = Shopper(app.test_client(), bank)
    shopper.add(add_product())
    review = shopper.to_review()
    assert "parts" not in form_to(review, "/checkout/orders").fields
    assert shopper.place(review, parts="3").status_code == 422


def test_an_order_of_which_no_part_came_ends_as_any_other(shopper, run_out, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    run_out(token)
    flows.release_pass(trigger="test")
    assert stock_row(shirt) == (1, 0)
    with transaction():
        db.rows("UPDATE orders SET expires_at = now() - interval '1 hour' WHERE token = :t RETURNING id", t=token)
    flows.release_pass(trigger="test")
    assert (row_of(token).state, {state for _, state in plan_of(token)}) == ("expired", {"closed"})
    assert faults() == {}


def test_a_first_part_that_comes_late_begins_the_plan_if_the_stock_is_there(shopper, run_out, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    form = shopper.hand_over(token)
    expire(token, run_out)
    assert (row_of(token).state, stock_row(shirt)) == ("expired", (1, 0))
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "captured"))
    drain()
    assert (row_of(token).state, row_of(token).received_minor, stock_row(shirt)) == ("pending", PARTS[0], (1, 1))
    assert plan_of(token)[1:] == [(PARTS[1], "open"), (PARTS[2], "open")]
    assert faults() == {}
    shopper.pay(token)
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    drain()
    assert faults() == {}


def test_a_first_part_that_comes_after_the_stock_is_gone_goes_back(shopper, run_out, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    form = shopper.hand_over(token)
    expire(token, run_out)
    rival = Shopper(shopper.client.application.test_client(), bank)
    rival.pay(rival.order(shirt))
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "captured"))
    drain()
    assert refunds(token) == [("succeeded", PARTS[0], "late", 1)]
    assert (row_of(token).state, row_of(token).received_minor) == ("cancelled", 0)
    assert money(bank) == (TOTAL + PARTS[0], PARTS[0])
    assert faults() == {}


def expire(token, run_out):
    """Time runs out for an unpaid order whose shopper sits at the bank."""
    run_out(token)
    flows.release_pass(trigger="test")
    with transaction():
        db.rows("UPDATE orders SET expires_at = now() - interval '1 hour' WHERE token = :t RETURNING id", t=token)
    flows.release_pass(trigger="test")


def test_the_stock_of_a_plan_is_kept_and_nobody_releases_it(merchant, shopper, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    flows.release_pass(trigger="test")
    with pytest.raises(OnPlan):
        flows.release_hold(counter.order_of(token), actor="staff:1")
    page = merchant.get("/admin/stock-locks")
    assert "it is paid in full" in page
    assert f"{counter.order_of(token)}/release" not in page  # nor is it offered
    # neither by placing another order from the same session
    other = add_product("Kain Pelangi")
    drain()
    shopper.order(other)
    assert (row_of(token).state, stock_row(shirt)) == ("pending", (1, 1))
    assert faults() == {}


def test_the_days_of_a_plan_are_the_shops_also_to_staff_elsewhere(merchant, shopper):
    """Half past eleven on New Year's Eve in the shop is the next morning in Kiritimati: the customer was told the old year."""
    token = order_in_parts(shopper, add_product())
    shopper.pay(token)
    with transaction():
        db.rows("UPDATE staff SET timezone = 'Pacific/Kiritimati' RETURNING id")
        db.rows("UPDATE instalment SET due_at = '2027-12-31 15:30+00' WHERE position = 3 RETURNING id")
    for page in (merchant.get(f"/admin/orders/{counter.order_of(token)}"), shopper.get(f"/order/{token}")):
        assert "31 Dec 2027" in page
        assert "1 Jan 2028" not in page


def test_overdue_then_told_then_cancelled_by_staff_then_each_part_goes_back_once(merchant, shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    shopper.pay(token)
    assert shopper.choose(token, payment_method="card").status_code == 303  # and then the shopper goes away
    late = provider_order_of(token)
    drain()
    days_pass(token, 2 * DAYS - 2)
    for _ in range(2):
        flows.remind_by_schedule()
    drain()
    assert mails(token).count("instalment_coming") == 1
    days_pass(token, 4)
    for _ in range(2):
        flows.remind_by_schedule()
    drain()
    assert (mails(token).count("instalment_coming"), mails(token).count("instalment_overdue")) == (1, 1)
    assert "Instalment overdue" not in merchant.get("/admin/payments")
    assert "Overdue" in shopper.get(f"/order/{token}")
    days_pass(token, 7)
    page = merchant.get("/admin/payments")
    assert "Instalment overdue" in page
    assert "RM\u00a065.66" in page
    path = f"/admin/orders/{counter.order_of(token)}"
    page = merchant.get(path)
    assert "2 of 3 paid, balance RM\u00a065.66" in page
    form = form_to(page, f"{path}/plan/end")
    answers = [merchant.client.post(form.action, data=form.filled()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert ["done=plan-ended-here" in answers[0].location, "done=said-before" in answers[1].location] == [True, True]
    [(before, after)] = changes("order.plan_ended")
    assert (before["state"] in ("pending", "on_hold", "promised"), after) == (True, {"state": "cancelled"})
    drain()
    assert refunds(token) == [("succeeded", PARTS[1], "plan_ended", 2), ("succeeded", PARTS[0], "plan_ended", 1)]
    assert (money(bank), stock_row(shirt), suspense()) == ((PARTS[0] + PARTS[1],) * 2, (1, 0), 0)
    row = row_of(token)
    assert (row.state, row.payment, row.number) == ("cancelled", "refunded", None)
    assert [state for _, state in plan_of(token)] == ["paid", "paid", "closed"]
    page = shopper.get(f"/order/{token}")
    assert "refund of RM\u00a0131.34 has been made" in page
    assert "Instalment overdue" not in merchant.get("/admin/payments")
    assert mails(token).count("refund_on_its_way") == 2
    assert faults() == {}
    # a payment that comes for the third part after all is late money: it goes back, once
    bank.pay(late, "captured", force=True)
    for _ in range(2):
        flows.reconcile(everything=True)
        drain()
    assert refunds(token)[0] == ("succeeded", PARTS[2], "cancelled", 3)
    assert len(refunds(token)) == 3
    assert money(bank) == (TOTAL, TOTAL)
    assert faults() == {}


def test_the_shopper_may_end_it_too(shopper, bank, drain):
    shirt, card = add_product(stock_of={"KB": 1}), issue(4000)
    shopper.add(shirt)
    shopper.to_review()
    page = shopper.get("/checkout/review")
    form = next(each for each in forms_of(page) if each.action == "/checkout/value" and "code" in each.fields)
    assert shopper.client.post("/checkout/value", data=form.filled(code=card.code)).status_code == 303
    review = shopper.get("/checkout/review")
    assert "RM\u00a078.50" in review  # of what the card leaves
    token = shopper.place(review, parts="2").location.rsplit("/", 1)[-1]
    shopper.pay(token)
    assert counters(card.account) == (4000, 4000)
    form = form_to(shopper.get(f"/checkout/pay/{token}"), f"/checkout/pay/{token}/cancel")
    for _ in range(2):
        assert shopper.client.post(form.action, data=form.filled()).status_code == 303
    drain()
    assert refunds(token) == [("succeeded", 7850, "plan_ended", 1)]
    assert (counters(card.account), stock_row(shirt), money(bank)) == ((4000, 0), (1, 0), (7850, 7850))
    assert "refund" in shopper.heading(token)
    assert faults() == {}


def test_who_has_only_the_link_may_pay_a_begun_plan_and_not_end_it(shop, shopper, bank, drain):
    token = order_in_parts(shopper, add_product())
    page = f"/checkout/pay/{token}"
    stranger = Shopper(shop.test_client(), bank)
    shopper.pay(token)
    assert f"{page}/cancel" not in {form.action for form in forms_of(stranger.get(page))}
    assert "Write to us if you want to cancel" in stranger.get(page)
    answer = stranger.post(f"{page}/cancel")
    assert (answer.status_code, "Write to us, and we will do it" in answer.text) == (403, True)
    assert (row_of(token).state, refunds(token)) == ("pending", [])
    stranger.pay(token)
    assert row_of(token).received_minor == PARTS[0] + PARTS[1]
    shopper.client.post(f"{page}/cancel", data=form_to(shopper.get(page), f"{page}/cancel").filled())
    drain()
    assert row_of(token).state == "cancelled"
    assert faults() == {}


def test_an_order_that_nobody_has_paid_is_cancelled_by_its_link(shop, shopper, bank):
    token = order_in_parts(shopper, add_product())
    assert Shopper(shop.test_client(), bank).post(f"/checkout/pay/{token}/cancel").status_code == 303
    assert row_of(token).state == "cancelled"


def test_a_gift_card_is_spent_with_the_last_part(shopper, bank, drain):
    shirt, card = add_product(), issue(4000)
    shopper.add(shirt)
    shopper.to_review()
    page = shopper.get("/checkout/review")
    form = next(each for each in forms_of(page) if each.action == "/checkout/value" and "code" in each.fields)
    shopper.client.post("/checkout/value", data=form.filled(code=card.code))
    token = shopper.place(shopper.get("/checkout/review"), parts="2").location.rsplit("/", 1)[-1]
    shopper.pay(token)
    flows.release_pass(trigger="test")
    assert counters(card.account) == (4000, 4000)
    shopper.pay(token)
    drain()
    assert counters(card.account) == (0, 0)
    assert sorted(captures(token)) == [
        ("gift_card", 1, 4000, True),
        ("razorpay", 1, 7850, True),
        ("razorpay", 2, 7850, True),
    ]
    assert (row_of(token).state, suspense()) == ("confirmed", 0)
    assert faults() == {}


def test_nothing_is_refunded_by_line_before_the_last_part_and_then_the_latest_part_goes_first(
    merchant, shopper, bank, drain
):
    shirt = add_product(stock_of={"KB": 5})
    shopper.add(shirt, 2)
    token = shopper.place(parts="3").location.rsplit("/", 1)[-1]
    parts = [minor for minor, _ in plan_of(token)]
    whole = 2 * PRICE  # so much is delivered free
    assert sum(parts) == whole
    shopper.pay(token)
    shopper.pay(token)
    assert "Refund …" not in merchant.get(f"/admin/orders/{counter.order_of(token)}")
    assert merchant.client.get(f"/admin/orders/{counter.order_of(token)}/refund").status_code == 404
    assert shopper.client.get(f"/order/{token}/refund").status_code == 409
    assert refunds(token) == []
    shopper.pay(token)
    drain()
    page = counter.ask_form(merchant, token, **quantities(merchant, token, 1))
    assert counter.shown_total(page) == "RM 189.00"
    assert counter.send(merchant, page).status_code == 303
    drain()
    back = [(state, minor, part) for state, minor, _reason, part in refunds(token)]
    assert back == [("succeeded", parts[2], 3), ("succeeded", PRICE - parts[2], 2)]
    assert counter.refund(merchant, token, everything=1).status_code == 303
    drain()
    assert (money(bank), counter.payment_state(token)) == ((whole, whole), "refunded")
    back = {part: sum(row[1] for row in refunds(token) if row[3] == part) for part in (1, 2, 3)}
    assert back == {1: parts[0], 2: parts[1], 3: parts[2]}
    notes = [each.total_minor for each in documents.documents_of(row_of(token).id) if each.kind == "credit_note"]
    db.release()
    assert sum(notes) == whole
    assert faults() == {}


def quantities(merchant, token, quantity):
    """The field of the only line on the refund page."""
    page = merchant.get(f"/admin/orders/{counter.order_of(token)}/refund")
    field = next(name for form in forms_of(page) for name in form.fields if name.startswith("q"))
    return {field: quantity}


def test_a_part_that_is_paid_twice_goes_back_once(shopper, bank, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    form = shopper.hand_over(token)
    paid = [bank.pay(form.fields["order_id"], "captured", force=True) for _ in range(2)]
    for answer in (*paid, *paid):
        shopper.come_back(form.fields["callback_url"], answer)
    flows.reconcile(everything=True)
    drain()
    assert refunds(token) == [("succeeded", PARTS[0], "double", 1)]
    assert (row_of(token).received_minor, row_of(token).state) == (PARTS[0], "pending")
    assert money(bank) == (2 * PARTS[0], PARTS[0])
    assert faults() == {}


@pytest.mark.parametrize("first_to_tell", ["part", "rest"])
def test_two_tabs_pay_the_same_part(shopper, bank, drain, first_to_tell):
    """One tab pays the next part, the other one all the rest: whoever comes second is sent back, whole."""
    token = order_in_parts(shopper, add_product())
    shopper.pay(token)
    page = f"/checkout/pay/{token}"
    part = shopper.hand_over(token)
    answer = shopper.client.post(page, data=form_to(shopper.get(page), page).filled(rest="1"))
    rest = form_to(shopper.get(answer.location), bank.url)
    assert part.fields["order_id"] != rest.fields["order_id"]
    for form in (part, rest) if first_to_tell == "part" else (rest, part):
        shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "captured", force=True))
    flows.reconcile(everything=True)
    drain()
    row, captured = row_of(token), sum(PARTS) + PARTS[1]
    if first_to_tell == "part":
        assert (row.state, row.received_minor) == ("pending", PARTS[0] + PARTS[1])
        assert refunds(token) == [("succeeded", PARTS[1] + PARTS[2], "double", 2)]
    else:
        assert (row.state, row.received_minor) == ("confirmed", TOTAL)
        assert refunds(token) == [("succeeded", PARTS[1], "double", 2)]
    assert money(bank) == (captured, captured - row.received_minor)
    assert faults() == {}


def test_a_stale_tab_pays_no_other_part(shopper, bank, drain):
    token = order_in_parts(shopper, add_product())
    page = f"/checkout/pay/{token}"
    stale = next(form for form in forms_of(shopper.get(page)) if form.action == page)
    shopper.pay(token)
    for fields in ({}, {"rest": "1"}):
        answer = shopper.client.post(page, data=stale.filled(**fields))
        assert (answer.status_code, "has been paid meanwhile" in answer.text) == (409, True)
    ask = partial(shopper.client.post, "/api/v1/payment/initiate", headers={"X-CSRF-Token": shopper.csrf()})
    assert [ask(json={"order": token, "part": part}).status_code for part in (1, 3, "2", 2)] == [409, 409, 422, 201]
    answer = shopper.client.post(page, data=form_to(answer.text, page).filled())
    assert answer.status_code == 303
    assert db.scalar("SELECT count(*) FROM payment_attempt") == 2
    db.release()
    shopper.pay(token)
    assert row_of(token).received_minor == PARTS[0] + PARTS[1]
    drain()
    assert faults() == {}


def test_a_wrong_amount_pays_no_part(shopper, bank, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    shopper.pay(token, amount=PARTS[0])  # the first part again, where the second one was asked for
    drain()
    assert refunds(token) == [("succeeded", PARTS[0], "mismatch", 2)]
    assert plan_of(token)[1] == (PARTS[1], "open")
    shopper.pay(token)
    assert plan_of(token)[1] == (PARTS[1], "paid")
    drain()
    assert faults() == {}


def test_a_webhook_that_comes_twice_counts_once(shopper, bank, letters, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "captured")
    for _ in range(3):
        for letter in letters.wait_for(4):  # of each part that its payment is captured, and its order paid
            assert deliver(shopper, letter).status_code == 200
        drain()
    assert plan_of(token) == [(PARTS[0], "paid"), (PARTS[1], "paid"), (PARTS[2], "open")]
    assert mails(token).count("instalment_paid") == 2
    assert faults() == {}


def test_twenty_clicks_at_once_open_one_attempt_and_twenty_answers_count_once(shopper, bank, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "captured")
    order_id = counter.order_of(token)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: flows.settle_now(order_id), range(20)))
    drain()
    assert row_of(token).received_minor == PARTS[0] + PARTS[1]
    assert refunds(token) == []
    assert counter.timeline(token).count("instalment_paid") == 2
    assert faults() == {}


def test_tries_are_counted_for_each_part(shopper, bank, drain):
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    for n in range(7):
        way = ("card", "fpx")[n % 2]
        shopper.choose(token, payment_method=way)
        shopper.pay(token, "failed")
    shopper.pay(token)
    assert row_of(token).received_minor == PARTS[0]
    shopper.pay(token, "failed")
    shopper.pay(token)
    assert row_of(token).received_minor == PARTS[0] + PARTS[1]
    assert faults() == {}


def test_a_plan_that_goes_on_is_no_alarm_and_takes_nobodys_place(shopper, drain):
    token = order_in_parts(shopper, add_product())
    here = "127.0.0.1"
    assert stock_queries.live_orders_of_address(here) == 1
    db.release()
    shopper.pay(token)
    shopper.hand_over(token)
    with transaction():
        db.rows("UPDATE payment_attempt SET created_at = now() - interval '2 hours' RETURNING id")
    assert (payment_queries.attention_count(), stock_queries.live_orders_of_address(here)) == (0, 0)
    db.release()
    with transaction():  # as of any other order
        db.rows("UPDATE payment SET received_minor = 0 RETURNING id")
    assert [row.kind for row in payment_queries.attention_page()] == ["no_answer"]
    db.release()


def test_a_plan_is_fixed_when_it_is_made(shopper, bank, drain, make_app):
    """The switch is turned off: who is on a plan goes on."""
    shirt = add_product()
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    later = Shopper(make_app(**razorpay(bank)).test_client(), bank)
    assert "Pay RM\u00a065.66" in later.get(f"/checkout/pay/{token}")
    later.pay(token)
    later.pay(token)
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_a_plan_whose_stock_is_lost_all_the_same_gives_every_part_back(shopper, bank, drain):
    """Nothing in the shop does that; somebody may, in the database."""
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    form = shopper.hand_over(token)
    drain()
    order_id = counter.order_of(token)
    in_transaction(lambda: stock.release(order_id, reason="test"))
    rival = Shopper(shopper.client.application.test_client(), bank)
    rival.pay(rival.order(shirt))
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "captured"))
    drain()
    assert refunds(token) == [("succeeded", PARTS[1], "late", 2), ("succeeded", PARTS[0], "plan_ended", 1)]
    assert (row_of(token).state, row_of(token).payment) == ("cancelled", "refunded")
    assert money(bank) == (TOTAL + PARTS[0] + PARTS[1], PARTS[0] + PARTS[1])
    assert faults() == {}


def dispute_first_part(bank, drain):
    """The customer's bank disputes the first part; returns the dispute's id."""
    payment = db.scalar("SELECT provider_payment_id FROM payment_capture WHERE is_applied AND part = 1")
    db.release()
    dispute = bank.control("POST", "/disputes", {"payment_id": payment})["id"]
    returns.look_at_dispute("razorpay", dispute)
    drain()
    return dispute


def test_a_dispute_about_a_part_holds_the_order_and_what_comes_meanwhile_counts(shopper, bank, drain):
    token = order_in_parts(shopper, add_product())
    shopper.pay(token)
    second = shopper.hand_over(token)
    dispute = dispute_first_part(bank, drain)
    assert (row_of(token).state, shopper.client.get(f"/checkout/pay/{token}").status_code) == ("on_hold", 303)
    assert "bank is looking into the payment" in shopper.get(f"/order/{token}")
    assert not in_transaction(
        partial(by_hand.end_plan, counter.order_of(token), actor="staff:1")
    )  # not before it is decided
    shopper.come_back(second.fields["callback_url"], bank.pay(second.fields["order_id"], "captured"))
    assert (row_of(token).state, row_of(token).received_minor) == ("on_hold", PARTS[0] + PARTS[1])
    assert faults() == {}
    bank.control("POST", f"/disputes/{dispute}", {"status": "won"})
    returns.look_at_dispute("razorpay", dispute)
    assert row_of(token).state == "pending"
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    drain()
    assert faults() == {}


def test_the_last_part_of_an_order_on_hold_leaves_it_on_hold(shopper, bank, drain):
    token = order_in_parts(shopper, add_product(), parts=2)
    shopper.pay(token)
    last = shopper.hand_over(token)
    dispute = dispute_first_part(bank, drain)
    shopper.come_back(last.fields["callback_url"], bank.pay(last.fields["order_id"], "captured"))
    drain()
    row = row_of(token)
    assert (row.state, row.is_paid, row.number is not None) == ("on_hold", True, True)
    assert faults() == {}
    bank.control("POST", f"/disputes/{dispute}", {"status": "won"})
    returns.look_at_dispute("razorpay", dispute)
    assert row_of(token).state == "confirmed"
    assert faults() == {}


@pytest.mark.parametrize("parts", [2, 3])
def test_no_part_counts_after_one_was_lost_to_a_dispute(shopper, merchant, bank, drain, parts):
    """The rest of an order goes back alone: it never will be paid whole. Nor when the bank's first word is its last."""
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt, parts=parts)
    shopper.pay(token)
    second = shopper.hand_over(token)
    dispute = lose_first_part(bank, drain)
    assert (row_of(token).state, timeline_of(dispute)) == ("on_hold", ["lost"])
    shopper.come_back(second.fields["callback_url"], bank.pay(second.fields["order_id"], "captured"))
    drain()
    row, amount = row_of(token), plan_of(token)[1][0]
    assert (row.state, row.is_paid, row.received_minor) == ("on_hold", False, plan_of(token)[0][0])
    assert refunds(token) == [("succeeded", amount, "disputed", 2)]
    assert "taken back a part that was paid" in shopper.get(f"/order/{token}")
    path = f"/admin/orders/{counter.order_of(token)}"
    assert "The bank has taken back an earlier part" in merchant.get(path)
    assert in_transaction(partial(by_hand.end_plan, counter.order_of(token), actor="staff:1"))
    drain()
    assert refunds(token) == [("succeeded", amount, "disputed", 2)]
    assert (row_of(token).state, row_of(token).payment, stock_row(shirt)) == ("cancelled", "refunded", (1, 0))
    assert faults() == {}


def lose_first_part(bank, drain):
    """A dispute about the first part of which we hear only when it is lost; its id."""
    payment = db.scalar("SELECT provider_payment_id FROM payment_capture WHERE is_applied AND part = 1")
    db.release()
    dispute = bank.control("POST", "/disputes", {"payment_id": payment})["id"]
    bank.control("POST", f"/disputes/{dispute}", {"status": "lost"})
    returns.look_at_dispute("razorpay", dispute)
    drain()
    return dispute


def timeline_of(dispute):
    """What the timeline says became of a dispute."""
    found = db.rows("SELECT kind FROM order_event WHERE facts ->> 'dispute' = :id ORDER BY created_at", id=dispute)
    db.release()
    return [row[0].removeprefix("dispute_") for row in found]


def test_a_part_that_was_lost_to_a_dispute_leaves_the_order_to_be_ended(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = order_in_parts(shopper, shirt)
    shopper.pay(token)
    shopper.pay(token)
    dispute = dispute_first_part(bank, drain)
    bank.control("POST", f"/disputes/{dispute}", {"status": "lost"})
    returns.look_at_dispute("razorpay", dispute)
    assert row_of(token).state == "on_hold"
    assert in_transaction(partial(by_hand.end_plan, counter.order_of(token), actor="staff:1"))
    drain()
    assert refunds(token) == [("succeeded", PARTS[1], "plan_ended", 2)]  # the first one is gone already
    assert (row_of(token).state, stock_row(shirt)) == ("cancelled", (1, 0))


def test_the_books_and_the_comparison_find_nothing_to_say(shopper, bank, drain):
    """Of an order half paid, one paid whole, one given back."""
    shirt = add_product(stock_of={"KB": 9})
    tokens = []
    for number in range(3):
        buyer = Shopper(shopper.client.application.test_client(), bank)
        tokens.append(order_in_parts(buyer, shirt, parts=2))
        buyer.pay(tokens[-1])
        if number == 1:
            buyer.pay(tokens[-1])
    in_transaction(partial(by_hand.end_plan, counter.order_of(tokens[2]), actor="staff:1"))
    drain()
    assert [row_of(token).state for token in tokens] == ["pending", "confirmed", "cancelled"]
    since = clock.now() - timedelta(days=1)
    found = list(checks.local_findings(since=since, settled_within=7))
    db.release()
    assert found == []
    assert suspense() == -9850  # the deposit of the first
    assert faults() == {}


def test_a_part_of_a_cancelled_order_that_did_not_go_back_is_found_and_repaired(shopper, bank, drain):
    """A dashboard's refund of it failed after the plan had been ended: the shop had sent back the rest only."""
    token = order_in_parts(shopper, add_product(), parts=2)
    shopper.pay(token)
    order_id = counter.order_of(token)
    dashboard = bank.control("POST", "/dashboard/refunds", {"payment_id": counter.provider_payment(), "amount": 1000})
    returns.look_at_order(order_id)
    in_transaction(partial(by_hand.end_plan, order_id, actor="staff:1"))
    drain()
    bank.control("POST", f"/refunds/{dashboard['id']}", {"status": "failed"})
    returns.look_at_order(order_id)
    drain()
    assert money(bank) == (9850, 8850)
    books = Books(shopper, bank)
    books.reconcile()
    [(kind, _payment)] = books.open()
    assert kind == "money_unused"
    found = db.scalar("SELECT id FROM difference")
    db.release()
    repair(found, "send_back", actor="staff:1")
    drain()
    assert refunds(token)[-1] == ("succeeded", 1000, "plan_ended", 1)
    assert (money(bank), row_of(token).payment) == ((9850, 9850), "refunded")
    books.reconcile()
    assert (books.open(), suspense()) == ([], 0)
    assert faults() == {}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("UPDATE instalment SET amount_minor = amount_minor + 1 WHERE position = 2", "instalments_mismatch"),
        ("UPDATE instalment SET state = 'open', capture_id = NULL WHERE position = 1", "instalments_mismatch"),
        ("UPDATE instalment SET state = 'closed' WHERE position = 2", "instalments_mismatch"),
        ("UPDATE payment SET received_minor = received_minor - 1", "instalments_mismatch"),
        ("DELETE FROM instalment", "instalments_mismatch"),
        ("UPDATE payment_capture SET is_applied = false", "orphan_payments"),
    ],
)
def test_the_audit_sees_what_is_wrong_with_a_plan(shopper, drain, change, name):
    shopper.pay(order_in_parts(shopper, add_product()))
    drain()
    assert faults() == {}
    with transaction():
        db.rows(f"{change} RETURNING id")
    assert name in faults()


def test_the_database_lets_nothing_be_paid_before_its_parts_are(shopper):
    shopper.pay(order_in_parts(shopper, add_product()))
    for change, name in (
        ("UPDATE payment SET paid_at = now()", "ck_payment_paid_whole"),
        ("UPDATE payment SET received_minor = amount_minor + 1", "ck_payment_received"),
        ("UPDATE instalment SET state = 'paid' WHERE position = 2", "ck_instalment_capture"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction():
            db.rows(f"{change} RETURNING id")


def test_a_part_that_goes_back_by_the_dashboard_is_in_the_books_and_credited_with_the_sale(shopper, bank, drain):
    token = order_in_parts(shopper, add_product(), parts=2)
    shopper.pay(token)
    payment = counter.provider_payment()
    bank.control("POST", "/dashboard/refunds", {"payment_id": payment, "amount": 1000})
    drain()
    returns.look_at_order(counter.order_of(token))
    drain()
    assert refunds(token) == [("succeeded", 1000, "dashboard", 1)]
    assert (row_of(token).state, suspense()) == ("pending", -8850)
    assert faults() == {}
    shopper.pay(token)
    drain()
    issued = documents.documents_of(row_of(token).id)
    db.release()
    assert sorted((each.kind, each.total_minor) for each in issued) == [
        ("credit_note", 1000),
        ("invoice", TOTAL),
        ("receipt", TOTAL),
    ]
    assert (suspense(), money(bank)) == (0, (TOTAL, 1000))
    assert faults() == {}
    refund = db.scalar("SELECT provider_refund_id FROM refund")
    db.release()
    bank.control("POST", f"/refunds/{refund}", {"status": "failed"})  # after the sale has made it a refund of it
    returns.look_at_order(counter.order_of(token))
    drain()
    assert refunds(token) == [("failed", 1000, "dashboard", 1)]
    refunded = db.scalar("SELECT sum(amount_minor)::int FROM ledger_line WHERE account = 'customer_refunds'")
    db.release()
    assert (suspense(), refunded, money(bank)) == (0, 0, (TOTAL, 0))
    assert faults() == {}

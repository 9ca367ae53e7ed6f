"""Bank transfer and cash on delivery (N8): each waits as long as it takes, and staff say what became of the money."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from app.core import db
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.orders import flows
from app.orders.actions import by_hand
from app.payments import gateway
from tests import shop as shops
from tests.bank import KEYS, WEBHOOK_SECRETS
from tests.changes import changes
from tests.flows.shopper import Shopper, money
from tests.returns import counter
from tests.shop import add_product, faults, stock_row
from tests.value.cards import counters, issue
from tools.webforms import form_to, forms_of

PRICE, DELIVERY = 18900, 800
TOTAL = PRICE + DELIVERY
HOURS, DAYS = 72 * 3600, 14 * 86400


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(
        RAZORPAY_API_URL=bank.url,
        RAZORPAY_KEY_ID=KEYS["key_id"],
        RAZORPAY_KEY_SECRET=KEYS["key_secret"],
        RAZORPAY_WEBHOOK_SECRET=",".join(WEBHOOK_SECRETS),
        MANUAL_METHODS="bank_transfer,cod",
        BANK_DETAILS="Murni Batik Sdn. Bhd.\nDemo Bank 5140 0000 0000",
    )
    shops.open_shop()
    return app


def choose(shopper, token, method="bank_transfer"):
    return shopper.choose(token, payment_method=method)


def promise(shopper, variant_id, method="bank_transfer", quantity=1):
    """An order that will be paid by hand; returns its token."""
    token = shopper.order(variant_id, quantity)
    answer = choose(shopper, token, method)
    assert (answer.status_code, answer.location) == (303, f"/checkout/pay/{token}/continue")
    answer = shopper.client.get(answer.location)
    assert (answer.status_code, answer.location) == (303, f"/order/{token}")
    return token


def row_of(token):
    row = db.rows(
        "SELECT o.id, o.state, o.total_minor, extract(epoch FROM o.expires_at - o.created_at)::int AS lives,"
        " (SELECT extract(epoch FROM min(l.expires_at) - o.created_at)::int FROM stock_lock l"
        "  WHERE l.order_id = o.id AND l.state = 'held') AS held FROM orders o WHERE o.token = :token",
        token=token,
    )[0]
    db.release()
    return row


def receipts(token):
    found = db.rows(
        "SELECT a.receipt, a.state FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE o.token = :token ORDER BY a.position",
        token=token,
    )
    db.release()
    return [tuple(row) for row in found]


def refund_of(token):
    row = db.rows(
        "SELECT r.id, r.state, r.amount_minor, r.reason FROM refund r JOIN payment p ON p.id = r.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE o.token = :token ORDER BY r.created_at DESC LIMIT 1",
        token=token,
    )
    db.release()
    return row[0] if row else None


def say_arrived(merchant, token, amount="197.00", reference="MB2U 4711", status=303):
    path = f"/admin/orders/{row_of(token).id}"
    form = form_to(merchant.get(path), f"{path}/money-arrived")
    answer = merchant.client.post(form.action, data=form.filled(amount=amount, reference=reference))
    assert answer.status_code == status, answer.text
    return answer


def count(sql, **values):
    found = db.scalar(sql, **values)
    db.release()
    return found


def test_an_order_that_waits_for_a_transfer_keeps_its_value(shopper):
    """The next order in this browser cannot count on what the first one holds."""
    shirt, card = add_product(), issue(3000)
    shopper.add(shirt)
    shopper.to_review()
    shopper.post("/checkout/value", code=card.code)
    first = shopper.place(shopper.get("/checkout/review")).location.rsplit("/", 1)[-1]
    assert choose(shopper, first).status_code == 303
    shopper.add(add_product("Selendang"))  # before the worker has heard of the promise
    answer = shopper.place(shopper.get("/checkout/review"))
    assert answer.status_code == 303, answer.text
    assert (row_of(first).state, counters(card.account)) == ("pending", (3000, 3000))
    assert faults() == {}


@pytest.mark.parametrize(("method", "seconds"), [("bank_transfer", HOURS), ("cod", DAYS)])
def test_stock_and_order_wait_as_long_as_the_way_to_pay_takes(shopper, bank, drain, method, seconds):
    shirt = add_product(stock_of={"KB": 2})
    token = promise(shopper, shirt, method)
    row = row_of(token)
    assert (row.state, row.lives, row.held) == ("pending", seconds, seconds)
    page = shopper.get(f"/order/{token}")
    assert "is pending" in page
    assert "Thank you" not in page
    assert receipts(token)[0][0] in page
    assert ("5140 0000 0000" in page) == (method == "bank_transfer")
    words = {"bank_transfer": "by bank transfer", "cod": "on delivery"}[method]
    assert re.search(rf'data-by="{method}">Pay RM.197.00 {words}<', shopper.get(f"/checkout/pay/{token}"))
    drain()
    assert flows.release_pass(trigger="test").done == 0
    assert flows.reconcile(everything=True).done == 0
    assert stock_row(shirt) == (2, 1)
    assert receipts(token)[0][1] == "open"
    assert "Your cart is empty" in shopper.get("/cart")
    assert faults() == {}


def test_how_to_pay_is_mailed_for_a_transfer_and_not_for_the_courier(shopper, drain):
    for method in ("bank_transfer", "cod"):
        promise(shopper, add_product(), method)
    drain()
    assert count("SELECT count(*) FROM mail_message WHERE template = 'how_to_pay'") == 1


def test_staff_say_that_the_money_has_come(shopper, merchant, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = promise(shopper, shirt)
    page = merchant.get("/admin/payments")
    assert receipts(token)[0][0] in page
    say_arrived(merchant, token)
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (1, 0)
    assert row_of(token).state == "confirmed"
    assert count("SELECT facts ->> 'reference' FROM audit_entry WHERE action = 'order.money_arrived'") == "MB2U 4711"
    assert changes("order.money_arrived") == [({"state": "pending"}, {"state": "confirmed"})]
    assert receipts(token)[0][0] not in merchant.get("/admin/payments")
    assert faults() == {}


@pytest.mark.parametrize("amount", ["196.99", "197.01", "1.00"])
def test_another_amount_pays_nothing(shopper, merchant, amount):
    shirt = add_product()
    token = promise(shopper, shirt)
    answer = say_arrived(merchant, token, amount=amount, status=422)
    assert "does not pay it" in answer.text
    assert "RM" in answer.text
    assert (row_of(token).state, stock_row(shirt)) == ("pending", (5, 1))
    assert count("SELECT count(*) FROM payment_capture") == 0


@pytest.mark.parametrize(
    "fields", [{"amount": ""}, {"amount": "abc"}, {"amount": "-197"}, {"reference": ""}, {"reference": "x" * 101}]
)
def test_what_staff_type_is_checked(shopper, merchant, fields):
    token = promise(shopper, add_product())
    answer = say_arrived(merchant, token, **fields, status=422)
    assert "There is a problem" in answer.text
    assert row_of(token).state == "pending"
    assert count("SELECT count(*) FROM audit_entry WHERE action = 'order.money_arrived'") == 0


def test_p14_the_same_form_sent_twice_is_money_once(shopper, merchant, drain):
    shirt = add_product(stock_of={"KB": 3})
    token = promise(shopper, shirt)
    path = f"/admin/orders/{row_of(token).id}/money-arrived"
    form = form_to(merchant.get(path.rpartition("/")[0]), path)
    first, again = (merchant.client.post(path, data=form.filled(amount="197", reference="A1")) for _ in range(2))
    assert ("money-arrived" in first.location, "said-before" in again.location) == (True, True)
    drain()
    assert stock_row(shirt) == (2, 0)
    assert count("SELECT count(*) FROM payment_capture") == 1
    assert count("SELECT count(*) FROM audit_entry WHERE action = 'order.money_arrived'") == 1
    assert faults() == {}


def _at_once(app, work, times=20):
    def run(_n):
        with app.app_context():
            try:
                return in_transaction(work)
            finally:
                db.forget()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(run, range(times)))


def test_p14_twenty_clicks_at_once_are_money_once(shop, shopper, drain):
    shirt = add_product(stock_of={"KB": 3})
    token = promise(shopper, shirt)
    order_id = row_of(token).id
    told = {"receipt": receipts(token)[0][0], "amount": Money(TOTAL, "MYR"), "reference": "A1", "by": "staff:1"}
    said = _at_once(shop, partial(by_hand.note_arrival, order_id, **told))
    assert sorted(said) == [False] * 19 + [True]
    drain()
    assert stock_row(shirt) == (2, 0)
    assert count("SELECT count(*) FROM outbox_event WHERE name = 'order.paid'") == 1
    assert faults() == {}


def test_twenty_times_it_will_not_come_cancels_once(shop, shopper, drain):
    shirt = add_product(stock_of={"KB": 3})
    order_id = row_of(promise(shopper, shirt)).id
    said = _at_once(shop, partial(by_hand.give_up, order_id, by="staff:1"))
    assert sorted(said) == [False] * 19 + [True]
    drain()
    assert stock_row(shirt) == (3, 0)
    assert count("SELECT count(*) FROM outbox_event WHERE name = 'order.cancelled'") == 1
    assert faults() == {}


def test_staff_say_that_it_will_not_come(shopper, merchant, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = promise(shopper, shirt)
    path = f"/admin/orders/{row_of(token).id}"
    assert "cancelled" in merchant.press(path, f"{path}/no-money")
    drain()
    assert "is cancelled" in shopper.heading(token)
    assert stock_row(shirt) == (2, 0)
    assert receipts(token)[0][1] == "closed"
    assert faults() == {}


def test_money_for_a_cancelled_order_goes_back_once_staff_have_sent_it(shopper, merchant, drain):
    token = promise(shopper, add_product())
    path = f"/admin/orders/{row_of(token).id}"
    merchant.press(path, f"{path}/no-money")
    say_arrived(merchant, token)
    drain()
    refund = refund_of(token)
    assert (refund.state, refund.amount_minor, refund.reason) == ("pending", TOTAL, "cancelled")
    flows.reconcile(everything=True)
    assert refund_of(token).state == "pending"
    assert "Send this refund yourself" in merchant.get("/admin/payments")
    merchant.press("/admin/payments", f"/admin/refunds/{refund.id}/sent")
    drain()
    assert refund_of(token).state == "succeeded"
    assert "refund" in shopper.heading(token)
    assert "Send this refund yourself" not in merchant.get("/admin/payments")
    assert faults() == {}


def test_after_its_time_the_stock_is_free_and_the_order_closed(shopper, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = promise(shopper, shirt)
    _run_out(token, run_out)
    assert flows.release_pass(trigger="test").done == 1
    drain()
    assert (row_of(token).state, stock_row(shirt)) == ("expired", (1, 0))
    assert receipts(token)[0][1] == "closed"
    assert flows.reconcile(everything=True).done == 0
    assert faults() == {}


def _run_out(token, run_out):
    run_out(token)
    with transaction():
        db.rows("UPDATE orders SET expires_at = clock_timestamp() WHERE token = :token RETURNING id", token=token)


def test_late_money_takes_the_stock_again_while_there_is_some(shopper, merchant, run_out, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = promise(shopper, shirt)
    _run_out(token, run_out)
    flows.release_pass(trigger="test")
    drain()
    say_arrived(merchant, token)
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


@pytest.fixture
def too_late(shop, bank, shopper, run_out):
    """A promised order whose time is over and whose last piece somebody else has bought."""
    shirt = add_product(stock_of={"KB": 1})
    token = promise(shopper, shirt)
    _run_out(token, run_out)
    flows.release_pass(trigger="test")
    other = Shopper(shop.test_client(), bank)
    other.pay(other.order(shirt))
    assert stock_row(shirt) == (0, 0)
    return token


def test_late_money_goes_back_when_the_stock_is_gone(too_late, merchant, drain):
    token = too_late
    say_arrived(merchant, token)
    drain()
    refund = refund_of(token)
    assert (refund.state, refund.reason) == ("pending", "late")
    merchant.press("/admin/payments", f"/admin/refunds/{refund.id}/not-sent")
    drain()
    assert refund_of(token).state == "failed"
    merchant.press("/admin/payments", f"/admin/payments/refunds/{refund.id}/retry")
    drain()
    again = refund_of(token)
    assert (again.state, again.id != refund.id) == ("pending", True)
    merchant.press(f"/admin/orders/{row_of(token).id}", f"/admin/refunds/{again.id}/sent")
    assert refund_of(token).state == "succeeded"
    assert faults() == {}


def test_paying_by_card_after_all_shortens_the_wait_again(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = promise(shopper, shirt)
    answer = choose(shopper, token, "card")
    row = row_of(token)
    assert 14 * 60 <= row.held <= 16 * 60
    assert 119 * 60 <= row.lives <= 121 * 60
    drain()
    assert [state for _receipt, state in receipts(token)] == ["closed", "open"]
    form = form_to(shopper.get(answer.location), bank.url)
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert (money(bank), stock_row(shirt)) == ((TOTAL, 0), (1, 0))
    assert faults() == {}


def test_a_declined_card_and_then_a_transfer(shopper, bank, merchant, drain):
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt)
    shopper.pay(token, "failed")
    assert choose(shopper, token).status_code == 303
    drain()
    assert row_of(token).held == HOURS
    say_arrived(merchant, token)
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert (money(bank), stock_row(shirt)) == ((0, 0), (1, 0))
    assert faults() == {}


def test_from_cash_to_transfer_counts_the_transfers_hours(shopper):
    token = promise(shopper, add_product(), "cod")
    assert choose(shopper, token, "bank_transfer").status_code == 303
    row = row_of(token)
    assert (row.held, row.lives) == (HOURS, HOURS)
    assert [state for _receipt, state in receipts(token)] == ["closed", "open"]


def test_choosing_it_again_gains_no_time(shopper):
    token = promise(shopper, add_product())
    with transaction():
        db.rows("UPDATE orders SET created_at = created_at - interval '1 hour' WHERE token = :t RETURNING id", t=token)
        db.rows("UPDATE stock_lock SET expires_at = expires_at - interval '1 hour' RETURNING id")
    choose(shopper, token)
    assert row_of(token).held == HOURS
    choose(shopper, token, "card")
    choose(shopper, token)
    assert row_of(token).held == HOURS


def test_more_time_never_shortens_the_wait(shopper):
    token = promise(shopper, add_product())
    shopper.post(f"/checkout/pay/{token}/extend")
    assert row_of(token).held == HOURS


def test_a_later_order_does_not_replace_one_that_will_be_paid_by_hand(shopper, drain):
    shirt = add_product(stock_of={"KB": 2})
    first = promise(shopper, shirt)
    drain()
    second = shopper.order(shirt)
    assert second != first
    assert row_of(first).state == "pending"
    assert stock_row(shirt) == (2, 2)
    assert shopper.add(shirt).status_code == 409  # what the promised order holds cannot be had again
    assert stock_row(shirt) == (2, 2)
    assert faults() == {}


def test_p11_paid_by_card_and_transferred_too_the_second_goes_back(shopper, bank, merchant, drain):
    token = promise(shopper, add_product())
    answer = choose(shopper, token, "card")
    form = form_to(shopper.get(answer.location), bank.url)
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    say_arrived(merchant, token)
    drain()
    refund = refund_of(token)
    assert (refund.state, refund.amount_minor, refund.reason) == ("pending", TOTAL, "double")
    assert "is confirmed" in shopper.heading(token)
    assert money(bank) == (TOTAL, 0)
    assert faults() == {}


def test_while_the_customer_pays_by_card_staff_cannot_give_the_order_up(shopper, merchant):
    token = promise(shopper, add_product())
    path = f"/admin/orders/{row_of(token).id}"
    form = form_to(merchant.get(path), f"{path}/no-money")
    choose(shopper, token, "card")
    answer = merchant.client.post(form.action, data=form.filled())
    assert "not-by-hand" in answer.location
    assert row_of(token).state == "pending"
    assert f"{path}/no-money" not in {each.action for each in forms_of(merchant.get(path))}


def test_a_part_and_the_rest_go_back_when_staff_have_sent_them(shopper, merchant, drain):
    token = promise(shopper, add_product(), quantity=2)
    say_arrived(merchant, token, amount="378.00")
    drain()
    assert counter.refund(merchant, token, amount="86.00", reason="goodwill").status_code == 303
    drain()
    part = refund_of(token)
    assert (part.state, part.amount_minor) == ("pending", 8600)
    merchant.press(f"/admin/orders/{row_of(token).id}", f"/admin/refunds/{part.id}/sent")
    drain()
    assert counter.refund(merchant, token, amount="292.00", reason="goodwill").status_code == 303
    drain()
    rest = refund_of(token)
    merchant.press(f"/admin/orders/{row_of(token).id}", f"/admin/refunds/{rest.id}/sent")
    drain()
    assert "refund" in shopper.heading(token)
    assert count("SELECT sum(amount_minor)::int FROM refund WHERE state = 'succeeded'") == 37800
    assert faults() == {}


def test_other_currencies_are_not_paid_by_hand(shop):
    assert "bank_transfer" in {offer.method.code for offer in gateway.offers("MYR")}
    assert "bank_transfer" not in {offer.method.code for offer in gateway.offers("INR")}

"""Refunds of paid orders through HTTP: by line, in full, failing later, lost answers, made elsewhere (REF, P13 to P16)."""

from app.core import db
from app.core.transaction import transaction
from app.orders import flows
from app.returns import flows as returns
from tests.flows.shopper import money
from tests.returns.counter import (
    ask_form,
    buy,
    order_of,
    payment_state,
    provider_payment,
    refund,
    send,
    shown_total,
    states,
    timeline,
)
from tests.shop import add_product, faults, stock_row


def test_part_of_a_line_goes_back_and_the_order_stays_confirmed(merchant, shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 5})
    token = buy(shopper, (shirt, 3))
    drain()
    page = ask_form(merchant, token, q1=1, reason="damaged")
    assert shown_total(page) == "RM 189.00"
    answer = send(merchant, page, note="A tear in the sleeve")
    assert answer.location == f"/admin/orders/{order_of(token)}?done=refund-sent"
    drain()
    assert states() == [("succeeded", 18900)]
    assert money(bank)[1] == 18900
    assert (payment_state(token), stock_row(shirt)) == ("paid", (2, 0))
    assert "is confirmed" in shopper.heading(token)
    page = shopper.get(f"/order/{token}")
    assert "RM\u00a0189.00 was sent back" in page
    page = merchant.get(f"/admin/orders/{order_of(token)}")
    for text in ("Damaged or faulty", "A tear in the sleeve", "Refund of RM\u00a0189.00 asked for"):
        assert text in page, text
    assert faults() == {}


def test_everything_goes_back_and_the_order_says_so(merchant, shopper, bank, drain):
    """REF-12."""
    shirt = add_product(stock_of={"KB": 5})
    token = buy(shopper, (shirt, 2))
    captured = money(bank)[0]
    assert refund(merchant, token, everything=1, restock=1).status_code == 303
    assert payment_state(token) == "refunding"
    assert "refund" in shopper.heading(token)
    drain()
    assert money(bank) == (captured, captured)
    assert (payment_state(token), stock_row(shirt)) == ("refunded", (5, 0))
    assert "refund" in shopper.heading(token)
    assert "Refunded" in merchant.get(f"/admin/orders/{order_of(token)}")
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.refunded'") == 1
    assert faults() == {}
    answer = merchant.client.get(
        f"/admin/orders/{order_of(token)}/refund", query_string={"everything": 1, "preview": 1}
    )
    assert answer.status_code == 422
    assert "No money of this order is left" in answer.text


def test_p13_a_lost_answer_is_asked_for_again_with_the_refunds_own_key(merchant, shopper, bank, drain):
    token = buy(shopper, (add_product(), 1))
    bank.fault("act_then_drop", method="POST", path="/v1/payments/*/refund", count=1)
    refund(merchant, token, amount="50")
    drain()
    with transaction():
        db.rows("UPDATE outbox_delivery SET due_at = clock_timestamp() WHERE state = 'pending' RETURNING id")
    drain()
    assert states() == [("succeeded", 5000)]
    assert money(bank)[1] == 5000
    assert faults() == {}


def test_p16_a_refund_that_fails_days_later_may_be_made_again(merchant, shopper, bank, drain):
    token = buy(shopper, (add_product(), 1))
    refund(merchant, token, everything=1)
    drain()
    assert payment_state(token) == "refunded"
    bank.control("POST", f"/refunds/{db.scalar('SELECT provider_refund_id FROM refund')}", {"status": "failed"})
    with transaction():
        db.rows("UPDATE payment_capture SET refunds_ask_at = clock_timestamp() RETURNING id")
    returns.look_around()
    drain()
    assert [state for state, _ in states()] == ["failed"]
    assert payment_state(token) == "paid"
    assert "is confirmed" in shopper.heading(token)
    assert "Refund failed" in merchant.get("/admin/payments")
    assert faults() == {}
    merchant.press("/admin/payments", "/admin/payments/refunds/")
    drain()
    assert [state for state, _ in states()] == ["failed", "succeeded"]
    captured, refunded = money(bank)
    assert captured == refunded
    assert payment_state(token) == "refunded"
    assert faults() == {}


def test_a_provider_that_is_away_keeps_no_other_from_being_asked(shopper, bank, drain):
    buy(shopper, (add_product(), 1))
    bank.control("POST", "/dashboard/refunds", {"payment_id": provider_payment(), "amount": 1000})
    with transaction():
        db.rows("UPDATE payment_capture SET refunds_ask_at = clock_timestamp() RETURNING id")
    buy(shopper, (add_product(), 1))
    with transaction():
        [gone] = db.rows(
            "UPDATE payment_capture SET provider = 'gone', refunds_ask_at = now() - interval '1 day'"
            " WHERE refunds_ask_at > now() RETURNING id"
        )
    tally = returns.look_around()
    assert (tally.done, tally.waiting, states()) == (1, 1, [("succeeded", 1000)])
    assert db.scalar(
        "SELECT refunds_ask_at > now() + interval '59 minutes' FROM payment_capture WHERE id = :id", id=gone[0]
    )
    db.release()


def test_p16_a_pending_refund_that_fails_is_told_by_a_webhook(merchant, shopper, bank, drain, shop):
    token = buy(shopper, (add_product(), 2))
    bank.control("POST", "/refunds", {"status": "pending", "count": 1})
    refund(merchant, token, q1=1)
    drain()
    assert [state for state, _ in states()] == ["pending"]
    bank.control("POST", f"/refunds/{db.scalar('SELECT provider_refund_id FROM refund')}", {"status": "failed"})
    flows.reconcile(everything=True)
    drain()
    assert [state for state, _ in states()] == ["failed"]
    assert shown_total(ask_form(merchant, token, q1=2)) == "RM 378.00"
    assert faults() == {}


def test_a_failed_refund_is_not_forgotten_over_another_one(merchant, shopper, bank, drain):
    token = buy(shopper, (add_product(), 2))
    bank.control("POST", "/refunds", {"status": "failed", "count": 1})
    refund(merchant, token, amount="50")
    drain()
    bank.control("POST", "/clock", {"advance_seconds": 1})  # the bank's word is due at once; now it has been said
    returns.look_at_order(order_of(token))
    refund(merchant, token, amount="10")
    drain()
    assert sorted(states()) == [("failed", 5000), ("succeeded", 1000)]
    assert "Refund failed" in merchant.get("/admin/payments")
    refund(merchant, token, everything=1)
    drain()
    assert "Every payment is accounted for" in merchant.get("/admin/payments")
    assert faults() == {}


def test_a_refund_made_in_the_providers_dashboard_joins_once(merchant, shopper, bank, drain):
    token = buy(shopper, (add_product(), 2))
    drain()
    bank.control("POST", "/dashboard/refunds", {"payment_id": provider_payment(), "amount": 1000})
    for _ in range(2):
        merchant.press(f"/admin/orders/{order_of(token)}", f"/admin/orders/{order_of(token)}/refunds/look")
        drain()
    assert states() == [("succeeded", 1000)]
    assert timeline(token).count("refund_found") == 1
    assert "Razorpay&#39;s dashboard" in merchant.get("/admin/refunds")
    captured, _ = money(bank)
    refund(merchant, token, everything=1)
    drain()
    assert money(bank) == (captured, captured)
    assert payment_state(token) == "refunded"
    assert faults() == {}


def test_a_dashboard_refund_of_everything_ends_the_order(merchant, shopper, bank, drain):
    token = buy(shopper, (add_product(), 1))
    drain()
    bank.control("POST", "/dashboard/refunds", {"payment_id": provider_payment()})
    returns.look_at_order(order_of(token))
    drain()
    assert payment_state(token) == "refunded"
    assert faults() == {}

"""What the back office shows and does, through its own forms."""

import re
import uuid

from app.core import db, outbox
from app.core.transaction import transaction
from app.orders import flows
from tests.changes import changes
from tests.flows.shopper import money
from tests.shop import add_product, faults, stock_row
from tests.staff import give_rights, hire


def order_of(token):
    return db.scalar("SELECT id FROM orders WHERE token = :token", token=token)


def audited():
    return [
        row[0]
        for row in db.rows(
            "SELECT action FROM audit_entry WHERE actor LIKE 'staff:%' AND action NOT LIKE 'form.%' ORDER BY created_at"
        )
    ]


def test_an_empty_shop_says_so_on_every_page(owner):
    assert "No order yet" in owner.get("/admin/")
    assert "No order yet" in owner.get("/admin/orders")
    assert "Nothing is locked" in owner.get("/admin/stock-locks")
    assert "No lock has expired" in owner.get("/admin/stock-locks?show=expired")
    assert "Every payment is accounted for" in owner.get("/admin/payments")
    assert "Nothing was given up" in owner.get("/admin/deliveries")


def test_a_sale_is_seen_from_the_first_page_to_its_last_detail(merchant, shopper, drain):
    shirt = add_product("Kemeja Teluk")
    token = shopper.order(shirt, 2)
    shopper.pay(token)
    drain()
    number = db.scalar("SELECT number FROM orders")
    first = merchant.get("/admin/")
    assert number in first
    assert "RM\u00a0378.00" in first
    assert f'href="/admin/orders/{order_of(token)}"' in merchant.get("/admin/orders?state=confirmed")
    page = merchant.get(f"/admin/orders/{order_of(token)}")
    for text in ("Aina Rahman", "12 Jalan Kiara", "50480 Kuala Lumpur", "aina@example.com", "+60123456789", "Kemeja Teluk", "Confirmed",
                 "order_", "pay_", "Placed, RM\u00a0378.00", "Paid RM\u00a0378.00", "Payment 1 started with Razorpay"):  # fmt: skip
        assert text in page, text
    assert "/ask" not in page  # nothing left to ask about


def test_orders_are_found_by_number_mail_and_phone(merchant, shopper):
    token = shopper.order(add_product())
    reference = db.scalar("SELECT reference FROM orders")
    for sought in (reference.lower(), "Aina@Example.com", "012-345 6789"):
        assert (
            f"/admin/orders/{order_of(token)}" in merchant.client.get("/admin/orders", query_string={"q": sought}).text
        ), sought
    assert "No order fits" in merchant.get("/admin/orders?q=nobody@example.com")
    assert "No order fits" in merchant.client.get("/admin/orders", query_string={"q": "%_\t'"}).text


def many_orders(count):
    """Copies of the one order there is, a second apart."""
    columns = [
        row[0] for row in db.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'")
    ]
    fresh = {
        "id": "uuidv7()", "reference": "'R' || n", "token": "'token-of-a-copy-' || n", "place_key": "uuidv7()",
        "created_at": "created_at - make_interval(secs => n)", "number": "NULL", "confirmed_at": "NULL", "state": "'expired'",
    }  # fmt: skip
    values = ", ".join(fresh.get(name, name) for name in columns)
    with transaction():
        db.rows(
            f"INSERT INTO orders ({', '.join(columns)}) SELECT {values} FROM orders, generate_series(1, {count}) n RETURNING id"
        )


def test_the_list_goes_on_by_key_with_the_same_few_queries(merchant, shopper, count_queries):
    token = shopper.order(add_product())
    few = count_queries(lambda: merchant.get("/admin/orders"))
    many_orders(119)
    assert count_queries(lambda: merchant.get("/admin/orders")) == few <= 8
    seen, path = [], "/admin/orders"
    while path:
        page = merchant.get(path)
        seen += re.findall(r'href="/admin/orders/([0-9a-f-]{36})"', page)
        found = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 120
    assert seen[0] == str(order_of(token))
    assert merchant.get("/admin/orders?before=nonsense&state=nonsense")


def test_the_order_page_costs_a_bounded_number_of_queries(merchant, shopper, drain, count_queries):
    token = shopper.order(add_product())
    shopper.pay(token)
    drain()
    assert count_queries(lambda: merchant.get(f"/admin/orders/{order_of(token)}")) <= 17


def test_unknown_orders_are_404_to_staff(owner):
    assert owner.client.get(f"/admin/orders/{uuid.uuid4()}").status_code == 404
    assert owner.client.get("/admin/orders/12").status_code == 404


def test_ask_the_provider_now_settles_a_payment_nobody_reported(merchant, shopper, bank):
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"])
    page = merchant.press(f"/admin/orders/{order_of(token)}", f"/admin/orders/{order_of(token)}/ask")
    assert "The provider was asked" in page
    assert "Confirmed" in page
    assert audited() == ["order.provider_asked"]


def test_a_silent_provider_is_said_in_words(merchant, shopper, bank):
    token = shopper.order(add_product())
    shopper.hand_over(token)
    bank.fault("status", status=502, count=20)
    page = merchant.press(f"/admin/orders/{order_of(token)}", f"/admin/orders/{order_of(token)}/ask")
    assert "The provider does not answer" in page


def test_a_lock_is_shown_and_released_by_hand(merchant, shopper):
    shirt = add_product("Kemeja Teluk", stock_of={"KB": 3})
    token = shopper.order(shirt, 2)
    page = merchant.get("/admin/stock-locks")
    assert "Kemeja Teluk" in page
    assert stock_row(shirt) == (3, 2)
    page = merchant.press("/admin/stock-locks", f"/admin/stock-locks/{order_of(token)}/release")
    assert "The lock is released" in page
    assert stock_row(shirt) == (3, 0)
    assert audited() == ["stock.hold_released"]
    assert changes("stock.hold_released") == [({"held": 2}, {"held": 0})]
    assert "released by hand" in merchant.get(f"/admin/orders/{order_of(token)}")
    assert "is pending" in shopper.heading(token)
    assert faults() == {}


def test_releasing_asks_the_provider_first(merchant, shopper, bank):
    """The money was taken and nobody told us: the button sells instead of giving the shirt away."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"])
    page = merchant.press("/admin/stock-locks", f"/admin/stock-locks/{order_of(token)}/release")
    assert "no longer waiting for payment" in page
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_without_an_answer_the_lock_stays(merchant, shopper, bank):
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    shopper.hand_over(token)
    bank.fault("status", status=502, count=20)
    page = merchant.press("/admin/stock-locks", f"/admin/stock-locks/{order_of(token)}/release")
    assert "Nothing was changed" in page
    assert stock_row(shirt) == (1, 1)
    assert audited() == []


def test_the_clean_up_runs_at_once(merchant, shopper, run_out):
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    run_out(token)
    assert "Kemeja Teluk" in merchant.get("/admin/stock-locks?show=expired")
    page = merchant.press("/admin/stock-locks", "/admin/stock-locks/clean-up")
    assert "The clean-up has run" in page
    assert stock_row(shirt) == (1, 0)
    assert audited() == ["stock.cleaned_up"]
    assert db.scalar("SELECT trigger FROM stock_cleanup_run").startswith("staff:")


def test_the_monitor_and_the_first_page_answer_in_pieces(merchant, shopper):
    shopper.order(add_product())
    tick = {"HX-Request": "true", "X-Tick": "1"}
    for path, piece in (
        ("/admin/stock-locks?show=all&from=0", '<section id="locks"'),
        ("/admin/", '<section id="live"'),
    ):
        answer = merchant.client.get(path, headers=tick)
        assert answer.text.startswith(piece)
        assert "<script" not in answer.text
        assert "style=" not in answer.text


def failed_refund(shopper, bank, run_out, drain):
    """Money that came when the stock was gone, and whose refund the bank accepted and failed days later (P16)."""
    token = shopper.order(add_product(stock_of={"KB": 1}))
    form = shopper.hand_over(token)
    run_out(token)
    flows.release_pass(trigger="schedule")
    with transaction():
        db.rows("UPDATE stock_item SET safety = 1 RETURNING id")
    bank.pay(form.fields["order_id"])
    bank.control("POST", "/refunds", {"status": "pending", "count": 1})
    flows.reconcile(everything=True)
    drain()
    bank.control("POST", f"/refunds/{db.scalar('SELECT provider_refund_id FROM refund')}", {"status": "failed"})
    flows.reconcile(everything=True)
    drain()
    assert db.scalar("SELECT state FROM refund") == "failed"
    return token


def test_a_refund_that_failed_is_asked_for_again_by_hand(merchant, shopper, bank, run_out, drain):
    token = failed_refund(shopper, bank, run_out, drain)
    assert "Refund failed" in merchant.get("/admin/payments")
    assert "Sent back by itself" in merchant.get("/admin/payments")
    page = merchant.press("/admin/payments", "/admin/payments/refunds/")
    assert "on its way to the provider again" in page
    assert "Every payment is accounted for" in page
    assert audited() == ["refund.asked_again"]
    drain()
    flows.reconcile(everything=True)
    captured, refunded = money(bank)
    assert captured == refunded > 0
    assert "refund" in shopper.heading(token)
    assert faults() == {}


def test_a_refund_is_not_asked_for_twice(merchant, shopper, bank, run_out, drain):
    failed_refund(shopper, bank, run_out, drain)
    refund = db.scalar("SELECT id FROM refund")
    stale = merchant.get("/admin/payments")
    merchant.press("/admin/payments", "/admin/payments/refunds/")
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', stale)[1]
    answer = merchant.client.post(f"/admin/payments/refunds/{refund}/retry", data={"csrf_token": csrf})
    assert answer.location == "/admin/payments?done=refund-covered"
    assert db.scalar("SELECT count(*) FROM refund") == 2


def test_a_payment_without_an_answer_for_an_hour_needs_somebody(merchant, shopper, bank):
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    with transaction():
        db.rows("UPDATE payment_attempt SET created_at = created_at - interval '2 hours' RETURNING id")
    assert "No answer for an hour" in merchant.get("/admin/payments")
    bank.pay(form.fields["order_id"])
    page = merchant.press("/admin/payments", f"/admin/orders/{order_of(token)}/ask")
    assert "Every payment is accounted for" in page


def test_a_delivery_that_was_given_up_is_tried_again(merchant, shopper, drain):
    token = shopper.order(add_product())
    shopper.pay(token)
    with transaction():
        db.rows(
            "UPDATE outbox_delivery SET state = 'dead', attempts = 10, last_error = 'TimeoutError: <b>no</b> answer'"
            " WHERE handler = 'cart.empty_after_payment' RETURNING id"
        )
    page = merchant.get("/admin/deliveries")
    assert "cart.empty_after_payment" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert faults() == {"dead_deliveries": 1}
    page = merchant.press("/admin/deliveries", "/admin/deliveries/")
    assert "delivered again within seconds" in page
    assert audited() == ["delivery.retried"]
    drain()
    assert outbox.count_dead() == 0
    assert db.scalar("SELECT state FROM outbox_delivery WHERE handler = 'cart.empty_after_payment'") == "done"


def test_a_delivery_that_moves_money_asks_for_the_right_to_that_too(app):
    """Also of a reaction nobody has said anything about yet."""
    member = hire(app, rights=["system.change"]).sign_in()
    for handler in ("orders.send_refund", "new.reaction", "notifications.confirm_order"):
        with transaction():
            db.rows(
                "WITH told AS (INSERT INTO outbox_event (id, name, payload) VALUES (uuidv7(), 'refund.requested', '{}')"
                " RETURNING id) INSERT INTO outbox_delivery (id, event_id, handler, state)"
                " SELECT uuidv7(), id, :handler, 'dead' FROM told RETURNING id",
                handler=handler,
            )
    rows = dict(tuple(row) for row in db.rows("SELECT handler, id FROM outbox_delivery"))
    db.release()
    page = member.get("/admin/deliveries")
    assert [handler for handler, row_id in rows.items() if f"/admin/deliveries/{row_id}/retry" in page] == [
        "notifications.confirm_order"
    ]
    csrf = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    found = {}
    for handler, row_id in rows.items():
        answer = member.client.post(f"/admin/deliveries/{row_id}/retry", data={"csrf_token": csrf})
        found[handler] = answer.status_code
    assert found == {"orders.send_refund": 403, "new.reaction": 403, "notifications.confirm_order": 303}
    states = dict(tuple(row) for row in db.rows("SELECT handler, state FROM outbox_delivery"))
    assert states == {"orders.send_refund": "dead", "new.reaction": "dead", "notifications.confirm_order": "pending"}
    db.release()
    give_rights(member.email, ["system.change", "payments.change"])
    member.press("/admin/deliveries", f"/admin/deliveries/{rows['orders.send_refund']}/retry")
    assert outbox.count_dead() == 1


def test_what_customers_type_stays_text(merchant, shopper):
    """ASVS 1, X12."""
    shopper.add(add_product("<script>alert(1)</script>"))
    token = shopper.place(shopper.to_review(name='<img src=x onerror="alert(1)">')).location.rsplit("/", 1)[-1]
    for path in ("/admin/", "/admin/orders", f"/admin/orders/{order_of(token)}", "/admin/stock-locks"):
        page = merchant.get(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page

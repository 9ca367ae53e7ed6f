import hashlib
import hmac
import json
import threading

import pytest

DAY = 24 * 3600


def event_of(delivery):
    return json.loads(delivery["body"])["event"]


def events_of(deliveries):
    return [event_of(delivery) for delivery in deliveries]


def signed_with(delivery, secret):
    expected = hmac.new(secret.encode(), delivery["body"], hashlib.sha256).hexdigest()
    return delivery["headers"]["X-Razorpay-Signature"] == expected


def switch(sandbox, event="*", **effects):
    return sandbox.control("POST", "/webhooks", {"event": event, **effects})


def test_a_payment_is_announced_in_three_events(sandbox, shop):
    order = sandbox.order(notes={"cart": "ü"})
    paid = sandbox.pay(order)
    deliveries = shop.wait_for(3)
    assert events_of(deliveries) == ["payment.authorized", "payment.captured", "order.paid"]
    assert len({delivery["headers"]["X-Razorpay-Event-Id"] for delivery in deliveries}) == 3
    for delivery in deliveries:
        assert delivery["headers"]["Content-Type"] == "application/json"
        assert signed_with(delivery, "suite_webhook_secret")
        assert sandbox.client.utility.verify_webhook_signature(
            delivery["body"].decode(), delivery["headers"]["X-Razorpay-Signature"], "suite_webhook_secret"
        )
    authorized, captured, order_paid = (json.loads(delivery["body"]) for delivery in deliveries)
    assert set(captured) == {"entity", "account_id", "event", "contains", "payload", "created_at"}
    assert (captured["entity"], captured["contains"]) == ("event", ["payment"])
    assert captured["account_id"].startswith("acc_")
    assert authorized["payload"]["payment"]["entity"]["status"] == "authorized"
    assert authorized["payload"]["payment"]["entity"]["captured"] is False
    assert captured["payload"]["payment"]["entity"] == paid["payment"]
    assert order_paid["contains"] == ["payment", "order"]
    assert order_paid["payload"]["order"]["entity"] == sandbox.client.order.fetch(order["id"], timeout=5)


def test_a_failed_payment_is_announced(sandbox, shop):
    sandbox.pay(sandbox.order(), "failed", reason="card_declined")
    body = json.loads(shop.wait_for(1)[0]["body"])
    assert body["event"] == "payment.failed"
    assert body["payload"]["payment"]["entity"]["error_reason"] == "card_declined"


def test_refunds_are_announced_with_their_payment(sandbox, shop):
    payment_id = sandbox.pay(sandbox.order())["razorpay_payment_id"]
    sandbox.control("POST", "/refunds", {"status": "failed", "after_seconds": 60, "count": 1})
    sandbox.client.payment.refund(payment_id, {"amount": 1000}, timeout=5)
    sandbox.advance(61)
    sandbox.client.payment.refund(payment_id, {"amount": 2000}, timeout=5)
    deliveries = shop.wait_for(7)[3:]
    assert events_of(deliveries) == ["refund.created", "refund.failed", "refund.created", "refund.processed"]
    created = json.loads(deliveries[2]["body"])
    assert created["contains"] == ["refund", "payment"]
    assert created["payload"]["refund"]["entity"]["amount"] == 2000
    assert created["payload"]["refund"]["entity"]["status"] == "processed"
    assert created["payload"]["payment"]["entity"]["amount_refunded"] == 2000


def test_money_given_back_by_the_provider_is_announced(sandbox, shop):
    sandbox.pay(sandbox.order(), "twice")
    assert sorted(events_of(shop.wait_for(6))) == [
        "order.paid",
        "payment.authorized",
        "payment.authorized",
        "payment.captured",
        "refund.created",
        "refund.processed",
    ]


def test_a_late_authorisation_is_announced_after_its_failure(sandbox, shop):
    sandbox.pay(sandbox.order(), "late", late_seconds=1200)
    sandbox.advance(1300)
    assert events_of(shop.wait_for(4)) == ["payment.failed", "payment.authorized", "payment.captured", "order.paid"]


def test_dropped_events_never_arrive(sandbox, shop):
    switch(sandbox, "payment.captured", drop=True)
    order = sandbox.order()
    sandbox.pay(order)
    assert events_of(shop.wait_for(2)) == ["payment.authorized", "order.paid"]
    states = {delivery["event"]: delivery["state"] for delivery in sandbox.deliveries(order_id=order["id"])}
    assert states["payment.captured"] == "dropped"


def test_delayed_events_arrive_when_the_clock_says_so(sandbox, shop):
    switch(sandbox, "payment.authorized", delay=600)
    sandbox.pay(sandbox.order())
    assert events_of(shop.wait_for(2)) == ["payment.captured", "order.paid"]
    sandbox.advance(601)
    assert event_of(shop.wait_for(3)[2]) == "payment.authorized"


def test_a_delay_may_be_a_range(sandbox, shop):
    switch(sandbox, delay=[100, 200], seed=1)
    order = sandbox.order()
    sandbox.pay(order)
    waits = [delivery["due_at"] - delivery["created_at"] for delivery in sandbox.deliveries(order_id=order["id"])]
    assert all(100 <= wait <= 200 for wait in waits)
    assert len(set(waits)) == 3


def test_duplicates_carry_the_same_id_and_bytes(sandbox, shop):
    switch(sandbox, "order.paid", duplicate=5)
    sandbox.pay(sandbox.order())
    copies = shop.wait_for(8)[2:]
    assert events_of(copies) == ["order.paid"] * 6
    assert len({copy["body"] for copy in copies}) == 1
    assert len({copy["headers"]["X-Razorpay-Event-Id"] for copy in copies}) == 1


def test_a_reordered_event_is_overtaken_by_the_next(sandbox, shop):
    switch(sandbox, "payment.authorized", reorder=True)
    sandbox.pay(sandbox.order())
    events = events_of(shop.wait_for(3))
    assert events[0] == "payment.captured"
    assert sorted(events) == ["order.paid", "payment.authorized", "payment.captured"]


def test_a_reordered_event_that_nobody_overtakes_still_arrives(sandbox, shop):
    switch(sandbox, reorder=True)
    sandbox.pay(sandbox.order(), "failed")
    sandbox.advance(3)
    assert events_of(shop.wait_for(1)) == ["payment.failed"]


@pytest.mark.parametrize(
    ("effect", "secret"),
    [("wrong_secret", "not-suite_webhook_secret"), ("old_secret", "suite_webhook_secret_of_last_month")],
)
def test_events_can_be_signed_with_another_secret(sandbox, shop, effect, secret):
    switch(sandbox, "payment.captured", **{effect: True})
    sandbox.pay(sandbox.order())
    authorized, captured, _ = shop.wait_for(3)
    assert signed_with(authorized, "suite_webhook_secret")
    assert signed_with(captured, secret)
    assert not signed_with(captured, "suite_webhook_secret")


def test_a_switch_can_be_limited(sandbox, shop):
    made = switch(sandbox, "payment.failed", drop=True, count=2)
    assert made["left"] == 2
    order = sandbox.order()
    for _ in range(3):
        sandbox.pay(order, "failed")
    assert events_of(shop.wait_for(1)) == ["payment.failed"]
    states = [delivery["state"] for delivery in sandbox.deliveries(order_id=order["id"])]
    assert states[:2] == ["dropped", "dropped"]


def test_the_same_seed_makes_the_same_choices(sandbox):
    def fates():
        sandbox.control("POST", "/reset")
        sandbox.control("POST", "/webhooks/endpoint", {"urls": ["http://127.0.0.1:9/webhook"]})
        switch(sandbox, drop=True, probability=0.5, seed=7)
        order = sandbox.order()
        for _ in range(20):
            sandbox.pay(order, "failed")
        return [delivery["state"] == "dropped" for delivery in sandbox.deliveries(order_id=order["id"])]

    first = fates()
    assert first == fates()
    assert 0 < sum(first) < 20


@pytest.mark.parametrize(
    "nonsense", [{}, {"event": "*"}, {"lose": True}, {"delay": -1}, {"delay": [2, 1]}, {"delay": "x"}]
)
def test_a_switch_that_makes_no_sense_is_refused(sandbox, nonsense):
    assert sandbox.api("POST", "/_sandbox/webhooks", json=nonsense).status_code == 400
    assert sandbox.control("GET", "/webhooks") == {"items": []}


def test_switches_are_listed_and_cleared(sandbox):
    made = switch(sandbox, "payment.*", drop=True)
    assert sandbox.control("GET", "/webhooks") == {"items": [made]}
    assert sandbox.control("DELETE", "/webhooks") == {"items": []}


@pytest.mark.parametrize("refused", [500, 404, 302, 401])
def test_what_is_not_2xx_is_sent_again_the_same(sandbox, shop, eventually, refused):
    shop.answers = [refused, refused]
    order = sandbox.order()
    sandbox.pay(order, "failed")
    attempts = shop.wait_for(3)
    assert len({attempt["body"] for attempt in attempts}) == 1
    assert len({attempt["headers"]["X-Razorpay-Event-Id"] for attempt in attempts}) == 1
    assert len({attempt["headers"]["X-Razorpay-Signature"] for attempt in attempts}) == 1
    delivery = eventually(lambda: sandbox.deliveries(order_id=order["id"], state="delivered"))[0]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [refused, refused, 200]
    assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2, 3]


def test_a_slow_answer_counts_as_none(sandbox, shop, eventually):
    sandbox.control("POST", "/webhooks/endpoint", {"timeout_seconds": 0.1})
    shop.gate = threading.Event()
    order = sandbox.order()
    sandbox.pay(order, "failed")
    shop.wait_for(2)
    shop.gate.set()
    delivery = eventually(lambda: sandbox.deliveries(order_id=order["id"], state="delivered"))[0]
    assert delivery["attempts"][0]["status"] is None
    assert "timed out" in delivery["attempts"][0]["error"]


def test_waits_grow_between_attempts(sandbox, shop, eventually):
    sandbox.control("POST", "/webhooks/endpoint", {"retry_seconds": 1000})
    shop.answers = [500] * 3
    order = sandbox.order()
    sandbox.pay(order, "failed")
    for attempts, wait in ((1, 1000), (2, 2000), (3, 3600)):

        def tried(attempts=attempts):
            found = sandbox.deliveries(order_id=order["id"])[0]
            return found if len(found["attempts"]) == attempts else None

        delivery = eventually(tried)
        assert delivery["due_at"] - delivery["attempts"][-1]["at"] == pytest.approx(wait, abs=2)
        sandbox.advance(wait + 1)
    assert len(shop.wait_for(4)) == 4


def test_after_a_day_of_failures_the_webhook_is_disabled(sandbox, shop, eventually):
    sandbox.control("POST", "/webhooks/endpoint", {"retry_seconds": 3600})
    shop.answers = [500] * 100
    order = sandbox.order()
    sandbox.pay(order, "failed")
    shop.wait_for(1)
    sandbox.advance(DAY + 60)
    eventually(lambda: sandbox.control("GET", "/webhooks/endpoint")["disabled"] == [shop.url])
    assert sandbox.deliveries(order_id=order["id"])[0]["state"] == "given_up"
    shop.answers = []
    sandbox.pay(order, "failed")
    assert sandbox.deliveries(order_id=order["id"])[1]["state"] == "disabled"
    assert sandbox.control("POST", "/webhooks/endpoint", {"enabled": True})["disabled"] == []
    sandbox.pay(order, "failed")
    eventually(lambda: sandbox.deliveries(order_id=order["id"], state="delivered"))
    assert [delivery["state"] for delivery in sandbox.deliveries(order_id=order["id"])] == [
        "given_up",
        "disabled",
        "delivered",
    ]


def test_events_go_to_every_address(sandbox, shop):
    sandbox.control("POST", "/webhooks/endpoint", {"urls": [shop.url, shop.url + "/second?a=b"]})
    sandbox.pay(sandbox.order(), "failed")
    deliveries = shop.wait_for(2)
    assert {delivery["path"] for delivery in deliveries} == {"/webhook", "/webhook/second?a=b"}
    assert len({delivery["headers"]["X-Razorpay-Event-Id"] for delivery in deliveries}) == 1


def test_secrets_can_be_rotated(sandbox, shop):
    sandbox.control("POST", "/webhooks/endpoint", {"secret": "brand new", "old_secret": "suite_webhook_secret"})
    sandbox.pay(sandbox.order(), "failed")
    assert signed_with(shop.wait_for(1)[0], "brand new")
    secrets = {"secret": "suite_webhook_secret", "old_secret": "suite_webhook_secret_of_last_month"}
    sandbox.control("POST", "/webhooks/endpoint", secrets)


def test_health_tells_when_nothing_is_on_its_way(sandbox, shop, eventually):
    shop.gate = threading.Event()
    sandbox.pay(sandbox.order())
    shop.wait_for(1)
    assert sandbox.control("GET", "/health")["pending_deliveries"] == 3
    shop.gate.set()
    eventually(lambda: sandbox.control("GET", "/health")["pending_deliveries"] == 0)

"""Webhooks over HTTP (FAULTS P3, P19, P24, P27): signed ones are stored once and get 200, all others 4xx, never 5xx."""

import hashlib
import hmac
import json
import logging

import psycopg
import pytest

from app.core import cache, db
from app.core.transaction import transaction
from app.inbound import payments as inbound

ADDRESSES = ("/api/v1/payment/webhook", "/api/payments/webhook")
SECRET = "test-webhook-secret"


def body_of(event="payment.captured", payment_id="pay_1", order_id="order_1", **more):
    entity = {
        "id": payment_id,
        "order_id": order_id,
        "email": "aina@example.com",
        "contact": "+60123456789",
        "notes": [],
    }
    return json.dumps({"event": event, "payload": {"payment": {"entity": entity}}, **more}).encode()


def signed(body, event_id="evt_1", secret=SECRET):
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": event_id, "Content-Type": "application/json"}


def post(client, body, headers, address=ADDRESSES[0]):
    return client.post(address, data=body, headers=headers)


def notices():
    found = db.rows("SELECT provider, event_id, kind, facts FROM payment_notice ORDER BY created_at")
    db.release()
    return found


@pytest.fixture(autouse=True)
def _talkative():
    inbound._quiet_until.clear()
    inbound._unsaid.clear()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_signed_notice_is_stored_with_ids_only(client, address):
    body = body_of()
    answer = post(client, body, signed(body), address)
    assert (answer.status_code, answer.json) == (200, {"status": "stored"})
    facts = {
        "provider_order_id": "order_1",
        "provider_payment_id": "pay_1",
        "provider_refund_id": "",
        "provider_dispute_id": "",
        "provider_subscription_id": "",
        "receipt": "",
    }
    assert [tuple(row) for row in notices()] == [("razorpay", "evt_1", "payment.captured", facts)]
    events = db.rows("SELECT name, payload::text FROM outbox_event")
    assert [row.name for row in events] == ["payment.notice_received"]
    assert "aina" not in events[0].payload


def told():
    """How many deliveries wait for the worker, by event."""
    found = db.rows(
        "SELECT e.name, count(*) FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id"
        " WHERE d.state = 'pending' GROUP BY 1"
    )
    db.release()
    return dict(found)


def send(client, number, event="payment.captured", **more):
    body = body_of(event, **more)
    assert post(client, body, signed(body, f"evt_{number}")).status_code == 200


def test_the_worker_is_told_once_of_a_payment_it_has_not_looked_at_yet(client):
    """Providers send `authorized`, `captured` and `order.paid` within moments: whoever asks them then learns all of it."""
    for number, event in enumerate(("payment.authorized", "payment.captured", "order.paid")):
        send(client, number, event)
    send(client, 3, payment_id="pay_2")
    assert len(notices()) == 4
    assert told() == {"payment.notice_received": 2}


def test_the_worker_is_told_again_once_it_is_at_it(client):
    """What it has asked already may be older than this notice."""
    send(client, 0, "payment.authorized")
    with transaction():
        db.rows("UPDATE outbox_delivery SET leased_until = clock_timestamp() + interval '2 minutes'")
    send(client, 1)
    assert told() == {"payment.notice_received": 2}


def test_the_worker_is_told_while_it_is_taking_the_first(client):
    """The moment between its look and its lease: the row is locked by it, so nobody relies on that delivery."""
    send(client, 0, "payment.authorized")
    with psycopg.connect(db.engine().url.set(drivername="postgresql").render_as_string(hide_password=False)) as worker:
        worker.execute("UPDATE outbox_delivery SET leased_until = clock_timestamp()")
        send(client, 1)
    assert told() == {"payment.notice_received": 2}


def test_a_refund_that_waits_does_not_stand_for_the_payment(client):
    send(client, 0, "refund.processed")
    send(client, 1)
    assert told() == {"payment.reversal_noticed": 2, "payment.notice_received": 1}


def test_p3_the_same_webhook_70_times_is_one_notice(client):
    body = body_of()
    answers = [post(client, body, signed(body), ADDRESSES[n % 2]) for n in range(70)]
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json["status"] for answer in answers] == ["stored"] + ["known"] * 69
    assert len(notices()) == 1
    assert db.scalar("SELECT count(*) FROM outbox_event") == 1


def test_two_events_about_one_payment_are_two_notices(client):
    for number, event in enumerate(("payment.authorized", "payment.captured")):
        body = body_of(event)
        assert post(client, body, signed(body, f"evt_{number}")).status_code == 200
    assert [row.kind for row in notices()] == ["payment.authorized", "payment.captured"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Razorpay-Signature": ""},
        {"X-Razorpay-Signature": "0" * 64},
        {"X-Razorpay-Signature": "sign\u00e9".encode().decode("latin-1")},
        {"X-Razorpay-Signature": "\xff\xfe"},
        {"Stripe-Signature": "t=1,v1=00"},
        {"X-Razorpay-Signature": hmac.new(b"", body_of(), hashlib.sha256).hexdigest()},
        {"X-Razorpay-Signature": hmac.new(b"test-key-secret", body_of(), hashlib.sha256).hexdigest()},
    ],
)
def test_p19_unsigned_and_forged_notices_change_nothing(client, address, headers):
    answer = post(client, body_of(), headers, address)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert notices() == []


def test_p19_a_changed_body_is_refused(client):
    body = body_of()
    assert post(client, body.replace(b"order_1", b"order_2"), signed(body)).status_code == 400
    assert notices() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"7",
        b'""',
        b"\xff\xfe\x00",
        b"{",
        b"[" * 90_000,
        b'{"a":' * 20_000,
        b'{"event":"a\\u0000"}',
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
def test_p19_a_signed_but_meaningless_body_is_refused(client, body, kind):
    answer = post(client, body, {**signed(body), "Content-Type": kind})
    assert answer.status_code in (400, 422)
    assert notices() == []


def test_p19_a_body_too_large_is_refused_unread(client):
    body = body_of(padding="x" * inbound.LARGEST_BODY)
    assert post(client, body, signed(body)).status_code == 413
    assert notices() == []


def test_p19_refusals_are_logged_rarely_and_without_personal_data(client, caplog):
    caplog.set_level(logging.WARNING, logger=inbound.log.name)
    before = inbound.received.labels("no_signature")._value.get()
    for _ in range(50):
        client.post(ADDRESSES[0], data=body_of(), environ_base={"REMOTE_ADDR": "203.0.113.77"})
    lines = [record for record in caplog.records if record.name == inbound.log.name]
    assert len(lines) == 1
    assert (lines[0].reason, lines[0].sender) == ("no_signature", "203.0.113.x")
    assert "aina" not in caplog.text
    assert inbound.received.labels("no_signature")._value.get() == before + 50
    inbound._quiet_until.clear()
    client.post(ADDRESSES[0], data=body_of(), environ_base={"REMOTE_ADDR": "2001:db8:5:6::7"})
    assert (caplog.records[-1].unsaid, caplog.records[-1].sender) == (49, "2001:db8:x")


def test_p24_no_csrf_token_no_session_no_redirect_to_https(make_app):
    shop = make_app(BASE_URL="https://localhost", RATE_LIMIT_ENABLED="true").test_client()
    body = body_of()
    answer = shop.post(ADDRESSES[0], base_url="http://localhost", data=body, headers=signed(body))
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_p24_nothing_limits_how_often_a_provider_comes(make_app):
    shop = make_app(RATE_LIMIT_ENABLED="true").test_client()
    statuses = set()
    for number in range(300):
        body = body_of(payment_id=f"pay_{number}")
        statuses.add(post(shop, body, signed(body, f"evt_{number}")).status_code)
    assert statuses == {200}
    assert len(notices()) == 300


def test_p24_a_webhook_is_stored_while_redis_is_away(make_app):
    shop = make_app(REDIS_URL="redis://127.0.0.1:9/0").test_client()
    assert not cache.is_up()
    body = body_of()
    assert post(shop, body, signed(body)).status_code == 200
    assert len(notices()) == 1


def test_p27_unknown_events_methods_and_fields_are_stored(client):
    body = json.dumps(
        {"event": "payment.downtime.started", "payload": {"payment.downtime": {"entity": {"method": "moon"}}}}
    ).encode()
    assert post(client, body, signed(body, "evt_down")).status_code == 200
    assert [(row.event_id, row.kind) for row in notices()] == [("evt_down", "payment.downtime.started")]


def test_while_the_secret_is_changed_both_are_taken(make_app):
    shop = make_app(RAZORPAY_WEBHOOK_SECRET="secret-of-today,secret-of-yesterday").test_client()
    for number, secret in enumerate(("secret-of-today", "secret-of-yesterday")):
        body = body_of()
        assert post(shop, body, signed(body, f"evt_{number}", secret)).status_code == 200
    assert post(shop, body_of(), signed(body_of(), "evt_9", SECRET)).status_code == 400


def test_g5_a_webhook_is_answered_after_a_few_statements(client, statements):
    """Nobody is asked, nothing is waited for: `make bench` measures how long that takes (its part “webhooks”)."""
    for number in range(3):  # the first of a payment, one that repeats it, and one that the worker need not be told of
        body = body_of(payment_id="pay_1")
        assert post(client, body, signed(body, f"evt_{max(number, 1)}")).status_code == 200
        sent = statements()
        assert len(sent) <= 6, "\n".join(sent)

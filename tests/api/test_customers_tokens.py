"""Customers' programs: tokens, what they open, and what ends them."""

import pytest

from app.core import crypto, db, passwords
from app.core.transaction import transaction
from app.customers import actions as customers
from app.customers.rules import MAX_SESSIONS
from app.privacy import flows as privacy
from tests.admin.test_signin import parallel
from tests.api.test_signing_in import change
from tests.api.test_stock import refused
from tests.program import CUSTOMER_LOGIN, LOGIN, LOGOUT, REFRESH, program
from tests.shop import add_product, stock_row

EMAIL, PASSWORD = "aina@example.com", "Bunga-Raya 7 & Teluk"
PREFERENCES = "/api/v1/customer/preferences"


@pytest.fixture
def aina(app):
    """A new customer's program, signed in."""
    register(EMAIL)
    me = program(app)
    me.take(log_in(me))
    return me


def register(email):
    asked = customers.Registration("Aina Rahman", passwords.hashed(PASSWORD), False)
    with transaction():
        token = customers.ask("register", email, locale="en", visitor="", registration=asked).token
        customers.finish_registration(token or "", device=customers.Device("", ""))
        customers.end_sessions(db.scalar("SELECT id FROM customer WHERE email_index = :i", i=crypto.blind_index(email)))


def log_in(me, **changed):
    return me.client.post(CUSTOMER_LOGIN, json={"email": EMAIL, "password": PASSWORD, **changed})


def living():
    found = db.scalar("SELECT count(*) FROM customer_session WHERE ended_at IS NULL")
    db.release()
    return found


def make_spent_old():
    change("UPDATE customer_spent_token SET spent_at = spent_at - interval '11 seconds'")


def test_what_a_customer_may_read_and_change(app, aina):
    """By token alone: no CSRF token is asked for, no cookie given."""
    assert aina.get(PREFERENCES).status_code == 200
    wish = {"preferences": [{"channel": "email", "type": "marketing", "enabled": True}]}
    answer = aina.client.put(PREFERENCES, json=wish, headers={"Authorization": f"Bearer {aina.access}"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    told = {(each["channel"], each["type"]): each["enabled"] for each in answer.json["preferences"]}
    assert (told["email", "marketing"], told["sms", "marketing"]) == (True, False)
    assert refused(program(app).client.put(PREFERENCES, json=wish), 401)
    assert refused(aina.client.put(PREFERENCES, json=wish, headers={"Authorization": "Bearer a.b.c"}), 401)


def test_a_program_pays_for_what_lies_in_the_customers_cart(shop, shopper):
    """The cart is the customer's, wherever they put things in; nobody else's token sees the order."""
    register(EMAIL)
    register("mallory@example.com")
    shopper.client.set_cookie("customer", browser_session())
    variant = add_product(stock_of={"KB": 3})
    shopper.add(variant)
    shopper.to_review()
    me, mallory = program(shop), program(shop)
    me.take(log_in(me))
    mallory.take(log_in(mallory, email="mallory@example.com"))
    answer = me.post("/api/checkout/intent")
    assert answer.status_code == 201, answer.text
    assert "Set-Cookie" not in answer.headers
    assert stock_row(variant) == (3, 1)
    order = answer.json["order"]
    assert me.get(f"/api/v1/payments/{order}").status_code == 200
    assert refused(mallory.get(f"/api/v1/payments/{order}"), 404)
    assert refused(mallory.post("/api/stock/unlock", order=order), 404)
    answer = me.post("/api/stock/unlock", "a.b.c", order=order)
    assert refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert stock_row(variant) == (3, 1)
    assert me.post("/api/stock/unlock", order=order).json["released"] is True


def browser_session():
    with transaction():
        person = customers.queries.lock_customer_by_email(EMAIL)
        return customers.start_session(person, device=customers.Device("", ""), is_kept=False).token


def test_tokens_are_no_cookies_and_cookies_no_tokens(app, aina):
    for token in (aina.access, aina.refresh_token):
        browser = app.test_client()
        browser.set_cookie("customer", token)
        assert browser.get("/account/").location.startswith("/login")
    cookie = browser_session()
    assert refused(aina.get(PREFERENCES, cookie), 401)
    assert refused(aina.refresh(cookie), 401, "session_over")
    assert refused(aina.get(PREFERENCES, aina.refresh_token), 401)


def test_refreshing_spends_the_token_and_a_spent_one_ends_it_all(aina, drain):
    first, until = aina.refresh_token, aina.told["session_expires_at"]
    change("UPDATE customer_session SET last_seen_at = now() - interval '29 minutes' WHERE ended_at IS NULL")
    lost = aina.refresh()
    aina.take(aina.refresh())
    assert lost.json["refresh_token"] == aina.refresh_token != first
    assert aina.told["session_expires_at"] == until
    assert db.scalar("SELECT now() - last_seen_at < interval '1 minute' FROM customer_session WHERE ended_at IS NULL")
    db.release()
    make_spent_old()
    assert refused(aina.refresh(first), 401, "session_over")
    assert refused(aina.get(PREFERENCES), 401)
    assert refused(aina.refresh(), 401)
    assert living() == 0
    drain()
    assert db.scalar("SELECT count(*) FROM mail_message WHERE template = 'customer_token_stolen'") == 1


def test_twenty_at_once_get_the_same_token(app, aina):
    ready = [app.test_client(use_cookies=False) for _ in range(20)]
    answers = parallel(ready, lambda client: client.post(REFRESH, json={"refresh_token": aina.refresh_token}))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE customer SET is_active = false",
        "UPDATE customer_session SET expires_at = now() - interval '1 second'",
        "UPDATE customer_session SET last_seen_at = now() - interval '31 minutes'",
        "UPDATE customer_session SET ended_at = now()",
    ],
)
def test_what_ends_a_session_ends_its_tokens_at_once(aina, end):
    change(end)
    assert refused(aina.get(PREFERENCES), 401)
    assert refused(aina.refresh(), 401, "session_over")


def test_a_month_for_who_asks_to_be_kept(app, aina):
    kept = program(app)
    kept.take(log_in(kept, keep=True))
    change("UPDATE customer_session SET last_seen_at = now() - interval '20 days' WHERE ended_at IS NULL")
    assert refused(aina.get(PREFERENCES), 401)
    assert kept.get(PREFERENCES).status_code == 200


def test_signing_out_and_a_new_password_end_it(app, aina):
    other = program(app)
    other.take(log_in(other))
    assert aina.client.post(LOGOUT, json={"refresh_token": aina.refresh_token}).json == {"signed_out": True}
    assert refused(aina.get(PREFERENCES), 401)
    with transaction():
        customers.set_password(customers.queries.lock_customer_by_email(EMAIL), "no hash")
    assert refused(other.get(PREFERENCES), 401)
    assert refused(other.refresh(), 401)


def test_wrong_passwords_count_together_at_both_doors(app, aina, csrf):
    assert [refused(log_in(aina, password="x"), 401, "wrong_credentials") for _ in range(3)]
    browser = app.test_client()
    form = {"email": EMAIL, "password": "x", "csrf_token": csrf(browser)}
    assert [browser.post("/login", data=form).status_code for _ in range(2)] == [422, 422]
    answer = log_in(aina)
    assert refused(answer, 429, "too_many_tries")
    assert int(answer.headers["Retry-After"]) > 0
    assert browser.post("/login", data={**form, "password": PASSWORD}).status_code == 429
    assert aina.get(PREFERENCES).status_code == 200  # whoever is signed in stays so


def test_unknown_addresses_answer_like_wrong_passwords(aina):
    seen = []
    for email in (EMAIL, "nobody@example.com"):
        answer = log_in(aina, email=email, password="x")
        seen.append((answer.status_code, {**answer.json, "request_id": ""}))
    assert seen[0] == seen[1]
    for email, password in (("no address", PASSWORD), ("", PASSWORD), (EMAIL, ""), (EMAIL, "x" * 300)):
        assert refused(log_in(aina, email=email, password=password), 401, "wrong_credentials")
    assert refused(log_in(aina, email=7), 422, "credentials_missing")


def test_customers_are_no_staff_and_staff_no_customers(app, aina, member):
    assert refused(aina.client.post(LOGIN, json={"email": EMAIL, "password": PASSWORD}), 401, "wrong_credentials")
    answer = log_in(aina, email=member.email, password=member.password)
    assert refused(answer, 401, "wrong_credentials")


def test_so_many_sessions_and_no_more(app, aina):
    """SEC-10: the one seen longest ago ends, be it a program's or a browser's."""
    for _ in range(MAX_SESSIONS):
        assert log_in(program(app)).status_code == 200
    assert living() == MAX_SESSIONS
    assert refused(aina.get(PREFERENCES), 401)


def test_a_program_stands_among_the_sessions(app, aina):
    browser = app.test_client()
    browser.set_cookie("customer", browser_session())
    assert "Program" in browser.get("/account/security").text


def test_old_ones_are_forgotten_with_their_session(aina):
    aina.take(aina.refresh())
    change("UPDATE customer_session SET expires_at = now() - interval '31 days'")
    privacy.forget_old()
    assert db.scalar("SELECT count(*) FROM customer_spent_token") == 0

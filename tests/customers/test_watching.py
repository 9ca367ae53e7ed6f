"""What about a customer's sign-in looks suspicious (SEC-12): told to its owner, and to staff; it stops nobody who is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.core import db
from app.core.transaction import transaction
from app.customers import rules
from app.customers.queries import watching
from app.privacy import flows as privacy
from app.web import limits
from tests.bank import Bank
from tests.customers.patron import Patron
from tests.notifications.post_office import PostOffice, body_of
from tests.sql import watched
from tests.staff import hire
from tools.webforms import form_to

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Safari/604.1"
HOME, CAFE, ELSEWHERE = "203.0.113.7", "198.51.100.7", "192.0.2.7"
NO_REDIS = "redis://127.0.0.1:1/0"
NEWS = "A new sign-in to your account"


def be_at(patron: Patron, address: str, agent: str = FIREFOX) -> None:
    patron.client.environ_base.update(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)


def come(patron: Patron, address: str, agent: str = FIREFOX) -> None:
    """The same person from somewhere, by their password."""
    patron.sign_out()
    be_at(patron, address, agent)
    assert patron.sign_in().status_code == 303


def news(patron: Patron) -> list[str]:
    return [body_of(mail, "plain") for mail in patron.mails() if mail["Subject"] == NEWS]


@pytest.fixture
def settled(patron: Patron) -> Patron:
    """Registered at home."""
    be_at(patron, HOME)
    return patron.register()


def test_where_somebody_registered_is_no_news(settled: Patron) -> None:
    assert news(settled) == []
    come(settled, HOME)
    come(settled, "203.0.250.1", FIREFOX.replace("140", "141"))
    assert news(settled) == []


def test_a_new_place_is_told_once(settled: Patron) -> None:
    come(settled, CAFE, IPHONE)
    [mail] = news(settled)
    assert "Device: Safari on iPhone" in mail
    assert "/account/security" in mail
    assert "/login/forgot" in mail
    assert IPHONE not in mail
    assert CAFE not in mail
    come(settled, CAFE, IPHONE)
    come(settled, HOME)
    assert len(news(settled)) == 1
    come(settled, HOME, IPHONE)
    assert len(news(settled)) == 2


def test_it_is_told_in_the_customers_language_whatever_they_want_to_hear(settled: Patron) -> None:
    settled.submit("/account/profile", "/account/profile", name="Aina Rahman", locale="ms")
    settled.submit("/account/preferences", "/account/preferences")
    come(settled, CAFE)
    assert "Log masuk baharu ke akaun anda" in [str(mail["Subject"]) for mail in settled.mails()]


def test_a_mailed_link_from_a_new_place_is_told(settled: Patron) -> None:
    settled.sign_out()
    be_at(settled, CAFE)
    settled.ask_for_link()
    assert settled.follow(settled.link()).status_code == 303
    assert len(news(settled)) == 1
    come(settled, CAFE)
    assert len(news(settled)) == 1


def test_a_new_password_by_mail_is_told_by_its_own_mail_alone(settled: Patron) -> None:
    settled.sign_out()
    be_at(settled, CAFE)
    settled.submit("/login/forgot", "/login/forgot", email=settled.email)
    settled.password = "Gunung-Ledang 8 & Teluk"
    assert settled.follow(settled.link(), password=settled.password).status_code == 303
    assert "Your password was changed" in [str(mail["Subject"]) for mail in settled.mails()]
    assert news(settled) == []
    come(settled, CAFE)
    assert news(settled) == []


def test_a_program_is_told_like_a_browser(settled: Patron) -> None:
    fields = {"email": settled.email, "password": settled.password}
    for _ in range(2):
        at = {"REMOTE_ADDR": CAFE, "HTTP_USER_AGENT": "made-up/1.0"}
        answer = settled.client.post("/api/v1/customer/login", json=fields, environ_base=at)
        assert answer.status_code == 200
        ended = settled.client.post(
            "/api/auth/logout", json={"refresh_token": answer.get_json()["refresh_token"]}, environ_base=at
        )
        assert ended.status_code in (200, 204)
    [mail] = news(settled)
    assert "Device: Unknown device" in mail


def test_what_its_owner_ended_is_news_when_it_comes_back(settled: Patron, make_patron: Callable[..., Patron]) -> None:
    """A thief is told of once more, also after they had signed out themselves."""
    thief = make_patron(settled.email)
    come(thief, CAFE)
    assert len(news(settled)) == 1
    thief.sign_out()
    assert settled.post("/account/security/sessions").status_code == 303
    come(thief, CAFE)
    assert len(news(settled)) == 2
    session = db.scalar("SELECT id FROM customer_session WHERE ended_at IS NULL ORDER BY created_at DESC LIMIT 1")
    db.release()
    assert settled.post(f"/account/security/sessions/{session}").status_code == 303
    come(thief, CAFE)
    assert len(news(settled)) == 3
    come(settled, HOME)
    assert len(news(settled)) == 3


def test_after_months_of_rest_every_place_is_new(settled: Patron) -> None:
    settled.sign_out()
    with transaction():
        db.rows("UPDATE customer_session SET expires_at = now() - interval '31 days' RETURNING id")
    privacy.forget_old()
    come(settled, HOME)
    assert len(news(settled)) == 1


def test_whoever_signs_in_sees_no_difference(settled: Patron) -> None:
    settled.sign_out()
    known = settled.sign_in()
    settled.sign_out()
    be_at(settled, CAFE)
    new = settled.sign_in()
    assert (known.status_code, known.location, known.data) == (new.status_code, new.location, new.data)
    assert len(news(settled)) == 1


def test_without_redis_too(
    make_shop: Callable[..., Flask], bank: Bank, office: PostOffice, drain_all: Callable[[], None]
) -> None:
    shop = make_shop(REDIS_URL=NO_REDIS, RATE_LIMIT_ENABLED="true")
    aina = Patron(shop.test_client(), bank, office, drain_all, "aina@example.com")
    be_at(aina, HOME)
    aina.register()
    come(aina, CAFE)
    come(aina, CAFE)
    assert len(news(aina)) == 1


def wrong(app: Flask, number: int, address: str) -> int:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    form = form_to(client.get("/login").text, "/login")
    return client.post("/login", data=form.filled(email=f"aina{number}@example.com", password="x")).status_code


def told() -> int:
    count = db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'customer.many_accounts_tried'")
    db.release()
    return int(count)


def alerts() -> list[str]:
    found = [row.kind for row in db.rows("SELECT kind FROM staff_alert ORDER BY created_at")]
    db.release()
    return found


def test_many_accounts_from_one_address_are_told_once(
    make_app: Callable[..., Flask], office: PostOffice, drain: Callable[[], int]
) -> None:
    """Also at accounts that there are not; another address counts for itself, and nobody is kept out."""
    app = make_app(MAIL_URL=office.url)
    for number in range(rules.MANY_ACCOUNTS - 1):
        wrong(app, number, CAFE)
    wrong(app, 0, CAFE)
    wrong(app, 99, ELSEWHERE)
    assert told() == 0
    for number in range(rules.MANY_ACCOUNTS - 1, rules.MANY_ACCOUNTS + 5):
        assert wrong(app, number, CAFE) == 422
    assert told() == 1
    drain()
    drain()
    assert alerts() == ["many_customers"]
    [mail] = [each for each in office.mails if "customers" in str(each["Subject"])]
    assert (str(mail["To"]), str(mail["Subject"])) == (
        "hello@murnibatik.example",
        "Somebody tries many customers' accounts",
    )
    assert "198.51.100.…" in body_of(mail, "plain")
    page = hire(app).sign_in().get("/admin/activity/sign-ins")
    assert "Many customers&#39; accounts tried from one address" in page
    with transaction():
        db.rows(
            "UPDATE customer_sign_in SET told_at = told_at - interval '16 minutes' WHERE told_at > now() - interval '1 day' RETURNING id"
        )
    wrong(app, 99, CAFE)
    assert told() == 2


@pytest.mark.parametrize("other", [{}, {"REDIS_URL": NO_REDIS}], ids=["with Redis", "without"])
def test_the_limits_leave_enough_to_be_seen(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, drain: Callable[[], int], other: dict[str, str]
) -> None:
    app = make_app(RATE_LIMIT_ENABLED="true", **other)
    minutes = 0
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_000.0 + 60 * minutes)
    for number in range(rules.MANY_ACCOUNTS):
        minutes = number // limits.PASSWORDS
        assert wrong(app, number, CAFE) == 422
    drain()
    assert alerts() == ["many_customers"]


def test_a_provider_gives_one_household_many_addresses(app: Flask, drain: Callable[[], int]) -> None:
    for number in range(rules.MANY_ACCOUNTS):
        wrong(app, number, f"2001:db8:1:2::{number:x}")
        wrong(app, number, f"2001:db8:1:{number + 100:x}::1")
    drain()
    assert alerts() == ["many_customers"]


def test_a_crowd_with_a_few_mistakes_is_none(settled: Patron, shop: Flask) -> None:
    """Many right passwords, and many wrong ones at few accounts; nor does it count what only somebody signed in types."""
    for _ in range(rules.MANY_ACCOUNTS):
        come(settled, CAFE)
    for number in range(rules.MANY_ACCOUNTS // 2):
        for _ in range(rules.TRIES + 1):
            wrong(shop, number, CAFE)
    for _ in range(rules.MANY_ACCOUNTS):
        come(settled, CAFE)
        answer = settled.submit("/account/security", "/account/security/password", current="x", password="Gunung 8 & y")
        assert answer.status_code == 422
    assert (
        db.scalar("SELECT count(DISTINCT email_index) FROM customer_sign_in WHERE NOT was_right") > rules.MANY_ACCOUNTS
    )
    assert told() == 0


def test_who_goes_on_for_long_makes_no_try_wait_for_another(app: Flask) -> None:
    for number in range(rules.MANY_ACCOUNTS):
        wrong(app, number, CAFE)
    with watched() as sent:
        wrong(app, 99, CAFE)
    assert sum("advisory" in each for each in sent) == 1  # of the account
    assert not any("email_index) FROM (" in each for each in sent)


def test_where_a_try_came_from_is_in_nobodys_clear_view(app: Flask) -> None:
    wrong(app, 1, CAFE)
    row = db.rows("SELECT address, address_index, told_at FROM customer_sign_in")[0]
    assert row.address_index is not None
    assert CAFE not in str(row)
    assert not watching.is_told(CAFE)


def test_the_wrong_tries_of_an_address_are_found_by_an_index(as_owner: None) -> None:
    with transaction():
        db.rows(
            "INSERT INTO customer_sign_in (id, email_index, way, was_right, address_index, created_at)"
            " SELECT uuidv7(), 'x', 'password', n % 5 = 0, CAST((n % 20)::text AS bytea), now() - make_interval(mins => n)"
            " FROM generate_series(1, 20000) n RETURNING id"
        )
        db.rows("ANALYZE customer_sign_in")
        tried = "SELECT email_index FROM customer_sign_in WHERE address_index = '7' AND NOT was_right"
        plan = str(db.rows(f"EXPLAIN {tried} ORDER BY created_at DESC LIMIT 96"))
    assert ("ix_customer_sign_in_wrong" in plan, "Sort" in plan) == (True, False), plan

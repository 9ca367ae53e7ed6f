"""Passwords take no more of a process's time than they may, whoever asks from ever so many places (ADR 0025)."""

from collections.abc import Callable, Iterator

import pytest
import zxcvbn
from flask import Flask
from werkzeug.test import TestResponse

from app.core import db, passwords
from app.core.passwords import Allowance, Busy
from app.web import limits
from tests.sql import watched
from tests.staff import hire
from tools.webforms import form_to

USED_UP = {"share": 1e-9, "most": 0.0}
DOORS = {
    "/login": {"email": "aina@example.com", "password": "Bunga-Raya 7 & Teluk"},
    "/register": {"name": "Aina", "email": "aina@example.com", "password": "Bunga-Raya 7 & Teluk"},
    "/admin/login": {"email": "siti@example.com", "password": "Bunga-Raya 7 & Teluk"},
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    known, passwords._is_bounded = (passwords.allowance, passwords._is_bounded), True
    yield
    passwords.allowance, passwords._is_bounded = known


def test_what_is_used_comes_back_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(passwords.time, "monotonic", lambda: now[0])
    allowance = Allowance(share=0.1, most=1.0)
    allowance.demand()
    allowance.charge(1.5)
    with pytest.raises(Busy) as refused:
        allowance.demand()
    assert refused.value.seconds == 5
    now[0] += 5.1
    allowance.demand()
    now[0] += 1000
    allowance.demand()
    allowance.charge(1.0)  # no more than `most` was kept
    with pytest.raises(Busy):
        allowance.demand()


def test_a_storm_is_waited_for_no_longer_than_it_takes_to_pay_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """What had begun while something was left is charged too: thousands at once must not close the door for hours."""
    now = [100.0]
    monkeypatch.setattr(passwords.time, "monotonic", lambda: now[0])
    allowance = Allowance(share=0.1, most=1.0)
    for _ in range(5000):
        allowance.charge(0.06)
    with pytest.raises(Busy) as refused:
        allowance.demand()
    assert refused.value.seconds == 10
    now[0] += 10.1
    allowance.demand()


def test_right_passwords_are_charged_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evening on which everybody signs in is no attack."""
    clock = iter(range(0, 1000, 10))  # each look takes ten seconds
    monkeypatch.setattr(passwords.time, "thread_time", lambda: next(clock))
    charged: list[float] = []
    monkeypatch.setattr(Allowance, "charge", lambda _self, seconds: charged.append(seconds))
    known = passwords.hashed("a password")
    assert passwords.is_right(known, "a password")
    assert not passwords.is_right(known, "another")
    assert not passwords.is_right(None, "a password")
    assert charged == [10, 2, 10, 10]


@pytest.mark.parametrize("path", DOORS)
def test_while_nothing_is_left_each_door_says_when_to_come_back(make_app: Callable[..., Flask], path: str) -> None:
    """Nothing is asked of the database and nothing written down, so no try is lost by it either."""
    client = make_app(RATE_LIMIT_ENABLED="true").test_client()
    fields = form_to(client.get(path).text, path).filled(**DOORS[path])
    passwords.allowance = Allowance(**USED_UP)
    with watched() as sent:
        answer = client.post(path, data=fields)
    assert (answer.status_code, answer.headers["Cache-Control"], sent) == (429, "no-store", [])
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Too many passwords are being tried" in answer.text
    assert "<script" not in answer.text.replace("<script nonce", "", 1)
    assert DOORS[path]["password"] not in answer.text
    passwords.allowance = Allowance(share=1.0, most=10.0)
    assert client.post(path, data=fields).status_code in (303, 422)


WRONG = {**DOORS, "/api/v1/auth/login": DOORS["/admin/login"], "/api/v1/customer/login": DOORS["/login"]}


@pytest.mark.parametrize("path", WRONG)
def test_wrong_passwords_of_one_address_leave_the_others_their_share(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A new browser and another account for each: neither what one may send nor what one account takes ends that."""
    app = make_app(RATE_LIMIT_ENABLED="true")
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_000.0)  # one minute: a slow machine changes nothing

    def wrong(number: int, address: str) -> TestResponse:
        client, fields = app.test_client(), {**WRONG[path], "email": f"aina{number}@example.com"}
        client.set_cookie("staff-device", "made-up")
        at = {"environ_base": {"REMOTE_ADDR": address}}
        if path.startswith("/api/"):
            return client.post(path, json=fields, **at)
        return client.post(path, data=form_to(client.get(path, **at).text, path).filled(**fields), **at)

    spent = {wrong(n, "203.0.113.7").status_code for n in range(limits.PASSWORDS)}
    assert spent <= {303, 401, 422}
    answer = wrong(99, "203.0.113.7")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert db.scalar("SELECT count(*) FROM login_attempt") in (0, limits.PASSWORDS)
    assert {wrong(99, "203.0.113.8").status_code} == spent


def test_right_passwords_of_one_address_are_not_counted(make_app: Callable[..., Flask]) -> None:
    """A whole office, or a town behind one carrier."""
    app = make_app(RATE_LIMIT_ENABLED="true")
    member = hire(app)
    for _ in range(limits.PASSWORDS + 2):
        client = app.test_client()
        fields = form_to(client.get("/admin/login").text, "/admin/login").filled(
            email=member.email, password=member.password
        )
        assert client.post("/admin/login", data=fields).status_code == 303


def test_an_account_says_first_that_it_waits(make_app: Callable[..., Flask]) -> None:
    client = make_app(RATE_LIMIT_ENABLED="true").test_client()
    fields = form_to(client.get("/login").text, "/login").filled(**DOORS["/login"])
    assert [client.post("/login", data=fields).status_code for _ in range(5)] == [422] * 5
    answer = client.post("/login", data=fields)
    assert (answer.status_code, "Too many passwords are being tried" in answer.text) == (429, False)
    assert "minutes" in answer.text


def test_a_browser_that_is_trusted_waits_for_no_stranger(make_app: Callable[..., Flask]) -> None:
    member = hire(make_app(RATE_LIMIT_ENABLED="true"))
    assert member.give_password().status_code == 303
    form = form_to(member.get("/admin/totp"), "/admin/totp")
    assert member.client.post("/admin/totp", data=form.filled(code=member.code(), trust="on")).status_code == 303
    member.client.delete_cookie("staff")
    form = form_to(member.get("/admin/login"), "/admin/login")
    passwords.allowance = Allowance(**USED_UP)
    fields = form.filled(email=member.email, password=member.password)
    assert member.client.post("/admin/login", data=fields).status_code == 303
    member.client.set_cookie("staff-device", "made-up")
    assert member.client.post("/admin/login", data=fields).status_code == 429
    assert db.scalar("SELECT count(*) FROM login_attempt WHERE NOT was_right") == 0


def test_limits_that_are_off_bound_nothing(make_app: Callable[..., Flask]) -> None:
    client = make_app(RATE_LIMIT_ENABLED="false").test_client()
    fields = form_to(client.get("/login").text, "/login").filled(**DOORS["/login"])
    passwords.allowance = Allowance(**USED_UP)
    assert client.post("/login", data=fields).status_code == 422


def test_a_fragment_and_a_program_are_told_too(make_app: Callable[..., Flask]) -> None:
    client = make_app(RATE_LIMIT_ENABLED="true").test_client()
    fields = form_to(client.get("/login").text, "/login").filled(**DOORS["/login"])
    passwords.allowance = Allowance(**USED_UP)
    answer = client.post("/login", data=fields, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (429, "")
    answer = client.post("/login", data=fields, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (429, "busy")
    assert answer.json["retry_after"] == int(answer.headers["Retry-After"])


def test_nobody_has_a_hash_that_costs_the_same_and_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """X11: the first to ask for an account that is none waits no longer than the next."""
    made: list[str] = []
    monkeypatch.setattr(type(passwords._hasher), "hash", lambda _self, password: made.append(password))
    assert not passwords.is_right(None, "a password")
    assert made == []
    cost = passwords.hash_of_nobody().split("$")[1:4]
    monkeypatch.undo()
    assert passwords.hashed("a password").split("$")[1:4] == cost


def test_a_password_made_to_be_long_looked_at_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """zxcvbn tries every way to read symbols as letters: seventy of them kept a process busy for two seconds."""
    seen: list[int] = []
    real = zxcvbn.zxcvbn
    monkeypatch.setattr(zxcvbn, "zxcvbn", lambda text, **more: seen.append(len(text)) or real(text, **more))
    assert not passwords.is_common("4@8({[<369&#!1/|0$5+7%2" * 8)
    assert max(seen) <= passwords.LOOKED_AT

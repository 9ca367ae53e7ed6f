"""The matrix: every route × who asks, built from the map of routes, so that a new route has to say whom it is for.

Columns: a stranger, staff with the password only, staff without the right, staff with nothing but the right, staff with the
right whose last code is old; the same for programs with an access token of theirs; an API key without the scope, one with
nothing but the scope. To add one, add a fixture and a test that walks `rows`.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.accounts import rules
from app.core import db, tokens
from app.core.transaction import transaction
from app.customers import actions as customers
from app.web.rights import PASSED, PASSWORD, STRANGER, Need, need_of, needs, scope_of, scopes
from tests.api_keys import KeyProgram, make_key
from tests.guards.audiences import AUDIENCES, CUSTOMER, EVERYBODY, VISITOR, audience_of
from tests.program import Program, program
from tests.routes import path_of
from tests.shop import open_shop
from tests.staff import StaffMember, hire

FILES = {"static", "files.media"}


@dataclass(frozen=True)
class Row:
    """One method of one route."""

    rule: Rule
    method: str
    path: str
    need: Need | None

    @property
    def is_page(self) -> bool:
        return self.path.startswith("/admin")

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.rule}"

    def ask(self, client: FlaskClient, csrf: str = "", *, token: str = "") -> TestResponse:
        headers = {"X-CSRF-Token": csrf} if csrf else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self.path.startswith("/api/") and self.method == "POST":
            return client.open(self.path, method=self.method, headers=headers, json={})
        return client.open(self.path, method=self.method, headers=headers)


def rows(app: Flask) -> list[Row]:
    """Gathered before anything is asked: an application's context that stays open would be every request's."""
    with app.app_context():
        return [
            Row(rule, method, path_of(app, rule), need_of(rule.endpoint))
            for rule in app.url_map.iter_rules()
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
        ]


def staff_rows(app: Flask) -> list[Row]:
    return [row for row in rows(app) if row.need is not None and row.need.step == PASSED]


@pytest.fixture
def member(app: Flask) -> StaffMember:
    """Somebody at work whose role is of the shop's own, and everything (`allow`)."""
    someone = hire(app, rights=sorted(rules.RIGHTS)).sign_in()
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
    return someone


@pytest.fixture
def worker(app: Flask) -> Program:
    """A program signed in for somebody whose role is of the shop's own."""
    open_shop()
    return program(app).sign_in(hire(app, rights=sorted(rules.RIGHTS)))


def allow(rights: set[str]) -> None:
    with transaction():
        db.rows("UPDATE staff_role SET rights = :rights RETURNING id", rights=sorted(rights))


def make_old() -> None:
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")


def csrf_of(member: StaffMember) -> str:
    return re.search(r'name="csrf-token" content="([^"]+)"', member.get("/admin/"))[1]  # type: ignore[index]


def test_every_route_says_whom_it_is_for(app: Flask) -> None:
    silent = [
        row.name
        for row in rows(app)
        if row.need is None and audience_of(row.rule.endpoint) is None and row.rule.endpoint not in FILES
    ]
    assert silent == []
    assert [row.name for row in rows(app) if row.is_page and row.need is None] == []


def test_a_view_among_those_of_the_staff_is_nobodys_by_its_neighbours(app: Flask) -> None:
    """A view for staff that forgets to say so must not pass for one of the blueprint's visitors."""
    mixed = {row.rule.endpoint.partition(".")[0] for row in rows(app) if row.need is not None}
    assert [name for name in AUDIENCES if name in mixed or (name.startswith("api_") and "." not in name)] == []
    known = {row.rule.endpoint for row in rows(app)}
    assert {name for name in AUDIENCES if "." in name} <= known


def test_every_right_exists_and_opens_something(app: Flask) -> None:
    asked = {row.need.right for row in staff_rows(app)} - {""}
    assert asked <= rules.RIGHTS
    # catalogue and customers have their pages with the issues that bring them
    assert {right.partition(".")[0] for right in rules.RIGHTS - asked} <= {"catalogue", "customers"}


def test_json_for_staff_says_so_in_its_description(app: Flask) -> None:
    wrong = [
        row.name
        for row in rows(app)
        if hasattr(view := app.view_functions[row.rule.endpoint], "operation")
        and view.operation.for_staff != (row.need is not None)
    ]
    assert wrong == [], wrong


WITHOUT_CODE = {
    "/admin/refunds/<uuid:refund_id>/reject": "moves nothing: the money stays where it is",
    "/admin/refunds/requests/<uuid:request_id>/decline": "moves nothing: a wish gets its answer",
    "/admin/orders/<uuid:order_id>/refunds/look": "asks the provider, as the clock does by itself",
    "/admin/privacy/new": "writes down what somebody wishes; what comes of it asks",
    "/admin/books/reconcile": "compares, as the clock does by itself; repairs ask",
}


def test_every_act_on_money_and_people_asks_for_a_fresh_code(app: Flask) -> None:
    """Also the ones to come, unless they stand above with a reason."""
    areas = {"payments", "refunds", "gift_cards", "books", "staff", "system", "api_keys", "privacy"}
    acts = {
        row.rule.rule for row in staff_rows(app) if row.need.right.partition(".")[0] in areas and row.method != "GET"
    }
    fresh = {row.rule.rule for row in staff_rows(app) if row.need.is_fresh and row.method != "GET"}
    assert acts - fresh == set(WITHOUT_CODE)


def test_pages_of_money_and_secrets_ask_for_a_fresh_code(app: Flask) -> None:
    found = {row.rule.rule for row in staff_rows(app) if row.need.is_fresh}
    assert found >= {
        "/admin/orders/<uuid:order_id>/refund",
        "/admin/refunds/<uuid:refund_id>/approve",
        "/admin/gift-cards/new",
        "/admin/gift-cards/<uuid:account_id>/adjust",
        "/admin/orders/<uuid:order_id>/money-arrived",
        "/admin/books/<uuid:difference_id>/repair",
        "/api/v1/admin/orders/<uuid:order_id>/refund",
        "/api/payments/refund",
    }


def test_a_stranger(app: Flask) -> None:
    client, wrong = app.test_client(), []
    for row in staff_rows(app):
        answer = row.ask(client)
        at_the_door = answer.status_code == 303 and answer.location.startswith("/admin/login")
        if not (at_the_door if row.is_page else answer.status_code == 401):
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_staff_with_the_password_only(app: Flask) -> None:
    member, wrong = hire(app), []
    member.give_password()
    for row in staff_rows(app):
        answer = row.ask(member.client)
        at_the_door = (answer.status_code, answer.location) == (303, "/admin/totp")
        if not (at_the_door if row.is_page else answer.status_code == 403):
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_staff_with_every_right_but_the_one(app: Flask, member: StaffMember) -> None:
    """The gate answers 403 before CSRF, before it looks whether there is such a thing, and notes nothing."""
    acts = "SELECT count(*) FROM audit_entry"
    before, wrong = db.scalar(acts), []
    for row in staff_rows(app):
        if row.need.right:
            area = row.need.right.partition(".")[0]
            is_view = row.need.right.endswith(".view")
            allow({each for each in rules.RIGHTS if each != row.need.right and not (is_view and implies(each, area))})
            answer = row.ask(member.client)
            if answer.status_code != 403 or answer.headers["Cache-Control"] != "no-store":
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong
    assert db.scalar(acts) == before


def implies(right: str, area: str) -> bool:
    return f"{area}.view" in rules.rights_of(rules.CUSTOM, {right})


def test_staff_with_nothing_but_the_right(app: Flask, member: StaffMember) -> None:
    """Nothing breaks, what does not exist is 404, and whatever was done stands in the audit."""
    open_shop()
    csrf, wrong = csrf_of(member), []
    for row in staff_rows(app):
        allow({row.need.right} - {""})
        answer = row.ask(member.client, csrf)
        is_door = answer.status_code == 303 and answer.location.startswith(("/admin/login", "/admin/totp"))
        is_refused = is_door or answer.status_code in (400, 401, 403, 405) or answer.status_code >= 500
        names_something = row.rule.arguments - {"what", "act"}
        if is_refused or (names_something and answer.status_code not in (404, 422)):
            wrong.append((row.name, answer.status))
        elif row.method != "GET" and answer.status_code < 400 and not noted(answer):
            wrong.append((row.name, "no entry in the audit"))
    assert wrong == [], wrong


def noted(answer: TestResponse) -> int:
    count: int = db.scalar("SELECT count(*) FROM audit_entry WHERE request_id = :id", id=answer.headers["X-Request-Id"])
    db.release()
    return count


def test_staff_whose_last_code_is_old(app: Flask, member: StaffMember) -> None:
    csrf, wrong = csrf_of(member), []
    make_old()
    for row in staff_rows(app):
        if row.need.is_fresh:
            answer = row.ask(member.client, csrf)
            asked_again = answer.status_code == 303 and answer.location.startswith("/admin/totp?again=1&next=")
            if not (asked_again if row.is_page else answer.get_json(silent=True)["code"] == "sign_in_again"):
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong


@pytest.fixture
def keyed(member: StaffMember) -> KeyProgram:
    """A program whose key, with a signing secret, holds every scope that there is (`let`)."""
    with member.client.application.app_context():
        return make_key(member, *scopes())


def let(held: set[str]) -> None:
    """A key without any scope cannot be: this one opens nothing."""
    with transaction():
        db.rows("UPDATE api_key SET scopes = :held RETURNING id", held=sorted(held) or ["nothing.view"])


def key_rows(app: Flask) -> list[tuple[Row, str]]:
    """What a key may open, with its scope."""
    with app.app_context():
        found = [(row, scope_of(row.rule.endpoint)) for row in rows(app)]
    return [(row, scope) for row, scope in found if scope and row.path.startswith("/api/")]


def body_of(row: Row) -> dict[str, str] | None:
    return {} if row.method == "POST" else None


def test_what_a_key_opens_is_declared(app: Flask) -> None:
    opened = {row.name for row, _scope in key_rows(app)}
    assert opened >= {row.name for row in staff_rows(app) if row.path.startswith("/api/") and row.need.right}
    with app.app_context():
        offered = scopes()
    assert {scope for _row, scope in key_rows(app)} == set(offered) <= rules.RIGHTS
    assert {name for name, is_signed in offered.items() if is_signed} >= {"refunds.change"}


def test_a_key_without_the_scope(app: Flask, keyed: KeyProgram) -> None:
    """403 that names the scope, before CSRF, before the signature, before it looks whether there is such a thing."""
    acts, wrong = "SELECT count(*) FROM audit_entry", []
    before = db.scalar(acts)
    with app.app_context():
        everything = set(scopes())
    for row, scope in key_rows(app):
        let(everything - {scope})
        answer = keyed.ask(row.method, row.path, body=body_of(row))
        said = answer.get_json(silent=True) or {}
        if (answer.status_code, said.get("code"), said.get("scope")) != (403, "scope_missing", scope):
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong
    assert db.scalar(acts) == before


def test_a_key_with_nothing_but_the_scope(app: Flask, keyed: KeyProgram) -> None:
    """Nothing breaks, what does not exist is 404, whatever was done stands in the audit; unsigned, what has to be signed
    is 401."""
    open_shop()
    wrong = []
    for row, scope in key_rows(app):
        let({scope})
        if row.need is not None and row.need.is_fresh:
            unsigned = keyed.ask(row.method, row.path, body=body_of(row), signed=False)
            if (unsigned.status_code, unsigned.get_json()["code"]) != (401, "signature_missing"):
                wrong.append((row.name, unsigned.status))
        answer = keyed.ask(row.method, row.path, body=body_of(row))
        if (
            answer.status_code in (400, 401, 403, 405)
            or answer.status_code >= 500
            or "Set-Cookie" in answer.headers
            or (row.rule.arguments and answer.status_code not in (404, 422))
        ):
            wrong.append((row.name, answer.status))
        elif row.method != "GET" and answer.status_code < 400 and not noted(answer):
            wrong.append((row.name, "no entry in the audit"))
    assert wrong == [], wrong


def test_no_key_opens_anything_else_of_the_staff(app: Flask, keyed: KeyProgram) -> None:
    wrong = []
    opened = {row.name for row, _scope in key_rows(app)}
    for row in staff_rows(app):
        if row.name not in opened:
            answer = keyed.ask(row.method, row.path, body=body_of(row))
            at_the_door = answer.status_code == 303 and answer.location.startswith("/admin/login")
            if not (at_the_door if row.is_page else answer.status_code == 403):
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_before_the_code_only_the_door_is_open(app: Flask) -> None:
    doors = {row.rule.rule: row.need.step for row in rows(app) if row.need is not None and row.need.step != PASSED}
    strangers = {
        "/admin/login",
        "/admin/login/passkey",
        "/admin/login/passkey/options",
        "/admin/invitation/<token>",
        "/admin/forgot",
        "/admin/forgot/sent",
        "/admin/reset/<token>",
    }
    assert {rule for rule, step in doors.items() if step == STRANGER} == strangers
    half = {
        "/admin/totp",
        "/admin/totp/sms",
        "/admin/totp/passkey",
        "/admin/totp/passkey/options",
        "/admin/logout",
        *(f"/api/v1/auth/2fa/{name}" for name in ("setup", "enable", "verify-login")),
    }
    assert set(doors) - strangers == half


def test_a_program_with_a_challenge_only(app: Flask) -> None:
    """Half signed in: 403 at every endpoint of the staff, and a page is nothing for programs."""
    member, wrong = hire(app), []
    me = program(app)
    me.access = me.challenge(member)
    for row in staff_rows(app):
        answer = row.ask(me.client, token=me.access)
        if not (at_the_door(answer) if row.is_page else answer.status_code == 403):
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def at_the_door(answer: TestResponse) -> bool:
    return answer.status_code == 303 and answer.location.startswith("/admin/login")


def test_a_program_with_every_right_but_the_one(app: Flask, worker: Program) -> None:
    wrong = []
    for row in staff_rows(app):
        if row.need.right:
            area, is_view = row.need.right.partition(".")[0], row.need.right.endswith(".view")
            allow({each for each in rules.RIGHTS if each != row.need.right and not (is_view and implies(each, area))})
            answer = row.ask(worker.client, token=worker.access)
            if not (at_the_door(answer) if row.is_page else answer.status_code == 403):
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_a_program_with_nothing_but_the_right(app: Flask, worker: Program) -> None:
    """It needs no CSRF token; what it does stands in the audit as well; and it gets no cookie."""
    wrong = []
    for row in staff_rows(app):
        allow({row.need.right} - {""})
        answer = row.ask(worker.client, token=worker.access)
        if row.is_page:
            is_wrong = not at_the_door(answer)
        else:
            is_wrong = answer.status_code in (400, 401, 403, 405) or answer.status_code >= 500
            is_wrong |= row.method != "GET" and answer.status_code < 400 and not noted(answer)
        if is_wrong or "Set-Cookie" in answer.headers:
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_a_program_whose_last_code_is_old(app: Flask, worker: Program) -> None:
    make_old()
    asked, wrong = [row for row in staff_rows(app) if row.need.is_fresh and not row.is_page], []
    assert len(asked) >= 2
    for row in asked:
        answer = row.ask(worker.client, token=worker.access)
        if answer.get_json(silent=True)["code"] != "sign_in_again":
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_a_customers_token_opens_nothing_of_the_staffs_nor_the_other_way_round(app: Flask, worker: Program) -> None:
    shopper = tokens.issue("customer", *customers_session("mallory@example.com"))
    assert worker.get("/api/v1/customer/preferences", shopper).status_code == 200
    wrong = [
        (row.name, answer.status)
        for row in staff_rows(app)
        if not row.is_page and (answer := row.ask(worker.client, token=shopper)).status_code != 401
    ]
    wrong += [
        (row.name, answer.status)
        for row in customers_rows(app)
        if not row.path.startswith("/account")
        and (answer := row.ask(worker.client, token=worker.access)).status_code != 401
    ]
    assert wrong == [], wrong


def customers_session(email: str) -> tuple[uuid.UUID, uuid.UUID]:
    """(customer, session) of a new customer's program."""
    sign_in_customer(email)
    with transaction():
        found = db.rows("UPDATE customer_session SET is_program = true RETURNING customer_id, id")[0]
    return found[0], found[1]


def test_what_belongs_to_others_is_not_there(app: Flask) -> None:
    """Every route of a visitor that takes an id or a token: 404, or 401 where nobody has shopped, whoever asks; staff too."""
    open_shop()
    member = hire(app, rights=[]).sign_in()
    wrong = []
    for row in rows(app):
        if audience_of(row.rule.endpoint) != VISITOR or not row.rule.arguments or row.need:
            continue
        for client in (app.test_client(), member.client):
            csrf = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/about").text)[1]  # type: ignore[index]
            answer = row.ask(client, csrf)
            if answer.status_code not in (401, 404):
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def customers_rows(app: Flask) -> list[Row]:
    return [row for row in rows(app) if audience_of(row.rule.endpoint) == CUSTOMER]


def test_a_customers_pages_send_everybody_else_to_sign_in(app: Flask) -> None:
    member, wrong = hire(app, rights=sorted(rules.RIGHTS)).sign_in(), []
    for row in customers_rows(app):
        for client in (app.test_client(), member.client):
            csrf = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/about").text)[1]  # type: ignore[index]
            answer = row.ask(client, csrf)
            at_the_door = answer.status_code == 303 and answer.location.startswith("/login")
            if not (answer.status_code == 401 if row.path.startswith("/api/") else at_the_door):
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_what_is_another_customers_is_not_there(app: Flask) -> None:
    client, wrong = app.test_client(), []
    client.set_cookie("customer", sign_in_customer("mallory@example.com"))
    csrf = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/account/").text)[1]  # type: ignore[index]
    asked = [row for row in customers_rows(app) if row.rule.arguments]
    assert len(asked) >= 5
    for row in asked:
        answer = row.ask(client, csrf)
        if answer.status_code != (
            410 if "<token>" in row.rule.rule else 404
        ):  # of a mail: there never was one, or no more
            wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def sign_in_customer(email: str) -> str:
    """The token of a new customer's session."""
    device = customers.Device("", "")
    asked = customers.Registration("Mallory", "no hash", False)
    with transaction():
        token = customers.ask("register", email, locale="en", visitor="", registration=asked).token
        session = customers.finish_registration(token or "", device=device)
    return session.token


def test_what_is_everybodys_never_breaks(app: Flask) -> None:
    open_shop()
    client, wrong = app.test_client(), []
    for row in rows(app):
        if audience_of(row.rule.endpoint) == EVERYBODY and row.need is None and row.method == "GET":
            answer = row.ask(client)
            if answer.status_code in (401, 403) or answer.status_code >= 500:
                wrong.append((row.name, answer.status))
    assert wrong == [], wrong


def test_a_page_that_says_nothing_is_open_to_nobody(make_app) -> None:  # type: ignore[no-untyped-def]
    """Should the guard above be passed by: the gate stays closed."""
    app = make_app()
    app.add_url_rule("/admin/forgotten", "forgotten", lambda: "secret")
    answer = hire(app).sign_in().client.get("/admin/forgotten")
    assert (answer.status_code, "secret" in answer.text) == (403, False)


@pytest.mark.parametrize("step", [PASSED, PASSWORD, STRANGER])
def test_what_asks_for_no_right_is_for_people_only(make_app, step: str) -> None:  # type: ignore[no-untyped-def]
    """One's own account and its second factor: nobody gives a key that by a scope."""
    app = make_app()
    app.add_url_rule("/api/v1/auth/own", "own", needs(step=step)(lambda: {"secret": "of a person"}))
    member = hire(app).sign_in()
    assert member.client.get("/api/v1/auth/own").status_code == 200
    answer = make_key(member, "stock.view").get("/api/v1/auth/own")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not_for_keys")


def test_a_right_that_is_taken_is_gone_with_the_next_click(app: Flask) -> None:
    member = hire(app, rights=["orders.view"]).sign_in()
    assert member.client.get("/admin/orders").status_code == 200
    allow(set())
    answer = member.client.get("/admin/orders")
    assert (answer.status_code, "siti@example.com" in answer.text, "Ask an owner" in answer.text) == (403, True, True)
    allow({"stock.view"})
    assert member.client.get("/admin/stock-locks").status_code == 200

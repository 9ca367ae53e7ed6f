"""Every change needs the token (SEC-05, X6); the few exceptions stand in one list."""

import re
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from wtforms import PasswordField

from app.storefront import customer_forms
from app.web.security import CSRF_EXEMPT
from tests.routes import path_of

Probe = Callable[..., FlaskClient]
Token = Callable[..., str]


def test_the_token_as_a_field_or_as_a_header(probe: Probe, token: Token) -> None:
    client = probe()
    word = token(client)
    assert client.post("/probe", data={"csrf_token": word, "name": "Aina"}).text == "changed by Aina"
    assert client.post("/probe", data={"name": "Aina"}, headers={"X-CSRF-Token": word}).status_code == 200


def test_without_or_with_somebody_elses_token_nothing_happens(probe: Probe, token: Token) -> None:
    client = probe()
    token(client)
    stranger = token(client.application.test_client())
    for data in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}, {"csrf_token": stranger}):
        answer = client.post("/probe", data=data)
        assert answer.status_code == 400
        assert "This page was open too long" in answer.text


def test_what_was_typed_can_be_sent_again_when_it_came_from_our_page(probe: Probe) -> None:
    typed = {"name": "Aina <Rahman>", "password": "secret word", "csrf_token": "old"}
    own = probe().post("/probe", data=typed, headers={"Sec-Fetch-Site": "same-origin"})
    assert 'value="Aina &lt;Rahman&gt;"' in own.text
    assert "secret word" not in own.text
    foreign = probe().post("/probe", data=typed, headers={"Sec-Fetch-Site": "cross-site"})
    assert "Rahman" not in foreign.text


def password_inputs() -> set[str]:
    """The names of all there are: in templates, and in forms with and without a prefix."""
    written = re.compile(r"""text_input\("([^"]+)"[^\n]*type="password\"""")
    names = {name for page in Path("templates").rglob("*.html") for name in written.findall(page.read_text())}
    for kind in vars(customer_forms).values():
        if isinstance(kind, type) and issubclass(kind, customer_forms.Form):
            fields = [
                name for name, field in vars(kind).items() if getattr(field, "field_class", None) is PasswordField
            ]
            names |= {f"{prefix}{name}" for name in fields for prefix in ("", "new-", "passkey-")}
    return names


def test_no_password_comes_back_to_be_sent_again(probe: Probe) -> None:
    names = password_inputs()
    assert {
        "password",
        "current",
        "again",
        "phone_password",
        "codes_password",
        "new-current",
        "passkey-current",
    } <= names
    typed = {**dict.fromkeys(names, "secret word"), "new-email": "aina@example.com", "passkey-name": "My phone"}
    answer = probe().post("/probe", data=typed, headers={"Sec-Fetch-Site": "same-origin"})
    assert "secret word" not in answer.text
    assert "aina@example.com" in answer.text
    assert "My phone" in answer.text


def test_htmx_and_the_api_get_an_answer_they_can_use(probe: Probe) -> None:
    fragment = probe().post("/probe", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Reswap"]) == (400, "none")
    assert "#toasts" in fragment.text
    assert probe().post("/api/health/none", json={}).status_code == 404


def test_every_changing_route_is_guarded(app: Flask) -> None:
    """Walks the map: a POST without a token is refused before the view is asked, whatever it is sent."""
    client = app.test_client()
    open_routes = []
    for rule in app.url_map.iter_rules():
        for method in rule.methods & {"POST", "PUT", "PATCH", "DELETE"}:
            if rule.endpoint in CSRF_EXEMPT:
                continue
            path = path_of(app, rule)
            answer = client.open(path, method=method)
            is_sent_to_sign_in = answer.headers.get("Location", "").startswith("/admin/login")
            if answer.status_code not in (400, 401, 403) and not is_sent_to_sign_in:
                open_routes.append(f"{method} {path} {answer.status}")
    assert open_routes == []


def test_the_list_of_exceptions_names_real_endpoints(app: Flask) -> None:
    assert set(CSRF_EXEMPT) <= set(app.view_functions)

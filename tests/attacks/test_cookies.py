"""SEC-04, ASVS 17: every cookie that any page or form gives, as production gives it; and ids that change (X5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.attacks.world import World, csrf_of
from tests.staff import hire
from tools.webforms import form_to

HTTPS: dict[str, Any] = {"base_url": "https://localhost"}
OF_TASTE = {"lang", "currency", "theme"}  # tell nobody's name; the others open something


def test_cookies_of_production(make_app: Callable[..., Flask]) -> None:
    app = make_app(BASE_URL="https://localhost", APP_ENV="test")
    member = hire(app)
    client, given = app.test_client(), []

    def send(method: str, path: str, **options: Any) -> Any:
        answer = client.open(path, method=method, **HTTPS, **options)
        given.extend(answer.headers.getlist("Set-Cookie"))
        return answer

    page = send("GET", "/about").text
    send(
        "POST", "/-/preferences", data=form_to(page, "/-/preferences").filled(locale="ms", currency="USD", theme="dark")
    )
    form = form_to(send("GET", "/admin/login").text, "/admin/login")
    answer = send("POST", "/admin/login", data=form.filled(email=member.email, password=member.password))
    form = form_to(send("GET", answer.location).text, "/admin/totp")
    assert send("POST", "/admin/totp", data=form.filled(code=member.code(), trust="on")).status_code == 303
    names = {each.partition("=")[0] for each in given}
    assert names >= {"__Host-session", "__Host-staff", "__Host-staff-device", "lang", "currency", "theme"}
    for each in given:
        name, flags = each.partition("=")[0], {flag.strip().lower() for flag in each.split(";")[1:]}
        assert {"secure", "httponly", "path=/"} <= flags, each
        assert flags & {"samesite=lax", "samesite=strict"}, each
        assert not [flag for flag in flags if flag.startswith("domain")], each
        assert name.startswith("__Host-") or name in OF_TASTE, each
        assert "samesite=strict" in flags or not name.startswith("__Host-staff"), each


@pytest.mark.parametrize("who", ["customer", "staff"])
def test_x5_ids_from_before_are_worth_nothing_after(world: World, who: str) -> None:
    """Signed out, the token opens nothing on the server, whoever kept a copy, and the form tokens went with it."""
    client: FlaskClient = world.clients()[who]
    page, door = ("/account/", "/login") if who == "customer" else ("/admin/", "/admin/login")
    kept, csrf = cookies_of(client), csrf_of(client, page)
    out = form_to(client.get(page).text, "/logout" if who == "customer" else "/admin/logout")
    assert client.post(out.action, data=out.filled()).status_code == 303
    thief = world.app.test_client()
    for name, value in kept.items():
        thief.set_cookie(name, value)
    answer = thief.get(page)
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, door)
    assert client.get(page).location.partition("?")[0] == door
    if who == "customer":  # the visitor of before keeps a cart of their own at most, none of the customer's
        assert world.aina.client.post("/cart/lines", data={"csrf_token": csrf, "variant": "x"}).status_code == 400


def cookies_of(client: FlaskClient) -> dict[str, str]:
    names = ("session", "customer", "staff")
    return {name: found.value for name in names if (found := client.get_cookie(name))}

"""The session cookie (ASVS 3.3): what it looks like, what it holds, and that it cannot be forged."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable

from flask.testing import FlaskClient

Probe = Callable[..., FlaskClient]


def content(cookie: str) -> dict[str, object]:
    body = cookie.partition("=")[2].partition(".")[0]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_over_http_the_cookie_is_hidden_from_scripts_and_other_sites(probe: Probe) -> None:
    cookie = probe().get("/probe").headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_https_it_is_bound_to_the_host(probe: Probe) -> None:
    client = probe(BASE_URL="https://shop.example", TRUSTED_HOSTS="shop.example")
    cookie = client.get("/probe", base_url="https://shop.example").headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_it_holds_a_token_and_later_an_anonymous_visitor_and_nothing_else(probe: Probe) -> None:
    client = probe()
    assert set(content(client.get("/probe").headers["Set-Cookie"])) == {"csrf_token"}
    answer = client.get("/probe/visitor")
    assert len(answer.text) == 22
    kept = content(answer.headers["Set-Cookie"])
    assert set(kept) == {"csrf_token", "v", "_permanent"}
    assert kept["v"] == answer.text
    assert "Expires" in answer.headers["Set-Cookie"]
    assert client.get("/probe/visitor").text == answer.text


def test_a_page_that_changes_nothing_sets_no_cookie_again(probe: Probe) -> None:
    client = probe()
    client.get("/probe")
    assert "Set-Cookie" not in client.get("/probe").headers


def test_a_forged_cookie_is_nobody(probe: Probe) -> None:
    client = probe()
    known = client.get("/probe/visitor")
    cookie = known.headers["Set-Cookie"].split(";")[0].split("=", 1)[1]
    stranger = client.application.test_client()
    stranger.set_cookie("session", cookie[:-2] + ("aa" if cookie[-2:] != "aa" else "bb"))
    assert stranger.get("/probe/visitor").text != known.text

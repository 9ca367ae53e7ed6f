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


OLD, NEW = "the old secret of this shop, long enough", "the new secret of this shop, long enough"


def test_a_secret_key_is_rotated_and_nobody_notices(probe: Probe) -> None:
    """First every process learns the new key, then signs with it, then forgets the old one (SEC-50)."""
    client = probe(SECRET_KEY=OLD)
    known = client.get("/probe/visitor").text
    token = token_on(client)
    for step in (
        {"SECRET_KEY": OLD, "SECRET_KEY_FALLBACKS": NEW},
        {"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": OLD},
        {"SECRET_KEY": OLD, "SECRET_KEY_FALLBACKS": NEW},  # a process that has not been restarted yet
        {"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": OLD},
    ):
        client.application = probe(**step).application
        assert client.get("/probe/visitor").text == known
        for given in (token, token_on(client)):  # of a page opened before, and of one opened now
            assert client.post("/probe", data={"name": "aina", "csrf_token": given}).text == "changed by aina"

    new_client = client.application.test_client()
    new_known, new_token = new_client.get("/probe/visitor").text, token_on(new_client)
    after = probe(SECRET_KEY=NEW).application
    client.application = new_client.application = after
    assert new_client.get("/probe/visitor").text == new_known
    assert new_client.post("/probe", data={"name": "aina", "csrf_token": new_token}).status_code == 200
    assert new_client.post("/probe", data={"name": "aina", "csrf_token": token}).status_code == 400


def test_a_key_that_was_never_ours_is_believed_by_nobody(probe: Probe) -> None:
    client = probe(SECRET_KEY="a stranger's secret, as long as any other")
    known = client.get("/probe/visitor").text
    client.application = probe(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=f"{OLD};another one").application
    assert client.get("/probe/visitor").text != known


def token_on(client: FlaskClient) -> str:
    return client.get("/probe").text.partition('content="')[2].partition('"')[0]

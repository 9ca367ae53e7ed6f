"""Language, currency and theme of an answer, and the form that chooses them (X8)."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web import languages
from app.web.returning import own_path


def language_of(app: Flask, path: str = "/", **options: object) -> str:
    with app.test_request_context(path, **options):
        return languages.language()


@pytest.mark.parametrize(
    ("header", "code"),
    [("ms-MY,ms;q=0.9,en;q=0.8", "ms"), ("en-GB", "en"), ("ta,ms;q=0.5,en;q=0.4", "ms"), ("fr-FR,fr", "en"), ("", "en"),
     ("en;q=0.2,ms;q=0.9", "ms"), ("ms;q=0", "en"), ("*", "en"), (";;;q=,", "en"), ("ms;q=x", "en")],
)  # fmt: skip
def test_the_browser_is_asked_last(app: Flask, header: str, code: str) -> None:
    assert language_of(app, headers={"Accept-Language": header}) == code


def test_the_address_wins_over_the_cookie_and_the_cookie_over_the_browser(app: Flask) -> None:
    asked = {"headers": {"Accept-Language": "en", "Cookie": "lang=ms"}}
    assert language_of(app, **asked) == "ms"
    assert language_of(app, "/?lang=en", **asked) == "en"
    assert language_of(app, "/?lang=xx", **asked) == "ms"


def test_every_page_says_where_its_other_language_is(app: Flask) -> None:
    with app.test_request_context("/c/shirts?page=2&utm=x"):
        assert languages.alternates("/c/shirts?page=2") == [
            ("en", "http://localhost/c/shirts?page=2&lang=en"),
            ("ms", "http://localhost/c/shirts?page=2&lang=ms"),
            ("x-default", "http://localhost/c/shirts?page=2"),
        ]


@pytest.mark.parametrize(
    "wanted",
    ["", None, "//evil.example", "/\\evil.example", "/%09/evil.example", "\t//evil.example", "/\t/evil.example",
     "https:evil.example", "https://evil.example/", "@evil.example", "/%5cevil.example", "/%2f%2fevil.example",
     "/%252f%252fevil.example", "javascript:alert(1)", "/\r\nLocation: //evil.example", "/%0d%0aSet-Cookie:x=1", "evil",
     "///evil.example", "/.//evil.example", "/no/such/page", "/-/preferences", "/" + "a" * 3000],
)  # fmt: skip
def test_only_our_own_pages_are_returned_to(app: Flask, wanted: str | None) -> None:
    with app.test_request_context():
        assert own_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/cart", "/search?q=kain+biru", "/search?q=%2F%2Fa", "/about"])
def test_our_own_pages_are(app: Flask, wanted: str) -> None:
    with app.test_request_context():
        assert own_path(wanted) == wanted


@pytest.fixture
def choose(client: FlaskClient, csrf: Callable[[FlaskClient], str]) -> Callable[..., object]:
    def send(**data: str) -> object:
        return client.post("/-/preferences", data={"csrf_token": csrf(client), **data})

    return send


def test_a_choice_is_remembered_and_leads_back(choose: Callable[..., object], client: FlaskClient) -> None:
    answer = choose(locale="ms", currency="INR", theme="dark", next="/about?lang=en&x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/about?x=1")
    page = client.get("/about").text
    assert '<html lang="ms" data-theme="dark">' in page
    choose(theme="", next="/about")
    assert "data-theme" not in client.get("/about").text


def test_unknown_choices_change_nothing(choose: Callable[..., object]) -> None:
    answer = choose(locale="xx", currency="BTC", theme="pink", next="//evil.example")
    assert answer.headers["Location"] == "/"
    assert "Set-Cookie" not in answer.headers

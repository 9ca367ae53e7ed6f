"""What is no text or too much is refused before anything looks at it (C15)."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.core import db

Probe = Callable[..., FlaskClient]
Token = Callable[..., str]


@pytest.mark.parametrize("path", ["/?q=%00", "/?q=%ff%fe", "/?%C0%80=1", "/p/a%00b", "/p/%ff", "/?q=%ED%A0%80"])
def test_bytes_that_are_no_text_are_a_400(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert "That did not work" in answer.text


@pytest.mark.parametrize(
    "path", ["/about?q=%F0%9F%A7%B5", "/about?q=100%25", "/about?q=%E2%80%AE", "/about?q=a+b%20c", "/about?q=%"]
)
def test_odd_but_proper_text_is_fine(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_form_with_broken_utf8_is_a_400(probe: Probe, token: Token) -> None:
    client = probe()
    body = f"csrf_token={token(client)}&name=%ff%fe"
    answer = client.post("/probe", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400


def test_a_nul_in_a_form_is_left_to_the_form(probe: Probe, token: Token) -> None:
    client = probe()
    assert client.post("/probe", data={"csrf_token": token(client), "name": "a\0b"}).status_code == 200


def test_a_name_of_a_megabyte_is_refused_with_words(probe: Probe, token: Token) -> None:
    client = probe()
    answer = client.post("/probe", data={"csrf_token": token(client), "name": "a" * 1_000_000})
    assert answer.status_code == 413
    assert "Please shorten it" in answer.text


def test_ten_megabytes_are_refused_whatever_they_are(probe: Probe) -> None:
    answer = probe().post("/probe", data=b"x" * 10_000_000, content_type="application/octet-stream")
    assert answer.status_code == 413


def test_a_value_the_database_cannot_hold_is_a_400_not_a_500(probe: Probe) -> None:
    client = probe()
    client.application.add_url_rule("/asks", "asks", lambda: str(db.scalar("SELECT CAST(:x AS text)", x="a\0b")))
    client.application.add_url_rule(
        "/surrogate", "surrogate", lambda: str(db.scalar("SELECT CAST(:x AS text)", x="\ud800"))
    )
    assert client.get("/asks").status_code == 400
    assert client.get("/surrogate").status_code == 400

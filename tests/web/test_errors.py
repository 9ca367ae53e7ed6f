"""Refusals and accidents as a page, as a piece for HTMX, as problem+json (OPS-44)."""

import logging
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.core import db

Probe = Callable[..., FlaskClient]
JSON = {"Accept": "application/json"}
TOKEN = re.compile(r'<meta name="csrf-token" content="([^"]+)">')
HTMX = {"HX-Request": "true"}


def test_an_unknown_address_is_a_friendly_404(client: FlaskClient) -> None:
    answer = client.get("/no/such/page")
    assert answer.status_code == 404
    assert "The thread broke here" in answer.text
    assert '<meta name="csrf-token" content="' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("kind", "status"), [("refused", 422), ("conflict", 409)])
def test_a_refusal_keeps_its_status_and_its_words(probe: Probe, kind: str, status: int) -> None:
    client = probe()
    words = {"refused": "Enter a postcode with 5 digits", "conflict": "Somebody was faster"}[kind]
    page = client.get(f"/probe/{kind}")
    assert (page.status_code, words in page.text) == (status, True)
    assert ("<title>Error: " in page.text) is (status == 422)
    piece = client.get(f"/probe/{kind}", headers=HTMX)
    assert (piece.status_code, words in piece.text) == (status, True)
    assert piece.headers["HX-Reswap"] == "none"


def test_a_problem_document_has_code_words_and_facts(probe: Probe) -> None:
    answer = probe().get("/probe/refused", headers=JSON)
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": "about:blank",
        "status": 422,
        "code": "postcode",
        "title": "Enter a postcode with 5 digits",
        "example": "50480",
        "request_id": answer.headers["X-Request-Id"],
    }


def test_unknown_api_addresses_and_methods_are_problems_too(client: FlaskClient) -> None:
    assert client.get("/api/none").json["code"] == "not_found"
    answer = client.delete("/api/health")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_bug_is_logged_with_its_trace_and_shown_without(probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = probe().get("/probe/bug")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert '<meta name="csrf-token" content="' in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert "RuntimeError" not in answer.text
    assert "aina" not in answer.text
    assert any(record.exc_info and record.exc_info[0] is RuntimeError for record in caplog.records)
    assert probe().get("/probe/bug", headers=JSON).json["code"] == "internal_error"
    assert probe().get("/probe/bug", headers=HTMX).text == ""


def test_what_we_depend_on_being_away_is_a_503(probe: Probe) -> None:
    answer = probe().get("/probe/unavailable")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Back in a few minutes" in answer.text
    assert '<meta name="csrf-token" content="' in answer.text


@pytest.mark.parametrize("path", ["/probe/bug", "/probe/unavailable"])
def test_the_token_of_a_page_that_stands_alone_is_good(probe: Probe, path: str) -> None:
    client = probe()
    found = TOKEN.search(client.get(path).text)
    assert found
    assert client.post("/probe", data={"csrf_token": found[1], "name": "aina"}).status_code == 200


def test_a_failing_token_makes_no_second_failure(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever broke may have broken the session too."""
    client = probe()

    def broken() -> str:
        raise RuntimeError("no session")

    monkeypatch.setitem(client.application.jinja_env.globals, "csrf_token", broken)
    for path, status in (("/probe/bug", 500), ("/probe/unavailable", 503)):
        answer = client.get(path)
        assert (answer.status_code, "csrf-token" in answer.text, "Your cart is safe" in answer.text) == (
            status,
            False,
            True,
        )


def test_the_database_being_away_is_a_503_and_no_half_page(probe: Probe) -> None:
    client = probe(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    client.application.add_url_rule("/asks", "asks", lambda: str(db.scalar("SELECT 1")))
    answer = client.get("/asks")
    assert answer.status_code == 503
    assert "Your cart is safe" in answer.text
    assert answer.headers["Retry-After"] == "5"
    assert client.get("/asks", headers=JSON).json["code"] == "unavailable"


def test_html_in_messages_is_text(probe: Probe) -> None:
    client = probe()
    assert "<script>alert" not in client.get("/<script>alert(1)</script>").text

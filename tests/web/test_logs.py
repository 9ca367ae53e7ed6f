"""OPS-18 … OPS-21, X20: one JSON object a line, with the request's id, without anybody's data."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.web import logs


@pytest.fixture
def lines() -> Iterator[Any]:
    """What is logged from now on, parsed."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("INFO", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_a_request_is_one_line_with_its_rule_and_not_its_path(client: FlaskClient, lines: Any) -> None:
    token = "Zm9vYmFyYmF6cXV4MTIzNDU2"
    answer = client.get(f"/order/{token}?email=aina@example.com")
    line = lines()[-1]
    assert line["message"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/order/<token>", 404)
    assert line["ms"] >= 0
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert token not in str(lines())
    assert "aina" not in str(lines())


def test_unknown_paths_are_masked(client: FlaskClient, lines: Any) -> None:
    client.get("/reset/aina@example.com")
    assert lines()[-1]["path"] == "/reset/<e-mail>"


@pytest.mark.parametrize(
    ("given", "is_kept"), [("abc-123.DEF_45", True), ("short", False), ("x" * 65, False), ('a"b\\nc-------', False)]
)
def test_a_sane_request_id_is_taken_over(client: FlaskClient, given: str, is_kept: bool) -> None:
    answer = client.get("/health/live", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is is_kept


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail to aina.r+x@mail.example.co.uk failed", "mail to <e-mail> failed"),
        ("call +60 12-345 6789 now", "call <number> now"),
        ("card 4242 4242 4242 4242", "card <number>"),
        ("asked ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-bmF0dXJl_']", "asked ['<token>']"),
        ("{'Authorization': 'Bearer c2VjcmV0LXNlY3JldA=='}", "{'Authorization': 'Bearer <token>'}"),
        ("the bearer of good news", "the bearer of good news"),
        ("GET /order/Zm9vYmFyYmF6cXV4MTIzNDU2 200", "GET /order/<token> 200"),
        ("redis://:hunter2@127.0.0.1:6379/0", "redis://:<hidden>@127.0.0.1:6379/0"),
        ("postgresql://kedai:hunter2@db/kedai", "postgresql://kedai:<hidden>@db/kedai"),
        ("key_secret=abcdef123&x=1", "key_secret=<hidden>&x=1"),
        ('{"password": "hunter2", "n": 1}', '{"password": "<hidden>", "n": 1}'),
        ("order 0198f0b2-0000-7000-8000-000000000000 took 1234567 us", "order 0198f0b2-0000-7000-8000-000000000000 took 1234567 us"),
    ],
)  # fmt: skip
def test_what_is_nobodys_business_is_masked(text: str, masked: str) -> None:
    assert logs.mask(text) == masked


def test_traces_extras_and_odd_values_are_masked_too(lines: Any) -> None:
    try:
        raise ValueError("no mail for aina@example.com")
    except ValueError:
        logging.getLogger("shop").exception("it failed", extra={"who": "aina@example.com", "what": {1}, "n": 7})
    line = lines()[-1]
    assert (line["error"], line["who"], line["what"], line["n"]) == ("ValueError", "<e-mail>", "{1}", 7)
    assert "aina" not in json.dumps(line)
    assert "ValueError" in line["traceback"]


def test_a_line_is_a_line(lines: Any) -> None:
    logging.getLogger("shop").warning("first\nsecond \u2028 third")
    assert lines()[-1]["message"] == "first\nsecond \u2028 third"

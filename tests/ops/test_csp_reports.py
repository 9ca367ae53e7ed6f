"""SEC-38: violations that browsers report are stored, by kind and counted, and nobody can fill the table."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core import db
from app.ops import actions

OLD = {
    "csp-report": {
        "document-uri": "http://localhost/order/Zm9vYmFyYmF6cXV4MTIzNDU2?x=secret",
        "violated-directive": "img-src",
        "effective-directive": "img-src",
        "blocked-uri": "https://evil.example/pixel.gif?who=aina@example.com",
        "source-file": "chrome-extension",
    }
}
NEW = [
    {
        "type": "csp-violation",
        "body": {"documentURL": "http://localhost/", "effectiveDirective": "script-src-elem", "blockedURL": "inline"},
    },
    {"type": "deprecation", "body": {"id": "x"}},
]


def send(client: FlaskClient, report: Any) -> int:
    data = report if isinstance(report, bytes) else json.dumps(report)
    return client.post("/-/csp-report", data=data, content_type="application/csp-report").status_code


def stored() -> list[tuple[object, ...]]:
    return [tuple(row) for row in db.rows("SELECT directive, blocked, page, source, count FROM csp_report ORDER BY 1")]


def test_both_forms_are_taken_without_a_token_and_without_secrets(client: FlaskClient) -> None:
    assert (send(client, OLD), send(client, NEW)) == (204, 204)
    assert stored() == [
        ("img-src", "https://evil.example/pixel.gif", "http://localhost/order/…", "chrome-extension", 1),
        ("script-src-elem", "inline", "http://localhost/", "", 1),
    ]


def test_the_same_again_is_counted_not_added(client: FlaskClient) -> None:
    for _ in range(3):
        send(client, OLD)
    assert [row[-1] for row in stored()] == [3]


def test_there_is_an_end_to_new_kinds(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_KINDS", 5)
    for number in range(20):
        send(client, {"csp-report": {"violated-directive": f"img-src-{number}"}})
    assert len(stored()) == 5
    send(client, {"csp-report": {"violated-directive": "img-src-0"}})
    assert max(row[-1] for row in stored()) == 2


@pytest.mark.parametrize(
    "report",
    [b"", b"\xff", b"null", b"[]", b"{}", b"[1, null, {}]", b'{"csp-report": 7}', b'{"csp-report": {"violated-directive": 1}}',
     b'{"csp-report": {"violated-directive": "a\\u0000b", "blocked-uri": "\\ud800", "document-uri": "http://[x"}}',
     b"[" * 100_000],
)  # fmt: skip
def test_nonsense_does_no_harm(client: FlaskClient, report: bytes) -> None:
    assert send(client, report) in (204, 400)

"""/metrics: what Prometheus reads, and who may."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.ops.sharing import NAME, share_metrics

PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "BASE_URL": "https://shop.example",
    "TRUSTED_HOSTS": "shop.example",
    "MAIL_URL": "smtp://mail.example:25",
}


def value_of(text: str, start: str) -> float:
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start)), 0)


def test_requests_are_counted_by_endpoint_and_kind_of_answer(client: FlaskClient) -> None:
    series = 'http_request_seconds_count{endpoint="health.live",method="GET",status="2xx"}'
    lost = 'http_request_seconds_count{endpoint="none",method="GET",status="4xx"}'
    before = client.get("/metrics").text
    client.get("/health/live")
    client.get("/no/such/page?e=aina@example.com")
    after = client.get("/metrics").text
    assert value_of(after, series) == value_of(before, series) + 1
    assert value_of(after, lost) == value_of(before, lost) + 1
    assert "aina" not in after


def test_a_made_up_method_makes_no_new_series(client: FlaskClient) -> None:
    client.open("/", method="BREW")
    assert 'method="other"' in client.get("/metrics").text
    assert "BREW" not in client.get("/metrics").text


def test_what_waits_is_read_when_asked(client: FlaskClient) -> None:
    text = client.get("/metrics").text
    assert "\ndatabase_up 1.0\n" in text
    for name in ("outbox_pending", "outbox_dead", "stock_locks_live", "stock_locks_expired"):
        assert f"\n{name} 0.0\n" in text


def test_without_a_database_the_rest_is_still_told(make_app: Callable[..., Flask]) -> None:
    answer = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing").test_client().get("/metrics")
    assert answer.status_code == 200
    assert "\ndatabase_up 0.0\n" in answer.text


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 200),
        ("8.8.8.8", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, 404),
        ("", {}, 404),
    ],
)
def test_in_production_only_the_house_may_look(
    make_app: Callable[..., Flask], address: str, headers: dict[str, str], status: int
) -> None:
    client = make_app(**PRODUCTION).test_client()
    asked = {"base_url": "https://shop.example", "headers": headers, "environ_base": {"REMOTE_ADDR": address}}
    assert client.get("/metrics", **asked).status_code == status


def test_files_of_ended_processes_are_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, str(tmp_path / "metrics"))
    (tmp_path / "metrics").mkdir()
    ended, running = tmp_path / "metrics" / "counter_4194303.db", tmp_path / "metrics" / "counter_1.db"
    ended.touch()
    running.touch()
    share_metrics(tmp_path)
    assert (ended.exists(), running.exists()) == (False, True)

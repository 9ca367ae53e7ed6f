"""OPS-01, OPS-08, OPS-09, SEC-45: alive, ready, and details for staff alone."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import db
from app.core.transaction import transaction
from app.ops import queries
from tests.staff import hire


def test_the_process_says_that_it_lives(client: FlaskClient) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


@pytest.mark.parametrize("path", ["/api/health", "/health/ready"])
def test_a_healthy_shop_names_its_parts(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json == {"status": "healthy", "database": "up", "redis": "up", "queue": "up"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/api/health", "/health/ready"])
def test_without_a_database_it_is_not_healthy(make_app: Callable[..., Flask], path: str) -> None:
    client = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing").test_client()
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.json == {"status": "unhealthy", "database": "down", "redis": "up", "queue": "up"}
    assert client.get("/health/live").status_code == 200


def test_without_redis_the_shop_sells_on_and_says_what_waits(make_app: Callable[..., Flask]) -> None:
    answer = make_app(REDIS_URL="redis://127.0.0.1:1/0").test_client().get("/api/health")
    assert answer.status_code == 200
    assert answer.json == {"status": "healthy", "database": "up", "redis": "down", "queue": "waiting"}


def test_details_are_not_for_strangers(client: FlaskClient) -> None:
    answer = client.get("/api/health/detailed")
    assert (answer.status_code, answer.json["code"]) == (401, "sign_in_required")
    assert "database" not in answer.json


def test_staff_see_figures_and_no_names(app: Flask) -> None:
    member = hire(app)
    member.give_password()
    assert member.client.get("/api/health/detailed").status_code == 403  # the code is still missing
    member.give_code()
    body = member.client.get("/api/health/detailed").json
    assert set(body) == {"status", "redis", "database", "memory", "waiting", "orders", "cleanup"}
    assert body["database"]["role"] == "rows"
    assert body["memory"]["resident_bytes"] > 10_000_000
    assert (body["orders"], body["cleanup"]) == ({}, None)
    assert "siti" not in str(body)


def test_a_shop_that_owns_its_tables_is_told(app: Flask, as_owner: None) -> None:
    assert queries.database()["role"] == "superuser"
    with transaction():
        db.rows("CREATE ROLE kedai_test_owner")
        db.rows("ALTER TABLE outbox_event OWNER TO kedai_test_owner")
        db.rows("SET LOCAL ROLE kedai_test_owner")
        found = queries.database()["role"]
        db.session.rollback()
    assert found == "owner"

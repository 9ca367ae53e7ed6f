"""SEC-26, SEC-28 … SEC-30, X14, C11: how often one may ask, and that Redis is not needed to say so."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from app.core import cache
from app.web import limits
from app.web.limits import limiter

Probe = Callable[..., FlaskClient]
Token = Callable[..., str]


@pytest.fixture(autouse=True)
def limits_as_before() -> Iterator[None]:
    """The extension is one per process: other tests shall not inherit what these turned on."""
    yield
    limiter.enabled = False
    limiter._storage_dead = False
    limits._counts.clear()


def post(client: FlaskClient, word: str, **options: object) -> int:
    return client.post("/probe/limited", data={"csrf_token": word}, **options).status_code


def test_one_too_many_is_told_when_to_come_back(probe: Probe, token: Token) -> None:
    client = probe(RATE_LIMIT_ENABLED="true")
    word = token(client)
    assert [post(client, word) for _ in range(4)] == [200, 200, 200, 429]
    answer = client.post("/probe/limited", data={"csrf_token": word})
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 61
    assert f"Try again in {seconds} second" in answer.text


def test_each_client_has_its_own_count_and_the_address_a_wider_one(probe: Probe, token: Token) -> None:
    first = probe(RATE_LIMIT_ENABLED="true")
    assert [post(first, token(first)) for _ in range(3)] == [200] * 3
    second = first.application.test_client()
    assert [post(second, token(second)) for _ in range(3)] == [200, 200, 429]  # five from this address
    elsewhere = {"environ_base": {"REMOTE_ADDR": "203.0.113.7"}}
    third = first.application.test_client()
    assert post(third, token(third), **elsewhere) == 200


def test_behind_every_form_stands_a_ceiling_for_one_address(
    probe: Probe, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ANY_ADDRESS", 4)
    first = probe(RATE_LIMIT_ENABLED="true")
    codes = []
    for _ in range(6):
        other = first.application.test_client()
        answer = other.post("/probe/form", data={"csrf_token": token(other)})
        codes.append(answer.status_code)
    assert codes == [200] * 4 + [429] * 2
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_the_api_takes_a_hundred_a_minute(probe: Probe) -> None:
    client = probe(RATE_LIMIT_ENABLED="true")
    codes = [client.get("/api/probe").status_code for _ in range(101)]
    assert codes == [200] * 100 + [429]
    answer = client.get("/api/probe")
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) == answer.json["retry_after"]


def test_showing_a_page_and_health_are_not_counted(probe: Probe) -> None:
    client = probe(RATE_LIMIT_ENABLED="true")
    assert {client.get("/probe").status_code for _ in range(150)} == {200}
    assert {client.get("/api/health").status_code for _ in range(150)} == {200}


def test_it_can_be_switched_off(probe: Probe, token: Token) -> None:
    client = probe(RATE_LIMIT_ENABLED="false")
    word = token(client)
    assert {post(client, word) for _ in range(10)} == {200}


def test_counts_are_shared_through_redis(probe: Probe, token: Token) -> None:
    client = probe(RATE_LIMIT_ENABLED="true")
    post(client, token(client))
    keys = [key.decode() for key in cache.client().keys("*limit*")]
    assert any("/ip:127.0.0.1/" in key for key in keys)  # the view has a limit of its own per address
    assert any("/s:" in key for key in keys)


def test_with_redis_refusing_this_process_counts(probe: Probe, token: Token) -> None:
    client = probe(RATE_LIMIT_ENABLED="true", REDIS_URL="redis://127.0.0.1:1/0")
    word = token(client)
    assert [post(client, word) for _ in range(4)] == [200, 200, 200, 429]


def test_with_redis_black_holed_answers_still_come_in_time(probe: Probe, token: Token) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:  # takes connections and never says a word
        client = probe(RATE_LIMIT_ENABLED="true", REDIS_URL=f"redis://127.0.0.1:{hole.getsockname()[1]}/0")
        word = token(client)
        codes, slowest = [], 0.0
        for _ in range(4):
            started = time.monotonic()
            codes.append(post(client, word))
            slowest = max(slowest, time.monotonic() - started)
    assert codes == [200, 200, 200, 429]
    assert slowest < 2

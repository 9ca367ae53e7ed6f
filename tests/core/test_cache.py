"""J13: while Redis is away nobody asks it but one thread, and it is used again once it answers."""

import threading

import pytest

from app.core import cache
from chaos.servers import wait_for
from tests.proxy import Proxy


@pytest.fixture
def line(make_app, environment, monkeypatch):
    monkeypatch.setattr(cache, "REST_SECONDS", 0.02)
    monkeypatch.setattr(cache, "TIMEOUT_SECONDS", 0.1)
    proxy = Proxy(environment["REDIS_URL"])
    make_app(REDIS_URL=proxy.url)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("state", ["refusing", "silent"])
def test_redis_is_left_alone_until_a_thread_finds_it_back(line, state):
    cache.put_json("known", 7, seconds=60)
    line.break_off(state)
    assert cache.get_json("known") is None
    seen = line.connections
    wait_for(lambda: line.connections >= seen + 3, seconds=20, why="nobody looks whether Redis is back")
    assert cache.is_resting()
    line.mend()
    wait_for(lambda: not cache.is_resting(), seconds=20, why="Redis is back and nobody knows")
    assert cache.get_json("known") == 7


def test_the_thread_outlives_an_answer_that_nobody_expected(line, monkeypatch):
    looks = []

    def ping():
        looks.append(True)
        if len(looks) == 1:
            raise ValueError("no such answer")

    line.break_off("refusing")
    monkeypatch.setattr(cache.client(), "ping", ping)
    assert cache.get_json("known") is None
    wait_for(lambda: not cache.is_resting(), seconds=20, why="nobody looks any more")
    assert len(looks) == 2


def test_where_no_thread_can_be_had_redis_is_tried_again_after_a_while(line, monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    line.break_off("refusing")
    assert cache.get_json("known") is None
    wait_for(lambda: not cache.is_resting(), seconds=20, why="Redis is never tried again")

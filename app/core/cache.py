"""Redis, which may vanish at any moment: every call answers as if it had never known when Redis does not."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

REST_SECONDS = 5.0  # between two looks whether Redis is back
TIMEOUT_SECONDS = 0.5

_client: redis.Redis | None = None
_resting_until = 0.0
_guard = threading.Lock()


def connect(url: str) -> redis.Redis:
    """Open the client of this process. Called once by the factory; connects lazily."""
    global _client, _resting_until
    _client = redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
    )
    _resting_until = 0.0
    return _client


def is_configured() -> bool:
    """Whether this process has a Redis at all."""
    return _client is not None


def client() -> redis.Redis:
    if _client is None:
        raise RuntimeError("Redis is not configured yet")
    return _client


def is_up() -> bool:
    """Whether Redis answers just now (asks it, even while resting)."""
    try:
        return bool(client().ping())
    except (redis.RedisError, OSError):
        return False


def attempt(command: str, *args: Any, **kwargs: Any) -> Any:
    """Run one Redis command; None when Redis is away or resting."""
    if is_resting():
        return None
    try:
        return getattr(client(), command)(*args, **kwargs)
    except (redis.RedisError, OSError) as error:
        rest(error)
        return None


def is_resting() -> bool:
    """Whether Redis failed a moment ago and is left alone."""
    return time.monotonic() < _resting_until


def rest(error: Exception) -> None:
    """Leave Redis alone until it answers again; for callers that use `client()` themselves.

    A thread looks whether it does: with a black-holed Redis every look takes half a second, and no page may wait for it.
    """
    global _resting_until
    with _guard:
        if is_resting():
            return
        _resting_until = math.inf
    log.warning("redis is away", extra={"error": type(error).__name__})
    try:
        threading.Thread(target=_watch, args=(client(),), name="redis", daemon=True).start()
    except RuntimeError:  # no thread can be had: whoever comes after a while looks
        log.exception("nobody can watch redis")
        _resting_until = time.monotonic() + REST_SECONDS


def _watch(watched: redis.Redis) -> None:
    """Ends when Redis is back, or when the process uses another one."""
    global _resting_until
    while True:
        time.sleep(REST_SECONDS)
        if watched is not _client:
            return
        try:
            watched.ping()
        except (redis.RedisError, OSError):
            continue
        except Exception:  # without this thread nobody would ever look again
            log.exception("a look at redis broke")
            continue
        _resting_until = 0.0
        return


def get_json(key: str) -> Any:
    raw = attempt("get", key)
    return None if raw is None else json.loads(raw)


def put_json(key: str, value: Any, *, seconds: int) -> None:
    attempt("set", key, json.dumps(value, separators=(",", ":"), ensure_ascii=False), ex=seconds)


def drop(*keys: str) -> None:
    attempt("delete", *keys)

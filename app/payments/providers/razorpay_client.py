"""The official client, made safe to call: bounded in time, HTTP status kept, nothing printed, one kind of error each.

The client itself waits for ever, drops the status of a refusal, prints to stdout, and breaks on answers that are no
JSON. All of that happens on what its session returns or raises, so the session is ours: it hands the client nothing but
JSON objects of successful calls, and raises ProviderRefused or ProviderUnavailable for everything else.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import razorpay
import requests
import urllib3

from app.payments.errors import ProviderRefused, ProviderUnavailable

log = logging.getLogger(__name__)

VERSION = importlib.metadata.version("razorpay")
LARGEST_ANSWER = 4 << 20
PIECE = 64 << 10
UNDECIDED = frozenset({401, 403, 408, 425, 429})  # wrong keys or too busy: says nothing about the request itself
SAME_KEY_OTHER_BODY = "different request"  # the start of a 409 that no repetition will cure


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, between two pieces of an answer, and for everything one operation asks together."""

    connect: float = 3.0
    read: float = 8.0
    total: float = 13.0


class Budget:
    """The time that one operation has left for all its calls, so that two slow ones do not add up."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._ends = time.monotonic() + patience.total

    def timeout(self) -> tuple[float, float]:
        """Connect and read timeouts for the next call. Raises ProviderUnavailable when there is no time left."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise ProviderUnavailable(reason="timeout")
        connect = min(self._patience.connect, left)
        return connect, max(min(self._patience.read, left - connect), 0.05)


class Clients:
    """One client per thread and process: its connection stays open between calls and is shared with nobody."""

    def __init__(self, *, key_id: str, key_secret: str, api_url: str) -> None:
        self._auth = (key_id, key_secret)
        self._api_url = api_url
        self._proxies = requests.utils.get_environ_proxies(api_url)
        self._here = threading.local()

    def mine(self) -> Any:
        if getattr(self._here, "process", None) != os.getpid():
            self._here.process = os.getpid()
            self._here.client = _Client(session=self._session(), auth=self._auth, base_url=self._api_url)
        return self._here.client

    def _session(self) -> requests.Session:
        session = _Session()
        session.trust_env = False  # reading netrc and the environment again for each call costs more than the call
        session.proxies = self._proxies
        return session


class _Client(razorpay.Client):
    def _get_version(self) -> str:
        return VERSION  # the original opens the package's files for each request


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the client looks at of a successful answer."""

    status_code: int
    content: dict[str, Any]

    def json(self) -> dict[str, Any]:
        return self.content


class _Session(requests.Session):
    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> Any:
        """Raises ProviderUnavailable or ProviderRefused, never requests' own errors, which the client would print."""
        ends = time.monotonic() + sum(options["timeout"])
        options |= {"stream": True, "allow_redirects": False}
        try:
            response = super().request(method, url, *arguments, **options)
            with response:
                body = _read(response, ends)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            log.warning("no answer from the provider", extra={"error": type(error).__name__, "method": method})
            raise ProviderUnavailable(reason=type(error).__name__) from error
        return _judge(response.status_code, body)


def _read(response: requests.Response, ends: float) -> bytes:
    """The whole body, or TimeoutError: a server that drips bytes must not outlive the deadline."""
    pieces: list[bytes] = []
    size = 0
    while True:
        left = ends - time.monotonic()
        if left <= 0 or size > LARGEST_ANSWER:
            raise TimeoutError
        _wait_at_most(response, left)
        piece = response.raw.read1(PIECE, decode_content=True)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)


def _wait_at_most(response: requests.Response, seconds: float) -> None:
    connection = getattr(response.raw, "connection", None)
    socket = getattr(connection, "sock", None)
    if socket is not None and (socket.gettimeout() or seconds + 1) > seconds:
        socket.settimeout(seconds)


def _judge(status: int, body: bytes) -> _Answer:
    content = _object(body)
    if 200 <= status < 300 and content is not None:
        return _Answer(status, content)
    error = _error_of(content)
    if _is_refusal(status, error):
        description, reason = (str(error.get(name) or "")[:200] for name in ("description", "reason"))
        raise ProviderRefused(description, status=status, reason=reason)
    log.warning("the provider gave no usable answer", extra={"status": status})
    raise ProviderUnavailable(status=status, reason=str(error.get("code") or "no usable answer")[:100])


def _is_refusal(status: int, error: Mapping[str, Any]) -> bool:
    if not 400 <= status < 500 or status in UNDECIDED or error.get("code") != "BAD_REQUEST_ERROR":
        return False
    return status != 409 or str(error.get("description")).lower().startswith(SAME_KEY_OTHER_BODY)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _error_of(content: dict[str, Any] | None) -> dict[str, Any]:
    error = (content or {}).get("error")
    return error if isinstance(error, dict) else {}

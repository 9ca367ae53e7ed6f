"""HTTP to the outside that cannot hang: whole answers, of a bearable size, within a deadline, and no redirects.

Imported where it is used: it brings `requests` along, which processes without a partner outside need not carry.
"""

from __future__ import annotations

import json
import time
from typing import Any

import requests
import urllib3

LARGEST_ANSWER = 4 << 20
PIECE = 64 << 10
NO_ANSWER = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)  # what `Session.request` may raise


class Session(requests.Session):
    """Answers are read whole before `timeout` (connect, read) is over, connecting included."""

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        """Raises one of NO_ANSWER."""
        ends = time.monotonic() + sum(options["timeout"])
        options |= {"stream": True, "allow_redirects": False}
        response = super().request(method, url, *arguments, **options)
        with response:
            response._content = _read(response, ends)
        return response


def environment_proxies(url: str) -> dict[str, str]:
    """The proxies that the environment names for an address."""
    return dict(requests.utils.get_environ_proxies(url))


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object a body is, or None."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


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

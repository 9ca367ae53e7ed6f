"""Providers' webhooks at an even pace: each at its moment, whether the one before was answered or not.

    python -m bench.hooks < job.json > result.json

A job names `port`, `path`, `rate` (a second) and `letters`: (headers, body, status that is right, or several). Every answer's time
counts from the moment its letter was due, so that a queue cannot hide.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SENDERS = 32
PATIENCE_SECONDS = 30


def work(job: dict[str, Any]) -> dict[str, Any]:
    letters, begun = job["letters"], time.perf_counter() + 0.5
    guard, milliseconds, statuses = threading.Lock(), [], Counter[str]()
    wrong: list[str] = []

    def send(number: int) -> None:
        headers, body, right = letters[number]
        due = begun + number / job["rate"]
        time.sleep(max(0.0, due - time.perf_counter()))
        status = _post(job["port"], job["path"], headers, body)
        with guard:
            milliseconds.append((time.perf_counter() - due) * 1000)
            statuses[str(status)] += 1
            if status not in (right if isinstance(right, list) else [right]) and len(wrong) < 5:
                wrong.append(f"{status} where {right} is right: {body[:100]}")

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, range(len(letters))))
    return {"milliseconds": milliseconds, "statuses": statuses, "wrong": wrong}


def _post(port: int, path: str, headers: dict[str, str], body: str) -> int:
    """The status; 0 for no answer. A connection for each, as providers do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", path, body.encode("latin-1"), {**headers, "Connection": "close"})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


if __name__ == "__main__":
    json.dump(work(json.load(sys.stdin)), sys.stdout)

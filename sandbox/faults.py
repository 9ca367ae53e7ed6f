"""Faults per route: answers that are late, lost or wrong, as WSGI middleware around the whole API.

A fault is `{"method": "POST", "path": "/v1/payments/*/refund", "fault": "act_then_drop", "count": 1}`. In a path `*`
stands for one segment and `**` for any rest. `probability` with `seed` makes it a repeatable coin. Of several that
match, the first that fires is used. Held in memory: a restart clears them.
"""

import itertools
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import formatdate
from typing import Any

from sandbox.errors import ApiError, server_error, too_many_requests
from sandbox.server import ConnectionDropped

KINDS = (
    "act_then_drop", "drop", "hang", "status", "slow_body", "truncated_body", "wrong_amount", "wrong_currency", "wrong_date"
)  # fmt: skip
FINISHERS = "sandbox.finishers"
_FIELDS = {
    "method",
    "path",
    "fault",
    "status",
    "seconds",
    "act",
    "delta",
    "currency",
    "date",
    "count",
    "probability",
    "seed",
}
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_PIECES = 10
_FIELDS_OF_MONEY = (("amount", "currency"), ("amount_total", "currency"), ("value", "currency_code"))


@dataclass
class Fault:
    id: int
    method: str
    path: str
    kind: str
    options: dict[str, Any]
    left: int | None
    probability: float
    coin: random.Random = field(repr=False)

    def fires(self, method: str, path: str) -> bool:
        if self.left == 0 or self.method not in ("*", method) or not re.fullmatch(_pattern(self.path), path):
            return False
        if self.coin.random() >= self.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def shown(self) -> dict[str, Any]:
        seen = {"id": self.id, "method": self.method, "path": self.path, "fault": self.kind, **self.options}
        return seen | {"left": self.left, "probability": self.probability}


@dataclass
class Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._faults: list[Fault] = []

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError with a sentence when the fault makes no sense."""
        if unknown := set(body) - _FIELDS:
            raise ValueError(f"unknown fields: {sorted(unknown)}")
        if body.get("fault") not in KINDS:
            raise ValueError(f"fault is one of {', '.join(KINDS)}")
        if body["fault"] == "status" and body.get("status") not in (429, 500, 502):
            raise ValueError("status is 429, 500 (JSON) or 502 (HTML)")
        options: dict[str, Any] = {
            name: body[name] for name in ("status", "seconds", "act", "delta", "currency", "date") if name in body
        }
        with self._lock:
            fault = Fault(
                id=next(self._ids),
                method=str(body.get("method", "*")).upper(),
                path=str(body.get("path", "/v1/**")),
                kind=body["fault"],
                options=options,
                left=None if body.get("count") is None else int(body["count"]),
                probability=float(body.get("probability", 1)),
                coin=random.Random(body.get("seed")),
            )
            self._faults.append(fault)
            return fault.shown()

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]

    def pick(self, method: str, path: str) -> Fault | None:
        if not self._faults or path.startswith("/_sandbox"):
            return None
        with self._lock:
            return next((fault for fault in self._faults if fault.fires(method, path)), None)


class FaultMiddleware:
    """Also ends what a view began (`FINISHERS` in the environ) once the answer, however late, is ready."""

    def __init__(self, app: Callable[..., Iterable[bytes]], faults: Faults):
        self._app = app
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        finishers: list[Callable[[], None]] = environ.setdefault(FINISHERS, [])
        fault = self._faults.pick(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        try:
            if fault is None:
                return self._app(environ, start_response)
            return self._disturbed(fault, environ, start_response)
        finally:
            for finish in finishers:
                finish()

    def _disturbed(self, fault: Fault, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        acts = fault.options.get("act", fault.kind not in ("status", "drop"))
        answer = self._act(environ) if acts else None
        if fault.kind == "hang":
            time.sleep(_seconds(fault))
        if fault.kind == "status":
            answer = _error_page(fault.options["status"])
        if fault.kind in ("act_then_drop", "drop") or answer is None:
            raise ConnectionDropped
        _falsify(fault, answer)
        if fault.kind == "wrong_date":
            answer.headers.append(("Date", _date(fault)))
        start_response(answer.status, answer.headers)
        if fault.kind == "slow_body":
            return _slowly(answer.body, _seconds(fault))
        return _half(answer.body) if fault.kind == "truncated_body" else [answer.body]

    def _act(self, environ: dict[str, Any]) -> Answer:
        answer = Answer("", [], b"")

        def remember(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            answer.status, answer.headers = status, headers

        parts = self._app(environ, remember)
        answer.body = b"".join(parts)
        if close := getattr(parts, "close", None):
            close()
        return answer


def _pattern(path: str) -> str:
    return re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")


def _seconds(fault: Fault) -> float:
    return float(fault.options.get("seconds", 10))


def _date(fault: Fault) -> str:
    """By a clock that is `seconds` off, or whatever `date` says."""
    return str(fault.options.get("date") or formatdate(time.time() + _seconds(fault), usegmt=True))


def _error_page(status: int) -> Answer:
    if status == 502:
        return _answer("502 Bad Gateway", "text/html", _BAD_GATEWAY.encode())
    error: ApiError = too_many_requests() if status == 429 else server_error()
    words = {429: "429 Too Many Requests", 500: "500 Internal Server Error"}
    return _answer(words[status], "application/json", json.dumps(error.body()).encode())


def _answer(status: str, kind: str, body: bytes) -> Answer:
    return Answer(status, [("Content-Type", kind), ("Content-Length", str(len(body)))], body)


def _falsify(fault: Fault, answer: Answer) -> None:
    """Changes amount or currency of every entity in the answer; what really happened is in the ledger."""
    is_json = any(value == "application/json" for name, value in answer.headers if name == "Content-Type")
    if fault.kind not in ("wrong_amount", "wrong_currency") or not is_json:
        return
    content = json.loads(answer.body)
    for entity in _entities(content):
        amount, currency = next(names for names in _FIELDS_OF_MONEY if entity.keys() >= set(names))
        _change(fault, entity, amount, currency)
    answer.body = json.dumps(content).encode()
    answer.headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    answer.headers.append(("Content-Length", str(len(answer.body))))


def _change(fault: Fault, entity: dict[str, Any], amount: str, currency: str) -> None:
    """Amounts are whole minor units, or texts such as "12.30" whose last digit counts as one unit."""
    if fault.kind == "wrong_currency":
        entity[currency] = fault.options.get("currency") or ("USD" if entity[currency] != "USD" else "EUR")
        return
    delta, value = int(fault.options.get("delta", 1)), entity[amount]
    if isinstance(value, int):
        entity[amount] = value + delta
    else:
        entity[amount] = str(Decimal(value) + delta * Decimal(1).scaleb(-len(value.partition(".")[2])))


def _entities(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        if any(content.keys() >= set(names) for names in _FIELDS_OF_MONEY):
            yield content
        for value in content.values():
            yield from _entities(value)
    elif isinstance(content, list):
        for value in content:
            yield from _entities(value)


def _slowly(body: bytes, seconds: float) -> Iterator[bytes]:
    size = max(1, -(-len(body) // _PIECES))
    for start in range(0, len(body), size):
        time.sleep(seconds / _PIECES)
        yield body[start : start + size]


def _half(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionDropped

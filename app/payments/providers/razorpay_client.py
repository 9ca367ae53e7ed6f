"""The official client, made safe to call: bounded in time, HTTP status kept, nothing printed, one kind of error each.

The client itself waits for ever, drops the status of a refusal, prints to stdout, and breaks on answers that are no
JSON. All of that happens on what its session returns or raises, so the session is ours: it hands the client nothing but
JSON objects of successful calls, and raises ProviderRefused or ProviderUnavailable for everything else.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import razorpay

from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import UNDECIDED, Budget, Session, environment_proxies, json_object

log = logging.getLogger(__name__)

VERSION = importlib.metadata.version("razorpay")
SAME_KEY_OTHER_BODY = "different request"  # the start of a 409 that no repetition will cure


class Clients:
    """One client per thread and process: its connection stays open between calls and is shared with nobody."""

    def __init__(self, *, key_id: str, key_secret: str, api_url: str, code: str) -> None:
        self._code = code
        self._auth = (key_id, key_secret)
        self._api_url = api_url
        self._proxies = environment_proxies(api_url)
        self._here = threading.local()

    def mine(self) -> Any:
        if getattr(self._here, "process", None) != os.getpid():
            self._here.process = os.getpid()
            session = Session(_judge, proxies=self._proxies, code=self._code)
            self._here.client = _Client(session=session, auth=self._auth, base_url=self._api_url)
        return self._here.client


def ask(call: Callable[..., Any], *arguments: Any, budget: Budget, **options: Any) -> dict[str, Any]:
    """One call of the client, within what its operation has left of its time."""
    answer: dict[str, Any] = call(*arguments, timeout=budget.timeout(), **options)
    return answer


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


def _judge(status: int, body: bytes) -> _Answer:
    content = json_object(body)
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


def _error_of(content: dict[str, Any] | None) -> dict[str, Any]:
    error = (content or {}).get("error")
    return error if isinstance(error, dict) else {}

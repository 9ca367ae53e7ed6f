"""Billplz' HTTP API (v3), bounded in time and with one kind of error each. There is no official client for Python.

Source: Billplz' API documentation: HTTP Basic with the key as the user; errors are `{"error": {"type", "message": […]}}`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import UNDECIDED, Budget, Session, environment_proxies, json_object

log = logging.getLogger(__name__)


class Client:
    """One session per thread and process: its connection stays open between calls and is shared with nobody."""

    def __init__(self, *, api_key: str, api_url: str) -> None:
        self._api_key = api_key
        self._base = f"{api_url}/api/v3"
        self._proxies = environment_proxies(api_url)
        self._here = threading.local()

    def create_bill(self, fields: Mapping[str, str], *, budget: Budget) -> dict[str, Any]:
        return self._ask("POST", "/bills", budget, data=fields)

    def get_bill(self, bill_id: str, *, budget: Budget) -> dict[str, Any]:
        return self._ask("GET", f"/bills/{bill_id}", budget)

    def get_transactions(self, bill_id: str, *, budget: Budget) -> dict[str, Any]:
        """The latest 15 tries to pay a bill."""
        return self._ask("GET", f"/bills/{bill_id}/transactions", budget)

    def delete_bill(self, bill_id: str, *, budget: Budget) -> None:
        self._ask("DELETE", f"/bills/{bill_id}", budget)

    def _ask(self, method: str, path: str, budget: Budget, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._session().request(method, self._base + path, timeout=budget.timeout(), **options)
        return answer

    def _session(self) -> Session:
        if getattr(self._here, "process", None) != os.getpid():
            self._here.process = os.getpid()
            self._here.session = Session(_judge, proxies=self._proxies, code="billplz")
            self._here.session.auth = (self._api_key, "")
        session: Session = self._here.session
        return session


def _judge(status: int, body: bytes) -> dict[str, Any]:
    content = json_object(body)
    if 200 <= status < 300 and content is not None:
        return content
    kind, words = _error_of(content)
    if 400 <= status < 500 and status not in UNDECIDED and kind:
        raise ProviderRefused(words, status=status, reason=kind)
    log.warning("the provider gave no usable answer", extra={"status": status})
    raise ProviderUnavailable(status=status, reason=kind or "no usable answer")


def _error_of(content: Mapping[str, Any] | None) -> tuple[str, str]:
    """(type, message) of an error, as far as there is one."""
    error = (content or {}).get("error")
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message")
    words = " ".join(map(str, message)) if isinstance(message, list) else str(message or "")
    return str(error.get("type") or "")[:100], words[:200]

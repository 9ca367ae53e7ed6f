"""The payment sandbox from its inside: pay, break the line, turn the clock, look into the ledger."""

from __future__ import annotations

from typing import Any

import requests

from chaos.servers import wait_for


class Bank:
    """One for each thread: it holds a connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self._session.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=60)
        if answer.status_code != 200:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def pay(self, order_id: str, outcome: str = "captured", **fields: object) -> dict[str, Any]:
        found: dict[str, Any] = self.control(
            "POST", "/pay", {"order_id": order_id, "outcome": outcome, "force": True, **fields}
        )
        return found

    def fault(self, kind: str, *, method: str = "*", path: str = "/v1/**", **options: object) -> None:
        self.control("POST", "/faults", {"fault": kind, "method": method, "path": path, **options})

    def hooks(self, event: str = "*", **effects: object) -> None:
        """What happens to webhooks from now on; see the sandbox's README."""
        self.control("POST", "/webhooks", {"event": event, **effects})

    def good_weather(self) -> None:
        """No more faults, webhooks as they should be."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/webhooks")

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance_seconds": seconds})

    def wait_for_deliveries(self, *, seconds: float = 60) -> None:
        """Until every webhook is accepted, dropped or given up."""
        wait_for(
            lambda: self.control("GET", "/health")["pending_deliveries"] == 0,
            seconds=seconds,
            why="webhooks are still on their way",
        )

    def ledger(self) -> dict[str, Any]:
        """Accounts by receipt (our reference and the number of the attempt)."""
        found: dict[str, Any] = self.control("GET", "/ledger")["receipts"]
        return found

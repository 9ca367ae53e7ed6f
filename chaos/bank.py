"""The payment sandbox from its inside: pay, break the line, turn the clock, look into the ledger."""

from __future__ import annotations

from typing import Any

import requests

REFUND_ENDS = {
    "stripe": ("/stripe/refunds/", ("succeeded", "failed")),
    "paypal": ("/paypal/refunds/", ("COMPLETED", "FAILED")),
}


class Refused(Exception):
    """The bank understood and will not do it: a page that is closed, a refund that has ended."""


class Bank:
    """One for each thread: it holds a connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self._session.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=60)
        if answer.status_code in (400, 404, 422):
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
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

    def refund_by_dashboard(self, provider: str, payment_id: str, minor: int, amount: str) -> None:
        """Somebody refunds in the provider's own pages. `payment_id` is the shop's name of the money, `amount` the same in
        words."""
        if provider == "stripe":
            self.control("POST", "/stripe/dashboard/refunds", {"payment_intent": payment_id, "amount": minor})
        elif provider == "paypal":
            [capture] = self.control("GET", f"/ledger/{payment_id}")["payments"]
            value = {"amount": {"value": amount, "currency_code": capture["currency"]}}
            self.control("POST", f"/paypal/captures/{capture['id']}/refund", value)
        else:
            self.control("POST", "/dashboard/refunds", {"payment_id": payment_id, "amount": minor})

    def end_refund(self, provider: str, refund_id: str, *, well: bool) -> None:
        """The bank's word on a refund that is under way; that one that had arrived has failed after all, too."""
        path, words = REFUND_ENDS.get(provider, ("/refunds/", ("processed", "failed")))
        self.control("POST", path + refund_id, {"status": words[0 if well else 1]})

    def good_weather(self) -> None:
        """No more faults, webhooks as they should be."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/webhooks")

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance_seconds": seconds})

    def ledger(self) -> dict[str, Any]:
        """Accounts by receipt (our reference and the number of the attempt)."""
        found: dict[str, Any] = self.control("GET", "/ledger")["receipts"]
        return found

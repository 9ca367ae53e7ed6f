"""Money that moves by hand, written down by whoever moved it: what customers handed over, what clerks sent back.

For bank transfer, cash on delivery and Billplz' refunds it is what the sandbox's ledger is for the rest: the verdict
believes it, and the shop never sees it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any


class Cashbox:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._arrived: dict[str, int] = {}
        self._sent: dict[str, tuple[str, int]] = {}

    def arrives(self, receipt: str, minor: int) -> None:
        """A customer hands over what an order costs; once, however often it is said."""
        with self._guard:
            self._arrived[receipt] = minor

    def send(self, refund_id: str, receipt: str, minor: int) -> None:
        """A clerk transfers a refund; once, however often it is said."""
        with self._guard:
            self._sent[refund_id] = (receipt, minor)

    @property
    def arrived(self) -> dict[str, int]:
        """What customers handed over, in minor units by receipt."""
        return dict(self._arrived)

    def was_sent(self, refund_id: str) -> bool:
        return refund_id in self._sent

    def added_to(self, ledger: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """The sandbox's accounts by receipt, with what moved by hand."""
        accounts = {receipt: dict(account) for receipt, account in ledger.items()}
        for receipt, minor in self._arrived.items():
            accounts[receipt] = _account(receipt, minor)
        for refund_id, (receipt, minor) in self._sent.items():
            account = accounts[receipt]
            account["refunded"] += minor
            account["net"] -= minor
            account["refunds"] = [*account["refunds"], _refund(refund_id, minor)]
        return accounts


def _account(receipt: str, minor: int) -> dict[str, Any]:
    sums = {"captured": minor, "refunded": 0, "net": minor, "captures": 1}
    return {"receipt": receipt, "order_ids": [receipt], "payments": [], "refunds": [], **sums}


def _refund(refund_id: str, minor: int) -> dict[str, Any]:
    """Its key is the shop's own, as on a refund that a provider sent."""
    key = f"refund-{refund_id}"
    return {"id": key, "amount": minor, "status": "sent", "source": "clerk", "idempotency_key": key}

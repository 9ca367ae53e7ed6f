"""A provider's list of banks, kept in this process: pages ask often, the list changes seldom, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from app.core import db
from app.payments.gateway import Bank
from app.payments.providers.bounded import Patience

KEPT_SECONDS = 600.0
MISSED_SECONDS = 60.0  # after no answer: until it is asked for again
A_MOMENT = Patience(connect=0.5, read=1.0, total=1.5)  # a page without a list is better than one that waits
MOST = 100


class BankList:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._banks: tuple[Bank, ...] = ()
        self._ask_at = 0.0

    def get(self, ask: Callable[[], tuple[Bank, ...]]) -> tuple[Bank, ...]:
        """The list as known. When it is old one caller asks for it, the others take what there is.

        Raises what `ask` does, once; then the old list is good for another while. Called outside transactions.
        """
        with self._guard:
            is_mine = time.monotonic() >= self._ask_at
            if is_mine:
                self._ask_at = time.monotonic() + MISSED_SECONDS
        if is_mine:
            db.release()  # whoever shows a page holds no connection while the provider is asked
            self._banks = ask()
            self._ask_at = time.monotonic() + KEPT_SECONDS
        return self._banks


def named_banks(found: Any) -> tuple[Bank, ...]:
    """Banks out of a JSON object of codes and names, by name; whatever else stands there is left out."""
    names = found if isinstance(found, Mapping) else {}
    banks = [Bank(code, name[:80]) for code, name in names.items() if _is_code(code) and isinstance(name, str) and name]
    return tuple(sorted(banks, key=lambda bank: bank.name.casefold())[:MOST])


def _is_code(code: Any) -> bool:
    return isinstance(code, str) and 0 < len(code) <= 20 and code.isascii() and code.replace("_", "").isalnum()

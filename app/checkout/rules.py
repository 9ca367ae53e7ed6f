"""The steps of checkout and what may be shown when. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

STEPS = ("contact", "delivery", "review")
# Unpaid orders that hold stock from one address (S11). Fifty are normal behind a carrier's NAT.
MAX_LIVE_ORDERS_PER_ADDRESS = 120


def first_open_step(*, has_contact: bool, has_address: bool, has_method: bool) -> str:
    """The step that must be done next; steps cannot be skipped."""
    if not has_contact:
        return "contact"
    return "review" if has_address and has_method else "delivery"


def fingerprint(facts: Sequence[Any] | Mapping[str, Any]) -> str:
    """Of what is ordered, at which prices, by whom, to where: the same cart placed twice is one order (C1)."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

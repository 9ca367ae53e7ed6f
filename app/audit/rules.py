"""What an entry says, as the bytes that are sealed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def content(
    *,
    entry_id: object,
    created_at: datetime,
    actor: str,
    action: str,
    object_kind: str,
    object_id: str,
    facts: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    address_index: bytes | None,
    request_id: str,
) -> bytes:
    """All that an entry tells. Of the address its fingerprint: the address itself may be forgotten, never replaced."""
    told = {
        "id": str(entry_id),
        "at": created_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor,
        "action": action,
        "object": [object_kind, object_id],
        "facts": facts,
        "before": before,
        "after": after,
        "address": address_index.hex() if address_index else None,
        "request": request_id,
    }
    return json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def link(position: int, previous: bytes, told: bytes) -> bytes:
    """What the seal of an entry covers: its place, the seal before it, and what the entry says."""
    return position.to_bytes(8, "big") + len(previous).to_bytes(1, "big") + previous + told

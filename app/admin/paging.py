"""Where a list of the back office goes on: the moment and the id of the last row shown, `<moment>_<id>` in the address."""

from __future__ import annotations

import uuid
from datetime import datetime


def cursor(text: str) -> tuple[datetime, uuid.UUID] | None:
    """None for an empty or a meaningless one: the list begins."""
    at, _mark, row_id = text.rpartition("_")
    try:
        return datetime.fromisoformat(at), uuid.UUID(row_id)
    except ValueError:
        return None

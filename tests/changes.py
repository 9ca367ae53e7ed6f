"""What the audit says that an act changed."""

from __future__ import annotations

from typing import Any

from app.core import db


def changes(action: str) -> list[tuple[Any, Any]]:
    """(before, after) of each time, oldest first."""
    found = db.rows(
        "SELECT before, after FROM audit_entry WHERE action = :action ORDER BY created_at, id", action=action
    )
    db.release()
    return [(row[0], row[1]) for row in found]

"""The order's timeline."""

from __future__ import annotations

import json
import uuid
from typing import Any

from app.core import db
from app.core.ids import new_id

_NOTE = "INSERT INTO order_event (id, order_id, kind, actor, facts) VALUES (:id, :order, :kind, :actor, CAST(:facts AS jsonb))"


def note(order_id: uuid.UUID, kind: str, *, actor: str = "system", **facts: Any) -> None:
    """Add to the order's timeline. `facts` are ids, amounts and short words, no personal data."""
    values = {"id": new_id(), "order": order_id, "kind": kind, "actor": actor, "facts": json.dumps(facts)}
    db.rows(_NOTE, **values)

"""Rows as the JSON of Billplz' answers, and as the text fields of its callbacks and redirects."""

import datetime
import json
from typing import Any

from sandbox.store import Row

_MALAYSIA = datetime.timezone(datetime.timedelta(hours=8))


def bill_entity(row: Row, *, base_url: str) -> dict[str, Any]:
    extra = json.loads(row["extra"])
    return {
        "id": row["id"],
        "collection_id": extra["collection_id"],
        "paid": row["status"] == "paid",
        "state": row["status"],
        "amount": row["amount"],
        "paid_amount": row["amount_paid"],
        "due_at": _moment(row["created_at"]).strftime("%Y-%-m-%-d"),
        "email": extra.get("email"),
        "mobile": extra.get("mobile"),
        "name": extra["name"].upper(),
        "url": f"{base_url}/billplz/bills/{row['id']}",
        "reference_1_label": extra.get("reference_1_label") or "Reference 1",
        "reference_1": extra.get("reference_1"),
        "reference_2_label": extra.get("reference_2_label") or "Reference 2",
        "reference_2": extra.get("reference_2"),
        "redirect_url": extra.get("redirect_url"),
        "callback_url": extra["callback_url"],
        "description": extra["description"],
        "paid_at": _text_of(extra.get("paid_at")) or None,
    }


def transaction_entity(row: Row) -> dict[str, Any]:
    completed = json.loads(row["extra"]).get("completed_at")
    at = _moment(completed).isoformat(timespec="milliseconds") if completed else None
    return {"id": row["id"], "status": row["status"], "completed_at": at, "payment_channel": "FPX"}


def callback_fields(row: Row, *, base_url: str) -> dict[str, str]:
    """What is posted after a try to pay."""
    bill = bill_entity(row, base_url=base_url)
    names = ("id", "collection_id", "paid", "state", "amount", "paid_amount", "due_at")
    names += ("email", "mobile", "name", "url", "paid_at")
    return {name: _shown(bill[name]) for name in names}


def redirect_fields(row: Row) -> dict[str, str]:
    """What the browser carries back: names as they are signed, `billplz` in front."""
    extra = json.loads(row["extra"])
    is_paid = row["status"] == "paid"
    return {"id": row["id"], "paid": _shown(is_paid), "paid_at": _text_of(extra.get("paid_at"))}


def _text_of(seconds: float | None) -> str:
    return _moment(seconds).strftime("%Y-%m-%d %H:%M:%S %z") if seconds else ""


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, _MALAYSIA)


def _shown(value: Any) -> str:
    """A value as a form field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

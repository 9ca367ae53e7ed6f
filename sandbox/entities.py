"""Rows as the JSON entities of the provider's answers and webhooks."""

import json
from collections.abc import Iterable
from typing import Any

from sandbox.store import Row

FEE_PER_MILLE = 20


def order_entity(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "entity": "order",
        "amount": row["amount"],
        "amount_paid": row["amount_paid"],
        "amount_due": row["amount"] - row["amount_paid"],
        "currency": row["currency"],
        "receipt": row["receipt"],
        "offer_id": None,
        "status": row["status"],
        "attempts": row["attempts"],
        "notes": _notes(row["notes"]),
        "created_at": int(row["created_at"]),
    }


def payment_entity(row: Row) -> dict[str, Any]:
    instrument = json.loads(row["instrument"])
    card = instrument.get("card")
    entity = {
        "id": row["id"],
        "entity": "payment",
        "amount": row["amount"],
        "currency": row["currency"],
        "status": row["status"],
        "order_id": row["order_id"],
        "invoice_id": json.loads(row["extra"]).get("invoice_id"),
        "international": False,
        "method": row["method"],
        "amount_refunded": row["amount_refunded"],
        "refund_status": _refund_status(row),
        "captured": bool(row["captured"]),
        "description": row["description"],
        "card_id": card["id"] if card else None,
        "bank": instrument.get("bank"),
        "wallet": instrument.get("wallet"),
        "vpa": instrument.get("vpa"),
        "email": row["email"],
        "contact": row["contact"],
        "notes": _notes(row["notes"]),
        "fee": row["amount"] * FEE_PER_MILLE // 1000 if row["captured"] else None,
        "tax": 0 if row["captured"] else None,
        **_error_fields(row["failure"]),
        "acquirer_data": instrument["acquirer_data"],
        "created_at": int(row["created_at"]),
    }
    if card:
        entity["card"] = card
    return entity


def refund_entity(row: Row) -> dict[str, Any]:
    processed = row["status"] == "processed"
    return {
        "id": row["id"],
        "entity": "refund",
        "amount": row["amount"],
        "currency": row["currency"],
        "payment_id": row["payment_id"],
        "notes": _notes(row["notes"]),
        "receipt": row["receipt"],
        "acquirer_data": {"arn": f"{row['seq']:014d}" if processed else None},
        "created_at": int(row["created_at"]),
        "batch_id": None,
        "status": row["status"],
        "speed_requested": row["speed"],
        "speed_processed": "instant" if row["speed"] == "optimum" else "normal",
    }


def dispute_entity(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "entity": "dispute",
        "payment_id": row["payment_id"],
        "amount": row["amount"],
        "currency": row["currency"],
        "amount_deducted": row["amount"] if row["status"] == "lost" else 0,
        "reason_code": row["reason"],
        "respond_by": int(row["respond_by"]),
        "status": row["status"],
        "phase": "chargeback",
        "created_at": int(row["created_at"]),
        "evidence": None,
    }


def collection(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    listed = list(items)
    return {"entity": "collection", "count": len(listed), "items": listed}


def _notes(stored: str) -> dict[str, Any] | list[Any]:
    """The provider answers empty notes as an empty list, not as an empty object."""
    return json.loads(stored) or []


def _refund_status(row: Row) -> str | None:
    if not row["amount_refunded"]:
        return None
    return "full" if row["amount_refunded"] == row["amount"] else "partial"


def _error_fields(stored: str | None) -> dict[str, Any]:
    failure = json.loads(stored) if stored else {}
    return {f"error_{name}": failure.get(name) for name in ("code", "description", "source", "step", "reason")}

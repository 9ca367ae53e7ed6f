"""Rows as the JSON of PayPal's answers and webhooks."""

import datetime
import json
from collections.abc import Iterable
from typing import Any

from sandbox.paypal.amounts import shown
from sandbox.store import Row

_FEE_PER_MILLE = 39
ROOT = "/paypal"


def order_entity(order: Row, captures: Iterable[Row], refunds: Iterable[Row], *, base_url: str) -> dict[str, Any]:
    """The whole order, as `Prefer: return=representation` and GET show it."""
    extra = json.loads(order["extra"])
    unit = {
        "reference_id": "default",
        "amount": shown(order["amount"], order["currency"]),
        "payee": {"email_address": "shop@business.example.com", "merchant_id": "SANDBOXMERCHANT"},
        **{name: extra[name] for name in ("description", "custom_id", "invoice_id") if extra.get(name)},
    }
    payments = {
        "captures": [capture_entity(row, base_url=base_url) for row in captures],
        "refunds": [refund_entity(row, base_url=base_url) for row in refunds],
    }
    if any(payments.values()):
        unit["payments"] = {kind: items for kind, items in payments.items() if items}
    entity = {
        "id": order["id"],
        "intent": "CAPTURE",
        "status": order["status"],
        "purchase_units": [unit],
        "create_time": moment(order["created_at"]),
        "links": links_of(order, base_url=base_url),
    }
    if extra.get("payer_id"):
        entity["payer"] = {"payer_id": extra["payer_id"], "email_address": "payer@personal.example.com"}
    return entity


def fee_of(amount: int) -> int:
    return amount * _FEE_PER_MILLE // 1000


def minimal(order: Row, *, base_url: str) -> dict[str, Any]:
    """What is answered without `Prefer: return=representation`."""
    return {"id": order["id"], "status": order["status"], "links": links_of(order, base_url=base_url)}


def links_of(order: Row, *, base_url: str) -> list[dict[str, str]]:
    here = f"{base_url}{ROOT}/v2/checkout/orders/{order['id']}"
    page = f"{base_url}{ROOT}/checkoutnow?token={order['id']}"
    rel = "payer-action" if order["status"] == "PAYER_ACTION_REQUIRED" else "approve"
    links = [_link(here, "self", "GET")]
    if order["status"] in ("CREATED", "PAYER_ACTION_REQUIRED"):
        links.append(_link(page, rel, "GET"))
    return links


def capture_entity(row: Row, *, base_url: str) -> dict[str, Any]:
    extra, currency = json.loads(row["extra"]), row["currency"]
    fee = fee_of(row["amount"])
    here = f"{base_url}{ROOT}/v2/payments/captures/{row['id']}"
    entity = {
        "id": row["id"],
        "status": row["status"],
        "amount": shown(row["amount"], currency),
        "final_capture": True,
        **{name: extra[name] for name in ("invoice_id", "custom_id", "status_details") if extra.get(name)},
        "supplementary_data": {"related_ids": {"order_id": row["order_id"]}},
        "create_time": moment(row["created_at"]),
        "links": [_link(here, "self", "GET"), _link(f"{here}/refund", "refund", "POST")],
    }
    if row["captured"]:
        entity["seller_receivable_breakdown"] = {
            "gross_amount": shown(row["amount"], currency),
            "paypal_fee": shown(fee, currency),
            "net_amount": shown(row["amount"] - fee, currency),
        }
    return entity


def refund_entity(row: Row, *, base_url: str) -> dict[str, Any]:
    extra = json.loads(row["extra"])
    root = f"{base_url}{ROOT}/v2/payments"
    return {
        "id": row["id"],
        "status": row["status"],
        "amount": shown(row["amount"], row["currency"]),
        **{name: extra[name] for name in ("invoice_id", "custom_id", "note_to_payer") if extra.get(name)},
        "create_time": moment(row["created_at"]),
        "links": [
            _link(f"{root}/refunds/{row['id']}", "self", "GET"),
            _link(f"{root}/captures/{row['payment_id']}", "up", "GET"),
        ],
    }


def moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _link(href: str, rel: str, method: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "method": method}

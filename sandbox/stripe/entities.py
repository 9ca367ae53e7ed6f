"""Sessions, intents and charges as Stripe's JSON: every key that Stripe sends, null where it means nothing here."""

import json
from typing import Any

from sandbox.store import Row
from sandbox.stripe.methods import details_of
from sandbox.stripe.state import Session

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_SESSION_NULLS = (
    "after_expiration allow_promotion_codes billing_address_collection client_secret collected_information consent "
    "consent_collection currency_conversion customer customer_account integration_identifier invoice origin_context "
    "payment_link payment_method_configuration_details permissions recovered_from saved_payment_method_options "
    "setup_intent shipping_address_collection shipping_cost submit_type subscription wallet_options"
)
_INTENT_NULLS = (
    "application application_fee_amount customer customer_account excluded_payment_method_types on_behalf_of "
    "payment_method_configuration_details processing review setup_future_usage shipping source statement_descriptor "
    "statement_descriptor_suffix transfer_data transfer_group"
)
_CHARGE_NULLS = (
    "application application_fee application_fee_amount customer failure_balance_transaction on_behalf_of "
    "receipt_number review shipping source source_transfer statement_descriptor statement_descriptor_suffix "
    "transfer_data transfer_group"
)


def session_entity(row: Row) -> dict[str, Any]:
    session = Session.of(row)
    extra = session.extra
    total = {"amount_subtotal": row["amount"], "amount_total": row["amount"]}
    return {
        **dict.fromkeys(_SESSION_NULLS.split()),
        **total,
        "id": row["id"],
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": extra["adaptive_pricing"]},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": extra["cancel_url"],
        "client_reference_id": row["receipt"],
        "created": int(row["created_at"]),
        "currency": row["currency"].lower(),
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer_creation": "if_required",
        "customer_details": _customer(extra["email"]),
        "customer_email": extra["email"],
        "discounts": [],
        "expires_at": extra["expires_at"],
        "invoice_creation": {"enabled": False, "invoice_data": _invoice_data()},
        "livemode": False,
        "locale": extra["locale"],
        "managed_payments": {"enabled": False},
        "metadata": json.loads(row["notes"]),
        "mode": "subscription" if extra["recurring"] else "payment",
        "payment_intent": None if extra["recurring"] else extra["intent"],
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": extra["types"],
        "payment_status": "paid" if extra["intent_status"] == "succeeded" else "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": row["status"],
        "success_url": extra["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": extra["url"] if row["status"] == "open" else None,
        "subscription": extra["subscription"],
        "invoice": extra["invoice"],
    }


def intent_entity(row: Row) -> dict[str, Any]:
    """The PaymentIntent of a session's row."""
    extra = Session.of(row).extra
    is_open = extra["intent_status"] in ("requires_payment_method", "requires_action", "processing")
    return {
        **dict.fromkeys(_INTENT_NULLS.split()),
        "id": extra["intent"],
        "object": "payment_intent",
        "amount": extra["intent_amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0 if is_open or extra["intent_status"] == "canceled" else extra["intent_amount"],
        "automatic_payment_methods": {"enabled": True},
        "canceled_at": extra["canceled_at"],
        "cancellation_reason": "automatic" if extra["canceled_at"] else None,
        "capture_method": "automatic",
        "client_secret": f"{extra['intent']}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": extra["intent_created"],
        "currency": extra["intent_currency"].lower(),
        "description": extra["intent_data"].get("description"),
        "last_payment_error": extra["last_error"],
        "latest_charge": extra["latest_charge"],
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": extra["intent_data"].get("metadata", {}),
        "next_action": _next_action(extra),
        "payment_method": extra["payment_method"],
        "payment_method_options": {},
        "payment_method_types": extra["types"],
        "receipt_email": extra["intent_data"].get("receipt_email"),
        "shipping": extra["intent_data"].get("shipping"),
        "status": extra["intent_status"],
    }


def charge_entity(row: Row, session: Row) -> dict[str, Any]:
    extra, failure = json.loads(row["extra"]), json.loads(row["failure"] or "null") or {}
    succeeded = row["status"] == "succeeded"
    return {
        **dict.fromkeys(_CHARGE_NULLS.split()),
        "id": row["id"],
        "object": "charge",
        "amount": row["amount"],
        "amount_captured": row["amount"] if succeeded else 0,
        "amount_refunded": row["amount_refunded"],
        "balance_transaction": extra.get("balance_transaction"),
        "billing_details": {"address": _ADDRESS, "email": row["email"], "name": None, "phone": None, "tax_id": None},
        "calculated_statement_descriptor": "SANDBOX SHOP",
        "captured": succeeded,
        "created": int(row["created_at"]),
        "currency": row["currency"].lower(),
        "description": row["description"],
        "disputed": bool(extra.get("dispute")),
        "failure_code": failure.get("code"),
        "failure_message": failure.get("message"),
        "fraud_details": {},
        "livemode": False,
        "metadata": json.loads(row["notes"]),
        "outcome": _outcome(failure),
        "paid": succeeded,
        "payment_intent": json.loads(session["extra"])["intent"],
        "payment_method": extra["payment_method"],
        "payment_method_details": details_of(row["method"]),
        "receipt_email": row["email"],
        "receipt_url": f"https://pay.stripe.com/receipts/{row['id']}",
        "refunded": row["amount_refunded"] == row["amount"],
        "refunds": {"object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{row['id']}/refunds"},
        "status": row["status"],
    }


def _customer(email: str | None) -> dict[str, Any] | None:
    if email is None:
        return None
    nulls = dict.fromkeys(("address", "business_name", "individual_name", "name", "phone", "tax_ids"))
    return {**nulls, "email": email, "tax_exempt": "none"}


def _invoice_data() -> dict[str, Any]:
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    return {**dict.fromkeys(names), "metadata": {}}


def _next_action(extra: dict[str, Any]) -> dict[str, Any] | None:
    if extra["intent_status"] != "requires_action":
        return None
    return {"type": "redirect_to_url", "redirect_to_url": {"url": extra["url"], "return_url": extra["success_url"]}}


def _outcome(failure: dict[str, Any]) -> dict[str, Any]:
    code = failure.get("decline_code")
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": "05" if failure else None,
        "network_status": "declined_by_network" if failure else "approved_by_network",
        "reason": code,
        "seller_message": failure.get("message", "Payment complete."),
        "type": "issuer_declined" if failure else "authorized",
    }

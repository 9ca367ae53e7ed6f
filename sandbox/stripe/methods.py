"""What people pay with on Stripe's page, and how it can fail (Stripe docs, declines/codes)."""

from typing import Any

LABELS = {"card": "Card", "fpx": "FPX online banking", "grabpay": "GrabPay"}
_BY_CURRENCY = {"MYR": ("card", "fpx", "grabpay")}
DECLINES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_failure": "We are unable to authenticate your payment method.",
    "bank_failure": "The payment did not go through at the bank.",
}
_CODES = {
    "authentication_failure": "payment_intent_authentication_failure",
    "bank_failure": "payment_method_provider_decline",
}
_OWN_CODES = ("expired_card", "incorrect_cvc", "processing_error")


def types_for(currency: str) -> list[str]:
    return list(_BY_CURRENCY.get(currency, ("card",)))


def failure_of(reason: str, *, charge: str, method: str) -> dict[str, Any]:
    """`last_payment_error` of an intent, and the failure of its charge."""
    code = _CODES.get(reason) or (reason if reason in _OWN_CODES else "card_declined")
    error = {"type": "card_error", "code": code, "message": DECLINES[reason], "charge": charge}
    if code == "card_declined":
        error["decline_code"] = reason
    return error | {"payment_method": {"object": "payment_method", "type": method}}


def details_of(method: str) -> dict[str, Any]:
    if method == "card":
        return {"type": "card", "card": _card()}
    bank = {"bank": "maybank2u", "transaction_id": None} if method == "fpx" else {"transaction_id": None}
    return {"type": method, method: bank}


def _card() -> dict[str, Any]:
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
    names = "amount_authorized authorization_code installments mandate network_transaction_id regulated_status"
    return {
        **dict.fromkeys([*names.split(), "three_d_secure", "transaction_link_id", "wallet"]),
        "brand": "visa",
        "checks": checks,
        "country": "US",
        "exp_month": 8,
        "exp_year": 2034,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": "sandboxfingerprint",
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "last4": "4242",
        "multicapture": {"status": "unavailable"},
        "network": "visa",
        "network_token": {"used": False},
        "overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"},
    }

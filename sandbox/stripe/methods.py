"""What people pay with on Stripe's page, and how it can fail (Stripe docs, declines/codes)."""

from typing import Any

from sandbox.stripe.errors import bad_parameter

LABELS = {
    "card": "Card",
    "fpx": "FPX online banking",
    "grabpay": "GrabPay",
    "klarna": "Klarna",
    "afterpay_clearpay": "Cash App Afterpay",
}
_LATER = {"klarna": ("USD", "EUR", "GBP"), "afterpay_clearpay": ("USD", "GBP")}  # as an account there could take them
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


def checked_types(types: list[str], currency: str) -> list[str]:
    """The types that a session names. Raises Stripe's refusal for one that is unknown or takes no such currency."""
    for kind in types:
        if kind not in LABELS:
            raise bad_parameter(f"Invalid payment_method_types: {kind}", "payment_method_types")
        known = _LATER.get(kind)
        if known and currency not in known:
            listed = ", ".join(each.lower() for each in known)
            raise bad_parameter(
                f"The currency provided ({currency.lower()}) is invalid. Payments with {kind} support the following "
                f"currencies: {listed}.",
                "payment_method_types",
            )
    return types


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
    if method == "klarna":
        return {
            "type": method,
            method: {"payer_details": None, "payment_method_category": "pay_later", "preferred_locale": None},
        }
    if method == "afterpay_clearpay":
        return {"type": method, method: {"order_id": None, "reference": None}}
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

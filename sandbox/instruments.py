"""What people pay with: methods per currency, their details, and the ways a payment can fail."""

import secrets
from dataclasses import dataclass
from typing import Any

from sandbox.ids import new_id

FPX_BANKS = {
    "MB2U": "Maybank2U",
    "CIBB": "CIMB Clicks",
    "PBBE": "Public Bank",
    "RHBB": "RHB Bank",
    "HLBB": "Hong Leong Bank",
    "BIMB": "Bank Islam",
    "MBBE_C": "Maybank2E",
    "CIBB_C": "CIMB Bank",
}
NETBANKING_BANKS = {"HDFC": "HDFC Bank", "ICIC": "ICICI Bank", "SBIN": "State Bank of India", "UTIB": "Axis Bank"}
_LABELS = {
    "fpx": "FPX online banking",
    "card": "Card",
    "wallet": "E-wallet",
    "upi": "UPI",
    "netbanking": "Netbanking",
    "duitnow": "DuitNow QR",
    "paylater": "Pay Later",
}
_AT_CURLEC = ("fpx", "wallet", "duitnow", "card")
_BY_CURRENCY = {"MYR": ("fpx", "card", "wallet"), "INR": ("upi", "card", "netbanking", "wallet")}
METHODS = tuple(_LABELS)
_LENDERS = {("razorpay", "INR"): ("lazypay", 100), ("curlec", "MYR"): ("atome", 1000)}  # with their least amounts
_ON_ASKING = ("card", "netbanking", "wallet", "upi", "paylater")  # the values of the page's field `method`


def methods_for(currency: str, account: str = "razorpay") -> dict[str, str]:
    """Method -> label, the usual one first."""
    methods = _AT_CURLEC if account == "curlec" else _BY_CURRENCY.get(currency, ("card",))
    return {method: _LABELS[method] for method in methods}


def methods_shown(currency: str, account: str, *, only: str | None, amount: int) -> dict[str, str]:
    """Method -> label as the page offers them; none when `only` one was asked for that is not to be had."""
    if not only:
        return methods_for(currency, account)
    lender, least = _LENDERS.get((account, currency), ("", 0))
    known = methods_for(currency, account) | (
        {"paylater": f"Pay Later with {lender}"} if lender and amount >= least else {}
    )
    return {only: known[only]} if only in known and only in _ON_ASKING else {}


def instrument(method: str, *, currency: str, name: str | None = None, bank: str | None = None) -> dict[str, Any]:
    """The entity fields that depend on the method, `acquirer_data` among them."""
    reference = str(secrets.randbelow(10**10)).zfill(10)
    if method == "card":
        return {"card": _card(name or ""), "acquirer_data": {"auth_code": reference[:6]}}
    if method == "upi":
        return {"vpa": "success@razorpay", "acquirer_data": {"rrn": reference}}
    if method == "wallet":
        return {"wallet": "touchngo", "acquirer_data": {"transaction_id": reference}}
    if method == "paylater":
        return {"wallet": "atome" if currency == "MYR" else "lazypay", "acquirer_data": {"transaction_id": reference}}
    if method == "duitnow":
        return {"acquirer_data": {"bank_transaction_id": reference}}
    if method == "fpx":
        return {"bank": bank if bank in FPX_BANKS else "MB2U", "acquirer_data": {"bank_transaction_id": reference}}
    return {"bank": "HDFC", "acquirer_data": {"bank_transaction_id": reference}}


def _card(name: str) -> dict[str, Any]:
    return {
        "id": new_id("card"),
        "entity": "card",
        "name": name,
        "last4": "1007",
        "network": "Visa",
        "type": "credit",
        "issuer": None,
        "international": False,
        "emi": False,
        "sub_type": "consumer",
        "token_iin": None,
    }


@dataclass(frozen=True)
class Failure:
    code: str
    description: str
    source: str
    step: str


_BAD, _GATEWAY = "BAD_REQUEST_ERROR", "GATEWAY_ERROR"
FAILURES = {
    "payment_failed": Failure(_BAD, "Payment failed", "bank", "payment_authorization"),
    "payment_cancelled": Failure(
        _BAD,
        "Your payment has been cancelled. Try again or complete the payment later.",
        "customer",
        "payment_authentication",
    ),
    "insufficient_fund": Failure(
        _BAD,
        "Your payment could not be completed due to insufficient account balance.",
        "bank",
        "payment_authorization",
    ),
    "card_declined": Failure(_BAD, "Your card was declined by its bank.", "bank", "payment_authorization"),
    "authentication_failed": Failure(
        _BAD, "Authentication failed due to incorrect otp", "customer", "payment_authentication"
    ),
    "payment_timed_out": Failure(_BAD, "Payment was not completed on time.", "customer", "payment_authentication"),
    "gateway_technical_error": Failure(
        _GATEWAY,
        "Your payment could not be completed due to a temporary technical issue.",
        "gateway",
        "payment_authorization",
    ),
}


def failure(reason: str) -> dict[str, str]:
    found = FAILURES[reason]
    return {
        "code": found.code,
        "description": found.description,
        "source": found.source,
        "step": found.step,
        "reason": reason,
    }


def methods_entity(account: str) -> dict[str, Any]:
    """The answer of `GET /v1/methods`."""
    if account == "curlec":
        return {
            "entity": "methods",
            "card": True,
            "fpx": dict(FPX_BANKS),
            "wallet": {"touchngo": True, "grabpay": True, "boost": True, "shopeepay": True},
            "netbanking": [],
            "upi": False,
            "paylater": {"atome": True},
        }
    return {
        "entity": "methods",
        "card": True,
        "debit_card": True,
        "credit_card": True,
        "prepaid_card": True,
        "card_networks": {"AMEX": 0, "DICL": 1, "MC": 1, "MAES": 1, "VISA": 1, "JCB": 1, "RUPAY": 1, "BAJAJ": 0},
        "netbanking": dict(NETBANKING_BANKS),
        "fpx": dict(FPX_BANKS),
        "wallet": {"touchngo": True, "grabpay": True, "boost": True},
        "upi": True,
        "emi": False,
        "paylater": {"lazypay": True},
    }

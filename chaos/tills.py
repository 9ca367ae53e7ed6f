"""What a shopper does on each provider's page, and how the browser comes back from there. By the sandbox's control calls.

Every till knows the same words: paid, declined, review (the bank answers later), wrong amount; Razorpay's pages know
more (authorized, late, twice). Whoever closes the page does nothing here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from chaos.bank import Bank
from tools.webforms import WebForm

RETURN_FIELDS = ("razorpay_payment_id", "razorpay_order_id", "razorpay_signature")
USUAL = {"paid": 62, "declined": 12, "review": 10, "wrong amount": 5, "closed": 8}
WRONG_MINOR = 300  # what is paid instead of the order's total
BANK_SECONDS = (20, 60, 900)  # until the bank answers, on the sandbox's clock


@dataclass(frozen=True)
class WayBack:
    """Where the provider sends the browser: opened, or `fields` posted there."""

    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    is_posted: bool = False


class Till(Protocol):
    """One open page of a provider; `outcomes` are what may happen there, with how likely each is."""

    @property
    def provider(self) -> str: ...

    @property
    def outcomes(self) -> Mapping[str, int]: ...

    def pay(self, bank: Bank, outcome: str, draw: random.Random) -> WayBack:
        """Raises `bank.Refused` when the page takes no money any more."""


def till_of(form: WebForm, *, curlec_key: str) -> Till:
    """The page that a hand-over form leads to. Raises LookupError for one that nobody knows."""
    path = urlsplit(form.action).path
    if path.startswith("/stripe/c/pay/"):
        return StripeTill(path.rsplit("/", 1)[-1])
    if path.startswith("/paypal/checkoutnow"):
        return PayPalTill(form.fields["token"])
    if path.startswith("/billplz/bills/"):
        return BillplzTill(path.rsplit("/", 1)[-1])
    if path.startswith("/v1/checkout/"):
        provider = "curlec" if form.fields["key_id"] == curlec_key else "razorpay"
        return RazorpayTill(provider, form.fields["order_id"], form.fields["callback_url"])
    raise LookupError(f"nobody knows the page {path}")


@dataclass(frozen=True)
class RazorpayTill:
    """Razorpay's and Curlec's page. A paid order, or one that was cancelled here, takes money all the same: `force`."""

    provider: str
    order_id: str
    callback_url: str
    outcomes: ClassVar[Mapping[str, int]] = USUAL | {"authorized": 8, "late": 6, "twice": 5}

    def pay(self, bank: Bank, outcome: str, draw: random.Random) -> WayBack:
        words = {"paid": "captured", "declined": "failed", "wrong amount": "captured", "review": "late"}
        more: dict[str, object] = {"amount": WRONG_MINOR} if outcome == "wrong amount" else {}
        if outcome in ("late", "review"):
            more = {"late_seconds": draw.choice(BANK_SECONDS)}
        answer = bank.pay(self.order_id, words.get(outcome, outcome), **more)
        fields = {name: answer[name] for name in RETURN_FIELDS if answer.get(name)}
        return WayBack(_path(self.callback_url), fields, is_posted=True)


@dataclass(frozen=True)
class StripeTill:
    session_id: str
    provider: ClassVar[str] = "stripe"
    outcomes: ClassVar[Mapping[str, int]] = USUAL

    def pay(self, bank: Bank, outcome: str, draw: random.Random) -> WayBack:
        words = {"paid": "succeed", "declined": "decline", "wrong amount": "succeed", "review": "process"}
        more: dict[str, Any] = {"amount": WRONG_MINOR} if outcome == "wrong amount" else {}
        if outcome == "review":
            more = {"after_seconds": draw.choice(BANK_SECONDS), "ends_well": draw.random() < 0.7}
        body = {"session_id": self.session_id, "outcome": words[outcome], **more}
        session = bank.control("POST", "/stripe/pay", body)
        return WayBack(_path(session["cancel_url" if outcome == "declined" else "success_url"]))


@dataclass(frozen=True)
class PayPalTill:
    order_id: str
    provider: ClassVar[str] = "paypal"
    outcomes: ClassVar[Mapping[str, int]] = {
        **USUAL,
        "wrong amount": 0,
    }  # PayPal captures the order's amount or nothing

    def pay(self, bank: Bank, outcome: str, draw: random.Random) -> WayBack:
        declined = draw.choice(("INSTRUMENT_DECLINED", "DECLINED", "PAYER_CANNOT_PAY", "TRANSACTION_REFUSED"))
        capture = {"declined": declined, "review": "PENDING"}.get(outcome, "COMPLETED")
        body = {"order_id": self.order_id, "capture": capture}
        return WayBack(_path(bank.control("POST", "/paypal/approve", body)["return_url"]))


@dataclass(frozen=True)
class BillplzTill:
    bill_id: str
    provider: ClassVar[str] = "billplz"
    outcomes: ClassVar[Mapping[str, int]] = USUAL

    def pay(self, bank: Bank, outcome: str, draw: random.Random) -> WayBack:
        words = {"declined": "failed", "review": "pending"}
        more = {"amount": WRONG_MINOR} if outcome == "wrong amount" else {}
        body = {"bill_id": self.bill_id, "outcome": words.get(outcome, "completed"), **more}
        return WayBack(_path(bank.control("POST", "/billplz/pay", body)["return_url"]))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")

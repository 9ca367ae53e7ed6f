"""The only door to payment providers. Plain values in and out; never called inside a transaction.

Providers are chosen by configuration (PAY-02): every one whose keys are set takes part, `PAYMENT_PROVIDER` is the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.core.money import Money


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a provider needs to know to take money for an attempt. `receipt` is our key there (≤ 40 characters)."""

    receipt: str
    amount: Money
    description: str
    return_url: str
    cancel_url: str
    lock_minutes: int
    name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class HostedPage:
    """Where the browser goes to pay: a form of `fields` posted (or opened) at `url`."""

    url: str
    method: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment as the provider reports it now. `state`: created, authorized, captured, refunded or failed."""

    id: str
    state: str
    amount: Money
    method: str = ""
    refunded_minor: int = 0
    error_code: str = ""
    error_reason: str = ""


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund as the provider reports it. `state`: pending, succeeded or failed; `key` is ours when it is known."""

    id: str
    state: str
    amount: Money
    payment_id: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a verified webhook is about: only ids, the truth is asked for afterwards."""

    event_id: str
    kind: str
    provider_order_id: str = ""
    provider_payment_id: str = ""
    provider_refund_id: str = ""


class Provider(Protocol):
    """PAY-01. Every call has a timeout; raises ProviderUnavailable (unknown outcome), ProviderRefused or BadSignature."""

    code: str

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> str:
        """Create the provider's order and return its id; with `look_first`, use the one its receipt already has."""

    def find_order(self, receipt: str) -> str | None:
        """The provider's order with this receipt, if our question to create it was acted on."""

    def hosted_page(self, request: PaymentRequest, provider_order_id: str) -> HostedPage: ...

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> str:
        """The provider's payment id out of a browser's return, once its signature fits *our* stored order id."""

    def get_payment_status(self, provider_order_id: str) -> list[ProviderPayment]: ...

    def capture_payment(self, provider_payment_id: str, amount: Money) -> ProviderPayment: ...

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund: ...

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]: ...

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Verify the raw bytes and tell what they are about. Raises BadSignature, or Refused for a malformed body."""

    def origins(self) -> tuple[str, ...]:
        """Origins the browser is sent to: the only foreign ones in the hand-over page's CSP."""

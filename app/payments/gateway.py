"""The only door to payment providers. Plain values in and out; never called inside a transaction.

Providers are chosen by configuration (PAY-02): every one whose keys are set takes part, `PAYMENT_PROVIDER` is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.core.money import Money
from app.core.settings import BadSettings, Settings
from app.payments.errors import BadSignature, ProviderUnavailable


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
    method: str = ""  # a code of `rules.methods`: what the provider's page shows first


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
    signature_header: str  # the header of its webhooks that says who sent them

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


_providers: dict[str, Provider] = {}
_default = ""


def configure(settings: Settings) -> None:
    """Take part with every provider whose keys are set. Called once by the factory.

    Raises BadSettings when `PAYMENT_PROVIDER` names one that cannot take money. Without any keys the shop starts, for
    development, and nobody can pay.
    """
    global _default
    _providers.clear()
    _providers.update({code: make(settings) for code, make in _makers(settings).items()})
    _default = settings.payment_provider
    if _default not in _providers and (_providers or _default != "razorpay"):
        raise BadSettings([f"PAYMENT_PROVIDER={_default} cannot take money here: its keys are missing"])


def _makers(settings: Settings) -> dict[str, Callable[[Settings], Provider]]:
    return {"razorpay": _razorpay} if settings.razorpay.is_configured else {}


def _razorpay(settings: Settings) -> Provider:
    from app.payments.providers.razorpay import Razorpay  # noqa: PLC0415 (adapters are built of this module's values)

    keys = settings.razorpay
    return Razorpay(
        key_id=keys.key_id,
        key_secret=keys.key_secret,
        webhook_secrets=keys.webhook_secrets,
        api_url=keys.api_url,
        shop_name=settings.shop.name,
    )


def provider(code: str) -> Provider:
    """Raises ProviderUnavailable when it takes no part (any more): what is open there waits until its keys are back."""
    if code not in _providers:
        raise ProviderUnavailable(reason=f"{code} is not configured")
    return _providers[code]


def default_code() -> str:
    """The provider of new attempts. Raises ProviderUnavailable when there is none."""
    return provider(_default).code


def available() -> tuple[str, ...]:
    """Codes of the providers that take part, the default first."""
    return tuple(sorted(_providers, key=lambda code: (code != _default, code)))


def read_notice(body: bytes, headers: Mapping[str, str]) -> tuple[str, Notice]:
    """Whose webhook this is, told by its signature header, and what it is about. Raises BadSignature or Refused."""
    names = {name.lower() for name in headers.keys()}  # noqa: SIM118 (a web framework's headers iterate over pairs)
    senders = [each for each in _providers.values() if each.signature_header.lower() in names]
    for sender in senders[:-1]:
        try:
            return sender.code, sender.read_notice(body, headers)
        except BadSignature:  # two accounts of one provider share their header
            continue
    if not senders:
        raise BadSignature(code="no_signature")
    return senders[-1].code, senders[-1].read_notice(body, headers)

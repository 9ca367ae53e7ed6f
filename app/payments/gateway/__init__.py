"""The only door to payment providers. Plain values in and out; never called inside a transaction.

Providers are chosen by configuration (PAY-02): every one whose keys are set takes part, `PAYMENT_PROVIDER` is the default.
Each stands behind its own circuit breaker (PAY-35), see `providers/guarded.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from app.core import clock
from app.core.money import Money
from app.core.settings import BadSettings, Plan, Settings
from app.payments.errors import BadSignature, ProviderRefused, ProviderUnavailable
from app.payments.rules import ONLINE_BANKING, Method, methods


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a provider needs to know to take money for an attempt. `receipt` is our key there (≤ 40 characters)."""

    receipt: str
    amount: Money
    description: str
    return_url: str
    cancel_url: str
    lock_minutes: int
    # By the database's clock where it matters: our own may be off (S15).
    asked_at: datetime = field(default_factory=clock.now)
    webhook_url: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    method: str = ""  # a code of `rules.methods`: what the provider's page shows first
    bank: str = ""  # the provider's code of the shopper's bank, where one was chosen
    locale: str = "en"
    address: Mapping[str, str] = field(default_factory=dict)  # of the delivery, by the names that orders keep


@dataclass(frozen=True, slots=True)
class Opened:
    """The provider's order for an attempt; `page_url` is where its page opens, when that is the provider's to say."""

    id: str
    page_url: str = ""


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
    fee_minor: int = 0  # what the provider keeps of it, as far as it says so already
    order_id: str = ""  # the provider's id of the order it belongs to
    receipt: str = ""  # our own name of it, in lists that do not show the id we know it by
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a provider says of one of its orders now: its payments, and whether another one can still be made there."""

    payments: tuple[ProviderPayment, ...] = ()
    is_payable: bool = True


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund as the provider reports it. `state`: pending, succeeded or failed; `key` is ours when it is known."""

    id: str
    state: str
    amount: Money
    payment_id: str
    key: str = ""
    is_by_hand: bool = False  # the provider sends nothing back: staff do, and say what became of it
    receipt: str = ""  # as of `ProviderPayment`
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderTransaction:
    """A row of a provider's statement of account. `kind`: charge, refund, fee, adjustment, dispute or payout.

    Signed minor units as the merchant sees them: a refund's `gross_minor` is negative, `fee_minor` is what the provider
    keeps, `net_minor` should be gross less fee. A payout's net is what went to the bank. `id` is unique with the provider;
    the others are the provider's ids, empty where the row names none.
    """

    id: str
    kind: str
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    settled_at: datetime
    payment_id: str = ""
    refund_id: str = ""
    payout_id: str = ""
    receipt: str = ""  # as of `ProviderPayment`


@dataclass(frozen=True, slots=True)
class Bank:
    """A shopper's bank as a provider knows it."""

    code: str
    name: str


@runtime_checkable
class Banked(Protocol):
    """A provider that can open a bank's page directly."""

    def banks(self, currency: str) -> tuple[Bank, ...]:
        """The banks of online banking in a currency. Never waits long; raises as the other calls do."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a verified webhook is about: only ids, the truth is asked for afterwards."""

    event_id: str
    kind: str
    provider_order_id: str = ""
    provider_payment_id: str = ""
    provider_refund_id: str = ""
    receipt: str = ""  # our own name of the payment, for providers whose notices show no id that we know
    provider_dispute_id: str = ""
    provider_subscription_id: str = ""


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """A dispute as the provider reports it. `state`: open, under_review, won, lost or closed."""

    id: str
    state: str
    amount: Money
    payment_id: str
    reason: str = ""
    respond_by: datetime | None = None


@runtime_checkable
class Disputable(Protocol):
    """A provider that can be asked about a dispute. Raises as the other calls do."""

    def get_dispute(self, provider_dispute_id: str) -> ProviderDispute: ...


class Provider(Protocol):
    """PAY-01. Every call has a timeout; raises ProviderUnavailable (unknown outcome), ProviderRefused or BadSignature."""

    code: str

    def methods(self, currency: str) -> tuple[str, ...]:
        """Codes of `rules.methods` that this account can take in a currency."""

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a webhook claims to be this provider's, by its signature header (names in lower case)."""

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        """Create the provider's order; with `look_first`, use the one its receipt (or our key) already has."""

    def find_order(self, receipt: str) -> Opened | None:
        """The provider's order with this receipt, if our question to create it was acted on and can be looked up."""

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage: ...

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        """Whether a browser's return says that it paid. Raises BadSignature for a claim that does not fit *our* order id."""

    def get_payment_status(self, provider_order_id: str) -> Standing: ...

    def close_payment(self, provider_order_id: str) -> None:
        """Let nobody pay this order any more, where the provider can do that. Paid meanwhile is no error: the standing tells."""

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment: ...

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund: ...

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]: ...

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Verify the raw bytes and tell what they are about. Raises BadSignature, or Refused for a malformed body."""

    def origins(self) -> tuple[str, ...]:
        """Origins the browser is sent to: the only foreign ones in the hand-over page's CSP."""


class Bookkeeper(Protocol):
    """What providers that keep books tell besides, each method optional: see `tells`. Bounded and paged by the adapter;
    `since` is included, `until` is not. Raises ProviderUnavailable or ProviderRefused."""

    def payments_between(self, since: datetime, until: datetime) -> list[ProviderPayment]:
        """Every payment made in that time, whatever became of it, with `order_id` and `created_at`."""

    def refunds_between(self, since: datetime, until: datetime) -> list[ProviderRefund]:
        """Every refund made in that time, with `created_at`."""

    def settlements(self, since: datetime, until: datetime) -> list[ProviderTransaction]:
        """The rows of the statement that were settled in that time, the payouts among them."""

    def disputes_since(self, since: datetime) -> list[str]:
        """The ids of all disputes that were opened since then, whatever became of them."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to pay as checkout offers it: whose it is, and whether that provider answers at the moment."""

    method: Method
    provider: str
    is_down: bool = False


_providers: dict[str, Provider] = {}
_plans: tuple[Plan, ...] = ()
_default = ""


def configure(settings: Settings) -> None:
    """Take part with every provider whose keys are set. Called once by the factory.

    Raises BadSettings when `PAYMENT_PROVIDER` names one that cannot take money, or `PAYMENT_PLANS` what its provider does
    not offer. Without any keys the shop starts, for development, and nobody can pay.
    """
    from app.payments.providers.guarded import Guarded  # noqa: PLC0415 (adapters are built of this module's values)

    global _default, _plans
    _providers.clear()
    _providers.update({code: Guarded(make(settings)) for code, make in _makers(settings).items()})
    _default = settings.payment_provider
    if _default not in _providers and (_providers or _default != "razorpay"):
        raise BadSettings([f"PAYMENT_PROVIDER={_default} cannot take money here: its keys are missing"])
    _plans = _switched_on(settings.payment_plans)


def _makers(settings: Settings) -> dict[str, Callable[[Settings], Provider]]:
    """Of the providers that are configured, in the order in which they are offered after the default."""
    configured = [code for code in PROVIDERS if getattr(settings, code).is_configured]
    return {code: import_module(f"app.payments.providers.{code}").make for code in configured}


def _switched_on(asked: Sequence[Plan]) -> tuple[Plan, ...]:
    """The plans with the provider's own least amount, where that is more. Raises BadSettings."""
    faults, found = [], []
    for plan in asked:
        known = getattr(import_module(f"app.payments.providers.{plan.provider}"), "PLANS", {})
        least = known.get(plan.method, {}).get(plan.currency)
        if plan.provider not in _providers:
            faults.append(f"PAYMENT_PLANS={plan}: the keys of {plan.provider} are missing")
        elif least is None:
            can = ", ".join(f"{plan.provider}:{method}:{each}" for method, where in known.items() for each in where)
            faults.append(f"PAYMENT_PLANS={plan} is not offered there; choose of: {can or 'none'}")
        else:
            found.append(replace(plan, least_minor=max(least, plan.least_minor)))
    if faults:
        raise BadSettings(faults)
    return tuple(found)


# Each is a group of the settings, and a module of `providers/` with `make(settings)`: only those that take part are loaded.
PROVIDERS = ("razorpay", "curlec", "stripe", "billplz", "paypal", "manual")


def provider(code: str) -> Provider:
    """Raises ProviderUnavailable when it takes no part (any more): what is open there waits until its keys are back."""
    if code not in _providers:
        raise ProviderUnavailable(reason=f"{code} is not configured")
    return _providers[code]


def get_dispute(code: str, provider_dispute_id: str) -> ProviderDispute:
    """Raises ProviderRefused where the provider tells nothing about disputes, ProviderUnavailable as every call does."""
    found = provider(code)
    if not isinstance(found, Disputable):
        raise ProviderRefused(reason=f"{code} cannot be asked about disputes")
    return found.get_dispute(provider_dispute_id)


def banks(method: str, currency: str) -> tuple[Bank, ...]:
    """The banks a shopper may choose of beforehand. None where there is no such choice, or where nobody answers: then the
    provider's own page asks. Called without a connection: once in a while it asks the provider."""
    offer = next((each for each in offers(currency) if each.method.code == method), None)
    if method != ONLINE_BANKING or offer is None or offer.is_down:
        return ()
    found = provider(offer.provider)
    try:
        return found.banks(currency) if isinstance(found, Banked) else ()
    except (ProviderUnavailable, ProviderRefused):
        return ()


def available() -> tuple[str, ...]:
    """Codes of the providers that take part, the default first."""
    return tuple(sorted(_providers, key=lambda code: (code != _default, list(_providers).index(code))))


def offers(currency: str, *, due: Money | None = None) -> tuple[Offer, ...]:
    """The ways to pay in a currency, local ones first; each with the first provider that takes it and answers.

    What no answering provider takes comes last, marked `is_down`: it may be back when the shopper is that far. Where it is
    known what is `due`, ways to pay later that take no amount that small are left out.
    """
    found = [offer for method in methods(currency) if (offer := _offer(method, currency, due))]
    return tuple(sorted(found, key=lambda offer: offer.is_down))


def offer_of(method: str, currency: str) -> Offer:
    """The offer of a method by its code. Raises ProviderUnavailable when nobody takes it."""
    found = next((offer for offer in offers(currency) if offer.method.code == method), None)
    if found is None:
        raise ProviderUnavailable(reason=f"nobody takes {method} in {currency}")
    return found


def _offer(method: Method, currency: str, due: Money | None) -> Offer | None:
    able = [
        code
        for code in available()
        if method.code in (*_providers[code].methods(currency), *_later(code, currency, due))
    ]
    if not able:
        return None
    up = [code for code in able if not is_down(code)]
    return Offer(method, (up or able)[0], is_down=not up)


def _later(code: str, currency: str, due: Money | None) -> list[str]:
    """The methods of a provider's plans that are switched on."""
    here = [plan for plan in _plans if (plan.provider, plan.currency) == (code, currency)]
    return [plan.method for plan in here if due is None or due.minor >= plan.least_minor]


def is_down(code: str) -> bool:
    """Whether a provider has stopped answering this process: its circuit is open."""
    return bool(getattr(_providers.get(code), "is_down", False))


def tells(code: str, what: str) -> bool:
    """Whether a provider that takes part has a method of `Bookkeeper`. Those that have not are compared with less."""
    asked = getattr(_providers.get(code), "tells", None)
    return bool(asked and asked(what))


def may_be_paid_again(code: str) -> bool:
    """Whether an order there that is paid may be paid once more."""
    return tells(code, "may_be_paid_again")


def bookkeeper(code: str) -> Bookkeeper:
    """The same provider, to be asked what it `tells`. Raises ProviderUnavailable when it takes no part."""
    return cast(Bookkeeper, provider(code))


def read_notice(body: bytes, headers: Mapping[str, str]) -> tuple[str, Notice]:
    """Whose webhook this is, told by its signature header, and what it is about. Raises BadSignature or Refused."""
    names = {name.lower(): value for name, value in headers.items()}
    senders = [each for each in _providers.values() if each.recognises(names, body)]
    for sender in senders[:-1]:
        try:
            return sender.code, sender.read_notice(body, names)
        except BadSignature:  # two accounts of one provider share their header
            continue
    if not senders:
        raise BadSignature(code="no_signature")
    return senders[-1].code, senders[-1].read_notice(body, names)

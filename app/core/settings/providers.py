"""The payment providers: their keys and addresses. One without keys takes no part."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.money import EXPONENTS
from app.core.settings.reader import Reader

PROVIDERS = ("razorpay", "curlec", "stripe", "paypal", "billplz", "manual")
MANUAL_METHODS = ("bank_transfer", "cod")


@dataclass(frozen=True)
class Razorpay:
    key_id: str = ""
    key_secret: str = ""
    webhook_secrets: tuple[str, ...] = ()
    api_url: str = "https://api.razorpay.com"

    @property
    def is_configured(self) -> bool:
        return bool(self.key_id and self.key_secret)


@dataclass(frozen=True)
class Stripe:
    secret_key: str = ""
    webhook_secrets: tuple[str, ...] = ()
    api_url: str = "https://api.stripe.com"

    @property
    def is_configured(self) -> bool:
        return bool(self.secret_key)


@dataclass(frozen=True)
class PayPal:
    """`webhook_id` is PayPal's id of our webhook: part of what its signatures cover."""

    client_id: str = ""
    client_secret: str = ""
    webhook_id: str = ""
    api_url: str = "https://api-m.paypal.com"

    @property
    def is_configured(self) -> bool:
        return bool(self.client_id and self.client_secret)


@dataclass(frozen=True)
class Billplz:
    api_key: str = ""
    collection_id: str = ""
    signature_keys: tuple[str, ...] = ()
    api_url: str = "https://www.billplz.com"

    @property
    def is_configured(self) -> bool:
        return bool(self.api_key and self.collection_id)


@dataclass(frozen=True)
class Manual:
    """Ways to pay that no provider stands behind (N8): staff say when the money has come."""

    methods: tuple[str, ...] = ()
    bank_details: str = ""
    transfer_hours: int = 72
    delivery_days: int = 14

    @property
    def is_configured(self) -> bool:
        return bool(self.methods)

    def minutes_of(self, method: str) -> int | None:
        """How long the shop waits for money by hand; None for a way to pay that is none of these."""
        return {"bank_transfer": self.transfer_hours * 60, "cod": self.delivery_days * 24 * 60}.get(method)


@dataclass(frozen=True)
class Plan:
    """A way to pay later that is switched on at one provider for one currency (PAY-29), from an amount in minor units on."""

    provider: str
    method: str
    currency: str
    least_minor: int

    def __str__(self) -> str:
        return f"{self.provider}:{self.method}:{self.currency}"


def read_default(get: Reader) -> str:
    """The provider that is asked first."""
    one, other = get.text("PAYMENT_PROVIDER"), get.text("PAYMENT_GATEWAY")
    if one and other and one != other:
        get.faults.append(f"PAYMENT_PROVIDER={one} and PAYMENT_GATEWAY={other} contradict each other; set one of them")
    chosen = one or other or "razorpay"
    if chosen not in PROVIDERS:
        get.faults.append(f"PAYMENT_PROVIDER={chosen} is unknown; choose one of {', '.join(PROVIDERS)}")
    return chosen


def read_razorpay(get: Reader) -> Razorpay:
    return Razorpay(
        key_id=get.text("RAZORPAY_KEY_ID"),
        key_secret=get.text("RAZORPAY_KEY_SECRET"),
        webhook_secrets=get.words("RAZORPAY_WEBHOOK_SECRET", ""),
        api_url=get.text("RAZORPAY_API_URL", Razorpay.api_url).rstrip("/"),
    )


def read_curlec(get: Reader) -> Razorpay:
    """The account in Malaysia. Both brands answer at one address, unless CURLEC_API_URL says otherwise."""
    account = Razorpay(
        key_id=get.text("CURLEC_KEY_ID"),
        key_secret=get.text("CURLEC_KEY_SECRET"),
        webhook_secrets=get.words("CURLEC_WEBHOOK_SECRET", ""),
        api_url=get.text("CURLEC_API_URL", get.text("RAZORPAY_API_URL", Razorpay.api_url)).rstrip("/"),
    )
    is_test_key = account.key_id.startswith("rzp_test_")
    if account.is_configured and get.flag("CURLEC_IS_SANDBOX", is_test_key) != is_test_key:
        get.faults.append("CURLEC_IS_SANDBOX and CURLEC_KEY_ID contradict each other: rzp_test_… is a sandbox key")
    return account


def read_stripe(get: Reader) -> Stripe:
    return Stripe(
        secret_key=get.text("STRIPE_SECRET_KEY"),
        webhook_secrets=get.words("STRIPE_WEBHOOK_SECRET", ""),
        api_url=get.text("STRIPE_API_URL", Stripe.api_url).rstrip("/"),
    )


def read_paypal(get: Reader) -> PayPal:
    return PayPal(
        client_id=get.text("PAYPAL_CLIENT_ID"),
        client_secret=get.text("PAYPAL_CLIENT_SECRET"),
        webhook_id=get.text("PAYPAL_WEBHOOK_ID"),
        api_url=get.text("PAYPAL_API_URL", PayPal.api_url).rstrip("/"),
    )


def read_billplz(get: Reader) -> Billplz:
    return Billplz(
        api_key=get.text("BILLPLZ_API_KEY"),
        collection_id=get.text("BILLPLZ_COLLECTION_ID"),
        signature_keys=get.words("BILLPLZ_SIGNATURE_KEY", ""),
        api_url=get.text("BILLPLZ_API_URL", Billplz.api_url).rstrip("/"),
    )


def read_manual(get: Reader) -> Manual:
    methods = get.words("MANUAL_METHODS", "")
    if unknown := sorted(set(methods) - set(MANUAL_METHODS)):
        get.faults.append(f"MANUAL_METHODS={','.join(unknown)} is unknown; choose of {', '.join(MANUAL_METHODS)}")
    details = get.text("BANK_DETAILS")
    if "bank_transfer" in methods and not details:
        get.faults.append("BANK_DETAILS is missing: customers must know where to transfer their money")
    return Manual(
        methods=methods,
        bank_details=details,
        transfer_hours=get.number("BANK_TRANSFER_HOURS", Manual.transfer_hours, low=1, high=720),
        delivery_days=get.number("CASH_ON_DELIVERY_DAYS", Manual.delivery_days, low=1, high=90),
    )


def read_plans(get: Reader) -> tuple[Plan, ...]:
    """`provider:method:currency`, comma-separated, each with `:least` in minor units where less must not be offered."""
    return tuple(plan for word in get.words("PAYMENT_PLANS", "") if (plan := _plan(get, word)))


def _plan(get: Reader, word: str) -> Plan | None:
    provider, method, currency, least = [*word.split(":"), "0"][:4] if word.count(":") in (2, 3) else ("", "", "", "")
    if (
        provider not in PROVIDERS
        or currency not in EXPONENTS
        or not (least.isascii() and least.isdigit() and len(least) <= 12)
    ):
        get.faults.append(
            f"PAYMENT_PLANS={word} is none: write provider:method:currency, such as curlec:atome:MYR:5000"
        )
        return None
    return Plan(provider, method, currency, int(least))

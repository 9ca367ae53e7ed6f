"""Settings: one frozen object made from the environment at start-up. `os.environ` is read nowhere else in `app/`.

Every name may be given as `NAME_FILE`, a path to read the value from. `load` raises `BadSettings` with *all* faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from app.core.money import EXPONENTS
from app.core.settings_staff import StaffDoor, staff_door

ENVIRONMENTS = ("development", "test", "production")
PROVIDERS = ("razorpay", "curlec", "stripe", "paypal", "billplz", "manual")
WEAK_SECRETS = {"secret", "changeme", "change-me", "password", "development", "dev", "test"}


class BadSettings(Exception):
    """Start-up is refused; `faults` lists everything that is missing or unsafe."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The shop cannot start with these settings:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Shop:
    """Who sells: shown on the legal pages, in mails and on documents."""

    name: str = "Murni Batik"
    legal_name: str = "Murni Batik Sdn. Bhd."
    email: str = "hello@murnibatik.example"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kuala_Lumpur"))
    currency: str = "MYR"
    tax_number: str = ""
    registration_number: str = ""
    address: tuple[str, ...] = ()  # lines
    state: str = ""  # in India it decides between CGST with SGST and IGST
    country: str = "MY"


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


MANUAL_METHODS = ("bank_transfer", "cod")


@dataclass(frozen=True)
class Settings:
    env: str
    secret_key: str
    field_key: str
    base_url: str
    trusted_hosts: tuple[str, ...]
    proxy_hops: int
    database_url: str
    redis_url: str
    home: Path
    shop: Shop
    payment_provider: str
    razorpay: Razorpay
    curlec: Razorpay
    stripe: Stripe
    paypal: PayPal
    billplz: Billplz
    manual: Manual
    lock_minutes: int
    lock_max_renewals: int
    cleanup_interval_minutes: int
    cleanup_enabled: bool
    checkout_minutes: int
    unpaid_order_minutes: int
    subscription_lead_hours: int  # before a charge its order is opened, its stock held and the customer told
    refund_approval_minor: int | None  # refunds above it need a second person; None: none does
    gift_card_max_minor: int  # what one form may issue of value, all its cards together
    staff: StaffDoor
    rate_limit_enabled: bool
    mail_url: str
    mail_fallback_url: str
    mail_from: str
    media_url: str
    sentry_dsn: str
    log_level: str

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")


def load(environ: Mapping[str, str]) -> Settings:
    """Read and check everything. Raises BadSettings with the list of all faults, in the operator's words."""
    reader = _Reader(environ)
    settings = _read(reader)
    faults = reader.faults + _faults_of(settings)
    if settings.is_production:
        faults += _production_faults(settings)
    if faults:
        raise BadSettings(faults)
    return settings


def _read(get: _Reader) -> Settings:
    env = get.choice("APP_ENV", ENVIRONMENTS, "development")
    port = get.number("PORT", 8000, low=1, high=65535)
    secret = get.text("SECRET_KEY", "" if env == "production" else "development-only-secret-key-of-the-demo-shop")
    base_url = get.text("BASE_URL", f"http://127.0.0.1:{port}").rstrip("/")
    host = urlsplit(base_url).hostname or "127.0.0.1"
    local = "" if env == "production" else f",{host},127.0.0.1,localhost"
    return Settings(
        env=env,
        secret_key=secret,
        field_key=get.text("FIELD_KEY", secret),
        base_url=base_url,
        trusted_hosts=get.words("TRUSTED_HOSTS", host + local),
        proxy_hops=get.number("PROXY_HOPS", 0, low=0, high=10),
        database_url=get.text("DATABASE_URL"),
        redis_url=get.text("REDIS_URL"),
        home=Path(get.text("SHOP_HOME", "instance")).absolute(),
        shop=_shop(get),
        payment_provider=_provider(get),
        razorpay=_razorpay(get),
        curlec=_curlec(get),
        stripe=Stripe(
            secret_key=get.text("STRIPE_SECRET_KEY"),
            webhook_secrets=get.words("STRIPE_WEBHOOK_SECRET", ""),
            api_url=get.text("STRIPE_API_URL", Stripe.api_url).rstrip("/"),
        ),
        paypal=PayPal(
            client_id=get.text("PAYPAL_CLIENT_ID"),
            client_secret=get.text("PAYPAL_CLIENT_SECRET"),
            webhook_id=get.text("PAYPAL_WEBHOOK_ID"),
            api_url=get.text("PAYPAL_API_URL", PayPal.api_url).rstrip("/"),
        ),
        billplz=Billplz(
            api_key=get.text("BILLPLZ_API_KEY"),
            collection_id=get.text("BILLPLZ_COLLECTION_ID"),
            signature_keys=get.words("BILLPLZ_SIGNATURE_KEY", ""),
            api_url=get.text("BILLPLZ_API_URL", Billplz.api_url).rstrip("/"),
        ),
        manual=_manual(get),
        lock_minutes=get.number("STOCK_LOCK_EXPIRY_MINUTES", 15, low=1, high=240),
        lock_max_renewals=get.number("STOCK_LOCK_MAX_RENEWALS", 10, low=0, high=100),
        cleanup_interval_minutes=get.number("STOCK_CLEANUP_INTERVAL_MINUTES", 5, low=1, high=60),
        cleanup_enabled=get.flag("STOCK_CLEANUP_ENABLED", True),
        checkout_minutes=get.number("CHECKOUT_SESSION_EXPIRY_MINUTES", 30, low=1, high=1440),
        unpaid_order_minutes=get.number("UNPAID_ORDER_EXPIRY_MINUTES", 120, low=1, high=60 * 24 * 30),
        subscription_lead_hours=get.number("SUBSCRIPTION_LEAD_HOURS", 48, low=1, high=24 * 7),
        refund_approval_minor=get.optional_number("REFUND_APPROVAL_MINOR", low=0, high=10**12),
        gift_card_max_minor=get.number("GIFT_CARD_MAX_MINOR", 1_000_000, low=1, high=10**12),
        staff=staff_door(get),
        rate_limit_enabled=get.flag("RATE_LIMIT_ENABLED", True),
        mail_url=get.text("MAIL_URL"),
        mail_fallback_url=get.text("MAIL_FALLBACK_URL"),
        mail_from=get.text("MAIL_FROM", "Murni Batik <orders@murnibatik.example>"),
        media_url=get.text("MEDIA_URL", "file:media"),
        sentry_dsn=get.text("SENTRY_DSN"),
        log_level=get.choice(
            "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "WARNING" if env == "production" else "INFO"
        ),
    )


def _shop(get: _Reader) -> Shop:
    plain = Shop()
    zone = get.text("SHOP_TIMEZONE", plain.timezone.key)
    if zone not in available_timezones():
        get.faults.append(f"SHOP_TIMEZONE={zone} is no time zone, such as Asia/Kuala_Lumpur")
        zone = plain.timezone.key
    return Shop(
        name=get.text("SHOP_NAME", plain.name),
        legal_name=get.text("SHOP_LEGAL_NAME", plain.legal_name),
        email=get.text("SHOP_EMAIL", plain.email),
        timezone=ZoneInfo(zone),
        currency=get.choice("SHOP_CURRENCY", tuple(EXPONENTS), plain.currency),
        tax_number=get.text("SHOP_TAX_NUMBER", plain.tax_number),
        registration_number=get.text("SHOP_REGISTRATION_NUMBER", plain.registration_number),
        address=get.lines("SHOP_ADDRESS"),
        state=get.text("SHOP_STATE", plain.state),
        country=_country(get),
    )


def _country(get: _Reader) -> str:
    if not (len(code := get.text("SHOP_COUNTRY", Shop.country)) == 2 and code.isascii() and code.isupper()):
        get.faults.append(f"SHOP_COUNTRY={code} is no ISO code of a country, such as MY or IN")
    return code


def _razorpay(get: _Reader) -> Razorpay:
    return Razorpay(
        key_id=get.text("RAZORPAY_KEY_ID"),
        key_secret=get.text("RAZORPAY_KEY_SECRET"),
        webhook_secrets=get.words("RAZORPAY_WEBHOOK_SECRET", ""),
        api_url=get.text("RAZORPAY_API_URL", Razorpay.api_url).rstrip("/"),
    )


def _curlec(get: _Reader) -> Razorpay:
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


def _manual(get: _Reader) -> Manual:
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


def _provider(get: _Reader) -> str:
    one, other = get.text("PAYMENT_PROVIDER"), get.text("PAYMENT_GATEWAY")
    if one and other and one != other:
        get.faults.append(f"PAYMENT_PROVIDER={one} and PAYMENT_GATEWAY={other} contradict each other; set one of them")
    chosen = one or other or "razorpay"
    if chosen not in PROVIDERS:
        get.faults.append(f"PAYMENT_PROVIDER={chosen} is unknown; choose one of {', '.join(PROVIDERS)}")
    return chosen


def _faults_of(settings: Settings) -> list[str]:
    faults = []
    if not settings.database_url:
        faults.append("DATABASE_URL is missing, such as postgresql://shop:password@db/shop")
    if not settings.redis_url:
        faults.append("REDIS_URL is missing, such as redis://cache:6379/0")
    if urlsplit(settings.base_url).scheme not in ("http", "https"):
        faults.append(f"BASE_URL={settings.base_url} must start with http:// or https://")
    faults += [
        f"{name} is missing: anybody could claim to have paid" for name, keys in _webhook_keys(settings) if not keys
    ]
    return faults


def _webhook_keys(settings: Settings) -> list[tuple[str, tuple[str, ...]]]:
    """The names and values that prove a webhook, of the providers that take part."""
    of_all = (
        (settings.razorpay, "RAZORPAY_WEBHOOK_SECRET", settings.razorpay.webhook_secrets),
        (settings.curlec, "CURLEC_WEBHOOK_SECRET", settings.curlec.webhook_secrets),
        (settings.stripe, "STRIPE_WEBHOOK_SECRET", settings.stripe.webhook_secrets),
        (settings.paypal, "PAYPAL_WEBHOOK_ID", (settings.paypal.webhook_id,) if settings.paypal.webhook_id else ()),
        (settings.billplz, "BILLPLZ_SIGNATURE_KEY", settings.billplz.signature_keys),
    )
    return [(name, keys) for provider, name, keys in of_all if provider.is_configured]


def _api_urls(settings: Settings) -> list[tuple[str, str]]:
    of_all = (
        (settings.razorpay, "RAZORPAY_API_URL", settings.razorpay.api_url),
        (settings.curlec, "CURLEC_API_URL", settings.curlec.api_url),
        (settings.stripe, "STRIPE_API_URL", settings.stripe.api_url),
        (settings.paypal, "PAYPAL_API_URL", settings.paypal.api_url),
        (settings.billplz, "BILLPLZ_API_URL", settings.billplz.api_url),
    )
    return list(dict.fromkeys((name, url) for provider, name, url in of_all if provider.is_configured))


def _production_faults(settings: Settings) -> list[str]:
    faults = []
    if len(settings.secret_key) < 32 or settings.secret_key.lower() in WEAK_SECRETS:
        faults.append(
            "SECRET_KEY must be random and at least 32 characters long (python -c 'import secrets; print(secrets.token_hex(32))')"
        )
    if not settings.is_https:
        faults.append(f"BASE_URL={settings.base_url} must be https:// in production")
    if not (_webhook_keys(settings) or settings.manual.is_configured):
        faults.append("RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET (or another provider's) are missing: nobody could pay")
    faults += [
        f"{name} is too short to keep anybody out (8 characters at least)"
        for name, keys in _webhook_keys(settings)
        if any(len(key) < 8 for key in keys)
    ]
    faults += [
        f"{name} must be https:// in production" for name, url in _api_urls(settings) if url.startswith("http://")
    ]
    if not settings.mail_url:
        faults.append(
            "MAIL_URL is missing, such as smtp://user:password@mail.example.com:587: nobody would get a confirmation"
        )
    if not settings.trusted_hosts:
        faults.append("TRUSTED_HOSTS is missing, such as shop.example.com")
    if settings.log_level == "DEBUG":
        faults.append("LOG_LEVEL=DEBUG writes more than production may keep")
    return faults


class _Reader:
    """Reads names and gathers faults instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        path = self.environ.get(f"{name}_FILE")
        if path and not self.environ.get(name):
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                self.faults.append(f"{name}_FILE={path} cannot be read ({error.strerror})")
        return self.environ.get(name, "").strip() or default

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            self.faults.append(f"{name}={text} must be a whole number from {low} to {high}")
            return default
        return int(text)

    def optional_number(self, name: str, *, low: int, high: int) -> int | None:
        return self.number(name, low, low=low, high=high) if self.text(name) else None

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name, str(default)).lower()
        if text not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
            self.faults.append(f"{name}={text} must be true or false")
        return text in ("true", "1", "yes", "on")

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(name, default)
        if text not in choices:
            self.faults.append(f"{name}={text} must be one of {', '.join(choices)}")
            return default
        return text

    def lines(self, name: str) -> tuple[str, ...]:
        """Lines, or parts between semicolons: an environment file has no line breaks."""
        parts = self.text(name).replace("\n", ";").split(";")
        return tuple(part.strip() for part in parts if part.strip())

    def words(self, name: str, default: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word.strip() for word in self.text(name, default).split(",") if word.strip()))

"""Settings: one frozen object made from the environment at start-up. `os.environ` is read nowhere else in `app/`.

Every name may be given as `NAME_FILE`, a path to read the value from, or be kept by a secrets manager (`sources.py`). `load`
raises `BadSettings` with *all* faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from app.core.settings import providers, sources
from app.core.settings.faults import faults_of, production_faults
from app.core.settings.instalments import Instalments, read_instalments
from app.core.settings.providers import Billplz, Manual, PayPal, Plan, Razorpay, Stripe
from app.core.settings.reader import Reader
from app.core.settings.retention import Privacy, Retention, read_privacy, read_retention
from app.core.settings.shop import Shop, read_shop
from app.core.settings.sms import Sms, read_sms
from app.core.settings.social import OidcProvider, read_oidc
from app.core.settings.staff import StaffDoor, read_staff_door
from app.core.settings.tokens import AccessTokens, read_access_tokens

__all__ = [
    "BadSettings",
    "Billplz",
    "Instalments",
    "Manual",
    "OidcProvider",
    "PayPal",
    "Plan",
    "Privacy",
    "Razorpay",
    "Retention",
    "Settings",
    "Shop",
    "Sms",
    "Stripe",
    "load",
]

ENVIRONMENTS = ("development", "test", "production")


class BadSettings(Exception):
    """Start-up is refused; `faults` lists everything that is missing or unsafe."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The shop cannot start with these settings:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Settings:
    env: str
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]  # known besides: what they signed is believed
    field_key: str
    field_key_fallbacks: tuple[str, ...]  # known besides: what they encrypted can be read
    base_url: str
    trusted_hosts: tuple[str, ...]
    proxy_hops: int
    database_url: str
    migrations_database_url: str  # of the role that owns the tables; the same where there is one role only
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
    payment_plans: tuple[Plan, ...]
    instalments: Instalments
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
    cors_origins: tuple[str, ...]  # of sites whose scripts may read the API
    access_tokens: AccessTokens
    oidc: tuple[OidcProvider, ...]
    retention: Retention
    privacy: Privacy
    rate_limit_enabled: bool
    mail_url: str
    mail_fallback_url: str
    mail_from: str
    sms: Sms
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
    reader = Reader(environ)
    try:
        reader.kept = sources.read(reader)
    except sources.SourceFailed as failure:
        raise BadSettings([str(failure)]) from None
    settings = _read(reader)
    faults = reader.faults + faults_of(settings)
    if settings.is_production:
        faults += production_faults(settings)
    if faults:
        raise BadSettings(faults)
    return settings


def _read(get: Reader) -> Settings:
    env = get.choice("APP_ENV", ENVIRONMENTS, "development")
    port = get.number("PORT", 8000, low=1, high=65535)
    secret = get.text("SECRET_KEY", "" if env == "production" else "development-only-secret-key-of-the-demo-shop")
    fallbacks = get.lines("SECRET_KEY_FALLBACKS")
    base_url = get.text("BASE_URL", f"http://127.0.0.1:{port}").rstrip("/")
    host = urlsplit(base_url).hostname or "127.0.0.1"
    local = "" if env == "production" else f",{host},127.0.0.1,localhost"
    return Settings(
        env=env,
        secret_key=secret,
        secret_key_fallbacks=fallbacks,
        field_key=get.text("FIELD_KEY", secret),
        field_key_fallbacks=get.lines("FIELD_KEY_FALLBACKS") or (() if get.text("FIELD_KEY") else fallbacks),
        base_url=base_url,
        trusted_hosts=get.words("TRUSTED_HOSTS", host + local),
        proxy_hops=get.number("PROXY_HOPS", 0, low=0, high=10),
        database_url=get.text("DATABASE_URL"),
        migrations_database_url=get.text("MIGRATIONS_DATABASE_URL", get.text("DATABASE_URL")),
        redis_url=get.text("REDIS_URL"),
        home=Path(get.text("SHOP_HOME", "instance")).absolute(),
        shop=read_shop(get),
        payment_provider=providers.read_default(get),
        razorpay=providers.read_razorpay(get),
        curlec=providers.read_curlec(get),
        stripe=providers.read_stripe(get),
        paypal=providers.read_paypal(get),
        billplz=providers.read_billplz(get),
        manual=providers.read_manual(get),
        payment_plans=providers.read_plans(get),
        instalments=read_instalments(get),
        lock_minutes=get.number("STOCK_LOCK_EXPIRY_MINUTES", 15, low=1, high=240),
        lock_max_renewals=get.number("STOCK_LOCK_MAX_RENEWALS", 10, low=0, high=100),
        cleanup_interval_minutes=get.number("STOCK_CLEANUP_INTERVAL_MINUTES", 5, low=1, high=60),
        cleanup_enabled=get.flag("STOCK_CLEANUP_ENABLED", True),
        checkout_minutes=get.number("CHECKOUT_SESSION_EXPIRY_MINUTES", 30, low=1, high=1440),
        unpaid_order_minutes=get.number("UNPAID_ORDER_EXPIRY_MINUTES", 120, low=1, high=60 * 24 * 30),
        subscription_lead_hours=get.number("SUBSCRIPTION_LEAD_HOURS", 48, low=1, high=24 * 7),
        refund_approval_minor=get.optional_number("REFUND_APPROVAL_MINOR", low=0, high=10**12),
        gift_card_max_minor=get.number("GIFT_CARD_MAX_MINOR", 1_000_000, low=1, high=10**12),
        staff=read_staff_door(get),
        cors_origins=get.words("CORS_ALLOWED_ORIGINS", ""),
        access_tokens=read_access_tokens(get, base_url=base_url),
        oidc=read_oidc(get),
        retention=read_retention(get),
        privacy=read_privacy(get),
        rate_limit_enabled=get.flag("RATE_LIMIT_ENABLED", True),
        mail_url=get.text("MAIL_URL"),
        mail_fallback_url=get.text("MAIL_FALLBACK_URL"),
        mail_from=get.text("MAIL_FROM", "Murni Batik <orders@murnibatik.example>"),
        sms=read_sms(get),
        media_url=get.text("MEDIA_URL", "file:media"),
        sentry_dsn=get.text("SENTRY_DSN"),
        log_level=get.choice(
            "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "WARNING" if env == "production" else "INFO"
        ),
    )

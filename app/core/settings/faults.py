"""What is missing or unsafe, in the operator's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from app.core.settings import Settings

WEAK_SECRETS = {"secret", "changeme", "change-me", "password", "development", "dev", "test"}


def faults_of(settings: Settings) -> list[str]:
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
    faults += [
        f"CORS_ALLOWED_ORIGINS={origin} is no origin as browsers write it, such as https://app.example.com"
        for origin in settings.cors_origins
        if not _is_origin(origin)
    ]
    return faults


def _is_origin(text: str) -> bool:
    """Scheme, host and a port that is not the usual one: never `*`, `null` or a path."""
    return bool(
        re.fullmatch(r"(https?)://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", text)
    ) and not (
        (text.endswith(":443") and text.startswith("https:")) or (text.endswith(":80") and text.startswith("http:"))
    )


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


def production_faults(settings: Settings) -> list[str]:
    faults = []
    if len(settings.secret_key) < 32 or settings.secret_key.lower() in WEAK_SECRETS:
        faults.append(
            "SECRET_KEY must be random and at least 32 characters long (python -c 'import secrets; print(secrets.token_hex(32))')"
        )
    if len(settings.field_key) < 32 and settings.field_key != settings.secret_key:
        faults.append("FIELD_KEY must be random and at least 32 characters long, as SECRET_KEY")
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
    faults += [
        f"CORS_ALLOWED_ORIGINS={origin} must be https:// in production"
        for origin in settings.cors_origins
        if origin.startswith("http://")
    ]
    if not settings.mail_url:
        faults.append(
            "MAIL_URL is missing, such as smtp://user:password@mail.example.com:587: nobody would get a confirmation"
        )
    if settings.sms.url == "console:":
        faults.append("SMS_URL=console: writes codes where logs go; in production it must be https://")
    if not settings.trusted_hosts:
        faults.append("TRUSTED_HOSTS is missing, such as shop.example.com")
    if settings.log_level == "DEBUG":
        faults.append("LOG_LEVEL=DEBUG writes more than production may keep")
    return faults

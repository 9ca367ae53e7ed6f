"""Where the sandbox listens and which keys it accepts: command line first, then the environment, then defaults."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sandbox.accounts import Account, curlec_from
from sandbox.billplz.keys import Keys as BillplzKeys
from sandbox.billplz.keys import keys_from as billplz_keys
from sandbox.paypal.keys import Keys as PayPalKeys
from sandbox.paypal.keys import keys_from as paypal_keys
from sandbox.stripe.keys import Keys as StripeKeys
from sandbox.stripe.keys import keys_from as stripe_keys


class BadSettings(Exception):
    """The settings make no sense; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    data: Path
    key_id: str
    key_secret: str
    webhook_secret: str
    old_webhook_secret: str
    webhook_urls: tuple[str, ...]
    expiry_from: str = "payment"
    paypal: PayPalKeys = field(default_factory=PayPalKeys)
    stripe: StripeKeys = field(default_factory=StripeKeys)
    curlec: Account = field(default_factory=lambda: curlec_from(lambda _name, default: default))
    billplz: BillplzKeys = field(default_factory=BillplzKeys)

    @property
    def accounts(self) -> tuple[Account, Account]:
        """Those at Razorpay."""
        keys = (self.key_id, self.key_secret, self.webhook_secret, self.old_webhook_secret)
        return Account("razorpay", *keys), self.curlec


def settings_from(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises `BadSettings`; argparse ends the process on an unknown option."""
    options = _parser(environ).parse_args(arguments)
    value = partial(_value, environ)
    secrets = [part.strip() for part in _value(environ, "RAZORPAY_WEBHOOK_SECRET", "sandbox_webhook_secret").split(",")]
    settings = Settings(
        host=options.host,
        port=options.port,
        data=options.data,
        key_id=_value(environ, "RAZORPAY_KEY_ID", "rzp_test_sandbox"),
        key_secret=_value(environ, "RAZORPAY_KEY_SECRET", "sandbox_key_secret"),
        webhook_secret=secrets[0],
        old_webhook_secret=secrets[1] if len(secrets) > 1 else f"old-{secrets[0]}",
        webhook_urls=tuple(options.webhook_url or _value(environ, "SANDBOX_WEBHOOK_URL", "").replace(",", " ").split()),
        expiry_from=options.expiry_from,
        paypal=paypal_keys(value),
        stripe=stripe_keys(value),
        curlec=curlec_from(value),
        billplz=billplz_keys(value),
    )
    _check(settings)
    return settings


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="Local payment providers: the HTTP APIs of Razorpay, Curlec, Stripe, PayPal and Billplz.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=int, default=environ.get("SANDBOX_PORT", "8100"), help="0 takes a free one; it is printed"
    )
    parser.add_argument("--data", type=Path, default=Path(environ.get("SANDBOX_DATA", "instance/sandbox")))
    parser.add_argument(
        "--webhook-url", action="append", metavar="URL", help="where events are posted; may be repeated"
    )
    parser.add_argument(
        "--expiry-from",
        choices=("payment", "order"),
        default="payment",
        help="what the automatic and manual expiry count from; the docs leave it open",
    )
    return parser


def _value(environ: Mapping[str, str], name: str, default: str) -> str:
    """`NAME`, else the content of the file that `NAME_FILE` points to, else the default."""
    if name in environ:
        return environ[name]
    if path := environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return default


def _check(settings: Settings) -> None:
    for name in ("key_id", "key_secret", "webhook_secret"):
        if not getattr(settings, name):
            raise BadSettings(f"RAZORPAY_{name.upper()} is empty; give it a value or leave it unset.")
    for url in settings.webhook_urls:
        if not url.startswith(("http://", "https://")):
            raise BadSettings(f"The webhook address {url!r} does not start with http:// or https://.")

"""Where the values come from: what the environment says, else what `make run` chose and keeps under SHOP_HOME.

`activate()` is all a command needs: afterwards `os.environ` is complete, and PostgreSQL and Redis run for as long as
this process does. In production nothing is chosen and nothing is started: there every value must be given.
"""

from __future__ import annotations

import atexit
import base64
import os
import secrets
import string
import uuid
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from run import home as homes
from run import locks, ports, servers
from run.problem import Problem

PROJECT = Path(__file__).resolve().parent.parent
_holds: list[servers.Hold] = []


def activate(environ: MutableMapping[str, str] | None = None) -> None:
    """Completes `environ` (default: os.environ) and, where a database or Redis is not given, has ours run until exit.

    Raises run.problem.Problem when a server cannot start.
    """
    environ = os.environ if environ is None else environ
    if is_production(environ):
        return
    home = home_of(environ)
    running = _running(home)
    for kind, name in servers.VARIABLES.items():
        if not is_given(environ, name) and name not in running:
            _hold(home, kind)
    environ.update(resolve(environ))


def resolve(environ: Mapping[str, str]) -> dict[str, str]:
    """The complete environment: `environ` and, for each name it does not give, the value of the `make run` that serves
    this SHOP_HOME now, else the stored or default one. Starts nothing; on first use it draws and stores the secrets."""
    if is_production(environ):
        return dict(environ)
    home = home_of(environ)
    chosen = _chosen(environ, home)
    missing = {name: value for name, value in chosen.items() if not is_given(environ, name)}
    return {**environ, **missing, "SHOP_HOME": str(home)}


def _chosen(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    defaults, running = _defaults(environ, home), _running(home)
    if is_given(environ, "DATABASE_URL") or "DATABASE_URL" in running:
        defaults.pop(servers.OWNER, None)  # it owns the tables of another database than the one that is meant
    if is_given(environ, "DATABASE_URL"):
        running.pop(servers.OWNER, None)
    return {**defaults, **running}


def home_of(environ: Mapping[str, str]) -> Path:
    """The folder of everything that this shop keeps: SHOP_HOME, by default `instance` in the project."""
    return Path(environ.get("SHOP_HOME") or PROJECT / "instance").absolute()


def is_production(environ: Mapping[str, str]) -> bool:
    return environ.get("APP_ENV", "").strip().lower() == "production"


def is_given(environ: Mapping[str, str], name: str) -> bool:
    """Whether the environment says what `name` is, directly or as a file to read; an empty value says nothing."""
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def value_of(environ: Mapping[str, str], name: str, *, default: str = "") -> str:
    """What the environment says `name` is, read from the file in NAME_FILE if that is how it is given."""
    file = environ.get(f"{name}_FILE")
    if environ.get(name) or not file:
        return environ.get(name) or default
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Problem(
            f"{name}_FILE={file} cannot be read ({error.strerror}): correct the path or its permissions."
        ) from None


def record_run(home: Path, environ: Mapping[str, str]) -> None:
    """Keeps the values of a starting `make run` for the commands that are started while it serves; a value given as
    NAME_FILE too, else a command would put the stored one, or a server of its own, in its place."""
    given = {name: value_of(environ, name) for name in _SHARED}
    homes.write_json(home / "run.json", {name: value for name, value in given.items() if value})


def forget_run(home: Path) -> None:
    """Removes the values of a run that has ended, or was killed."""
    (home / "run.json").unlink(missing_ok=True)


def demand_no_run(home: Path) -> None:
    """Raises Problem when a `make run` serves from this folder."""
    if locks.is_held(run_lock(home)):
        address = homes.read_json(home / "run.json").get("BASE_URL", "in another terminal")
        raise Problem(f"{home} already serves a shop ({address}): stop it first, or set SHOP_HOME to another folder.")


def run_lock(home: Path) -> Path:
    """The lock that a serving `make run` holds."""
    return home / "run.lock"


def choose_ports(home: Path) -> None:
    """Replaces the stored ports of sandbox and mail catcher that other programs have taken meanwhile."""
    with locks.exclusive(home / "settings.lock"):
        stored = homes.read_json(home / "settings.json")
        for name in ("SANDBOX_PORT", "MAIL_SMTP_PORT", "MAIL_HTTP_PORT"):
            if not ports.is_free(int(stored[name])):
                stored[name] = str(ports.pick())
        homes.write_json(home / "settings.json", stored)


def stored_values(home: Path) -> dict[str, str]:
    """The secrets and ports of this SHOP_HOME, drawn on first use."""
    homes.make(home)
    with locks.exclusive(home / "settings.lock"):
        stored = homes.read_json(home / "settings.json")
        fresh = {name: draw() for name, draw in _DRAWN.items() if name not in stored}
        if fresh:
            stored.update(fresh)
            homes.write_json(home / "settings.json", stored)
    return stored


def _defaults(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    stored = stored_values(home)
    port = value_of(environ, "PORT", default="8000")
    return {
        **_taking_part(stored, environ),
        **servers.addresses(home),
        "APP_ENV": "development",
        "PORT": port,
        "BASE_URL": f"http://127.0.0.1:{port}",
        "RAZORPAY_API_URL": f"http://127.0.0.1:{stored['SANDBOX_PORT']}",
        "MAIL_URL": f"smtp://127.0.0.1:{stored['MAIL_SMTP_PORT']}",
        **_SELLER,
    }


def _taking_part(stored: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The stored values without the keys of providers that DEMO_PROVIDERS (comma-separated) does not name; those that it
    names are to be found in the sandbox."""
    named = {word.strip() for word in value_of(environ, "DEMO_PROVIDERS").split(",")}
    absent = tuple(f"{code.upper()}_" for code in _DEMO_PROVIDERS if code not in named)
    sandbox = f"http://127.0.0.1:{stored['SANDBOX_PORT']}"
    urls = {
        f"{code.upper()}_API_URL": f"{sandbox}/{code}" for code in _DEMO_PROVIDERS if code in named and code != "curlec"
    }
    by_hand = _BY_HAND if "manual" in named else {}
    return {name: value for name, value in stored.items() if not name.startswith(absent)} | urls | by_hand


def _running(home: Path) -> dict[str, str]:
    return homes.read_json(home / "run.json") if locks.is_held(run_lock(home)) else {}


def _hold(home: Path, kind: str) -> None:
    hold = servers.Hold.take(home, kind)
    _holds.append(hold)
    atexit.register(_release_own, hold, os.getpid())


def _release_own(hold: servers.Hold, owner: int) -> None:
    if os.getpid() == owner:  # a forked copy of this process must not wait for the server of its parent
        hold.release()


def _letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(count))


# Besides Razorpay; each is served by the sandbox below its own name, but Curlec, which is an account at Razorpay's.
_DEMO_PROVIDERS = ("stripe", "paypal", "billplz", "curlec")
_BY_HAND = {
    "MANUAL_METHODS": "bank_transfer,cod",
    "BANK_DETAILS": "Murni Batik Sdn. Bhd.\nDemo Bank, account 5140 0000 0000",
}
# What a command needs to know about the shop that is being served beside it.
_SHARED = (
    *(
        "APP_ENV",
        "PORT",
        "BASE_URL",
        "DATABASE_URL",
        "MIGRATIONS_DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "FIELD_KEY",
        "FIELD_KEY_FALLBACKS",
        "TRUSTED_HOSTS",
        "MEDIA_URL",
    ),
    *(
        "RAZORPAY_KEY_ID",
        "RAZORPAY_KEY_SECRET",
        "RAZORPAY_WEBHOOK_SECRET",
        "RAZORPAY_API_URL",
        "PAYMENT_PROVIDER",
        "PAYMENT_GATEWAY",
        "PAYMENT_PLANS",
    ),
    *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_URL"),
    *("CURLEC_KEY_ID", "CURLEC_KEY_SECRET", "CURLEC_WEBHOOK_SECRET"),
    *("BILLPLZ_API_KEY", "BILLPLZ_COLLECTION_ID", "BILLPLZ_SIGNATURE_KEY", "BILLPLZ_API_URL"),
    *("MANUAL_METHODS", "BANK_DETAILS", "BANK_TRANSFER_HOURS", "CASH_ON_DELIVERY_DAYS", "SUBSCRIPTION_LEAD_HOURS"),
    *("PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET", "PAYPAL_WEBHOOK_ID", "PAYPAL_API_URL"),
    *("MAIL_URL", "MAIL_FALLBACK_URL", "MAIL_FROM", "SANDBOX_PORT", "SANDBOX_DATA", "MAIL_SMTP_PORT", "MAIL_HTTP_PORT"),
    *("SMS_URL", "SMS_TOKEN", "SMS_FROM", "SMS_DAILY", "STAFF_SMS_CODES"),
    *(
        "STOCK_LOCK_EXPIRY_MINUTES",
        "STOCK_LOCK_MAX_RENEWALS",
        "STOCK_CLEANUP_INTERVAL_MINUTES",
        "STOCK_CLEANUP_ENABLED",
    ),
    *("CHECKOUT_SESSION_EXPIRY_MINUTES", "RATE_LIMIT_ENABLED", "LOG_LEVEL"),
    *("SHOP_NAME", "SHOP_LEGAL_NAME", "SHOP_EMAIL", "SHOP_TIMEZONE", "SHOP_CURRENCY", "SHOP_TAX_NUMBER"),
    *("SHOP_REGISTRATION_NUMBER", "SHOP_ADDRESS", "SHOP_STATE", "SHOP_COUNTRY"),
)
# What the demo's invoices print of its seller. Invented, so a shop of one's own never gets it by default.
_SELLER = {
    "SHOP_ADDRESS": "18 Jalan Sultanah Zainab; 15050 Kota Bharu",
    "SHOP_STATE": "Kelantan",
    "SHOP_REGISTRATION_NUMBER": "202601000000 (0000000-D)",
    "SHOP_TAX_NUMBER": "D10-0000-00000000",
}
_DRAWN = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "FIELD_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "RAZORPAY_KEY_ID": lambda: "rzp_test_" + _letters(14),
    "RAZORPAY_KEY_SECRET": lambda: _letters(24),
    "RAZORPAY_WEBHOOK_SECRET": lambda: _letters(32),
    "STRIPE_SECRET_KEY": lambda: "sk_test_" + _letters(48),
    "STRIPE_WEBHOOK_SECRET": lambda: "whsec_" + _letters(32),
    "CURLEC_KEY_ID": lambda: "rzp_test_" + _letters(14),
    "CURLEC_KEY_SECRET": lambda: _letters(24),
    "CURLEC_WEBHOOK_SECRET": lambda: _letters(32),
    "BILLPLZ_API_KEY": lambda: str(uuid.uuid4()),
    "BILLPLZ_COLLECTION_ID": lambda: _letters(8).lower(),
    "BILLPLZ_SIGNATURE_KEY": lambda: "S-" + _letters(22),
    "PAYPAL_CLIENT_ID": lambda: _letters(40),
    "PAYPAL_CLIENT_SECRET": lambda: _letters(40),
    "PAYPAL_WEBHOOK_ID": lambda: _letters(17).upper(),
    "SANDBOX_PORT": lambda: str(ports.pick()),
    "MAIL_SMTP_PORT": lambda: str(ports.pick()),
    "MAIL_HTTP_PORT": lambda: str(ports.pick()),
}

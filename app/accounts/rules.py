"""Who may do what, one-time codes, backup codes, passwords, and how long a sign-in lasts. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from zoneinfo import available_timezones

import pyotp

from app.core import passwords
from app.core.catalogues import LANGUAGES

TRIES = 5  # wrong ones, per account and kind, before the next has to wait
TRY_KINDS = ("password", "code", "trusted", "own", "again", "passkey")  # what they mean: `models.LoginAttempt`
TRIES_MINUTES = 15
CODE_MINUTES = 15  # from the password to the code
IDLE_MINUTES = 30
FRESH_MINUTES = 15  # a sign-in older than that moves no money
LIFETIME_HOURS = 12
STEP_SECONDS = 30
WINDOW = 1  # steps that a clock may be early or late
MOST_DRIFT = 20  # steps: a clock that is up to ten minutes off is told so

SMS_CODE_MINUTES = 5
SMS_IN_A_ROW, SMS_A_DAY = 3, 10  # codes by SMS to one account: within TRIES_MINUTES, within a day

PASSWORD_LENGTH = 20
TOTP_LENGTH = 6
BACKUP_CODES = 10
INVITATION_HOURS = 72
RESET_MINUTES = 60
KEPT_MINUTES, MOST_KEPT = 30, 5  # forms that could not be sent, of one person
GOOD_RESETS, GOOD_MINUTES = 2, 5  # no third link while two in the mailbox are good for that long: nobody can flood it
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1000
MANY_ACCOUNTS = 5  # wrong passwords or codes at so many accounts from one address, within TRIES_MINUTES, are no mistake
PACE_MINUTES = 10  # nobody is in two networks within so few minutes without a reason
BACKUP_LENGTH = 16  # digits, 53 bits: a phone shows its number keys for the field that takes both kinds of code

# A right is an area and a verb, such as "refunds.approve". Who may change or approve something may see it; who has to do
# with payments or refunds sees the orders they belong to.
VERBS = ("view", "change", "approve")
AREAS: Mapping[str, tuple[str, ...]] = {
    "orders": ("view", "change"),
    "payments": ("view", "change"),
    "refunds": ("view", "change", "approve"),
    "gift_cards": ("view", "change"),
    "subscriptions": ("view", "change"),
    "stock": ("view", "change"),
    "catalogue": ("view", "change"),
    "customers": ("view", "change"),
    "books": ("view", "change"),
    "system": ("view", "change"),
    "staff": ("view", "change"),
    "api_keys": ("view", "change"),
    "activity": ("view",),
    "privacy": ("view", "change"),
}
RIGHTS = frozenset(f"{area}.{verb}" for area, verbs in AREAS.items() for verb in verbs)
OWNER, CUSTOM = "owner", "custom"


def _with_views(rights: Iterable[str]) -> frozenset[str]:
    known = RIGHTS.intersection(rights)
    seen = {right.partition(".")[0] for right in known}
    return known | {f"{area}.view" for area in (seen | {"orders"} if seen & {"payments", "refunds"} else seen)}


ROLES: Mapping[str, frozenset[str]] = {
    OWNER: RIGHTS,
    "manager": RIGHTS - {"staff.change"},
    "support": _with_views(
        ("orders.change", "refunds.change", "payments.view", "subscriptions.change", "customers.change", "gift_cards.view")
    ),
    "fulfilment": _with_views(("orders.view", "stock.change", "catalogue.view")),
    "catalogue": _with_views(("catalogue.change", "stock.view", "subscriptions.view")),
    "finance": _with_views(
        ("orders.change", "payments.change", "refunds.change", "refunds.approve", "gift_cards.change", "books.change",
         "subscriptions.view", "activity.view")
    ),
    "agent": _with_views(("orders.view", "customers.view", "catalogue.view", "subscriptions.view")),
}  # fmt: skip


def rights_of(role: str, chosen: Iterable[str] | None = None) -> frozenset[str]:
    """What a role may do; of a role of the shop's own, `chosen` are the rights it was given. A right that no longer exists
    counts for nothing."""
    return _with_views(chosen or ()) if role == CUSTOM else ROLES.get(role, frozenset())


def may_handle(actor: frozenset[str], other: frozenset[str]) -> bool:
    """Nobody gives, takes or touches more than they hold themselves: so nobody makes themselves an owner."""
    return "staff.change" in actor and other <= actor


THEMES = ("device", "light", "dark")  # the first is as the device says
DENSITIES = ("cosy", "compact")
UTC = "UTC"
CONTINENTS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the back office looks to somebody. None is what they chose nothing for: language and theme are then the browser's,
    times the shop's."""

    language: str | None = None
    timezone: str | None = None  # an IANA name
    theme: str | None = None
    density: str = DENSITIES[0]

    def unknown(self) -> str | None:
        """The first field whose value there is not; None when all will do."""
        fields = {
            "language": self.language is None or self.language in LANGUAGES,
            "timezone": self.timezone in (None, UTC) or any(self.timezone in names for names in timezones().values()),
            "theme": self.theme is None or self.theme in THEMES,
            "density": self.density in DENSITIES,
        }
        return next((name for name, is_known in fields.items() if not is_known), None)


NOTHING_CHOSEN = Preferences()


@cache
def timezones() -> Mapping[str, tuple[str, ...]]:
    """The IANA names that can be chosen besides UTC, by continent or ocean; without the older ones that name no place. To look
    through them all takes 30 ms, once in a process."""
    known = sorted(available_timezones())
    return {each: tuple(name for name in known if name.startswith(f"{each}/")) for each in CONTINENTS}


def password_fault(password: str, *, email: str) -> str | None:
    """Why a password will not do, by name (SEC-07; twelve characters for staff, ASVS 6.2.1, none of the common ones, 6.2.4);
    None when it will."""
    if len(password) > LONGEST_PASSWORD:
        return "long"
    name = email.partition("@")[0].casefold()
    if len(name) > 3 and name in password.casefold():
        return "name"
    has_all = (
        len(password) >= SHORTEST_PASSWORD
        and any(char.isupper() for char in password)
        and any(char.isdigit() for char in password)
        and any(not char.isalnum() and not char.isspace() for char in password)
    )
    if not has_all:
        return "weak"
    return "common" if passwords.is_common(password, known=[email]) else None


BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
CALLED = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS"}


def browser(agent: str) -> str:
    """`Firefox, Linux`, out of what a browser calls itself, whatever its version; empty when it says neither."""
    found = [next((mark for mark in marks if mark in agent), "") for marks in (BROWSERS, SYSTEMS)]
    return ", ".join(CALLED.get(mark, mark) for mark in found if mark)


def network(address: str | None) -> str:
    """Enough of an address to tell places apart: `203.0.113.…`, or the first 48 bits of IPv6; empty for what is none."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    return f"{parsed.exploded.rpartition('.')[0]}.…" if parsed.version == 4 else f"{parsed.exploded[:14]}:…"


def matching_step(secret: str, code: str, *, at: datetime) -> int | None:
    """The 30-second step that a six-digit code belongs to, one step early or late allowed; None when it is wrong."""
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    steps = range(now - WINDOW, now + WINDOW + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)), None)


def drift(secret: str, code: str, *, at: datetime) -> int:
    """By how many steps the clock is ahead (negative: behind) that shows a code which `matching_step` does not take, if that is
    no more than MOST_DRIFT; 0 for a code that is just wrong."""
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for steps in (sign * each for each in range(WINDOW + 1, MOST_DRIFT + 1) for sign in (-1, 1)):
        if hmac.compare_digest(totp.generate_otp(now + steps), code):
            return steps
    return 0


def minutes_of_drift(steps: int) -> int:
    """Whole minutes, away from zero: so long until a code of that drift is behind whoever waits for it."""
    minutes = -(-abs(steps) * STEP_SECONDS // 60)
    return minutes if steps > 0 else -minutes


def otpauth_url(secret: str, *, email: str, issuer: str) -> str:
    """What an authenticator app reads out of the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def plain_code(typed: str) -> str:
    """A code as it is compared: blanks and dashes are for the eye."""
    return "".join(char for char in typed if not char.isspace() and char not in "-–—")


def is_totp_code(plain: str) -> bool:
    return len(plain) == TOTP_LENGTH and plain.isascii() and plain.isdigit()


def is_backup_code(plain: str) -> bool:
    return len(plain) == BACKUP_LENGTH and plain.isascii() and plain.isdigit()


def masked_phone(phone: str) -> str:
    """A number that its owner knows again: `+60•••789`."""
    return f"{phone[:3]}•••{phone[-3:]}"


def grouped(plain: str) -> str:
    """A backup code as it is shown: `1234 5678 9012 3456`."""
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))

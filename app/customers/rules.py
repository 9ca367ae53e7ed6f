"""How long things last, and which passwords are good enough. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from app.core import networks, passwords
from app.core.states import Moves

TRIES = 5  # wrong passwords per account before the next has to wait (SEC-08)
TRIES_MINUTES = 15
# Wrong passwords at so many accounts from one address, within TRIES_MINUTES, are no mistakes any more: four times what it takes
# with staff, as a café, an office or a carrier's NAT has many customers behind one address, and some of them mistype.
MANY_ACCOUNTS = 20
PLACES = 200  # sign-ins of one customer, the newest, that tell which places are known
IDLE_MINUTES = 30  # without “keep me signed in” (SEC-09)
KEPT_DAYS = 30
LONGEST_HOURS = 24  # without “keep me signed in”, however busy
MAX_SESSIONS = 10  # of one customer; the one seen longest ago ends (SEC-10)
MAX_ADDRESSES = 20
MAX_WISHES = 100
GOOD_LETTERS = 2  # of a kind in one mailbox: no third is sent while two links there work, so that nobody can flood it
GOOD_CONNECT_LETTERS = 6  # of those two for one browser: they work there alone, so strangers' are none to the owner
GOOD_MINUTES = 5  # a link with less time left does not count

# Minutes that the link of a mail is good for.
LINK_MINUTES = {"register": 24 * 60, "sign_in": 15, "reset": 30, "new_email": 24 * 60, "connect": 30}
FLOW_MINUTES = 10  # at the provider
PROOF_MINUTES = 45  # then, to prove which account it is

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200

CHANNELS = ("email", "sms", "push")  # NOT-31
SENT_BY = ("email",)  # the channels that this shop sends notices by today: others are kept for programs, and on no page
TYPES = ("order", "marketing", "alerts")
NEWS = ("email", "marketing")  # kept by address, for those without an account too (`models.NewsletterSubscriber`)
LOCKED = frozenset(
    {("email", "order")}
)  # an order is a contract: its mails are no choice; all else is off until somebody says yes
# What a yes is a consent to, and the wording that was agreed to; who changes it changes this too (tests/privacy). Git has its texts.
CONSENT_VERSIONS = {"marketing": "2026-11-26", "alerts": "2026-11-26"}
CONSENT_WAYS = ("registration", "preferences", "link", "api", "newsletter", "checkout", "staff")

NEWS_MOVES: Moves = {
    "pending": frozenset({"confirmed", "left"}),
    "confirmed": frozenset({"left"}),
    "left": frozenset({"pending", "confirmed"}),
}
NEWS_LINK_HOURS = 48
NEWS_LETTER_HOURS = 12  # at most one letter of confirmation to an address: nobody can flood a mailbox


def password_faults(password: str, *, known: Sequence[str] = ()) -> list[str]:
    """What keeps this from being a password (SEC-07): `short long upper number symbol common`. Empty: it is good.

    `known` is what others know of its owner: name, e-mail address.
    """
    faults = []
    if len(password) < SHORTEST_PASSWORD:
        faults.append("short")
    if len(password) > LONGEST_PASSWORD:
        return ["long"]
    if not any(char.isupper() for char in password):
        faults.append("upper")
    if not any(char.isdigit() for char in password):
        faults.append("number")
    if not any(not char.isalnum() and not char.isspace() for char in password):
        faults.append("symbol")
    return faults or (["common"] if passwords.is_common(password, known=known) else [])


def first_name(name: str) -> str:
    """How mails call somebody: no more than a word, for whoever reads it may be somebody else than who typed it."""
    return re.sub(r"[^\w'’-]", "", name.partition(" ")[0])[:40]


def masked(email: str) -> str:
    """An address that its owner knows again and nobody else learns: `a•••@example.com`."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def identity_key(issuer: str, subject: str) -> str:
    """What somebody at a provider is fingerprinted by. Hashed first: the fingerprint of texts does not tell a from A, and with
    subjects those are two people."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


def household(address: str) -> str:
    """What one customer of a provider is known by: an IPv4 address, or the first 64 bits of an IPv6 one. Empty for what is none."""
    return networks.start(address, v4=32, v6=64)


def place(address: str, user_agent: str) -> tuple[str, ...]:
    """Where a sign-in comes from, as rough as a provider's network and a browser whatever its version: a phone has another address
    with each connection, and its owner is to hear of strangers alone."""
    return (networks.start(address, v4=16, v6=32), *device_of(user_agent))


def device_of(user_agent: str) -> tuple[str, str]:
    """(browser, system) as people call them; empty when it says neither."""
    browser = next((name for name, mark in _BROWSERS if mark in user_agent), "")
    system = next((name for name, mark in _SYSTEMS if mark in user_agent), "")
    return browser, system


# The first that fits: most browsers claim to be several others too.
_BROWSERS = (
    ("Edge", "Edg"),
    ("Opera", "OPR/"),
    ("Samsung Internet", "SamsungBrowser"),
    ("Firefox", "Firefox/"),
    ("Firefox", "FxiOS"),
    ("Chrome", "CriOS"),
    ("Chrome", "Chrome/"),
    ("Safari", "Safari/"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("macOS", "Mac OS X"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)

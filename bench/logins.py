"""Signing in: how much of it is the hash, what its time tells strangers (X11), and what many wrong ones cost the shop.

Each is measured side by side: a sign-in and a bare hash, somebody known and nobody in turn, the shop with and without the
storm in turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlencode

import requests

from app.accounts import actions as accounts
from app.core import db, passwords
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.customers import actions as customers
from app.value import actions as value
from bench import pages, purchases, stand
from bench.stand import Stand
from bench.table import Row, percentile, ratio
from tools.webforms import form_to

STORM = 50  # wrong passwords a second
CUSTOMER, STAFF, NOBODY = "known@example.com", "known-staff@example.com", "unknown@example.com"
PASSWORD, WRONG = "Bunga-Raya 7 & Teluk", "Kapal-Layar 9 & Merah"
FORGET_TRIES = "WITH a AS (DELETE FROM customer_sign_in), b AS (DELETE FROM login_attempt) SELECT 1"
QUIET_AFTER = 3.0  # seconds of storm before it is measured: what the shop lets through at once is used up by then


@dataclass(frozen=True)
class Door:
    """A form that must not tell by its time whether the shop knows what was typed."""

    name: str
    page: str
    action: str
    known: dict[str, str]
    unknown: dict[str, str]
    expect: int = 422


class Visitor:
    """A browser that stays at one page's form."""

    def __init__(self, port: int) -> None:
        self.base, self.session = f"http://127.0.0.1:{port}", requests.Session()
        self.session.trust_env = False

    def form(self, page: str, action: str) -> dict[str, str]:
        text = self.session.get(self.base + page, timeout=30).text
        return {"csrf_token": form_to(text, action).fields["csrf_token"]}

    def milliseconds(self, path: str, fields: dict[str, str], *, expect: int) -> float:
        begun = time.perf_counter()
        answer = self.session.post(self.base + path, data=fields, timeout=30, allow_redirects=False)
        took = (time.perf_counter() - begun) * 1000
        if answer.status_code != expect:
            raise RuntimeError(f"{path}: {answer.status_code}")
        return took


def measure(at: Stand, *, rounds: int, seconds: float, samples: int, tell: Callable[[str], Any]) -> list[Row]:
    doors = _doors(at)
    at.serve("patient", workers=1, RATE_LIMIT_ENABLED="false")
    try:
        rows = [_share_of_hash(at, samples=samples, tell=tell)]
        rows += [_difference(at, door, samples=samples, tell=tell) for door in doors]
    finally:
        at.stop("patient")
    return [*rows, *_storm(at, rounds=rounds, seconds=max(4.0, 2 * seconds), tell=tell)]


def _doors(at: Stand) -> list[Door]:
    """What somebody could ask about: a customer, a member of staff, a gift card that is no longer good, an order."""
    password_hash = passwords.hashed(PASSWORD)

    def work() -> str:
        asked = customers.Registration("Aina Rahman", password_hash, False)
        wish = customers.ask("register", CUSTOMER, locale="en", visitor="bench", registration=asked)
        customers.finish_registration(wish.token or "", device=customers.Device("", ""))
        accounts.create_staff(STAFF, role="agent", issuer="Kedai")
        card = value.issue(value.NewValue(Money(5000, "MYR"), by="bench", key=new_id()))[0]
        value.set_state(card.account.id, "disabled", by="bench")
        return card.code

    code = in_transaction(work)
    stand.run(
        "bench.buyer",
        {"port": at.shop, "buyers": 1, "paths": purchases.product_paths(at)[:1], "until": "confirmed"},
    )
    number = db.scalar("SELECT number FROM orders WHERE number IS NOT NULL ORDER BY id DESC LIMIT 1")
    db.forget()
    return [
        _by_email("a customer signs in", "/login", "/login", CUSTOMER, password=WRONG),
        _by_email("staff sign in", "/admin/login", "/admin/login", STAFF, password=WRONG),
        _by_email("a link is asked for", "/login", "/login/link", CUSTOMER, expect=303),
        _by_email("a password is forgotten", "/login/forgot", "/login/forgot", CUSTOMER, expect=303),
        _by_email("somebody registers", "/register", "/register", CUSTOMER, expect=303, name="Aina", password=WRONG),
        Door("a gift card is looked up", "/gift-cards", "/gift-cards", {"code": code}, {"code": code[:-4] + "2222"}),
        Door("an order is tracked", "/track", "/track", {"number": number, "contact": NOBODY},
             {"number": "MB-000000", "contact": NOBODY}),
    ]  # fmt: skip


def _by_email(what: str, page: str, action: str, known: str, *, expect: int = 422, **more: str) -> Door:
    return Door(what, page, action, {"email": known, **more}, {"email": NOBODY, **more}, expect)


def _share_of_hash(at: Stand, *, samples: int, tell: Callable[[str], Any]) -> Row:
    tell("the hash in a sign-in")
    visitor, known, hashes, whole = Visitor(at.ports["patient"]), passwords.hashed(PASSWORD), [], []
    form = {**visitor.form("/login", "/login"), "email": CUSTOMER, "password": WRONG}
    for _ in range(samples):
        _forget_tries()
        whole.append(visitor.milliseconds("/login", form, expect=422))
        begun = time.perf_counter()
        passwords.is_right(known, WRONG)
        hashes.append((time.perf_counter() - begun) * 1000)
    p95, of_hash = percentile(whole, 0.95), percentile(hashes, 0.95)
    words = f"sign-in p95 {p95:.0f} ms, median {median(whole):.0f}; the hash {of_hash:.0f} and {median(hashes):.0f} ms"
    return Row("argon2's share of a sign-in's p95", words, of_hash / p95, 0.5, 0.8)


def _difference(at: Stand, door: Door, *, samples: int, tell: Callable[[str], Any]) -> Row:
    """How far the medians of known and unknown are apart, as a share of the larger."""
    tell(f"known and unknown, {door.name}")
    visitor = Visitor(at.ports["patient"])
    form = visitor.form(door.page, door.page)
    took: dict[bool, list[float]] = {True: [], False: []}
    for number in range(samples + 5):
        for is_known in (True, False) if number % 2 else (False, True):
            _forget_tries()
            fields = {**form, **(door.known if is_known else door.unknown)}
            took[is_known].append(visitor.milliseconds(door.action, fields, expect=door.expect))
    known, unknown = (median(each[5:]) for each in took.values())
    words = f"{samples} of each, medians {known:.1f} and {unknown:.1f} ms"
    apart = abs(known - unknown) / max(known, unknown)
    return Row(f"known or unknown, by time: {door.name}", words, apart, 0.10, 0.05, is_ceiling=True)


def _forget_tries() -> None:
    with transaction():
        db.scalar(FORGET_TRIES)
    db.release()


def _storm(at: Stand, *, rounds: int, seconds: float, tell: Callable[[str], Any]) -> list[Row]:
    """The first page with and without wrong passwords for ever other accounts from ever other addresses."""
    home, kept, statuses, wrong = pages.home(at), [], {}, []
    forms = stand.run("bench.sessions", {"port": at.shop, "count": 100})
    home.flood(seconds=1)
    for number in range(rounds):
        tell(f"{STORM} wrong passwords a second, round {number + 1} of {rounds}")
        quiet = pages.rate(home.flood(seconds=seconds))
        job = {"port": at.shop, "path": "/login", "rate": STORM, "letters": _letters(forms, seconds, number)}
        found: dict[str, Any] = {}
        storm = threading.Thread(target=lambda job=job, found=found: found.update(stand.run("bench.hooks", job)))
        storm.start()
        time.sleep(QUIET_AFTER)
        kept.append(pages.rate(home.flood(seconds=seconds)) / quiet)
        home.rates.append(quiet)
        storm.join()
        wrong += found["wrong"]
        for status, count in found["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    told = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    words = f"quiet {ratio(home.rates):,.0f} pages/s; answers to the storm: {told}"
    name = f"pages beside {STORM} wrong passwords a second"
    return [Row(name, words, ratio(kept), 0.80, 0.90, wrong=tuple([*home.wrong, *wrong][:3]))]


def _letters(forms: list[tuple[str, str]], seconds: float, round_number: int) -> list[Any]:
    """Looked at and wrong, or not looked at for now; as long as the pages are measured and a little more."""
    letters = []
    for number in range(int(STORM * (seconds + QUIET_AFTER + 1))):
        cookie, token = forms[number % len(forms)]
        email = f"somebody-{round_number}-{number}@example.com"
        body = urlencode({"csrf_token": token, "email": email, "password": WRONG})
        headers = {
            "Cookie": cookie,
            "X-Forwarded-For": f"10.{200 + round_number}.{number >> 8 & 255}.{number & 255}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        letters.append((headers, body, [422, 429]))
    return letters

"""A real Chromium in front of the whole demo shop: web processes, worker, clock, payment sandbox, mail catcher.

Every page that a test opens is watched: console messages, CSP violations, failed requests and answers of 400 and more
fail the test that met them, unless it said that it expects them (`page.expected`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, Page

from app.accounts import actions as accounts
from app.core.transaction import transaction
from chaos.servers import own_servers
from chaos.stand import ALL_PROVIDERS, Stand
from demo import load
from tests.browser import shopping
from tests.customers.identity_provider import IdentityProvider


@pytest.fixture(scope="session")
def running_acme() -> Iterator[IdentityProvider]:
    """Whom customers of the stand may sign in with."""
    provider = IdentityProvider()
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def stand(running_acme: IdentityProvider) -> Iterator[Stand]:
    with own_servers() as servers:
        settings = {**ALL_PROVIDERS, "RATE_LIMIT_ENABLED": "false", "INSTALMENTS": "3"}
        settings |= running_acme.settings | {"SMS_URL": "console:", "STAFF_SMS_CODES": "true"}
        stand = Stand(servers, webs=3, settings=settings, firsts=("razorpay", "stripe", "billplz"))
        try:
            stand.migrate()
            with stand.inside():
                load.load()
                shopping.fill_up("kemeja-bunga-teluk")
            stand.start()
            yield stand
        finally:
            stand.end()


@pytest.fixture(scope="session")
def base(stand: Stand) -> str:
    return stand.environ["BASE_URL"]


@pytest.fixture
def open_page(browser: Browser, base: str) -> Iterator[Callable[..., Page]]:
    """open_page(width=360, scheme="dark", scripts=False, …): a fresh browser window on the shop."""
    contexts, complaints = [], []

    def make(*, width: int = 1280, scheme: Any = "light", scripts: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            base_url=options.pop("base_url", base),
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=scripts,
            locale=options.pop("locale", "en-GB"),
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        watch(page, complaints)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def watch(page: Page, complaints: list[str]) -> None:
    """Note whatever a person would find in the browser's console."""
    page.expected = set()  # type: ignore[attr-defined]

    def answered(response: Any) -> None:
        if response.status >= 400 and response.status not in page.expected:  # type: ignore[attr-defined]
            complaints.append(f"{response.status} {response.url}")

    def spoke(message: Any) -> None:
        is_expected = "Failed to load resource" in message.text and page.expected  # type: ignore[attr-defined]
        if message.type in ("error", "warning") and not is_expected:
            complaints.append(f"{page.url}: {message.text}")

    def failed(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left while a picture was still on its way
            complaints.append(f"failed: {request.url} {request.failure}")

    page.on("response", answered)
    page.on("console", spoke)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("requestfailed", failed)


def sign_in(page: Page, stand: Stand, email: str) -> str:
    """Somebody new signs in through the pages: no code of theirs was used before, so nobody waits for the next. Returns the
    secret of their authenticator."""
    with stand.inside(), transaction():
        new = accounts.create_staff(email, role="owner", issuer="Murni Batik")
    secret = parse_qs(urlsplit(new.otpauth_url).query)["secret"][0]
    page.goto("/admin/login")
    page.get_by_label("E-mail address").fill(new.email)
    page.get_by_label("Password").fill(new.password)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/admin/totp*")
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/totp" not in url)
    if "backup-codes" in page.url:
        page.get_by_role("button", name="I saved them").click()
    return secret


class Staff:
    """The people of the shop's desk: whoever signs in is a new one."""

    def __init__(self, stand: Stand) -> None:
        self.stand, self.number, self.secret = stand, 0, ""

    def sign_in(self, page: Page) -> None:
        self.number += 1
        self.secret = sign_in(page, self.stand, f"desk{self.number}@example.com")

    def code(self) -> str:
        """Of whoever signed in last."""
        return pyotp.TOTP(self.secret).now()


@pytest.fixture(scope="session")
def staff(stand: Stand) -> Staff:
    return Staff(stand)


@pytest.fixture
def mails(stand: Stand) -> Callable[[str], list[dict[str, Any]]]:
    """mails(address): what was sent there, newest first."""
    url = f"http://127.0.0.1:{stand.mail_port}/messages.json"

    def to(address: str) -> list[dict[str, Any]]:
        return [each for each in requests.get(url, timeout=10).json() if address in str(each["to"])]

    return to


@pytest.fixture
def letter(stand: Stand) -> Callable[[dict[str, Any]], str]:
    """letter(mail): the text of one of `mails`."""
    url = f"http://127.0.0.1:{stand.mail_port}/messages"
    return lambda mail: str(requests.get(f"{url}/{mail['id']}.json", timeout=10).json()["text"])

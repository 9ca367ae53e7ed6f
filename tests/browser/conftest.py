"""A real Chromium in front of the whole demo shop: web processes, worker, clock, payment sandbox, mail catcher.

Every page that a test opens is watched: console messages, CSP violations, failed requests and answers of 400 and more
fail the test that met them, unless it said that it expects them (`page.expected`).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from app.core import db
from app.core.transaction import transaction
from app.stock.actions import goods
from chaos.servers import own_servers, wait_for
from chaos.stand import ALL_PROVIDERS, BIN, PROJECT, Stand
from run import browser as browsers


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    with own_servers() as servers:
        settings = {**ALL_PROVIDERS, "RATE_LIMIT_ENABLED": "false", "INSTALMENTS": "3"}
        stand = Stand(servers, webs=3, settings=settings, firsts=("razorpay", "stripe", "billplz"))
        try:
            for command in (("assets", "build"), ("db", "upgrade"), ("demo", "load")):
                flask = [str(BIN / "flask"), "--app", "wsgi", *command]
                done = subprocess.run(
                    flask, cwd=PROJECT, env=stand.environ, check=False, capture_output=True, text=True
                )
                assert done.returncode == 0, done.stderr[-3000:]
            fill_up(stand, "kemeja-bunga-teluk")
            stand.start()
            yield stand
        finally:
            stand.end()


def fill_up(stand: Stand, slug: str) -> None:
    """All tests buy the same shirt, and none may find it sold out."""
    with stand.inside(), transaction():
        found = db.rows(
            "SELECT s.variant_id, s.warehouse_id FROM stock_item s JOIN variant v ON v.id = s.variant_id"
            " JOIN product p ON p.id = v.product_id WHERE p.slug = :slug",
            slug=slug,
        )
        goods.receive_many([(row.variant_id, row.warehouse_id, 100, 0) for row in found], reason="test")


@pytest.fixture(scope="session")
def base(stand: Stand) -> str:
    return stand.environ["BASE_URL"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(browsers.find()), args=list(browsers.ARGUMENTS))
        yield found
        found.close()


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


class Staff:
    """A member of staff who signs in through the pages."""

    def __init__(self, stand: Stand) -> None:
        flask = [
            str(BIN / "flask"),
            "--app",
            "wsgi",
            "staff",
            "create",
            "desk@example.com",
            "--role",
            "owner",
            "--json",
        ]
        made = subprocess.run(flask, cwd=PROJECT, env=stand.environ, check=True, capture_output=True, text=True)
        self.account: dict[str, str] = json.loads(made.stdout)
        self.secret = parse_qs(urlsplit(self.account["otpauth_url"]).query)["secret"][0]
        self.used = 0

    def sign_in(self, page: Page) -> None:
        page.goto("/admin/login")
        page.get_by_label("E-mail address").fill(self.account["email"])
        page.get_by_label("Password").fill(self.account["password"])
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/admin/totp")
        page.get_by_label("Code").fill(self._code())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/totp" not in url)
        if "backup-codes" in page.url:
            page.get_by_role("button", name="I saved them").click()

    def _code(self) -> str:
        """A code of a step that was not used yet: each works once, and the next one is accepted early."""
        wait_for(lambda: int(time.time()) // 30 + 1 > self.used, seconds=60, why="no code is left")
        self.used = max(self.used + 1, int(time.time()) // 30)
        return pyotp.TOTP(self.secret).generate_otp(self.used)


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

"""A real Chromium in front of the whole demo shop: web processes, worker, clock, payment sandbox, mail catcher.

Every page that a test opens is watched: console messages, CSP violations, failed requests and answers of 400 and more
fail the test that met them, unless it said that it expects them (`page.expected`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from chaos.servers import own_servers
from chaos.stand import BIN, PROJECT, Stand
from run import browser as browsers


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    with own_servers() as servers:
        stand = Stand(servers, webs=2, settings={"RATE_LIMIT_ENABLED": "false"})
        try:
            for command in (("assets", "build"), ("db", "upgrade"), ("demo", "load")):
                flask = [str(BIN / "flask"), "--app", "wsgi", *command]
                done = subprocess.run(
                    flask, cwd=PROJECT, env=stand.environ, check=False, capture_output=True, text=True
                )
                assert done.returncode == 0, done.stderr[-3000:]
            stand.start()
            yield stand
        finally:
            stand.end()


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
            base_url=base,
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


@pytest.fixture
def mails(stand: Stand) -> Callable[[str], list[dict[str, Any]]]:
    """mails(address): what was sent there, newest first."""
    url = f"http://127.0.0.1:{stand.mail_port}/messages.json"

    def to(address: str) -> list[dict[str, Any]]:
        return [each for each in requests.get(url, timeout=10).json() if address in str(each["to"])]

    return to

"""Signing in by way of a provider in Chromium, under the shop's own CSP: without scripts on a phone, and looked over by axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import sign_in
from tests.browser.test_customers import PASSWORD, Letter, Mails, read_link
from tests.browser.test_pages import assert_valid, check
from tests.customers.identity_provider import IdentityProvider


@pytest.fixture
def acme(running_acme: IdentityProvider) -> IdentityProvider:
    """The provider as it was; its key stays, which the stand's processes know already."""
    running_acme.person = {}
    return running_acme


def leave(page: Page) -> None:
    page.goto("/login")
    page.get_by_role("button", name="Continue with Acme ID").click()


def pages_of(page: Page, acme: IdentityProvider, mails: Mails, letter: Letter, name: str) -> Iterator[str]:
    """From no account to one with two ways in, each page yielded as it stands."""
    email, main = f"{name}@example.com", page.locator("#main")
    acme.person = {"sub": name, "email": email, "email_verified": False, "name": "Aina Rahman"}
    page.goto("/login")
    yield "sign in with a provider"
    leave(page)
    page.wait_for_url("**/login/proof/*")
    yield "an address to prove"
    main.get_by_role("button", name="Mail me the link").click()
    page.wait_for_url("**/sent")
    yield "link sent"
    page.goto(read_link(page, mails, letter, email, subject="Is this Acme ID sign-in yours?"))
    yield "connect"
    main.get_by_role("button", name="Connect and sign in").click()
    page.wait_for_url("**/account/?said=made")
    yield "account made"
    page.goto("/account/data")
    yield "data without password"
    page.goto("/account/security")
    yield "security without password"
    main.get_by_role("button", name="Mail me a link to choose one").click()
    page.wait_for_url("**/login/sent?what=reset")
    page.goto(read_link(page, mails, letter, email, subject="Set a new password"))
    main.get_by_label("New password").fill(PASSWORD)
    main.locator("form button:not([data-reveal])").first.click()
    page.wait_for_url("**/account/security?*")
    yield "security with password"
    main.locator("#ways-password").fill(PASSWORD)
    main.get_by_role("button", name="Disconnect Acme ID").click()
    page.wait_for_url("**/account/security?said=disconnected")
    yield "disconnected"
    page.goto("/account/")
    main.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url(lambda url: url.endswith("/"))
    acme.person["email_verified"] = True
    leave(page)
    page.wait_for_url("**/login/proof/*")
    yield "an account to prove"
    page.expected = {422}
    main.get_by_label("Password of your account here").fill("Wrong-Word 1!")
    main.get_by_role("button", name="Connect and sign in").click()
    page.wait_for_selector("#error-summary")
    yield "a wrong password"
    main.get_by_label("Password of your account here").fill(PASSWORD)
    main.get_by_role("button", name="Connect and sign in").click()
    page.wait_for_url("**/account/")
    page.expected = {410}
    page.goto("/login/with/acme/back?state=nothing")
    yield "a sign-in that is over"


@pytest.fixture
def journey(acme: IdentityProvider, mails: Mails, letter: Letter) -> Callable[[Page, str], Iterator[str]]:
    """journey(page, name): of somebody new, whom the provider calls `name`."""
    return lambda page, name: pages_of(page, acme, mails, letter, name)


def test_pages_of_the_journey(open_page, journey):
    page = open_page(width=1280, bypass_csp=True)
    faults = []
    for where in journey(page, "axe-social"):
        faults += check(page, where)
        page.set_viewport_size({"width": 1280, "height": 800})
    assert faults == []


@pytest.mark.parametrize("width", [360, 1280])
def test_without_scripts_under_our_policy(open_page, journey, tmp_path, width):
    page = open_page(scripts=False, width=width)
    for where in journey(page, f"plain-social-{width}"):
        (tmp_path / f"{where.replace(' ', '-')}.html").write_text(page.content(), encoding="utf-8")
    assert_valid(tmp_path)


def test_who_is_known_is_in_by_one_press(open_page, acme):
    acme.person = {"sub": "one press", "email": "one-press@example.com", "email_verified": True, "name": "Aina"}
    page = open_page(scripts=False, width=360)
    leave(page)
    page.wait_for_url("**/account/?said=made")
    page.locator("#main").get_by_role("button", name="Sign out").first.click()
    page.wait_for_url(lambda url: url.endswith("/"))
    leave(page)
    page.wait_for_url("**/account/")


def test_codes_by_sms(open_page, stand):
    page = open_page(bypass_csp=True)
    sign_in(page, stand, "sms@murnibatik.example")
    faults = []
    page.goto("/admin/profile/phone")
    faults += check(page, "phone")
    page.get_by_label("Mobile phone").fill("+60 12-345 6789")
    page.get_by_label("Password").fill("not it")
    page.expected = {422}
    page.get_by_role("button", name="Send the code").click()
    page.wait_for_selector("#error-summary")
    faults += check(page, "phone with errors")
    assert faults == []

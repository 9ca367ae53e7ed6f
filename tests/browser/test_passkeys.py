"""Passkeys in Chromium, with the authenticator that its developer tools have: made, used and refused on a phone, under the
shop's own content security policy; and every page of them looked over by axe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from app.accounts import actions as accounts
from app.core import crypto, db
from app.core.transaction import transaction
from chaos.stand import Stand
from tests.browser.test_customers import PASSWORD, Letter, Mails, read_link
from tests.browser.test_pages import assert_valid, check

SIGN_IN = "Sign in with a passkey"
SAID = "[data-passkey] [role=alert]"
OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """The authenticator of one page's browser, which recognises its owner until it is told otherwise."""

    def __init__(self, page: Page) -> None:
        self.tools = page.context.new_cdp_session(page)
        self.tools.send("WebAuthn.enable")
        self.id = self.tools.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})["authenticatorId"]

    def keys(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.tools.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found

    def recognises(self, yes: bool) -> None:
        self.tools.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": yes})

    def waits(self, yes: bool) -> None:
        """Whether it waits for a finger instead of feeling one at once."""
        self.tools.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": not yes})

    def forget(self) -> None:
        self.tools.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})


@pytest.fixture
def open_phone(open_page: Callable[..., Page], base: str) -> Callable[..., Page]:
    """A window where the shop has a name, not an address."""
    return lambda **options: open_page(base_url=base.replace("127.0.0.1", "localhost"), **{"width": 360, **options})


def at(path: str) -> Callable[[str], bool]:
    """Whether that page is shown; other addresses may end so too, with where to go next."""
    return lambda url: urlsplit(url).path == path


def enter(page: Page, mails: Mails, letter: Letter, email: str) -> None:
    """A new account, signed in."""
    main = page.locator("#main")
    page.goto("/register")
    main.get_by_label("Your name").fill("Aina Rahman")
    main.get_by_label("E-mail").fill(email)
    main.get_by_label("Password").fill(PASSWORD)
    main.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/register/sent")
    page.goto(read_link(page, mails, letter, email, subject="Confirm your e-mail address"))
    main.get_by_role("button", name="Confirm and sign in").click()
    page.wait_for_url("**/account/**")


def leave(page: Page) -> None:
    page.goto("/account/")
    page.locator("#main").get_by_role("button", name="Sign out").first.click()
    page.wait_for_url(lambda url: url.endswith("/"))


def test_a_customer_adds_a_passkey_and_signs_in_by_it(open_phone, mails, letter, tmp_path):
    page = open_phone(bypass_csp=True)
    page.expected, faults = {422}, []
    device, main = Device(page), page.locator("#main")
    enter(page, mails, letter, "passkey@example.com")
    page.goto("/account/security")
    section = page.locator("#passkeys")
    section.get_by_label("Current password").fill("Wrong-Word 1!")
    section.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(SAID)).to_have_text("This is not your current password.")
    assert device.keys() == []
    section.get_by_label("Current password").fill(PASSWORD)
    section.get_by_label("Name", exact=True).fill("My phone")
    section.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/account/security?said=passkey")
    expect(section.get_by_text("My phone")).to_be_visible()
    faults += check(page, "security with a passkey")
    page.set_viewport_size({"width": 360, "height": 800})
    section.get_by_text("Rename", exact=True).click()
    section.get_by_label("Name", exact=True).first.fill("")
    section.get_by_role("button", name="Save").click()
    page.wait_for_selector("#error-summary")
    faults += check(page, "security with a name that does not fit")
    leave(page)
    device.waits(True)
    page.goto("/login")
    expect(main.get_by_role("button", name=SIGN_IN)).to_be_visible()
    faults += check(page, "sign in")
    device.waits(False)
    main.get_by_role("button", name=SIGN_IN).click()
    page.wait_for_url(at("/account/"))
    plain = open_phone(scripts=False)
    plain.context.add_cookies(page.context.cookies())
    plain.goto("/account/security")
    assert plain.locator("#passkeys").get_by_text("My phone").is_visible()
    assert plain.get_by_role("button", name="Add a passkey").count() == 0
    (tmp_path / "security.html").write_text(plain.content(), encoding="utf-8")
    assert_valid(tmp_path)
    assert faults == [], "\n".join(faults)


def test_the_browser_offers_them_by_itself(open_phone, mails, letter):
    """Under the shop's own policy for scripts: at the field for the e-mail address, without a button pressed."""
    page = open_phone()
    device = Device(page)
    enter(page, mails, letter, "offered@example.com")
    page.goto("/account/security")
    page.locator("#passkeys").get_by_label("Current password").fill(PASSWORD)
    page.locator("#passkeys").get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/account/security?said=passkey")
    [key] = device.keys()
    assert key["rpId"] == "localhost"
    leave(page)
    page.goto("/login?next=/account/orders")
    page.wait_for_url(at("/account/orders"))


def test_without_scripts_or_passkeys_the_rest_works(open_phone, tmp_path):
    """The button is not there, and the form is as ever."""
    for page in (open_phone(scripts=False), open_phone()):
        page.add_init_script("delete window.PublicKeyCredential")
        for path in ("/login", "/admin/login"):
            page.goto(path)
            assert page.get_by_role("button", name=SIGN_IN).count() == 0
            assert page.get_by_label("Password").is_visible()
    plain = open_phone(scripts=False)
    for path in ("/login", "/admin/login"):
        plain.goto(path)
        (tmp_path / f"{path.strip('/').replace('/', '-')}.html").write_text(plain.content(), encoding="utf-8")
    assert_valid(tmp_path)


def test_at_an_address_there_are_none(open_page):
    page = open_page()
    page.goto("/login")
    assert page.locator("[data-passkey]").count() == 0


def test_staff_add_a_passkey_sign_in_and_confirm_by_it(open_phone, staff, stand, tmp_path):
    page = open_phone(bypass_csp=True)
    page.expected, faults = {422}, []
    device = Device(page)
    staff.sign_in(page)
    page.goto("/admin/profile")
    page.get_by_role("link", name="Add a passkey").click()
    faults += check(page, "add a passkey")
    page.set_viewport_size({"width": 360, "height": 800})
    device.recognises(False)
    page.get_by_label("Name").fill("Work phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(SAID)).to_contain_text("No passkey was used")
    device.recognises(True)
    page.get_by_role("button", name="Add a passkey").click()
    page.locator("#said").wait_for()
    faults += check(page, "profile with a passkey")
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/admin/profile/passkeys/new")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(SAID)).to_have_text("This device has a passkey for your account already.")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/admin/login?next=/admin/orders")
    faults += check(page, "sign in")
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name=SIGN_IN).click()
    page.wait_for_url(at("/admin/orders"))
    with stand.inside(), transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    page.goto("/admin/staff/invite")
    page.get_by_role("button", name="Use a passkey instead").click()
    page.wait_for_url(at("/admin/staff/invite"))
    plain = open_phone(scripts=False)
    plain.context.add_cookies(page.context.cookies())
    for path in ("/admin/profile", "/admin/profile/passkeys/new", "/admin/totp?again=1"):
        plain.goto(path)
        assert plain.locator("button#passkey:visible").count() == 0
        (tmp_path / f"{path.rpartition('/')[2].partition('?')[0]}.html").write_text(plain.content(), encoding="utf-8")
    assert_valid(tmp_path)
    assert faults == [], "\n".join(faults)


def test_staff_set_a_passkey_up_instead_of_an_authenticator(open_phone, stand: Stand):
    """After the first password; the next sign-in has no QR code to show, and a device that lost its keys is told so."""
    email = "set-up@example.com"
    with stand.inside(), transaction():
        new = accounts.create_staff(email, role="owner", issuer="Murni Batik")
    with stand.inside(), transaction():
        db.rows(
            "UPDATE staff SET totp_confirmed_at = NULL WHERE email_index = :i RETURNING id", i=crypto.blind_index(email)
        )
    page = open_phone(bypass_csp=True)
    device, faults = Device(page), []

    def give_password():
        page.goto("/admin/login")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(new.password)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/admin/totp*")

    give_password()
    faults += check(page, "set up")
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name="Set up a passkey instead").click()
    page.wait_for_url("**/admin/backup-codes")
    page.get_by_role("button", name="I saved them").click()
    page.locator("#said").wait_for()
    page.goto("/admin/profile")
    faults += check(page, "profile without an authenticator")
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("link", name="Set up an authenticator").click()
    faults += check(page, "set up an authenticator at work")
    page.goto("/admin/profile")
    page.get_by_role("button", name="Sign out").first.click()
    give_password()
    assert page.locator(".qr").count() == 0
    faults += check(page, "second step by passkey")
    page.set_viewport_size({"width": 360, "height": 800})
    device.forget()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.locator(SAID)).to_contain_text("No passkey was used")
    assert faults == [], "\n".join(faults)

"""Staff in a browser: invited by mail and at work without JavaScript, and every page of it looked over by axe."""

from __future__ import annotations

import re

import pyotp
import pytest
import requests

from app.core import db
from app.core.transaction import transaction
from chaos.servers import wait_for
from tests.browser.test_pages import assert_valid, check, violations

PASSWORD = "Batik-and-canting-7"
PAGES = (
    "/admin/staff", "/admin/staff/invite", "/admin/staff/roles", "/admin/staff/roles/new", "/admin/profile", "/admin/activity",
    "/admin/activity/sign-ins", "/admin/api-keys", "/admin/api-keys/new", "/admin/newsletter", "/admin/totp?again=1&next=/admin/profile",
)  # fmt: skip


def invite(page, email):
    page.goto("/admin/staff/invite")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Role").select_option("agent")
    page.get_by_role("button", name="Send the invitation").click()
    page.locator("#said").wait_for()


def make_key(page, name):
    """A key that may refund, rotated once: leads to its page, with both secrets. Returns what was shown."""
    page.goto("/admin/api-keys/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Refunds: Change").check()
    page.get_by_label("Orders: See").check()
    page.get_by_role("button", name="Make the key").click()
    shown = page.locator("[data-copy-source]").all_inner_texts()
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("heading", name="Secrets").wait_for()
    return shown


@pytest.fixture
def link_to(stand, mails):
    """link_to(address): what the mail asks to open, once it has come."""

    def found(email):
        wait_for(lambda: mails(email), seconds=60, why="no mail came")
        url = f"http://127.0.0.1:{stand.mail_port}/messages/{mails(email)[0]['id']}.json"
        return re.search(r"/admin/invitation/[\w-]+", requests.get(url, timeout=10).json()["text"])[0]

    return found


def test_somebody_is_invited_and_at_work_without_javascript(open_page, staff, link_to):
    owner = open_page(scripts=False)
    staff.sign_in(owner)
    invite(owner, "aina.noscript@example.com")
    page = open_page(scripts=False, width=360)
    page.expected = {422, 403}
    page.goto(link_to("aina.noscript@example.com"))
    page.get_by_label("Choose a password").fill("short")
    page.get_by_role("button", name="Continue").click()
    assert "At least 12 characters" in page.locator("#error-summary").inner_text()
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    secret = page.locator(".hint code").inner_text().replace(" ", "")
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Sign in").click()
    assert page.locator(".codes li").count() == 10
    page.get_by_role("button", name="I saved them").click()
    rail = page.locator("nav.rail-body a")
    open_to_agents = ["Overview", "Orders", "Products", "Subscriptions", "Newsletter", "Your account"]
    assert [name.strip() for name in rail.all_inner_texts()] == open_to_agents
    page.goto("/admin/books")
    assert page.locator("h1").inner_text() == "This page is not open to you"


def test_a_form_that_is_sent_too_late_is_kept_without_javascript(open_page, staff, stand):
    """Chromium follows the 307 with what was typed, past `form-action` and the strict cookie."""
    page = open_page(scripts=False, width=360)
    staff.sign_in(page)
    page.goto("/admin/staff/roles/new")
    page.get_by_label("Name").fill("Too late for this")
    page.get_by_label("Orders: See").check()
    with stand.inside(), transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    page.locator("main form button[type=submit]").last.click()
    assert "/admin/totp?again=1&next=/admin/kept/" in page.url
    with stand.inside(), transaction():
        db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
    page.get_by_role("textbox", name="Code").fill(staff.code())
    page.locator("main button[type=submit]").first.click()
    assert page.locator("h1").inner_text() == "This was not sent yet"
    page.get_by_role("button", name="Send it now").click()
    assert page.url.endswith("/admin/staff/roles?done=role-saved")
    assert "Too late for this" in page.locator("main").inner_text()


def prefer(page, **chosen):
    page.goto("/admin/profile")
    for name, value in chosen.items():
        page.locator(f"#{name}").select_option(value)
    page.locator("#preferences button").click()
    page.locator("#said").wait_for()


def test_preferences_are_chosen_without_javascript(open_page, staff, tmp_path):
    page = open_page(scripts=False, width=360)
    staff.sign_in(page)
    spacious = page.locator("nav.rail-body a").first.bounding_box()["height"]
    prefer(page, language="ms", timezone="Asia/Tokyo", theme="dark", density="compact")
    assert page.locator("h1").inner_text() == "Akaun anda"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert 24 <= page.locator("nav.rail-body a").first.bounding_box()["height"] < spacious
    prefer(page, language="en", theme="light")
    assert page.locator("h1").inner_text() == "Your account"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.locator("#timezone").input_value() == "Asia/Tokyo"
    (tmp_path / "profile.html").write_text(page.content(), encoding="utf-8")
    assert_valid(tmp_path)


def test_the_pages_of_whoever_likes_them_compact(open_page, staff):
    """Looked over like the others, and every target is at least 24 px high and wide, or has room around it (WCAG 2.5.8)."""
    page = open_page(bypass_csp=True)
    staff.sign_in(page)
    prefer(page, language="ms", density="compact")
    faults = []
    for path in ("/admin/", "/admin/orders", "/admin/stock-locks", *PAGES):
        page.goto(path)
        faults += check(page, path)
        faults += violations(page, f"{path}, targets", ", runOnly: ['target-size']")
    assert faults == [], "\n".join(faults)


def test_a_key_is_made_copied_and_rotated_without_javascript(open_page, staff):
    page = open_page(scripts=False, width=360)
    staff.sign_in(page)
    page.expected = {422}
    page.goto("/admin/api-keys/new")
    page.get_by_role("button", name="Make the key").click()
    assert "Tick at least one scope" in page.locator("#error-summary").inner_text()
    shown = make_key(page, "Bookkeeper without scripts")
    assert [each.split("_")[0] for each in shown] == ["kedai", "kedaisig"]
    page.get_by_label("The old secret works").select_option("1")
    page.get_by_role("button", name="Rotate").click()
    assert page.locator("[data-copy-source]").first.inner_text() != shown[0]
    page.get_by_role("link", name="I have copied it").click()
    assert page.locator("#secrets tbody tr").count() == 2


def test_the_pages_of_a_key(open_page, staff):
    page = open_page(bypass_csp=True)
    staff.sign_in(page)
    make_key(page, "Warehouse with rather a long name for one program")
    faults = check(page, "a key")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("heading", name="Its secret").wait_for()
    faults += check(page, "a secret that is shown once")
    page.get_by_role("link", name="I have copied it").click()
    faults += check(page, "a key with two secrets")
    page.goto("/admin/api-keys")
    faults += check(page, "keys")
    assert faults == [], "\n".join(faults)


def test_the_pages_of_the_staff(open_page, staff, link_to):
    page = open_page(bypass_csp=True)
    staff.sign_in(page)
    invite(page, "ravi.krishnan.with.a.long.name@example.com")
    page.expected = {404, 422}
    faults = []
    for path in PAGES:
        page.goto(path)
        faults += check(page, path)
    page.goto("/admin/staff")
    page.locator("#people a").first.click()
    page.get_by_role("heading", name="Last sign-ins").wait_for()
    faults += check(page, "a person")
    page.goto("/admin/staff/roles/new")
    page.get_by_role("button", name="Save the role").click()
    page.wait_for_selector("#error-summary")
    faults += check(page, "a role with errors")
    page.goto("/admin/activity")
    page.locator("details summary").first.click()
    faults += check(page, "activity with details")
    stranger = open_page(bypass_csp=True)
    stranger.goto(link_to("ravi.krishnan.with.a.long.name@example.com"))
    faults += check(stranger, "an invitation")
    stranger.expected = {422}
    stranger.goto("/admin/forgot")
    faults += check(stranger, "a password forgotten")
    stranger.get_by_role("button", name="Mail me the link").click()
    faults += check(stranger, "a password forgotten, with errors")
    stranger.get_by_label("E-mail address").fill("ravi@example.com")
    stranger.get_by_role("button", name="Mail me the link").click()
    faults += check(stranger, "a link on its way")
    assert faults == [], "\n".join(faults)

"""A customer's pages in Chromium: with and without scripts, axe on a dark phone and a light desk, valid HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import shopping
from tests.browser.test_pages import assert_valid, check

LINK = re.compile(r"https?://[^/\s]+(/(?:register|login/link|login/reset|login/connect)/[\w-]{40,})")
PASSWORD = "Bunga-Raya 7 & Teluk"
TAILORED = "/p/kemeja-linen-mega-laut"
MEASURES = {
    "Neck": "38.7",
    "Shoulders": "42",
    "Chest": "97.1",
    "Waist": "82",
    "Hips": "99",
    "Upper arm": "32",
    "Arm length": "59",
}
Mails = Callable[[str], list[dict[str, Any]]]
Letter = Callable[[dict[str, Any]], str]


def read_link(page: Page, mails: Mails, letter: Letter, email: str, *, subject: str) -> str:
    """The link of the mail with that subject, once it has come."""
    for _ in range(150):
        found = [letter(each) for each in mails(email) if each["subject"] == subject]
        if found:
            return LINK.search(found[0])[1]
        page.wait_for_timeout(200)
    raise AssertionError(f"only {[each['subject'] for each in mails(email)]} came")


def steps(page: Page, mails: Mails, letter: Letter, email: str) -> Iterator[str]:
    """The pages of an account, from its beginning to the wish to end it, each yielded as it stands."""
    main = page.locator("#main")
    page.expected = {422}
    page.goto("/register")
    main.get_by_role("button", name="Create the account").click()
    page.wait_for_selector("#error-summary")
    yield "register with errors"
    main.get_by_label("Your name").fill("Aina Rahman")
    main.get_by_label("E-mail").fill(email)
    main.get_by_label("Password").fill(PASSWORD)
    main.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/register/sent")
    page.goto(read_link(page, mails, letter, email, subject="Confirm your e-mail address"))
    yield "confirm"
    main.get_by_role("button", name="Confirm and sign in").click()
    page.wait_for_url("**/account/**")
    yield "account without orders"
    page.goto("/account/addresses")
    yield "first address"
    main.get_by_label("Postcode").fill("50480")
    main.get_by_label("Town or city").fill("Kuala Lumpur")
    main.locator("#line1").fill("12 Jalan Kiara")
    main.get_by_role("button", name="Save").click()
    page.wait_for_url("**/account/addresses?said=saved")
    yield "addresses"
    page.goto("/account/measurements")
    main.get_by_label("Chest").fill("38")
    main.get_by_role("button", name="Save").last.click()
    page.wait_for_selector("#error-summary")
    yield "measurements with errors"
    main.get_by_label("Whose measurements").fill("Aminah")
    main.get_by_role("button", name="Switch to inches").click()
    main.locator("[name=unit][value=in]").wait_for(state="attached")
    main.get_by_label("Chest").fill("38 1/4")
    main.get_by_role("button", name="Save").last.click()
    page.wait_for_url("**/account/measurements?said=saved")
    yield "measurements"
    page.goto(TAILORED)
    page.locator("label", has_text="Enter measurements").click()
    yield "made to measure"
    page.locator("label", has_text="Aminah").click()
    main.get_by_role("button", name="Add to cart").first.click()
    page.wait_for_selector("#error-summary")
    yield "made to measure with errors"
    page.goto(shopping.SHIRT)
    main.get_by_role("button", name="Save to wishlist").click()
    page.wait_for_url("**/wishlist")
    yield "wishlist"
    page.goto(shopping.SHIRT)
    main.get_by_role("button", name="Add to cart").first.click()
    page.locator("#cart-badge .count").wait_for()
    page.goto("/checkout/contact")
    yield "contact of a customer"
    main.get_by_label("Mobile phone").fill("+60 12-345 6789")
    main.get_by_role("button", name="Continue to delivery").click()
    page.wait_for_url("**/checkout/delivery")
    yield "delivery of a customer"
    while "/checkout/delivery" in page.url:
        main.get_by_role("button", name="Continue to review").click()
        page.wait_for_load_state()
    page.wait_for_url("**/checkout/review")
    shopping.place(page)
    shopping.to_provider(page)
    shopping.pay(page)
    page.goto("/account/orders")
    yield "orders"
    main.locator(".order-card a").first.click()
    page.wait_for_url(re.compile(r"/account/orders/[0-9a-f-]{36}"))
    yield "an order"
    main.get_by_role("button", name="Order again").click()
    page.wait_for_url("**/cart?notice=*")
    yield "ordered again"
    for path in ("", "profile", "security", "preferences", "data"):
        page.goto(f"/account/{path}")
        yield f"account {path}"
    main.get_by_label("Current password").last.fill(PASSWORD)
    main.get_by_role("button", name="Delete my account").click()
    main.get_by_role("button", name="Keep my account").wait_for()
    yield "account that closes"
    main.get_by_role("button", name="Keep my account").click()
    page.wait_for_url("**/account/data?said=kept")
    page.goto("/account/")
    main.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url(lambda url: url.endswith("/"))
    page.goto("/login")
    main.get_by_label("E-mail").fill(email)
    main.get_by_label("Password").fill("Wrong-Word 1!")
    main.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_selector("#error-summary")
    yield "sign in with errors"
    main.get_by_label("E-mail").fill(email)
    main.get_by_role("button", name="Mail me a link instead").click()
    page.wait_for_url("**/login/sent?what=link")
    page.goto(read_link(page, mails, letter, email, subject="Your link to sign in"))
    yield "link"
    main.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account/")


def test_pages_of_an_account(open_page, mails, letter):
    page = open_page(width=1280, bypass_csp=True)
    faults = []
    for where in steps(page, mails, letter, "axe-account@example.com"):
        faults += check(page, where)
        page.set_viewport_size({"width": 1280, "height": 800})
    assert faults == []


@pytest.mark.parametrize("width", [360, 1280])
def test_an_account_without_scripts_is_valid_html(open_page, mails, letter, tmp_path, width):
    page = open_page(scripts=False, width=width)
    for where in steps(page, mails, letter, f"plain-{width}@example.com"):
        (tmp_path / f"{where.replace(' ', '-')}.html").write_text(page.content(), encoding="utf-8")
    assert_valid(tmp_path)


@pytest.mark.parametrize("scripts", [False, True])
def test_a_guest_has_a_shirt_sewn_on_a_phone(open_page, scripts):
    page = open_page(width=360, scripts=scripts)
    page.expected = {422}
    page.goto(TAILORED)
    fields = page.locator("#buy .measures")
    assert not fields.is_visible()
    page.locator("label", has_text="Enter measurements").click()
    fields.wait_for()
    for label, text in MEASURES.items():
        fields.get_by_label(label, exact=True).fill(text)
    page.locator("#add").click()
    page.get_by_text("Back length: not entered yet").first.wait_for()
    assert "Chest" not in page.url
    again = page.locator("#drawer")
    assert again.get_by_label("Chest", exact=True).input_value() == "97.1"
    again.get_by_label("Back length", exact=True).fill("43")
    again.get_by_role("button", name="Add to cart").click()
    page.locator("#cart-badge .count" if scripts else "#cart").wait_for(state="attached")
    page.goto("/cart")
    page.get_by_text("Made to the measurements you entered").click()
    page.get_by_text("Back length\u00a043\u00a0cm").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shopping.to_review(page, email=f"sewn-{scripts}@example.com")
    page.locator("details.summary-fold > summary").click()
    page.get_by_text("Chest\u00a097.1\u00a0cm").first.wait_for()
    shopping.place(page)
    assert "97.1" not in page.content()


def test_a_password_can_be_looked_at(open_page):
    page = open_page(width=360)
    page.goto("/login")
    field, eye = page.locator("#password"), page.get_by_role("button", name="Show password")
    field.fill(PASSWORD)
    for shown in (True, False):
        eye.click()
        assert field.get_attribute("type") == ("text" if shown else "password")
        assert eye.get_attribute("aria-pressed") == str(shown).lower()
    eye.focus()
    page.keyboard.press("Space")
    assert field.get_attribute("type") == "text"
    plain = open_page(width=360, scripts=False)
    plain.goto("/login")
    assert not plain.locator("[data-reveal]").is_visible()

"""The newsletter in Chromium: from the home page to the last press, with and without scripts, looked over by axe."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.test_pages import assert_valid, check

LINK = re.compile(r"https?://[^/\s]+(/(?:newsletter|unsubscribe)/\S+)")


def steps(page: Page, mails, letter, email: str) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """The pages of somebody who asks for the news and leaves, each yielded as it stands."""
    form = page.locator("#newsletter")
    page.expected = {422, 410}  # type: ignore[attr-defined]
    page.goto("/")
    form.get_by_label("E-mail").fill("aina@")
    form.get_by_role("button", name="Send me the news").click()
    form.get_by_text("Enter an e-mail address like").wait_for()
    yield "form with an error"
    form.get_by_label("E-mail").fill(email)
    form.get_by_role("button", name="Send me the news").click()
    form.get_by_role("status").wait_for()
    yield "form that was sent"
    for _ in range(150):
        if mails(email):
            break
        page.wait_for_timeout(200)
    confirm, end = LINK.findall(letter(mails(email)[0]))
    page.goto(confirm)
    yield "confirm the news"
    page.get_by_role("button", name="Yes, send me the news").click()
    page.get_by_role("heading", name="You get our news now").wait_for()
    yield "news confirmed"
    page.goto(end)
    yield "end the news"
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("heading", name="You get no more of these mails").wait_for()
    yield "news ended"
    page.goto(confirm)
    yield "link that is over"


def test_pages_of_the_newsletter(open_page, mails, letter, staff):
    page = open_page(bypass_csp=True)
    faults = []
    for where in steps(page, mails, letter, "news-axe@example.com"):
        faults += check(page, where)
    staff.sign_in(page)
    page.goto("/admin/newsletter?q=news-axe@example.com")
    page.get_by_text("Gets no more news").first.wait_for()
    assert faults + check(page, "list of the newsletter") == []


@pytest.mark.parametrize("width", [360, 1280])
def test_without_scripts_it_is_the_same_and_valid_html(open_page, mails, letter, tmp_path, width):
    page = open_page(scripts=False, width=width)
    for where in steps(page, mails, letter, f"news-{width}@example.com"):
        if where == "form that was sent":
            assert page.url.endswith("/?subscribed=1#newsletter")
        (tmp_path / f"{where.replace(' ', '-')}.html").write_text(page.content(), encoding="utf-8")
    assert_valid(tmp_path)


def test_the_form_answers_where_it_stands(open_page):
    """No page is left, and the focus goes where the reader goes on."""
    page = open_page(width=360)
    page.expected = {422}
    page.goto("/")
    field = page.locator("#newsletter-email")
    field.fill("aina@")
    field.press("Enter")
    page.locator("#newsletter-email-error").wait_for()
    page.locator("#newsletter-email:focus").wait_for()
    assert field.input_value() == "aina@"
    field.fill("focus@example.com")
    field.press("Enter")
    page.locator("#newsletter [role=status]:focus").wait_for()
    assert page.url.endswith("/")

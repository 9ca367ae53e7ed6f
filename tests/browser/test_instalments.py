"""A person pays an order in parts (PAY-28): on a phone without scripts, and with them."""

import pytest
from playwright.sync_api import expect

from chaos.servers import wait_for
from tests.browser import shopping


@pytest.mark.parametrize(("scripts", "width"), [(False, 360), (True, 1280)])
def test_three_parts_are_chosen_and_paid(open_page, mails, scripts, width):
    email = f"parts-{scripts}-{width}@example.com".lower()
    page = open_page(scripts=scripts, width=width)
    shopping.add_to_cart(page)
    shopping.to_review(page, email=email)
    expect(page.locator(".plan-table").first).to_be_hidden()
    page.locator("#parts-3").check()
    plan = page.locator(".plan-choice:has(#parts-3) .plan-table")
    expect(plan).to_be_visible()
    expect(plan.locator("tr")).to_have_count(4)
    expect(page.get_by_role("button", name="Place order and pay the first part")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shopping.place(page)
    order = page.url
    for paid in (1, 2):
        shopping.to_provider(page)
        shopping.pay(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text("is pending")
        expect(page.locator("#plan")).to_contain_text(f"{paid} of 3 paid")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="Pay RM").click()
        assert page.url == order
        expect(page.locator("#lock")).to_have_count(0)
    expect(page.get_by_role("button", name="Pay all that is left")).to_have_count(0)  # it is the last one
    shopping.to_provider(page)
    shopping.pay(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("is confirmed")
    wait_for(lambda: len(mails(email)) >= 4, seconds=60, why="no mail came")
    assert sum("We have received your payment" in mail["subject"] for mail in mails(email)) == 3


def test_the_rest_is_paid_at_once_and_staff_see_the_plan(open_page, staff):
    page = open_page(width=360)
    shopping.add_to_cart(page)
    shopping.to_review(page, email="rest@example.com")
    page.locator("#parts-2").check()
    shopping.place(page)
    page.get_by_role("button", name="Pay all that is left").click()
    page.wait_for_url("**/v1/checkout/**")
    shopping.pay(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("is confirmed")
    number = page.locator(".order-no").inner_text()
    desk = open_page()
    staff.sign_in(desk)
    desk.goto(f"/admin/orders?q={number}")
    desk.locator("table a").first.click()
    expect(desk.locator("#plan")).to_contain_text("2 of 2 paid")

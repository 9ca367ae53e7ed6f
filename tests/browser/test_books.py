"""The books as staff see them, on a dark phone and a light desk: no axe violation, no sideways scrolling."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.core import db
from app.reconciliation import flows
from tests.browser import shopping
from tests.browser.conftest import sign_in
from tests.browser.test_pages import check


@pytest.fixture(scope="module")
def differing(stand, browser):
    """A paid order whose statement shows another fee, compared."""
    context = browser.new_context(base_url=stand.environ["BASE_URL"], locale="en-GB")
    page = context.new_page()
    shopping.buy(page, email="books@example.com")
    context.close()
    bank = stand.environ["RAZORPAY_API_URL"]
    requests.post(f"{bank}/_sandbox/settlements", json={}, timeout=10).raise_for_status()
    stray = {"type": "adjustment", "amount": 300}
    requests.post(f"{bank}/_sandbox/settlements/stray", json=stray, timeout=10).raise_for_status()
    until = datetime.now(UTC) + timedelta(minutes=5)
    with stand.inside():
        flows.reconcile(trigger="command", window=flows.Window(until, until - timedelta(days=2)))
        found = db.scalar("SELECT id FROM difference WHERE kind = 'adjustment'")
        db.forget()
    return f"/admin/books/{found}"


def test_pages_of_the_books(open_page, stand, differing):
    page = open_page(bypass_csp=True)
    sign_in(page, stand, "books@example.com")
    faults = []
    for path in ("/admin/books", "/admin/books/statement", "/admin/books?state=closed", differing):
        page.goto(path)
        faults += check(page, path)
    assert page.get_by_role("heading", name="Correction by the provider").count() == 1
    page.expected = {422}
    page.get_by_role("button", name="Accept as it is").click()
    page.locator("#error-summary").wait_for()
    assert faults + check(page, "a reason is missing") == []

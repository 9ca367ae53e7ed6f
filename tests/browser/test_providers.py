"""Every provider in the browser: declined, another way declined too, paid after all; a line refunded, then the rest, which
fails later and is sent again."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from app.core import db
from chaos.servers import wait_for
from chaos.stand import Stand
from tests.browser import shopping
from tests.browser.conftest import sign_in


@dataclass(frozen=True)
class Way:
    """A method on the pay page, the origin number that asks its provider first, and the buttons there."""

    method: str
    at: int = 0
    pays: str = "succeed"
    declines: str = "fail"
    bank: str = ""
    currency: str = "MYR"


CARD = Way("card")
WAYS = {
    "razorpay": (Way("upi", currency="INR"), CARD),  # ringgit are Curlec's
    "curlec": (Way("fpx", bank="MB2U"), Way("paypal", declines="decline")),
    "stripe": (Way("card", at=1, declines="decline"), Way("wallet")),
    "paypal": (Way("paypal", pays="approve", declines="decline"), CARD),
    "billplz": (Way("fpx", at=2), CARD),
    "manual": (Way("bank_transfer"), CARD),
}


@pytest.fixture(scope="module")
def desk(stand: Stand, browser: Browser) -> Iterator[Page]:
    """Somebody at work, signed in once for all stories."""
    context = browser.new_context(base_url=stand.environ["BASE_URL"], locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    sign_in(page, stand, "till@example.com")
    yield page
    context.close()


@pytest.mark.parametrize("provider", WAYS)
def test_a_provider_takes_money_and_gives_it_back(open_page, desk, stand, provider):
    own, other = WAYS[provider]
    page = open_page(base_url=stand.webs[own.at].url.removesuffix("/health/live"))
    url = stand.environ["BASE_URL"].rpartition(":")[0]
    page.context.add_cookies([{"name": "currency", "value": own.currency, "url": url}])
    for _ in range(2):
        shopping.add_to_cart(page)
    place = {"postcode": "560001", "city": "Bengaluru"} if own.currency == "INR" else {}
    shopping.to_review(page, email=f"{provider}@example.com", **place)
    shopping.place(page)
    path = page.url.removeprefix(page.url.partition("/checkout")[0])
    if provider != "manual":
        decline(page, path, own)
    decline(page, path, other)
    token = path.rsplit("/", 1)[-1]
    if provider == "manual":
        choose(page, path, own)
        say_arrived(desk, stand, token)
    else:
        choose(page, path, own)
        press(page, own.pays)
    page.goto(f"/order/{token}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("is confirmed")
    refund_and_fail(desk, stand, token, provider)
    page.goto(f"/order/{token}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(": refund")


def choose(page: Page, path: str, way: Way) -> None:
    """Take a way to pay, up to the provider's page (or the order's, where the money comes by hand)."""
    page.goto(path)
    radio = page.locator(f"input[name=payment_method][value={way.method}]")
    if not radio.is_visible():
        page.locator("details:has(input[name=payment_method]) > summary").click()
    radio.check()
    if way.bank:
        page.locator("[name=bank]").first.select_option(way.bank)
    page.locator("#pay").click()
    page.wait_for_url(lambda url: "/checkout/pay/" not in url)


def press(page: Page, action: str) -> None:
    """A button on the provider's page, and back to the shop; Stripe's asks again after a decline, and is closed then."""
    page.locator(f"button[name=action][value={action}]").first.click()
    back = page.get_by_role("button", name="Return to the shop")
    closing = page.locator("button[name=action][value=close]").first
    if "/stripe/" in page.url and action == "decline":
        closing.click()
    page.wait_for_url(lambda url: any(part in url for part in ("/order/", "/checkout/pay/", "/v1/checkout/")))
    if "/v1/checkout/" in page.url:
        back.click()
    page.wait_for_url(lambda url: "/order/" in url or "/checkout/pay/" in url)


def decline(page: Page, path: str, way: Way) -> None:
    choose(page, path, way)
    press(page, way.declines)
    if way.method == "paypal":  # told by its answer to us, not by the way back
        expect(page.get_by_text("The payment did not go through").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("is confirmed")


def say_arrived(desk: Page, stand: Stand, token: str) -> None:
    order = facts(stand, "SELECT id, total_minor FROM orders WHERE token = :token", token=token)
    desk.goto(f"/admin/orders/{order.id}")
    form = desk.locator(f'form[action="/admin/orders/{order.id}/money-arrived"]')
    form.locator("[name=amount]").fill(f"{order.total_minor / 100:.2f}")
    form.locator("[name=reference]").fill("MB2U 4711")
    form.get_by_role("button").click()
    desk.locator("#said").wait_for()


def refund_and_fail(desk: Page, stand: Stand, token: str, provider: str) -> None:
    """A line, then everything; the second fails after it was done, and is asked for again."""
    order = facts(stand, "SELECT id, total_minor FROM orders WHERE token = :token", token=token)
    refund(desk, order.id, "#q1", "1")
    finish(desk, stand, order.id, well=True)
    refund(desk, order.id, "[name=everything]", "")
    finish(desk, stand, order.id, well=False)
    desk.goto("/admin/payments")
    expect(desk.get_by_text("Refund failed").first).to_be_visible()
    desk.locator(f'form[action="/admin/payments/refunds/{last_refund(stand, order.id).id}/retry"] button').click()
    desk.locator("#said").wait_for()
    finish(desk, stand, order.id, well=True)
    sums = facts(
        stand,
        "SELECT sum(r.amount_minor)::int AS minor, max(c.provider) AS provider, max(a.receipt) AS receipt FROM refund r"
        " JOIN payment_capture c ON c.id = r.capture_id JOIN payment_attempt a ON a.id = c.attempt_id"
        " JOIN payment p ON p.id = r.payment_id WHERE p.order_id = :id AND r.state = 'succeeded'",
        id=order.id,
    )
    assert (sums.provider, sums.minor) == (provider, order.total_minor)
    if provider not in ("billplz", "manual"):  # theirs goes back by hand
        account = stand.bank.control("GET", f"/ledger/{sums.receipt}")
        assert (account["captured"], account["refunded"]) == (order.total_minor, order.total_minor)


def refund(desk: Page, order_id: uuid.UUID, field: str, typed: str) -> None:
    desk.goto(f"/admin/orders/{order_id}/refund")
    box = desk.locator(field)
    box.fill(typed) if typed else box.check()
    desk.get_by_role("button", name="Preview").click()
    desk.locator("#refund-total").wait_for()
    desk.get_by_role("button", name=re.compile("^Refund")).click()
    desk.locator("#said").wait_for()


def finish(desk: Page, stand: Stand, order_id: uuid.UUID, *, well: bool) -> None:
    """The last refund ends: by the provider, or by a click where staff send it; not `well` even after it had arrived."""
    wait_for(lambda: last_refund(stand, order_id).provider_refund_id, seconds=30, why="the refund was not sent")
    sent = last_refund(stand, order_id)
    if sent.is_by_hand:
        desk.goto(f"/admin/orders/{order_id}")
        desk.locator(f'form[action="/admin/refunds/{sent.id}/{"sent" if well else "not-sent"}"] button').first.click()
        desk.locator("#said").wait_for()
    elif not well:
        stand.bank.end_refund(sent.provider, sent.provider_refund_id, well=False)
        desk.goto(f"/admin/orders/{order_id}")
        desk.get_by_role("button", name="Look for refunds at the provider").click()
        desk.locator("#said").wait_for()
    state = "succeeded" if well else "failed"
    wait_for(lambda: last_refund(stand, order_id).state == state, seconds=30, why=f"the refund is not {state}")


def last_refund(stand: Stand, order_id: uuid.UUID):
    return facts(
        stand,
        "SELECT r.id, r.state, r.is_by_hand, r.provider_refund_id, c.provider FROM refund r"
        " JOIN payment_capture c ON c.id = r.capture_id JOIN payment p ON p.id = r.payment_id WHERE p.order_id = :id"
        " ORDER BY r.created_at DESC LIMIT 1",
        id=order_id,
    )


def facts(stand: Stand, sql: str, **values: object):
    """One row of the stand's database."""
    with stand.inside():
        return db.rows(sql, **values)[0]

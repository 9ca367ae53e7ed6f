"""`make screenshots`: most pages of the demo shop into docs/screenshots, on a phone and on a wide screen: light, and
the shop's pages that take nobody of the staff also dark.

`python -m docs.screenshots wide wide-dark` takes those alone. The pictures are taken of the running shop: a purchase is made
on the way, so that each page is in a state worth showing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyotp
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from chaos.servers import own_servers
from chaos.stand import ALL_PROVIDERS, BIN, PROJECT, Stand
from demo import load
from run import browser as browsers
from tests.browser import shopping, test_customers, test_staff

FOLDER = Path(__file__).parent / "screenshots"
VIEWS = {"phone": (360, "light"), "phone-dark": (360, "dark"), "wide": (1280, "light"), "wide-dark": (1280, "dark")}
LONGEST = 1600  # pixels of a page that are kept; what follows below is more of the same
Shot = Callable[[str], None]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with shop() as stand, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browsers.find()), args=list(browsers.ARGUMENTS))
        staff = new_staff(stand)
        for view in sys.argv[1:] or VIEWS:
            width, scheme = VIEWS[view]
            take(browser, stand, view, width=width, scheme=scheme, staff=staff)
            print(view, flush=True)
        browser.close()


@contextmanager
def shop() -> Iterator[Stand]:
    with own_servers() as servers:
        stand = Stand(servers, webs=1, settings={"RATE_LIMIT_ENABLED": "false", "INSTALMENTS": "3", **ALL_PROVIDERS})
        try:
            flask(stand, "assets", "build")
            stand.migrate()
            with stand.inside():
                load.load()
                shopping.fill_up("kemeja-bunga-teluk")
            stand.start()
            yield stand
        finally:
            stand.end()


def flask(stand: Stand, *command: str) -> str:
    done = subprocess.run(
        [str(BIN / "flask"), "--app", "wsgi", *command], cwd=PROJECT, env=stand.environ, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return done.stdout


def new_staff(stand: Stand) -> dict[str, str]:
    made: dict[str, str] = json.loads(
        flask(stand, "staff", "create", "mei@murnibatik.example", "--role", "owner", "--json")
    )
    return made


def take(browser: Browser, stand: Stand, view: str, *, width: int, scheme: str, staff: dict[str, str]) -> None:
    page = browser.new_context(
        base_url=stand.environ["BASE_URL"],
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    ).new_page()

    def shot(name: str) -> None:
        page.wait_for_load_state("networkidle")
        height = min(LONGEST, page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size(
            {"width": width, "height": height}
        )  # so that lazy pictures and sticky bars are where they belong
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}-{view}.jpg", type="jpeg", quality=60)
        page.set_viewport_size({"width": width, "height": 800})

    browse(page, shot)
    purchase(page, shot, email=f"aina-{view}@example.com")
    instalments(page, shot, email=f"parts-{view}@example.com")
    account(page, shot, stand, email=f"member-{view}@example.com")
    if view in ("phone", "wide"):
        back_office(page, shot, staff)
        refund(page, shot, email=f"refund-{view}@example.com")
        gift_card(page, shot, email=f"gift-{view}@example.com")
        subscription(page, shot)
        people(page, shot, stand, email=f"ravi-{view}@murnibatik.example")
    page.context.close()


def browse(page: Page, shot: Shot) -> None:
    for name, path in (
        ("home", "/"),
        ("category", "/c/shirts"),
        ("category-filtered", "/c/shirts?motif=parang&stock=1"),
        ("search", "/search?q=sarong"),
        ("search-nothing", "/search?q=qqqq"),
        ("product", shopping.SHIRT),
        ("cart-empty", "/cart"),
        ("track", "/track"),
        ("about", "/about"),
        ("shipping", "/shipping"),
        ("refunds", "/refunds"),
        ("contact", "/contact"),
        ("terms", "/terms"),
        ("privacy", "/privacy"),
        ("newsletter", "/newsletter"),
        ("not-found", "/there-is-no-such-page"),
    ):
        page.goto(path)
        shot(name)


def purchase(page: Page, shot: Shot, *, email: str) -> None:
    shopping.add_to_cart(page)
    shot("added")
    page.goto("/cart")
    shot("cart")
    page.goto("/checkout/contact")
    page.get_by_label("E-mail").fill("aina")
    page.get_by_role("button", name="Continue to delivery").click()
    shot("contact-error")
    shopping.to_review(page, email=email)
    shot("review")
    page.goto("/checkout/delivery")
    shot("delivery")
    page.goto("/checkout/review")
    shopping.place(page)
    shot("pay")
    order = page.url.rsplit("/", 1)[-1]
    page.goto(f"/order/{order}")
    shot("order-pending")
    page.goto(f"/checkout/pay/{order}")
    shopping.to_provider(page)
    shopping.pay(page)
    shot("order-confirmed")


def instalments(page: Page, shot: Shot, *, email: str) -> None:
    """An order in three parts, of which one is paid."""
    shopping.add_to_cart(page)
    shopping.to_review(page, email=email)
    page.locator("#parts-3").check()
    shot("review-parts")
    shopping.place(page)
    shopping.to_provider(page)
    shopping.pay(page)
    shot("order-parts")
    page.get_by_role("link", name="Pay RM").click()
    shot("pay-parts")


def account(page: Page, shot: Shot, stand: Stand, *, email: str) -> None:
    """From “Create an account” to the wish to end it, in the steps that the browser tests look over."""
    page.goto("/login")
    shot("login")
    for step in test_customers.steps(page, partial(sent_to, stand), partial(text_of, stand), email):
        shot("account-" + re.sub(r"\W+", "-", step.removeprefix("account ").strip() or "home"))
    page.goto("/login")
    if page.locator("form[action='/logout'] button").count():
        page.locator("form[action='/logout'] button").first.click()
        page.wait_for_load_state()


def people(page: Page, shot: Shot, stand: Stand, *, email: str) -> None:
    """Who works here: invited, looked after, and what they did."""
    test_staff.invite(page, email)
    for path in test_staff.PAGES[:-1]:
        page.goto(path)
        shot(path.strip("/").replace("/", "-"))
    page.goto("/admin/staff")
    page.locator("#people a").first.click()
    page.wait_for_load_state()
    shot("admin-staff-person")
    test_staff.make_key(page, f"Bookkeeper {page.viewport_size['width']}")  # type: ignore[index]
    page.get_by_role("button", name="Rotate").click()
    shot("admin-api-key-secret")
    page.get_by_role("link", name="I have copied it").click()
    shot("admin-api-key")
    page.goto("/admin/api-keys")
    shot("admin-api-keys")
    while not sent_to(stand, email):
        page.wait_for_timeout(500)
    found = re.search(r"/admin/invitation/[\w-]+", text_of(stand, sent_to(stand, email)[0]))
    guest = page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=stand.environ["BASE_URL"], viewport=page.viewport_size
    ).new_page()
    guest.goto(found[0] if found else "")
    guest.screenshot(
        path=FOLDER / f"admin-invitation-{'phone' if page.viewport_size['width'] < 500 else 'wide'}.jpg",  # type: ignore[index]
        type="jpeg",
        quality=60,
    )
    guest.context.close()


def sent_to(stand: Stand, address: str) -> list[dict[str, Any]]:
    found = requests.get(f"http://127.0.0.1:{stand.mail_port}/messages.json", timeout=10).json()
    return [each for each in found if address in str(each["to"])]


def text_of(stand: Stand, mail: dict[str, Any]) -> str:
    found = requests.get(f"http://127.0.0.1:{stand.mail_port}/messages/{mail['id']}.json", timeout=10)
    return str(found.json()["text"])


def back_office(page: Page, shot: Shot, staff: dict[str, str]) -> None:
    page.goto("/admin/forgot")
    shot("admin-forgot")
    page.goto("/admin/login")
    shot("admin-login")
    page.locator("[name=email]").fill(staff["email"])
    page.locator("[name=password]").fill(staff["password"])
    page.locator("main button[type=submit]").first.click()
    page.wait_for_url("**/admin/totp*")
    shot("admin-totp")
    totp = pyotp.parse_uri(staff["otpauth_url"])
    page.locator("[name=code]").fill(_fresh(totp))
    page.locator("main button[type=submit]").first.click()
    page.wait_for_load_state()
    if page.get_by_role("button", name="I saved them").count():
        page.get_by_role("button", name="I saved them").click()
        page.wait_for_load_state()
    for name, path in (
        ("admin", "/admin/"),
        ("admin-orders", "/admin/orders"),
        ("admin-locks", "/admin/stock-locks"),
        ("admin-products", "/admin/products"),
        ("admin-payments", "/admin/payments"),
        ("admin-deliveries", "/admin/deliveries"),
        ("admin-books", "/admin/books"),
        ("admin-privacy", "/admin/privacy"),
    ):
        page.goto(path)
        shot(name)
    for name, path in (("admin-order", "/admin/orders"), ("admin-product", "/admin/products?q=silk+shirt")):
        page.goto(path)
        page.locator("table a").first.click()
        page.wait_for_load_state()
        shot(name)


def refund(page: Page, shot: Shot, *, email: str) -> None:
    """Asked for by the customer, previewed and sent by staff."""
    shopping.buy(page, email=email)
    page.goto(f"{page.url}/refund")
    page.locator("#q1").fill("1")
    page.locator("#reason-damaged").check()
    shot("refund-asked")
    page.get_by_role("button", name="Ask for a refund").click()
    page.goto("/admin/refunds?view=asked")
    shot("admin-refunds")
    page.get_by_role("link", name="Refund order").first.click()
    page.get_by_role("button", name="Preview").click()
    page.locator("#refund-total").wait_for()
    shot("admin-refund-preview")


def gift_card(page: Page, shot: Shot, *, email: str) -> None:
    """Issued in the back office, looked up, paying a part of an order."""
    page.goto("/gift-cards")
    shot("gift-cards")
    page.goto("/admin/gift-cards/new")
    page.get_by_label("Amount of each").fill("50")
    shot("admin-gift-cards-new")
    page.get_by_role("button", name="Issue").click()
    code = page.locator("#code").inner_text()
    shot("admin-gift-cards-issued")
    page.goto("/admin/gift-cards")
    shot("admin-gift-cards")
    page.locator("table a, a.row-link").first.click()
    page.wait_for_load_state()
    shot("admin-gift-card")
    page.goto("/gift-cards")
    page.locator("[name=code]").fill(code)
    page.get_by_role("button", name="Show what is left").click()
    page.wait_for_load_state()
    shot("gift-cards-balance")
    shopping.add_to_cart(page)
    shopping.to_review(page, email=email)
    page.get_by_text("Add a code").click()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Apply").click()
    page.locator("#due").wait_for()
    shot("review-gift-card")
    shopping.place(page)
    shot("pay-gift-card")
    shopping.to_provider(page)
    shopping.pay(page)
    shot("order-gift-card")


def subscription(page: Page, shot: Shot) -> None:
    """Offered by staff (for the first picture of it), begun by a shopper."""
    page.goto(shopping.SHIRT)
    if not page.get_by_role("link", name="Subscribe").count():
        sku = re.search(r'"sku":\s*"([^"]+)"', page.content())
        page.goto("/admin/subscriptions/plans")
        page.get_by_label("SKU of the variant").fill(sku[1] if sku else "")
        page.get_by_role("button", name="Offer it").click()
        page.locator("#said").wait_for()
    page.goto("/admin/subscriptions/plans")
    shot("admin-subscription-plans")
    offered = page.get_by_role("link", name="Subscribe").first
    while not offered.count():  # product pages remember their plans for some seconds
        page.wait_for_timeout(1000)
        page.goto(shopping.SHIRT)
    offered.click()
    page.wait_for_url("**/subscribe/*")
    shot("subscribe")
    page.get_by_label("E-mail").fill("aina@example.com")
    page.get_by_label("Mobile phone").fill("+60 12-345 6789")
    page.get_by_label("Full name").fill("Aina Rahman")
    page.get_by_label("Postcode").fill("50480")
    page.get_by_label("Town or city").fill("Kuala Lumpur")
    page.get_by_label("Address", exact=True).fill("12 Jalan Kiara")
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("heading", name="Review your subscription").wait_for()
    shot("subscribe-review")
    page.get_by_role("button", name="Subscribe and pay").click()
    page.wait_for_url("**/subscription/*")
    shot("subscription")


_used: set[str] = set()


def _fresh(totp: pyotp.OTP) -> str:
    """A code that was not used yet: each works once, and the next one comes within half a minute."""
    while (code := totp.now()) in _used:  # type: ignore[attr-defined]
        time.sleep(1)
    _used.add(code)
    return code


if __name__ == "__main__":
    main()

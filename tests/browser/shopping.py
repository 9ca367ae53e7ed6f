"""What a shopper does in a browser, by what the pages say."""

from __future__ import annotations

from playwright.sync_api import Page

from app.core import db
from app.core.transaction import transaction
from app.stock.actions import goods

SHIRT = "/p/kemeja-bunga-teluk"


def add_to_cart(page: Page, path: str = SHIRT) -> None:
    page.goto(path)
    page.get_by_role("button", name="Add to cart").first.click()
    page.locator("#cart-badge .count").wait_for()


def to_review(
    page: Page, *, email: str, name: str = "Aina Rahman", postcode: str = "50480", city: str = "Kuala Lumpur"
) -> None:
    page.goto("/checkout/contact")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Mobile phone").fill("+60 12-345 6789")
    page.get_by_role("button", name="Continue to delivery").click()
    page.get_by_label("Full name").fill(name)
    page.get_by_label("Postcode").fill(postcode)
    page.get_by_label("Town or city").fill(city)
    page.locator("#line1").fill("12 Jalan Kiara")
    page.get_by_role("button", name="Continue to review").click()
    page.wait_for_url("**/checkout/review")


def place(page: Page) -> None:
    page.get_by_role("button", name="Place order and pay").click()
    page.wait_for_url("**/checkout/pay/*")


def to_provider(page: Page) -> None:
    """Press “Pay”; without scripts the hand-over page has its own button."""
    page.locator("#pay").click()
    page.wait_for_url(lambda url: "/v1/checkout/" in url or url.endswith("/continue"))
    go = page.locator("#go")
    if "/v1/checkout/" not in page.url and go.is_visible():
        go.click(no_wait_after=True)
    page.wait_for_url("**/v1/checkout/**")


def pay(page: Page, action: str = "succeed") -> None:
    page.locator(f"button[name=action][value={action}]").click()
    back = page.get_by_role("button", name="Return to the shop")
    page.wait_for_url(lambda url: "/order/" in url or "/checkout/pay/" in url or "/pay/" in url)
    if "/order/" not in page.url and "/checkout/pay/" not in page.url:
        back.click()
    page.wait_for_url(lambda url: "/order/" in url or "/checkout/pay/" in url)


def buy(page: Page, *, email: str) -> None:
    add_to_cart(page)
    to_review(page, email=email)
    place(page)
    to_provider(page)
    pay(page)


def fill_up(slug: str) -> None:
    """All buy the same shirt, and nobody may find it sold out."""
    with transaction():
        found = db.rows(
            "SELECT s.variant_id, s.warehouse_id FROM stock_item s JOIN variant v ON v.id = s.variant_id"
            " JOIN product p ON p.id = v.product_id WHERE p.slug = :slug",
            slug=slug,
        )
        goods.receive_many([(row.variant_id, row.warehouse_id, 100, 0) for row in found], reason="test")

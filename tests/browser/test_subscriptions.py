"""A subscription in a real browser, on a phone: offered by staff, begun at the payment page, seen running; axe looks at each page."""

from __future__ import annotations

from app.core import db
from chaos.servers import wait_for
from tests.browser.test_pages import check


def sku_of(stand, slug):
    with stand.inside():
        found = db.scalar(
            "SELECT v.sku FROM variant v JOIN product p ON p.id = v.product_id WHERE p.slug = :slug ORDER BY v.position LIMIT 1",
            slug=slug,
        )
        db.release()
    return found


def plan_of(stand, slug):
    with stand.inside():
        found = db.scalar(
            "SELECT r.id FROM recurring_plan r JOIN variant v ON v.id = r.variant_id JOIN product p ON p.id = v.product_id"
            " WHERE p.slug = :slug",
            slug=slug,
        )
        db.release()
    return found


def test_a_subscription_on_a_phone(open_page, stand, staff):
    desk = open_page(width=360, scheme="dark", bypass_csp=True)
    staff.sign_in(desk)
    desk.goto("/admin/subscriptions/plans")
    desk.get_by_label("SKU of the variant").fill(sku_of(stand, "kemeja-bunga-teluk"))
    desk.get_by_role("button", name="Offer it").click()
    desk.wait_for_selector("#said")
    faults = check(desk, "plans")

    page = open_page(width=360, bypass_csp=True)
    plan = plan_of(stand, "kemeja-bunga-teluk")
    page.goto(f"/subscribe/{plan}")
    page.get_by_label("E-mail").fill("aina@example.com")
    page.get_by_label("Mobile phone").fill("+60 12-345 6789")
    page.get_by_label("Full name").fill("Aina Rahman")
    page.get_by_label("Postcode").fill("50480")
    page.get_by_label("Town or city").fill("Kuala Lumpur")
    page.get_by_label("Address", exact=True).fill("12 Jalan Kiara")
    faults += check(page, "form")
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("heading", name="Review your subscription").wait_for()
    faults += check(page, "review")
    page.get_by_role("button", name="Subscribe and pay").click()
    page.wait_for_url("**/subscription/*")
    faults += check(page, "not paid yet")
    here = page.url
    page.get_by_role("link", name="Continue to pay").click()
    page.get_by_role("button", name="Pay and authorise").click()
    page.get_by_role("status").wait_for()

    def is_running():
        page.goto(here)
        return page.get_by_role("heading", level=1).inner_text() == "Your subscription is running."

    wait_for(is_running, seconds=60, why="the subscription does not begin")
    faults += check(page, "running")
    desk.goto("/admin/subscriptions")
    faults += check(desk, "list")
    desk.locator("a.row-link").first.click()
    desk.get_by_role("heading", name="Deliveries").wait_for()
    assert [*faults, *check(desk, "one")] == []

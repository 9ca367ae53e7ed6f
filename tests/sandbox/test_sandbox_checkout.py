import html
import json
import re
from html.parser import HTMLParser

import pytest
import requests

SHOP = {"callback_url": "http://shop.example/return?t=1&u=2", "cancel_url": "http://shop.example/pay/abc"}
KEY_ID = {"key_id": "rzp_test_suite0000000"}


class Page(HTMLParser):
    """The form, fields and buttons of a page."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.hidden, self.buttons, self.labels = [], {}, {}, []
        self._button = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "form":
            self.forms.append((found["method"], found["action"]))
        elif tag == "input" and found["type"] == "hidden":
            self.hidden[found["name"]] = found["value"]
        elif tag == "input" and found["type"] == "radio":
            self.labels.append(found["value"])
        elif tag == "button":
            self._button = (found.get("name"), found.get("value"))

    def handle_data(self, data):
        if self._button is not None:
            self.buttons[data.strip()] = self._button
            self._button = None


@pytest.fixture
def order(sandbox):
    return sandbox.order(12345)


def open_page(sandbox, order, **fields):
    answer = requests.get(f"{sandbox.url}/pay/{order['id']}", params={**KEY_ID, **SHOP, **fields}, timeout=5)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def press(sandbox, page, action, **fields):
    data = {**page.hidden, "action": action, **fields}
    return requests.post(sandbox.url + page.forms[0][1], data=data, timeout=5, allow_redirects=False)


def test_the_form_of_the_docs_leads_to_the_page(sandbox, order):
    form = {
        **KEY_ID,
        **SHOP,
        "order_id": order["id"],
        "amount": "12345",
        "currency": "MYR",
        "name": "Murni <Batik> & Co",
        "description": "Order R-1",
        "image": "https://shop.example/logo.png",
        "prefill[name]": "Aisyah",
        "prefill[email]": "aisyah@example.com",
        "prefill[contact]": "+60123456789",
        "notes[cart]": "42",
    }
    answer = requests.post(f"{sandbox.url}/v1/checkout/embedded", data=form, timeout=5)
    assert answer.status_code == 200
    assert "Murni &lt;Batik&gt; &amp; Co" in answer.text
    assert "RM 123.45" in answer.text
    page = Page(answer.text)
    payment_id = Page(press(sandbox, page, "succeed").text).hidden["razorpay_payment_id"]
    payment = sandbox.payment(payment_id)
    assert (payment["email"], payment["contact"]) == ("aisyah@example.com", "+60123456789")
    assert (payment["description"], payment["notes"]) == ("Order R-1", {"cart": "42"})


def test_the_page_offers_five_endings_and_the_methods_of_the_currency(sandbox, order):
    page = open_page(sandbox, order)
    assert page.forms == [("post", f"/pay/{order['id']}")]
    assert page.buttons == {
        "Pay (succeed)": ("action", "succeed"),
        "Fail": ("action", "fail"),
        "Authorise late": ("action", "late"),
        "Pay twice": ("action", "twice"),
        "Close": ("action", "close"),
    }
    assert page.labels == ["fpx", "card", "wallet"]
    assert open_page(sandbox, sandbox.order(5000, "INR")).labels == ["upi", "card", "netbanking", "wallet"]
    assert open_page(sandbox, sandbox.order(5000, "USD")).labels == ["card"]


def test_success_posts_the_signed_triple_back_to_the_shop(sandbox, order):
    answer = press(sandbox, open_page(sandbox, order), "succeed", method="card")
    assert answer.status_code == 200
    back = Page(answer.text)
    assert back.forms == [("post", SHOP["callback_url"])]
    assert set(back.hidden) == {"razorpay_payment_id", "razorpay_order_id", "razorpay_signature"}
    assert back.buttons == {"Return to the shop": (None, None)}
    sandbox.client.utility.verify_payment_signature(back.hidden)
    payment = sandbox.payment(back.hidden["razorpay_payment_id"])
    assert (payment["status"], payment["method"]) == ("captured", "card")


def test_success_only_authorises_where_the_order_says_so(sandbox):
    order = sandbox.order(payment={"capture": "manual"})
    back = Page(press(sandbox, open_page(sandbox, order), "succeed").text)
    assert sandbox.payment(back.hidden["razorpay_payment_id"])["status"] == "authorized"


def test_failure_posts_unsigned_error_fields(sandbox, order):
    back = Page(press(sandbox, open_page(sandbox, order), "fail", reason="card_declined").text)
    assert back.forms == [("post", SHOP["callback_url"])]
    names = ("code", "description", "source", "step", "reason", "metadata")
    assert set(back.hidden) == {f"error[{name}]" for name in names}
    assert back.hidden["error[reason]"] == "card_declined"
    metadata = json.loads(back.hidden["error[metadata]"])
    assert metadata["order_id"] == order["id"]
    assert sandbox.payment(metadata["payment_id"])["status"] == "failed"


def test_close_leads_back_without_a_payment(sandbox, order):
    answer = press(sandbox, open_page(sandbox, order), "close")
    assert (answer.status_code, answer.headers["Location"]) == (303, SHOP["cancel_url"])
    assert sandbox.client.order.payments(order["id"], timeout=5)["count"] == 0


def test_close_without_a_cancel_url_says_that_the_page_can_be_closed(sandbox, order):
    answer = press(sandbox, open_page(sandbox, order, cancel_url=None), "close")
    assert answer.status_code == 200
    assert "You can close this page" in answer.text


def test_late_leads_back_while_the_bank_is_still_thinking(sandbox, order):
    answer = press(sandbox, open_page(sandbox, order), "late", late_minutes="30")
    assert (answer.status_code, answer.headers["Location"]) == (303, SHOP["cancel_url"])
    payment = sandbox.client.order.payments(order["id"], timeout=5)["items"][0]
    assert payment["status"] == "created"
    sandbox.advance(29 * 60)
    assert sandbox.payment(payment["id"])["status"] == "failed"
    sandbox.advance(2 * 60)
    assert sandbox.payment(payment["id"])["status"] == "captured"


@pytest.mark.parametrize("minutes", ["-1", "soon", "1.5", "999999", "１２"])
def test_late_takes_whole_minutes_only(sandbox, order, minutes):
    assert press(sandbox, open_page(sandbox, order), "late", late_minutes=minutes).status_code == 400
    assert sandbox.client.order.payments(order["id"], timeout=5)["count"] == 0


@pytest.mark.parametrize(("second", "captured", "released"), [(None, 12345, 12345), ("captured", 24690, 0)])
def test_twice_pays_twice(sandbox, order, second, captured, released):
    back = Page(press(sandbox, open_page(sandbox, order), "twice", second=second).text)
    sandbox.client.utility.verify_payment_signature(back.hidden)
    account = sandbox.ledger()
    assert (account["captured"], account["released"]) == (captured, released)


def test_a_paid_order_cannot_be_paid_in_another_tab(sandbox, order):
    other_tab = open_page(sandbox, order)
    press(sandbox, open_page(sandbox, order), "succeed")
    refused = press(sandbox, other_tab, "succeed")
    assert refused.status_code == 400
    assert "already paid" in refused.text
    assert html.escape(SHOP["cancel_url"]) in refused.text
    reloaded = open_page(sandbox, order)
    assert list(reloaded.buttons) == ["Close"]
    assert sandbox.ledger()["captures"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "rzp_test_other00000000"},
        {"key_id": None},
        {"callback_url": None},
        {"callback_url": "javascript:alert(1)"},
        {"callback_url": "/relative"},
        {"cancel_url": "data:text/html,x"},
        {"amount": "1"},
        {"currency": "INR"},
    ],
)
def test_a_checkout_that_does_not_fit_is_refused_with_a_page(sandbox, order, change):
    params = {**KEY_ID, **SHOP, **change}
    answer = requests.get(f"{sandbox.url}/pay/{order['id']}", params=params, timeout=5)
    assert answer.status_code in (400, 401)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "javascript:" not in answer.text
    assert Page(answer.text).buttons == {}


def test_unknown_orders_and_buttons_are_refused(sandbox, order):
    assert (
        requests.get(f"{sandbox.url}/pay/order_00000000000000", params={**KEY_ID, **SHOP}, timeout=5).status_code == 400
    )
    assert press(sandbox, open_page(sandbox, order), "steal").status_code == 400
    assert press(sandbox, open_page(sandbox, order), "").status_code == 400


def test_pages_are_served_under_a_strict_policy(sandbox, order):
    shown = requests.get(f"{sandbox.url}/pay/{order['id']}", params={**KEY_ID, **SHOP}, timeout=5)
    back = press(sandbox, Page(shown.text), "succeed")
    for answer in (shown, back):
        policy = answer.headers["Content-Security-Policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert f'<style nonce="{nonce}">' in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert 'lang="en"' in answer.text
        assert answer.text.count("<h1>") == 1
    assert shown.headers["Content-Security-Policy"] != back.headers["Content-Security-Policy"]
    assert "<script" not in shown.text
    assert '<script nonce="' in back.text

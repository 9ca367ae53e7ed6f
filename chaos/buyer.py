"""A shopper over real HTTP, without JavaScript: one session, any of the web processes."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

import requests

from chaos.stand import Stand
from tests.shop import ADDRESS, CONTACT
from tools.webforms import WebForm, form_to, forms_of, heading_of

RETURN_FIELDS = ("razorpay_payment_id", "razorpay_order_id", "razorpay_signature")


class Refused(Exception):
    """The shop answered something a shopper would not expect here."""

    def __init__(self, what: str, answer: requests.Response) -> None:
        super().__init__(f"{what}: {answer.status_code} {heading_of(answer.text)[:100]}")
        self.status = answer.status_code


class Buyer:
    """`number` gives the address in the network and which web process is asked first."""

    def __init__(self, stand: Stand, number: int, *, seconds: float = 60.0) -> None:
        self.number, self.seconds = number, seconds
        self.hosts = [f"http://127.0.0.1:{urlsplit(web.url).port}" for web in stand.webs]
        self.host = self.hosts[number % len(self.hosts)]
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.review: WebForm | None = None
        self.review_page, self.parts = "", 1

    def elsewhere(self) -> None:
        """Ask another web process from now on, as a load balancer does when one is gone."""
        self.host = self.hosts[(self.hosts.index(self.host) + 1) % len(self.hosts)]

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.host + path, timeout=self.seconds, allow_redirects=False)

    def post(self, path: str, fields: dict[str, Any]) -> requests.Response:
        return self.session.post(self.host + path, data=fields, timeout=self.seconds, allow_redirects=False)

    def page(self, path: str) -> str:
        answer = self.get(path)
        if answer.status_code != 200:
            raise Refused(path, answer)
        return answer.text

    def send(self, page: str, action: str, **typed: Any) -> requests.Response:
        """The form to `action` on the page at `page`, with `typed` over it."""
        form = next((each for each in forms_of(self.page(page)) if each.action.split("#")[0] == action), None)
        if form is None:
            raise LookupError(f"{page} has no form to {action}")
        return self.post(form.action, form.filled(**typed))

    def add(self, variant_id: uuid.UUID, quantity: int = 1) -> requests.Response:
        token = form_to(self.page("/track"), "/track").fields["csrf_token"]
        answer = self.post("/cart/lines", {"csrf_token": token, "variant": str(variant_id), "quantity": str(quantity)})
        return _expect(answer, "add to cart", 303)

    def check_out(self) -> None:
        """Contact and delivery, up to the review page, whose form is kept in `review`."""
        _expect(self.send("/checkout/contact", "/checkout/contact", **CONTACT), "contact", 303)
        answer = self.send("/checkout/delivery", "/checkout/delivery", **ADDRESS)
        if (answer.headers.get("Location") or "").startswith("/checkout/delivery"):
            answer = self.send("/checkout/delivery", "/checkout/delivery")
        _expect(answer, "delivery", 303)
        self.read_review()

    def read_review(self) -> None:
        self.review_page = self.page("/checkout/review")
        self.review = form_to(self.review_page, "/checkout/orders")

    def place(self) -> requests.Response:
        """The last POST, with the key of the review page: repeating it is the same click."""
        assert self.review is not None
        parts = {"parts": str(self.parts)} if self.parts > 1 else {}
        return self.post("/checkout/orders", self.review.filled(**parts))

    def press_pay(self, token: str, **chosen: str) -> requests.Response:
        return self.send(f"/checkout/pay/{token}", f"/checkout/pay/{token}", **chosen)

    def choose_currency(self, currency: str) -> None:
        _expect(self.send("/about", "/-/preferences", currency=currency), "currency", 303)

    def hand_over(self, token: str, bank_url: str) -> WebForm:
        """The form that leads to the provider, after “Pay” was pressed."""
        return form_to(self.page(f"/checkout/pay/{token}/continue"), bank_url)

    def come_back(self, callback_url: str, answer: dict[str, Any]) -> requests.Response:
        fields = {name: answer[name] for name in RETURN_FIELDS if name in answer}
        return self.post(urlsplit(callback_url).path, fields)

    def heading(self, token: str) -> str:
        return heading_of(self.page(f"/order/{token}"))


def token_of(answer: requests.Response) -> str:
    """The order's token in the answer to “Place order”."""
    return answer.headers["Location"].rsplit("/", 1)[-1]


def _expect(answer: requests.Response, what: str, status: int) -> requests.Response:
    if answer.status_code != status:
        raise Refused(what, answer)
    return answer

"""A shopper at a browser without JavaScript: follows links and forms exactly as the pages offer them."""

from __future__ import annotations

import uuid
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core import db
from tests.bank import Bank
from tests.shop import ADDRESS, CONTACT
from tools.webforms import form_to, heading_of


class Shopper:
    def __init__(self, client: FlaskClient, bank: Bank) -> None:
        self.client, self.bank = client, bank
        self._token: tuple[FlaskClient | None, str] = (None, "")

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status}"
        return answer.text

    def csrf(self) -> str:
        """The token of this browser's session, which every page shows; looked up once."""
        if self._token[0] is not self.client:
            self._token = (self.client, form_to(self.get("/track"), "/track").fields["csrf_token"])
        return self._token[1]

    def post(self, path: str, **fields: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.csrf(), **fields})

    def add(self, variant_id: uuid.UUID, quantity: object = 1) -> TestResponse:
        return self.post("/cart/lines", variant=str(variant_id), quantity=str(quantity))

    def to_review(self, **address: str) -> str:
        """Contact and delivery as their pages ask; returns the review page."""
        answer = self.client.post(
            "/checkout/contact", data=form_to(self.get("/checkout/contact"), "/checkout/contact").filled(**CONTACT)
        )
        assert answer.status_code == 303, answer.text
        form = form_to(self.get("/checkout/delivery"), "/checkout/delivery")
        answer = self.client.post("/checkout/delivery", data=form.filled(**{**ADDRESS, **address}))
        if answer.location.startswith("/checkout/delivery"):
            form = form_to(self.get("/checkout/delivery"), "/checkout/delivery")
            answer = self.client.post("/checkout/delivery", data=form.filled())
        assert answer.status_code == 303, answer.text
        return self.get("/checkout/review")

    def place(self, review: str | None = None, **changed: Any) -> TestResponse:
        form = form_to(review or self.to_review(), "/checkout/orders")
        return self.client.post("/checkout/orders", data=form.filled(**changed))

    def order(self, variant_id: uuid.UUID, quantity: object = 1) -> str:
        """Add, check out and place; returns the order's token."""
        assert self.add(variant_id, quantity).status_code == 303
        answer = self.place()
        assert answer.status_code == 303, answer.text
        return answer.location.rsplit("/", 1)[-1]

    def press_pay(self, token: str) -> TestResponse:
        return self.choose(token)

    def choose(self, token: str, **fields: Any) -> TestResponse:
        """Press “Pay” with another way to pay, or another bank, than the page has chosen."""
        page = f"/checkout/pay/{token}"
        return self.client.post(page, data=form_to(self.get(page), page).filled(**fields))

    def hand_over(self, token: str) -> Any:
        """Press “Pay” and open the hand-over page: the form that leads to the provider."""
        answer = self.press_pay(token)
        assert answer.status_code == 303, answer.text
        return form_to(self.get(answer.location), self.bank.url)

    def pay(self, token: str, outcome: str = "captured", **fields: Any) -> TestResponse:
        """Pay at the provider and come back with what it signed."""
        form = self.hand_over(token)
        answer = self.bank.pay(form.fields["order_id"], outcome, **fields)
        return self.come_back(form.fields["callback_url"], answer)

    def come_back(self, callback_url: str, answer: dict[str, Any]) -> TestResponse:
        names = ("razorpay_payment_id", "razorpay_order_id", "razorpay_signature")
        return self.client.post(callback_url, data={name: answer[name] for name in names if name in answer})

    def heading(self, token: str) -> str:
        return heading_of(self.get(f"/order/{token}"))


def provider_order_of(token: str) -> str:
    found = db.scalar(
        "SELECT a.provider_order_id FROM payment_attempt a JOIN payment p ON p.id = a.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE o.token = :token ORDER BY a.position DESC LIMIT 1",
        token=token,
    )
    db.release()
    return found


def money(bank: Bank) -> tuple[int, int]:
    """(captured, refunded) at the bank, all MYR orders together."""
    sums = bank.ledger()["totals"].get("MYR", {"captured": 0, "refunded": 0})
    return sums["captured"], sums["refunded"]

"""The other providers of the sandbox: how the shop is told of them, and shoppers who press the buttons of their pages."""

from __future__ import annotations

import uuid
from typing import Any

import requests
from werkzeug.test import TestResponse

from app.core import db
from app.core.money import Money
from app.core.transaction import transaction
from app.payments import actions as payments
from app.payments import queries
from tests.bank import KEYS, PAYPAL, STRIPE, WEBHOOK_SECRETS, Bank
from tests.flows.shopper import Shopper
from tools.webforms import form_to


def razorpay(bank: Bank) -> dict[str, str]:
    """Settings with which the provider takes part; so the others."""
    return {
        "RAZORPAY_API_URL": bank.url,
        "RAZORPAY_KEY_ID": KEYS["key_id"],
        "RAZORPAY_KEY_SECRET": KEYS["key_secret"],
        "RAZORPAY_WEBHOOK_SECRET": ",".join(WEBHOOK_SECRETS),
    }


def stripe(bank: Bank) -> dict[str, str]:
    return {
        "STRIPE_API_URL": f"{bank.url}/stripe",
        "STRIPE_SECRET_KEY": str(STRIPE["secret_key"]),
        "STRIPE_WEBHOOK_SECRET": ",".join(STRIPE["webhook_secrets"]),
    }


def paypal(bank: Bank) -> dict[str, str]:
    return {"PAYPAL_API_URL": f"{bank.url}/paypal"} | {f"PAYPAL_{name.upper()}": each for name, each in PAYPAL.items()}


class StripeShopper(Shopper):
    """Pays by card and presses the buttons of Stripe's page."""

    def open_page(self, token, method="card"):
        """Over the hand-over page to Stripe's; returns the address there."""
        answer = self.choose(token, payment_method=method)
        assert answer.status_code == 303, answer.text
        return form_to(self.get(answer.location), f"{self.bank.url}/stripe").action

    def press(self, page, action="succeed", **fields):
        shown = requests.get(page, timeout=10)
        data = form_to(shown.text, "/stripe/c/pay/").filled(action=action, **fields)
        return requests.post(page, data=data, allow_redirects=False, timeout=10)

    def pay_there(self, page, action="succeed"):
        """Press a button that leads back to the shop, and go there."""
        back = self.press(page, action)
        assert back.status_code == 303, back.text
        return self.client.get(back.headers["Location"].removeprefix("http://localhost"))

    def buy(self, variant_id, quantity=1):
        """A confirmed order, paid over Stripe; returns its token."""
        token = self.order(variant_id, quantity)
        assert self.pay_there(self.open_page(token)).status_code == 303
        assert "is confirmed" in self.heading(token)
        return token


class PayPalShopper(Shopper):
    """Chooses PayPal on the pay page and presses the buttons of PayPal's page."""

    def approve(self, token, action="approve"):
        """Over the hand-over page to PayPal; returns the address that PayPal sends the browser back to."""
        answer = self.choose(token, payment_method="paypal")
        assert answer.status_code == 303, answer.text
        return self.approve_there(form_to(self.get(answer.location), f"{self.bank.url}/paypal"), action)

    def approve_there(self, form, action="approve"):
        """Press a button of the page that the hand-over's form opens."""
        page = requests.get(form.action, params=form.fields, timeout=10)
        there = form_to(page.text, "/paypal/checkoutnow")
        back = requests.post(form.action, data=there.filled(action=action), allow_redirects=False, timeout=10)
        assert back.status_code == 303, back.text
        return back.headers["Location"].removeprefix("http://localhost")

    def buy(self, variant_id, quantity=1):
        """A confirmed order, paid over PayPal; returns its token."""
        token = self.order(variant_id, quantity)
        assert self.client.get(self.approve(token)).status_code == 303
        assert "is confirmed" in self.heading(token)
        return token


def deliver(shopper: Shopper, letter: dict[str, Any], *, body: bytes | None = None) -> TestResponse:
    """What a provider posted, or another `body` under its signature, to the shop's own door."""
    return shopper.client.post("/api/payments/webhook", data=body or letter["body"], headers=letter["headers"])


def refund(token: str, minor: int, currency: str = "MYR") -> uuid.UUID:
    """Ask for a refund as the back office does; returns its id."""
    order_id = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    with transaction():
        payment = queries.lock_payment_of_order(order_id)
        [capture] = queries.captures_of(payment.id)
        found = payments.request_refund(capture, Money(minor, currency), reason="cancelled", is_automatic=False)
        assert found is not None
        return found.id


def state_of(refund_id: uuid.UUID) -> str:
    state: str = db.scalar("SELECT state FROM refund WHERE id = :id", id=refund_id)
    db.release()
    return state


def attempts() -> list[tuple[str, str, str | None]]:
    """(provider, state, error) of all attempts, the first first."""
    found = db.rows("SELECT provider, state, error_code FROM payment_attempt ORDER BY position")
    db.release()
    return [(row[0], row[1], row[2]) for row in found]

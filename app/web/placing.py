"""The click on “Place order”, by a form or by a program: the same policy, the same action."""

from __future__ import annotations

import uuid

from app.checkout.actions import PlaceOrder
from app.web import customers, languages, plan_words
from app.web.site import settings


def click_on_place(
    *,
    key: uuid.UUID,
    accept_total: int | None,
    accept_value: int | None,
    payment_method: str,
    address: str,
    parts: int = 1,
) -> PlaceOrder:
    """`address` is where the browser is, on the network; the two amounts are what was shown, in minor units.
    `parts`: in how many instalments it is to be paid."""
    policy = settings()
    return PlaceOrder(
        key=key,
        accept_total=accept_total,
        accept_value=accept_value,
        payment_method=payment_method,
        currency=languages.currency(),
        locale=languages.language(),
        session_minutes=policy.checkout_minutes,
        lock_minutes=policy.lock_minutes,
        unpaid_minutes=policy.unpaid_order_minutes,
        client=address,
        plan=plan_words.terms(parts),
        plan_least_minor=policy.instalments.min_minor,
        customer_id=customers.current_id(),
    )

"""Sending a subscriber to the provider: plain values out of the row, then the network (`recurring.flows.open_there`)."""

from __future__ import annotations

from flask import url_for

from app.core import db
from app.payments import queries as payments
from app.payments.gateway.recurring import SubscriptionRequest
from app.recurring import flows
from app.recurring.models import RecurringOrder
from app.recurring.rules import charges_of
from app.web.site import settings


def open_there(row: RecurringOrder, *, is_new: bool) -> None:
    """Make sure the provider has the subscription. Raises AlreadyInitiating, ProviderUnavailable or ProviderRefused."""
    attempt = payments.attempt_by_receipt(row.provider, row.receipt or "")
    if row.provider_subscription_id is not None or attempt is None:
        return
    here = settings().base_url + url_for("subscriptions.show", token=row.token)
    request = SubscriptionRequest(
        receipt=attempt.receipt,
        amount=row.amount,
        description=f"{settings().shop.name}: {row.terms['lines'][0]['name']}",
        period=row.period,
        every=row.every,
        charges=charges_of(row.period, row.every),
        open_minutes=settings().unpaid_order_minutes,
        return_url=settings().base_url + url_for("pay_return.receive", token=attempt.return_token),
        cancel_url=here,
        asked_at=db.now(),
        email=row.email,
        locale=row.locale,
    )
    opening = flows.Opening(row.id, attempt.id, row.provider, row.provider_plan_id, request, is_new)
    db.release()
    flows.open_there(opening)

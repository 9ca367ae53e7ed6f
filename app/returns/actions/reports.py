"""What providers say of refunds and disputes, also of those that nobody here has asked for. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from app.orders import actions as orders
from app.orders.actions import on_hold
from app.orders.models import Order
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.actions import disputes, looking
from app.payments.gateway import ProviderDispute, ProviderRefund
from app.payments.models import Payment, PaymentCapture, Refund
from app.payments.rules import UNDECIDED
from app.returns import actions, queries


def note_refunds(order_id: uuid.UUID, capture_id: uuid.UUID, reports: Sequence[ProviderRefund]) -> None:
    """Bring the refunds of a capture up to what the provider reports; those made in its own dashboard join, once each."""
    order = actions.locked_order(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    ours = queries.lock_refunds_of(capture_id)
    [capture] = payment_queries.lock_captures([capture_id])
    looking.note_refunds_asked(capture)
    for report in reports:
        refund = _ours(ours, report)
        if refund is not None:
            payments.note_refund(refund, order_id, report)
        elif not _may_be_ours(ours, report):
            _join(order_id, capture, report)
    capture.refunded_minor = sum(report.amount.minor for report in reports if report.state != "failed")
    actions.follow(order, payment)


def _ours(ours: Sequence[Refund], report: ProviderRefund) -> Refund | None:
    """Our row of a refund: by the provider's id, by our key, or (it sent money back by itself) by the amount."""
    for refund in ours:
        if refund.provider_refund_id == report.id or (report.key and report.key == refund.provider_key):
            return refund
    unsent = [each for each in ours if each.is_automatic and each.provider_refund_id is None and not report.key]
    return next((each for each in unsent if each.amount == report.amount), None)


def _may_be_ours(ours: Sequence[Refund], report: ProviderRefund) -> bool:
    """Without our key on it, it may be one of ours whose answer has not come yet: that one is looked at first."""
    return not report.key and any(each.state == "requested" for each in ours)


def _join(order_id: uuid.UUID, capture: PaymentCapture, report: ProviderRefund) -> None:
    refund = payments.join_refund(capture, order_id, report)
    if refund is not None:
        facts: dict[str, Any] = {
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "provider": capture.provider,
        }
        orders.note(order_id, "refund_found", refund=str(refund.id), **facts)


def note_dispute(order_id: uuid.UUID, capture_id: uuid.UUID, report: ProviderDispute) -> None:
    """While a dispute is undecided the order is on hold; when none is any more it goes on. What was lost is gone (P26)."""
    order = actions.locked_order(order_id)
    payment = payment_queries.lock_payment_of_order(order.id)
    [capture] = payment_queries.lock_captures([capture_id])
    dispute, before = disputes.note(capture, order_id, report)
    if dispute.state == before:
        return
    facts: dict[str, Any] = {"amount_minor": dispute.amount_minor, "currency": dispute.currency}
    orders.note(order.id, f"dispute_{dispute.state}", dispute=dispute.provider_dispute_id, **facts)
    if dispute.state in UNDECIDED or _keeps_on_hold(order, payment):
        on_hold.put(order, reason="dispute")
    else:
        on_hold.take_off(order)
    actions.follow(order, payment)


def _keeps_on_hold(order: Order, payment: Payment) -> bool:
    """Another dispute is undecided; or an instalment of an order that is not paid yet was lost, and staff have to end it."""
    is_stopped = order.confirmed_at is None and payment_queries.has_lost_part(payment.id)
    return is_stopped or payment_queries.has_undecided_dispute(payment.id)

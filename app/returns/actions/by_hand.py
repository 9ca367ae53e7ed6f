"""Refunds that no provider sends: staff transfer the money themselves and say what became of it."""

from __future__ import annotations

import uuid

from app.audit import actions as audit
from app.core.errors import NotFound
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.gateway import ProviderRefund
from app.returns import actions
from app.returns.errors import AlreadyDecided


def note_outcome(refund_id: uuid.UUID, *, state: str, by: str) -> None:
    """`succeeded`: the money was sent; `failed`: it could not be. Said once: raises AlreadyDecided after that, or NotFound."""
    order_id = payment_queries.order_of_refund(refund_id)
    if order_id is None:
        raise NotFound()
    order = actions.locked_order(order_id)
    payment_queries.lock_payment_of_order(order.id)
    refund = payment_queries.lock_refund(refund_id)
    if refund is None or not refund.is_by_hand or refund.state != "pending":
        raise AlreadyDecided()
    report = ProviderRefund(refund.provider_refund_id or refund.provider_key, state, refund.amount, "")
    payments.note_refund(refund, order.id, report)
    states = {"before": {"state": "pending"}, "after": {"state": refund.state}}
    facts = {"order": str(order.id), "amount_minor": refund.amount_minor, "currency": refund.currency}
    audit.record(f"refund.{state}_by_hand", actor=by, object_kind="refund", object_id=refund.id, **states, **facts)

"""A bank wants money back for its customer (N23): what the provider says of it, written down."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func

from app.core import clock, db, outbox
from app.core.ids import new_id
from app.payments import queries
from app.payments.events import DisputeDecided, DisputeOpened
from app.payments.gateway import ProviderDispute
from app.payments.models import PaymentCapture, PaymentDispute
from app.payments.rules import DISPUTE_ASK_HOURS, UNDECIDED


def note(capture: PaymentCapture, order_id: uuid.UUID, report: ProviderDispute) -> tuple[PaymentDispute, str]:
    """Write down the provider's word on a dispute; (its row, the state it was in before: "" for a new one).

    The caller holds the order's and the capture's lock. What is new is announced once.
    """
    dispute = queries.dispute_by_provider_id(capture.provider, report.id)
    before = dispute.state if dispute else ""
    if dispute is None:
        dispute = PaymentDispute(
            id=new_id(),
            payment_id=capture.payment_id,
            capture_id=capture.id,
            provider=capture.provider,
            provider_dispute_id=report.id,
            amount_minor=report.amount.minor,
            currency=report.amount.currency,
            state=report.state,
        )
        db.session.add(dispute)
    elif dispute.can_move_to(report.state):
        dispute.move_to(report.state)
    dispute.reason, dispute.respond_by = report.reason[:200], report.respond_by
    dispute.updated_at, dispute.ask_at = clock.now(), func.clock_timestamp() + timedelta(hours=DISPUTE_ASK_HOURS)
    db.session.flush()
    _announce_dispute(dispute, order_id, before)
    return dispute, before


def _announce_dispute(dispute: PaymentDispute, order_id: uuid.UUID, before: str) -> None:
    if dispute.state in UNDECIDED and before not in UNDECIDED:
        outbox.record(DisputeOpened(dispute.id, order_id))
    elif dispute.state not in UNDECIDED and before != dispute.state:
        outbox.record(DisputeDecided(dispute.id, order_id, dispute.state))

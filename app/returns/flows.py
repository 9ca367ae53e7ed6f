"""Asking providers about refunds and disputes, and writing down what they say. Called with no transaction open."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from app.core import clock, db
from app.core.transaction import in_transaction
from app.orders.flows import Tally, settle_now
from app.payments import gateway
from app.payments import queries as payment_queries
from app.payments.actions import looking
from app.payments.errors import ProviderRefused
from app.payments.rules import DISPUTE_LIST_DAYS
from app.returns import queries
from app.returns.actions import reports

log = logging.getLogger(__name__)


def look_at_refunds(capture_id: uuid.UUID) -> None:
    """Ask which refunds the provider knows of a payment; and where that may be, whether it was paid once more.

    Raises ProviderUnavailable: nothing changed, ask again later.
    """
    capture = queries.capture_facts(capture_id)
    db.release()
    if capture is None:
        return
    if gateway.may_be_paid_again(capture.provider):
        settle_now(capture.order_id, also=capture.attempt_id)
    found = gateway.provider(capture.provider).find_refunds(capture.provider_payment_id)
    in_transaction(partial(reports.note_refunds, capture.order_id, capture_id, found))


def look_at_dispute(provider: str, provider_dispute_id: str) -> None:
    """Ask how a dispute stands. Disputes about payments that are none of ours are left alone."""
    report = gateway.get_dispute(provider, provider_dispute_id)
    capture = payment_queries.capture_by_provider_id(provider, report.payment_id)
    facts = queries.capture_facts(capture.id) if capture else None
    db.release()
    if capture is not None and facts is not None:
        in_transaction(partial(reports.note_dispute, facts.order_id, capture.id, report))


def find_disputes(providers: Sequence[str] | None = None) -> Tally:
    """Disputes whose notice never came, and decided ones that were opened again: what providers list of the last weeks."""
    tally = Tally()
    for provider in providers if providers is not None else gateway.available():
        if gateway.tells(provider, "disputes_since"):
            tally.run(partial(_find_disputes, provider, tally))
    return tally


def _find_disputes(provider: str, tally: Tally) -> None:
    since = clock.now() - timedelta(days=DISPUTE_LIST_DAYS)
    try:
        listed = gateway.bookkeeper(provider).disputes_since(since)
    except ProviderRefused as refusal:  # not an account that may: webhooks have to do
        log.warning("disputes are not listed", extra={"provider": provider, "reason": str(refusal.facts.get("reason"))})
        return
    known = payment_queries.disputes_looked_at(provider, listed)
    db.release()
    for dispute_id in listed:
        if dispute_id not in known:
            tally.run(partial(_look_if_told, provider, dispute_id))


def _look_if_told(provider: str, dispute_id: str) -> None:
    try:
        look_at_dispute(provider, dispute_id)
    except ProviderRefused as refusal:  # about a payment that was not made through us
        log.info("a dispute of nothing", extra={"provider": provider, "reason": str(refusal.facts.get("reason"))})


def find_disputes_by_schedule() -> None:
    """Every hour: a webhook may be lost, and banks wait for days only."""
    find_disputes()


def look_at_order(order_id: uuid.UUID) -> None:
    """Everything about the money of one order that may have come back, now."""
    payment = payment_queries.payment_of_order(order_id)
    captures = (
        [each.id for each in payment_queries.captures_of(payment.id) if each.captured_at and each.attempt_id]
        if payment
        else []
    )
    known = (
        [(each.provider, each.provider_dispute_id) for each in payment_queries.disputes_of(payment.id)]
        if payment
        else []
    )
    providers = sorted({each.provider for each in payment_queries.captures_of(payment.id)}) if payment else []
    db.release()
    for capture_id in captures:
        look_at_refunds(capture_id)
    for provider, dispute_id in known:
        look_at_dispute(provider, dispute_id)
    find_disputes(providers)


def look_around(*, everything: bool = False) -> Tally:
    """Refunds made elsewhere and disputes without a decision that are due to be asked about."""
    tally = Tally()
    captures = [tuple(row) for row in payment_queries.captures_to_look_at()]
    undecided = [tuple(row) for row in payment_queries.disputes_to_ask(everything=everything)]
    db.release()
    away: set[str] = set()
    for capture_id, provider in captures:
        if provider not in away and not tally.run(partial(look_at_refunds, capture_id)):
            away.add(provider)  # its other payments would wait for it too
    _postpone([capture_id for capture_id, _ in captures])
    for provider, dispute_id in undecided:
        tally.run(partial(look_at_dispute, provider, dispute_id))
    return tally


def _postpone(capture_ids: Sequence[uuid.UUID]) -> None:
    """Those that are due as before: they may not keep others from being asked about."""
    if capture_ids:
        in_transaction(partial(looking.postpone_looks, capture_ids))


def look_by_schedule() -> None:
    """Every few minutes."""
    look_around()


def follow_notice(notice_id: uuid.UUID) -> None:
    """A webhook about a refund or a dispute: ask for the truth. Unknown payments are none of ours."""
    notice = payment_queries.notice(notice_id)
    if notice is None:
        db.release()
        return
    provider, facts = notice.provider, notice.facts
    capture = payment_queries.capture_of_notice(notice)
    capture_id, dispute_id = capture.id if capture else None, facts.get("provider_dispute_id")
    db.release()
    try:
        if dispute_id and capture_id is not None:
            look_at_dispute(provider, dispute_id)
        elif capture_id is not None:
            look_at_refunds(capture_id)
    except ProviderRefused:  # it knows no such thing, or tells nothing about it
        return

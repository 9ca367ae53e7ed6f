"""Steps that alternate between the provider and short transactions, with no transaction open. Each may run twice, at once or
halfway: what is found out is noted by `actions.note_answer`, once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from app.core import db
from app.core.settings import Settings
from app.core.transaction import in_transaction, transaction
from app.orders import flows as order_flows
from app.orders.flows import Tally
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.errors import AlreadyInitiating, ProviderRefused, ProviderUnavailable
from app.payments.gateway import recurring as gateway
from app.payments.gateway.recurring import Recurring, SubscriptionRequest
from app.payments.providers.guarded import insisting
from app.recurring import actions as recurring
from app.recurring import queries
from app.recurring.actions import turns
from app.recurring.errors import BeingAsked

log = logging.getLogger(__name__)

_lead = timedelta(hours=48)


def configure(settings: Settings) -> None:
    """Called once by the factory: how long before a charge its order is opened."""
    global _lead
    _lead = timedelta(hours=settings.subscription_lead_hours)


@dataclass(frozen=True, slots=True)
class Opening:
    """A subscription that is to be opened, as plain values: no connection is held while the provider is asked."""

    recurring_id: uuid.UUID
    attempt_id: uuid.UUID
    provider: str
    plan_id: str | None
    request: SubscriptionRequest
    is_new: bool


def open_there(opening: Opening) -> None:
    """Make sure the provider has the subscription, and remember its page.

    Raises AlreadyInitiating when somebody else is at it, or ProviderUnavailable or ProviderRefused: it can be repeated.
    """
    if not opening.is_new and not in_transaction(partial(_claim, opening.attempt_id)):
        raise AlreadyInitiating()
    try:
        provider = gateway.provider(opening.provider)
        plan_id = opening.plan_id
        if plan_id is None:
            plan_id = provider.open_plan(opening.request)
            in_transaction(partial(recurring.remember_plan, opening.recurring_id, plan_id))
        opened = provider.open_subscription(opening.request, plan_id=plan_id, look_first=not opening.is_new)
    except (ProviderUnavailable, ProviderRefused) as failure:
        if not failure.may_still_act:
            with transaction():
                payments.give_up_initiation(opening.attempt_id)
        raise
    with transaction():
        recurring.remember_subscription(opening.recurring_id, opened)
        payments.remember_provider_order(opening.attempt_id, opened)


def _claim(attempt_id: uuid.UUID) -> bool:
    attempt = payment_queries.attempt(attempt_id)
    return attempt is not None and payments.claim_initiation(attempt)


def follow(recurring_id: uuid.UUID) -> None:
    """Ask the provider about a subscription, note what it did, settle what it charged, and tell it what it should be doing.

    Raises ProviderUnavailable when an answer is unknown, ProviderRefused, or BeingAsked: what was noted stays, ask again later.
    """
    if not in_transaction(partial(recurring.claim, recurring_id)):
        raise BeingAsked()
    try:
        order_ids = _steer(recurring_id)
    except ProviderRefused:
        in_transaction(partial(recurring.postpone, recurring_id))
        raise
    finally:
        in_transaction(partial(recurring.let_go, recurring_id))
    for order_id in order_ids:
        _settle(order_id)


def _settle(order_id: uuid.UUID) -> None:
    """Its attempt may be closed by now: a provider tries again for longer than attempts are asked about by themselves."""
    payment = payment_queries.payment_of_order(order_id)
    latest = payment.attempts[-1].id if payment and payment.attempts else None
    db.release()
    order_flows.settle_now(order_id, also=latest)


def _steer(recurring_id: uuid.UUID) -> list[uuid.UUID]:
    """Ask, note and tell, until it is as it should be. Returns the orders that were charged."""
    found: set[uuid.UUID] = set()
    for _ in range(3):  # once to learn, once after telling it something
        question = queries.question(recurring_id)
        if question is None:
            break
        provider = gateway.provider(question.provider)
        answer = provider.get_subscription(question.subscription_id)
        task = in_transaction(partial(recurring.note_answer, recurring_id, answer))
        found.update(task.order_ids)
        if not task.command:
            break
        _tell(provider, task.command, answer.id)
    return sorted(found)


def _tell(provider: Recurring, command: str, subscription_id: str) -> None:
    call = {
        "pause": provider.pause_subscription,
        "resume": provider.resume_subscription,
        "cancel": provider.cancel_subscription,
    }[command]
    try:
        call(subscription_id)
    except ProviderRefused as refusal:  # it has moved on meanwhile: the next answer tells
        log.info("a subscription was not changed", extra={"command": command, "reason": refusal.facts.get("reason")})


def follow_notice(notice_id: uuid.UUID) -> None:
    """A webhook about a subscription. Unknown ones are none of ours."""
    recurring_id = queries.of_notice(notice_id)
    db.release()
    if recurring_id is not None:
        follow(recurring_id)


def follow_due() -> Tally:
    """Ask about every subscription that is due to be asked about."""
    return _follow_each(queries.due_to_ask())


def follow_all() -> Tally:
    """Ask about every subscription that money may come of, and also who had stopped answering."""
    with insisting():
        return _follow_each(queries.all_to_ask())


def _follow_each(recurring_ids: Sequence[uuid.UUID]) -> Tally:
    tally = Tally()
    db.release()
    for recurring_id in recurring_ids:
        tally.run(partial(_follow_if_free, recurring_id))
    return tally


def _follow_if_free(recurring_id: uuid.UUID) -> None:
    with suppress(BeingAsked):  # whoever asks notes the answer too
        follow(recurring_id)


def open_due() -> Tally:
    """Open the orders of coming charges, and hold their stock."""
    tally = Tally()
    due = queries.due_to_open(_lead)
    db.release()
    for recurring_id in due:
        tally.run(partial(in_transaction, partial(turns.open_next, recurring_id, lead=_lead)))
    return tally


def follow_by_schedule() -> None:
    """Each minute: coming charges, then what the providers have done."""
    open_due()
    follow_due()

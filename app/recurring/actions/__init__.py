"""Verbs of recurring orders, in the caller's transaction: start, pause, resume, skip, cancel, and note what the provider did.

Lock order: the recurring order before its orders. What the provider is to be told follows from the row (`_wanted`), so
that it is told again until it is so, whatever gets lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from app.audit import actions as audit
from app.core import db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id, new_token
from app.orders.actions import charging, placing
from app.payments.gateway import Opened
from app.payments.gateway.recurring import ProviderSubscription
from app.recurring import queries, rules
from app.recurring.actions import turns
from app.recurring.errors import NotRunning
from app.recurring.events import (
    ChargeFailed,
    CycleSkipped,
    SubscriptionOver,
    SubscriptionPaused,
    SubscriptionResumed,
    SubscriptionStarted,
)
from app.recurring.models import RecurringCycle, RecurringOrder
from app.recurring.queries import PlanView


@dataclass(frozen=True, slots=True)
class NewRecurring:
    """What is agreed upon: `first` is the first order, and the next ones are the same at the same price."""

    key: uuid.UUID
    plan: PlanView
    provider: str
    visitor: str
    quantity: int
    first: placing.NewOrder


def start(new: NewRecurring) -> tuple[RecurringOrder, bool]:
    """Write the recurring order and its first order, with stock held and an attempt to charge; and whether it is new: the same
    click is one subscription. Raises OutOfStock, and then the caller must not commit."""
    row = _insert(new)
    if row is None:
        return _known(new.key), False
    order = placing.open(new.first)
    row.customer_id = order.customer_id
    turns.add(row, 1, due_at=db.now(), state="locked", order_id=order.id)
    attempt = charging.start_charge(order.id, provider=new.provider)
    row.receipt = attempt.receipt
    return row, True


def _insert(new: NewRecurring) -> RecurringOrder | None:
    """None when another click with this key was first; one that is under way is waited for."""
    first = new.first
    statement = (
        insert(RecurringOrder)
        .values(
            id=new_id(),
            token=new_token(),
            key=new.key,
            variant_id=new.plan.variant_id,
            quantity=new.quantity,
            period=new.plan.period,
            every=new.plan.every,
            amount_minor=first.amounts["total_minor"],
            currency=first.currency,
            terms=_terms(first),
            visitor=new.visitor,
            locale=first.locale,
            email=first.email,
            phone=first.phone,
            address=dict(first.address),
            provider=new.provider,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(RecurringOrder)
    )
    return db.session.scalars(statement).one_or_none()


def _terms(first: placing.NewOrder) -> dict[str, Any]:
    ids = ("variant_id", "product_id")
    lines = [dict(line) | {name: str(line[name]) for name in ids} for line in first.lines]
    return {
        "amounts": dict(first.amounts),
        "snapshot": dict(first.snapshot),
        "lines": lines,
        "shipping_method": first.shipping_method,
    }


def _known(key: uuid.UUID) -> RecurringOrder:
    found = queries.by_key(key)
    if found is None:
        raise NotFound()
    return found


def locked(recurring_id: uuid.UUID) -> RecurringOrder:
    """Raises NotFound."""
    row = queries.lock(recurring_id)
    if row is None:
        raise NotFound()
    return row


def remember_plan(recurring_id: uuid.UUID, plan_id: str) -> None:
    row = locked(recurring_id)
    row.provider_plan_id = row.provider_plan_id or plan_id


def remember_subscription(recurring_id: uuid.UUID, opened: Opened) -> None:
    """The first answer stays: a second one to the same receipt changes nothing. One that came too late is cancelled soon."""
    row = locked(recurring_id)
    if row.provider_subscription_id is None:
        row.provider_subscription_id, row.page_url = opened.id, opened.page_url
        row.ask_at = db.now()


def claim(recurring_id: uuid.UUID) -> bool:
    """Be the one who asks the provider about it, for two minutes at most. False while somebody else is at it.

    A question that gets no answer is asked again after two minutes, so that it keeps no other from being asked.
    """
    return bool(
        db.rows(
            "UPDATE recurring_order SET asking_until = clock_timestamp() + interval '2 minutes',"
            " ask_at = CASE WHEN ask_at <= clock_timestamp() THEN clock_timestamp() + interval '2 minutes' ELSE ask_at END"
            " WHERE id = :id AND coalesce(asking_until, '-infinity') < clock_timestamp() RETURNING id",
            id=recurring_id,
        )
    )


def let_go(recurring_id: uuid.UUID) -> None:
    """The answer is noted: somebody else may ask."""
    db.rows("UPDATE recurring_order SET asking_until = NULL WHERE id = :id RETURNING id", id=recurring_id)


def postpone(recurring_id: uuid.UUID) -> None:
    """The provider would not answer: a second question soon would get no other answer."""
    row = locked(recurring_id)
    if row.ask_at is not None:
        row.ask_at = db.now() + timedelta(hours=rules.LOOK_HOURS)


def pause(recurring_id: uuid.UUID, *, actor: str) -> None:
    """Charge nothing until it is resumed. Raises NotRunning."""
    row = _running(recurring_id)
    _pause(row, queries.cycles_of(row.id), actor=actor)
    _audit(row, "paused", actor, was="active")


def resume(recurring_id: uuid.UUID, *, actor: str) -> None:
    """Raises NotRunning unless it is paused."""
    row = locked(recurring_id)
    if row.state != "paused":
        raise NotRunning()
    row.move_to("active")
    row.ask_at = db.now()
    outbox.record(SubscriptionResumed(row.id, new_id()))
    _audit(row, "resumed", actor, was="paused")


def skip_next(recurring_id: uuid.UUID, *, actor: str) -> None:
    """Leave out the next charge, and go on after it. Raises NotRunning when there is none to leave out (any more)."""
    row = _running(recurring_id)
    last = queries.cycles_of(row.id)[-1]
    if last.state == "locked" and last.provider_charge_id is None and last.position > 1:
        turns.skip(last, actor=actor)
    elif _is_next_open(row, last) and row.next_charge_at is not None:
        last = turns.add(row, last.position + 1, due_at=row.next_charge_at, state="skipped")
    else:
        raise NotRunning()
    outbox.record(CycleSkipped(row.id, last.id, "by_customer"))
    _audit(row, "skipped", actor, was=row.state)


def _is_next_open(row: RecurringOrder, last: RecurringCycle) -> bool:
    if row.next_charge_at is None or last.state in rules.OPEN:
        return False
    return not _is_same(row, last, row.next_charge_at)


def cancel(recurring_id: uuid.UUID, *, actor: str) -> bool:
    """Final at once: the provider is told afterwards, and money that still comes goes back. False when it is over already."""
    row = locked(recurring_id)
    was = row.state
    if was in rules.OVER:
        return False
    _close(row, queries.cycles_of(row.id), reason="by_customer" if actor == "customer" else "by_staff", actor=actor)
    _audit(row, "cancelled", actor, was=was)
    return True


def note_order_paid(order_id: uuid.UUID) -> None:
    """The order of a turn is paid."""
    row, cycles = _of_order(order_id)
    cycle = next((each for each in cycles if each.order_id == order_id), None)
    if row is None or cycle is None:
        return
    if cycle.can_move_to("charged"):
        cycle.move_to("charged")
    if row.state == "pending":
        row.move_to("active")
        row.started_at = db.now()
        outbox.record(SubscriptionStarted(row.id))
    elif row.state == "past_due":
        row.move_to("active")
    row.ask_at = db.now()


def note_order_over(order_id: uuid.UUID) -> None:
    """The order of a turn ended unpaid. Without its first order a subscription never began."""
    row, cycles = _of_order(order_id)
    if row is not None:
        _catch_up(row, cycles)
        row.ask_at = db.now() if row.provider_subscription_id else None


def _of_order(order_id: uuid.UUID) -> tuple[RecurringOrder | None, list[RecurringCycle]]:
    recurring_id = queries.of_order(order_id)
    row = queries.lock(recurring_id) if recurring_id else None
    return row, queries.cycles_of(row.id) if row else []


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done outside of the transaction: orders to settle, and what to tell the provider (`pause`, `resume`, `cancel`)."""

    order_ids: tuple[uuid.UUID, ...] = ()
    command: str = ""


def note_answer(recurring_id: uuid.UUID, answer: ProviderSubscription) -> Task:
    """Write down what the provider says of a subscription: its charges, each once, and its state. Safe to repeat, in any order."""
    row, now = locked(recurring_id), db.now()
    cycles = queries.cycles_of(row.id)
    row.provider_subscription_id, row.page_url = answer.id, answer.page_url or row.page_url
    turns.bind(row, cycles, answer.charges)
    _catch_up(row, cycles)
    if row.state not in rules.OVER:
        _follow(row, cycles, answer, now)
    row.seen = answer.state
    row.next_charge_at = answer.next_charge_at if row.state not in rules.OVER else None
    wanted = _wanted(row, cycles, now)
    command = _command(wanted, answer.state)
    row.asked_for = wanted if command else row.asked_for
    row.ask_at = rules.ask_next(
        row.state,
        next_charge_at=row.next_charge_at,
        closed_at=row.closed_at,
        is_due=any(each.state in ("due", "locked") and each.due_at <= now for each in cycles),
        is_over_there=not _command("cancelled", answer.state),
        now=now,
    )
    return Task(_to_settle(cycles), command)


def _follow(row: RecurringOrder, cycles: Sequence[RecurringCycle], answer: ProviderSubscription, now: datetime) -> None:
    if answer.state == "halted" or _is_dunned_out(row, cycles, now):
        _close(row, cycles, reason="unpaid")
    elif answer.state in ("cancelled", "ended"):
        _follow_end(row, cycles, answer)
    elif answer.state == "past_due" and row.state in ("active", "past_due"):
        _fail(row, cycles)
    elif answer.state == "active" and row.state == "past_due":
        row.move_to("active")
    elif answer.state == "paused" and row.state == "active" and row.seen == "active" and row.asked_for != "paused":
        _pause(row, cycles, actor=row.provider)
    _let_go_passed(row, cycles, answer, now)


def _follow_end(row: RecurringOrder, cycles: Sequence[RecurringCycle], answer: ProviderSubscription) -> None:
    """Over at the provider. What it has charged stands: the first charge is settled before anything else."""
    if row.state == "pending" and answer.charges:
        return
    reason = {"pending": "not_started"}.get(row.state, "at_provider" if answer.state == "cancelled" else "ended")
    _close(row, cycles, reason=reason)


def _is_dunned_out(row: RecurringOrder, cycles: Sequence[RecurringCycle], now: datetime) -> bool:
    """By the oldest turn that is not paid: later ones come due meanwhile."""
    oldest = next((each for each in cycles if each.state in rules.OPEN), None)
    return row.state == "past_due" and oldest is not None and (now - oldest.due_at).days >= rules.DUNNING_DAYS


def _fail(row: RecurringOrder, cycles: Sequence[RecurringCycle]) -> None:
    """Also while one failed before: the charge may be told of later than its failure, and the next one fails too."""
    if row.state == "active":
        row.move_to("past_due")
    failed = next((each for each in reversed(cycles) if each.provider_charge_id and each.can_move_to("failed")), None)
    if failed is not None:
        failed.move_to("failed")
        outbox.record(ChargeFailed(row.id, failed.id))


def _pause(row: RecurringOrder, cycles: Sequence[RecurringCycle], *, actor: str) -> None:
    row.move_to("paused")
    row.ask_at = db.now()
    for cycle in cycles:
        if cycle.state == "locked" and cycle.provider_charge_id is None:
            turns.skip(cycle, actor=actor)
    outbox.record(SubscriptionPaused(row.id, new_id()))


def _close(row: RecurringOrder, cycles: Sequence[RecurringCycle], *, reason: str, actor: str = "system") -> None:
    """Over. Turns that are not paid are left out, except for what the provider has charged before it ended by itself.

    Of one that never began its first order's mail tells.
    """
    row.move_to("ended" if reason == "ended" else "cancelled")
    row.over_reason, row.closed_at, row.next_charge_at = reason, db.now(), None
    row.ask_at = db.now() if row.provider_subscription_id else None
    why = "unpaid" if reason == "not_started" else "subscription_over"
    for cycle in cycles:
        if cycle.state in rules.OPEN and not (reason in ("ended", "at_provider") and cycle.provider_charge_id):
            turns.skip(cycle, actor=actor, reason=why)
    outbox.record(SubscriptionOver(row.id, reason))


def _catch_up(row: RecurringOrder, cycles: Sequence[RecurringCycle]) -> None:
    """What became of the orders of turns that are not finished."""
    states = queries.order_states(cycles)
    for cycle in cycles:
        state = states.get(cycle.order_id) if cycle.order_id and cycle.state in rules.OPEN else None
        if state in ("confirmed", "on_hold"):
            cycle.move_to("charged")
        elif state in ("cancelled", "expired"):
            cycle.move_to("skipped")
            if row.state == "pending":
                _close(row, cycles, reason="not_started")


def _let_go_passed(
    row: RecurringOrder, cycles: Sequence[RecurringCycle], answer: ProviderSubscription, now: datetime
) -> None:
    """The provider has gone past a turn and had its time to charge it: nothing is held for it any more."""
    upcoming = answer.next_charge_at
    for cycle in cycles:
        is_waiting = cycle.state == "locked" and cycle.provider_charge_id is None and cycle.position > 1
        is_past = upcoming is not None and upcoming > cycle.due_at and not _is_same(row, cycle, upcoming)
        if is_waiting and is_past and rules.charge_is_over(cycle.due_at, now):
            turns.skip(cycle, actor="system")


def _is_same(row: RecurringOrder, cycle: RecurringCycle, moment: datetime) -> bool:
    return rules.is_same_turn(cycle.due_at, moment, period=row.period, every=row.every)


def _wanted(row: RecurringOrder, cycles: Sequence[RecurringCycle], now: datetime) -> str:
    """What the provider should be doing: running, paused or cancelled. A turn that is left out is a pause around its time."""
    if row.state in rules.OVER:
        return "cancelled"
    last = cycles[-1]
    is_left_out = last.state == "skipped" and not rules.charge_is_over(last.due_at, now)
    return "paused" if row.state == "paused" or is_left_out else "running"


def _command(wanted: str, state: str) -> str:
    if wanted == "cancelled":
        return "" if state in ("cancelled", "ended") else "cancel"
    if wanted == "paused":
        return "pause" if state == "active" else ""
    return "resume" if state == "paused" else ""


def _to_settle(cycles: Sequence[RecurringCycle]) -> tuple[uuid.UUID, ...]:
    """Orders with a charge that we do not know to be paid; of finished turns the orders' own poller has the rest."""
    return tuple(
        cycle.order_id
        for cycle in cycles[-3:]
        if cycle.order_id and cycle.provider_charge_id and cycle.state != "charged"
    )


def _running(recurring_id: uuid.UUID) -> RecurringOrder:
    row = locked(recurring_id)
    if row.state != "active":
        raise NotRunning()
    return row


def _audit(row: RecurringOrder, what: str, actor: str, *, was: str) -> None:
    if actor != "customer":
        before, after = {"state": was}, {"state": row.state}
        audit.record(
            f"subscription.{what}",
            actor=actor,
            object_kind="recurring_order",
            object_id=row.id,
            before=before,
            after=after,
        )

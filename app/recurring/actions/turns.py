"""The turns of a recurring order: open the order of the next one, leave one out, and find the turn that a charge belongs to.

All in the caller's transaction, under the lock of the recurring order.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.core import db, outbox
from app.core.ids import new_id
from app.orders import actions as orders
from app.orders.actions import charging, placing
from app.orders.models import Order
from app.payments.gateway import Opened
from app.payments.gateway.recurring import SubscriptionCharge
from app.payments.rules import RECURRING
from app.recurring import queries, rules
from app.recurring.events import ChargeComing, CycleSkipped
from app.recurring.models import RecurringCycle, RecurringOrder
from app.stock.errors import OutOfStock

NOBODY = "subscription"  # no browser: nobody's cart is emptied when such an order is paid


def open_next(recurring_id: uuid.UUID, *, lead: timedelta) -> bool:
    """Open the order of the next turn and hold its stock until the provider has had time to charge it; or, after a charge
    that failed, hold it again for the next try. What cannot be had is left out, and the customer told. False: nothing to do.
    """
    row = queries.lock(recurring_id)
    due_at = row.next_charge_at if row else None
    if row is None or due_at is None or due_at > db.now() + lead:
        return False
    last = queries.cycles_of(row.id)[-1]
    if row.state == "past_due" and last.state == "failed" and last.order_id is not None:
        return _hold_for_retry(last.order_id, due_at)
    is_new = not rules.is_same_turn(last.due_at, due_at, period=row.period, every=row.every)
    if row.state != "active" or last.state in rules.OPEN or not is_new:
        return False
    _open_turn(row, last.position + 1, due_at)
    return True


def _open_turn(row: RecurringOrder, position: int, due_at: datetime) -> None:
    minutes = rules.minutes_until_charged(due_at, db.now())
    try:
        if not queries.is_sold(row.variant_id):
            raise OutOfStock({row.variant_id: 0})
        with db.session.begin_nested():
            order = open_order(row, position, lock_minutes=minutes)
    except OutOfStock:
        cycle = add(row, position, due_at=due_at, state="skipped")
        outbox.record(CycleSkipped(row.id, cycle.id, "sold_out"))
        return
    cycle = add(row, position, due_at=due_at, state="locked", order_id=order.id)
    outbox.record(ChargeComing(row.id, cycle.id))


def _hold_for_retry(order_id: uuid.UUID, due_at: datetime) -> bool:
    """Where it is gone, the order still stands: money that comes is settled by what can be had then, or goes back."""
    try:
        with db.session.begin_nested():
            orders.hold_again(order_id, minutes=rules.minutes_until_charged(due_at, db.now()))
    except OutOfStock:
        return False
    return True


def add(
    row: RecurringOrder, position: int, *, due_at: datetime, state: str, order_id: uuid.UUID | None = None
) -> RecurringCycle:
    cycle = RecurringCycle(
        id=new_id(),
        recurring_id=row.id,
        position=position,
        state=state,
        due_at=due_at,
        order_id=order_id,
        provider=row.provider,
        provider_charge_id=None,
    )
    db.session.add(cycle)
    db.session.flush()
    return cycle


def open_order(row: RecurringOrder, position: int, *, lock_minutes: int) -> Order:
    """An order on the terms that were agreed upon, the subscriber's whoever has its e-mail address by now.

    Raises OutOfStock when stock is to be held and cannot be.
    """
    terms = row.terms
    lines = [
        line | {"variant_id": uuid.UUID(line["variant_id"]), "product_id": uuid.UUID(line["product_id"])}
        for line in terms["lines"]
    ]
    order = placing.open(
        placing.NewOrder(
            place_key=new_id(),
            fingerprint=f"{row.id}/{position}",
            currency=row.currency,
            amounts=terms["amounts"],
            snapshot=terms["snapshot"],
            lines=lines,
            locale=row.locale,
            visitor=NOBODY,
            client_index=b"",
            cart_id=None,
            email=row.email,
            phone=row.phone,
            address=row.address,
            shipping_method=terms["shipping_method"],
            payment_method=RECURRING,
            lock_minutes=lock_minutes,
            lives_minutes=max(lock_minutes, rules.CHARGE_HOURS * 60) + rules.DUNNING_DAYS * 24 * 60,
            placed_by="system",
            customer_id=row.customer_id,
        )
    )
    row.customer_id = order.customer_id
    return order


def skip(cycle: RecurringCycle, *, actor: str, reason: str = "skipped") -> None:
    """Leave out a turn that is not paid: its order is cancelled, and money that comes for it all the same goes back."""
    cycle.move_to("skipped")
    if cycle.order_id is not None:
        orders.cancel(cycle.order_id, actor=actor, reason=reason)


def bind(row: RecurringOrder, cycles: list[RecurringCycle], charges: Sequence[SubscriptionCharge]) -> None:
    """Give each charge that the provider tells of its turn, once, and the turn's order an attempt for it."""
    known = {cycle.provider_charge_id for cycle in cycles}
    for charge in charges:
        if charge.id in known:
            continue
        cycle = _turn_of(row, cycles, charge)
        if cycle.order_id is None:  # left out, and charged all the same
            cycle.order_id = _cancelled_order(row, cycle.position)
        cycle.provider_charge_id = charge.id
        if cycle.position > 1:  # the first attempt is there: with it the subscription was opened
            charging.start_charge(cycle.order_id, provider=row.provider, charge=Opened(charge.order_id))
        db.session.flush()


def _turn_of(row: RecurringOrder, cycles: list[RecurringCycle], charge: SubscriptionCharge) -> RecurringCycle:
    """The turn without a charge whose time is nearest; the very first charge is the first turn's, whenever it was made."""
    if cycles[0].provider_charge_id is None:
        return cycles[0]
    same = [
        cycle for cycle in cycles if rules.is_same_turn(cycle.due_at, charge.due_at, period=row.period, every=row.every)
    ]
    free = [cycle for cycle in same if cycle.provider_charge_id is None]
    if free:
        return min(free, key=lambda cycle: abs(cycle.due_at - charge.due_at))
    position, is_wanted = cycles[-1].position + 1, not same and row.state in ("active", "past_due")
    order_id = open_order(row, position, lock_minutes=0).id if is_wanted else _cancelled_order(row, position)
    state = "due" if is_wanted else "skipped"
    cycle = add(row, position, due_at=charge.due_at, state=state, order_id=order_id)
    cycles.append(cycle)
    return cycle


def _cancelled_order(row: RecurringOrder, position: int) -> uuid.UUID:
    """An order for money that nobody asked for: it is over, so what comes for it goes back by itself."""
    order = open_order(row, position, lock_minutes=0)
    orders.cancel(order.id, actor="system", reason="skipped")
    return order.id

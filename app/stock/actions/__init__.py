"""Verbs of stock: lock, renew, start paying, sell, release, receive, adjust. They run in the caller's transaction.

Every change of a counter writes its movement in the same statement, so the ledger cannot drift from the counters.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.core.ids import new_id
from app.stock import queries
from app.stock.errors import LockLost, NoMoreRenewals, OutOfStock
from app.stock.models import CleanupRun
from app.stock.rules import GRACE_SECONDS, Busy, Portion, Shelf, plan, sellable


@dataclass(frozen=True, slots=True)
class Demand:
    """`quantity` units of a variant for one order; a length has to come out of one piece of cloth."""

    variant_id: uuid.UUID
    quantity: int
    in_one_piece: bool = False


def lock(order_id: uuid.UUID, demands: Sequence[Demand], *, minutes: int) -> datetime:
    """Hold all demands for an order until the returned moment of database time, or nothing.

    Raises OutOfStock naming every short variant with the quantity that could be held.
    """
    wanted = _summed(demands)
    if len(wanted) == 1:
        expires_at = _take_from_one_shelf(order_id, wanted[0], minutes)
        if expires_at is not None:
            return expires_at
    return _lock_under_row_locks(order_id, wanted, minutes)


def _lock_under_row_locks(order_id: uuid.UUID, wanted: Sequence[Demand], minutes: int) -> datetime:
    """Several rows, expired locks to take over, too little, or a lost race: with the rows locked in order the plan cannot go stale."""
    queries.lock_items_of_variants([demand.variant_id for demand in wanted])
    portions, needs_reclaim = _plan_all(wanted)
    if needs_reclaim:
        release_expired_of_items([p.stock_item_id for p in portions])
    expires_at = _take(order_id, portions, minutes)
    if expires_at is None:  # the WHERE refused although the plan under row locks said yes: never sell on a doubt
        raise OutOfStock({demand.variant_id: 0 for demand in wanted})
    return expires_at


def _summed(demands: Sequence[Demand]) -> list[Demand]:
    """One demand per variant, in a stable order (S2: two lines of one variant share the stock)."""
    totals: dict[uuid.UUID, Demand] = {}
    for demand in demands:
        before = totals.get(demand.variant_id)
        quantity = demand.quantity + (before.quantity if before else 0)
        totals[demand.variant_id] = Demand(demand.variant_id, quantity, demand.in_one_piece)
    return [totals[key] for key in sorted(totals)]


def _plan_all(wanted: Sequence[Demand]) -> tuple[list[Portion], bool]:
    shelves = queries.shelves([demand.variant_id for demand in wanted])
    portions: list[Portion] = []
    short: dict[uuid.UUID, int] = {}
    for demand in wanted:
        mine = shelves.get(demand.variant_id, [])
        served = plan(mine, demand.quantity, in_one_piece=demand.in_one_piece)
        if not served:
            short[demand.variant_id] = sellable(mine, in_one_piece=demand.in_one_piece)
        portions += served
    if short:
        raise OutOfStock(short)
    return portions, _needs_reclaim(portions, shelves)


def _needs_reclaim(portions: Sequence[Portion], shelves: Mapping[uuid.UUID, Sequence[Shelf]]) -> bool:
    free = {shelf.stock_item_id: shelf.free for each in shelves.values() for shelf in each}
    return any(free[portion.stock_item_id] < portion.quantity for portion in portions)


# The guard: the UPDATE counts only where enough is free *now*, under CHECK (locked <= on_hand). When a row refuses,
# fewer rows than asked for come back and the caller's transaction (or this savepoint) takes everything back.
_TAKE = """
    WITH wanted AS ({wanted}),
    taken AS (
        UPDATE stock_item s SET locked = s.locked + w.quantity FROM wanted w
        WHERE s.id = w.item AND s.on_hand - s.locked - s.safety >= w.quantity
        RETURNING s.id, s.variant_id, s.warehouse_id, s.on_hand, s.locked, w.quantity, w.lock_id, w.move_id
    ),
    held AS (
        INSERT INTO stock_lock (id, order_id, stock_item_id, variant_id, warehouse_id, quantity, expires_at)
        SELECT lock_id, :order, id, variant_id, warehouse_id, quantity, clock_timestamp() + make_interval(mins => :minutes)
        FROM taken RETURNING expires_at
    ),
    noted AS (
        INSERT INTO stock_movement (id, stock_item_id, order_id, lock_id, kind, locked_delta, on_hand_after, locked_after)
        SELECT move_id, id, :order, lock_id, 'lock', quantity, on_hand, locked FROM taken
    )
    SELECT count(*), min(expires_at) FROM held
"""
# The commonest demand, one shelf that has it all, is planned and taken at once (the first choice of `rules.plan`).
_TAKE_FROM_ONE_SHELF = _TAKE.format(
    wanted="SELECT i.id AS item, CAST(:quantity AS int) AS quantity, CAST(:lock AS uuid) AS lock_id, CAST(:move AS uuid) AS move_id"
    " FROM stock_item i JOIN warehouse h ON h.id = i.warehouse_id"
    " WHERE i.variant_id = :variant AND i.on_hand - i.locked - i.safety >= :quantity ORDER BY h.priority, i.id LIMIT 1"
)
_TAKE_PORTIONS = _TAKE.format(
    wanted="SELECT * FROM unnest(CAST(:items AS uuid[]), CAST(:quantities AS int[]), CAST(:locks AS uuid[]),"
    " CAST(:moves AS uuid[])) AS w(item, quantity, lock_id, move_id)"
)


def _take_from_one_shelf(order_id: uuid.UUID, demand: Demand, minutes: int) -> datetime | None:
    """Hold a demand on the first shelf that has all of it free; None when none has (any more), and then nothing is held."""
    values = {
        "order": order_id,
        "minutes": minutes,
        "variant": demand.variant_id,
        "quantity": demand.quantity,
        "lock": new_id(),
        "move": new_id(),
    }
    expires_at: datetime | None = db.rows(_TAKE_FROM_ONE_SHELF, **values)[0][1]
    return expires_at


def _take(order_id: uuid.UUID, portions: Sequence[Portion], minutes: int) -> datetime | None:
    """Hold the portions; None when a row had too little, and then nothing is held."""
    count, expires_at = db.rows(
        _TAKE_PORTIONS,
        order=order_id,
        minutes=minutes,
        items=[portion.stock_item_id for portion in portions],
        quantities=[portion.quantity for portion in portions],
        locks=[new_id() for _ in portions],
        moves=[new_id() for _ in portions],
    )[0]
    if count == len(portions):
        return expires_at
    if count:  # cannot happen with the rows locked; giving some and not all would be half an order
        raise OutOfStock({portion.variant_id: 0 for portion in portions})
    return None


_RELEASE = """
    WITH gone AS (
        UPDATE stock_lock l SET state = 'released', is_paying = false, ended_at = clock_timestamp()
        WHERE l.id IN (SELECT id FROM stock_lock WHERE {which} AND state = 'held' ORDER BY id FOR UPDATE)
          AND l.state = 'held' RETURNING l.id, l.order_id, l.stock_item_id, l.quantity
    ),
    ordered AS (
        SELECT g.*, sum(quantity) OVER (PARTITION BY stock_item_id ORDER BY id) AS so_far,
               sum(quantity) OVER (PARTITION BY stock_item_id) AS total FROM gone g
    ),
    freed AS (
        UPDATE stock_item s SET locked = s.locked - t.total
        FROM (SELECT DISTINCT stock_item_id, total FROM ordered) t WHERE s.id = t.stock_item_id
        RETURNING s.id, s.on_hand, s.locked
    ),
    noted AS (
        INSERT INTO stock_movement (id, stock_item_id, order_id, lock_id, kind, locked_delta, on_hand_after, locked_after, reason)
        SELECT uuidv7(), o.stock_item_id, o.order_id, o.id, 'release', -o.quantity, f.on_hand,
               f.locked + o.total - o.so_far, :reason
        FROM ordered o JOIN freed f ON f.id = o.stock_item_id
    )
    SELECT DISTINCT order_id FROM gone
"""
_RELEASE_ORDER = _RELEASE.format(which="order_id = :order")
_RELEASE_EXPIRED = _RELEASE.format(
    which="stock_item_id = ANY(:items) AND NOT is_paying"
    " AND expires_at <= statement_timestamp() - make_interval(secs => :grace)"
)


def release(order_id: uuid.UUID, *, reason: str) -> bool:
    """Free what an order still holds. Running it again frees nothing twice. True when something was freed."""
    queries.lock_items_of_order(order_id)
    return bool(db.rows(_RELEASE_ORDER, order=order_id, reason=reason))


def release_expired_of_items(item_ids: Sequence[uuid.UUID], *, grace_seconds: int = 0) -> list[uuid.UUID]:
    """Free the expired, unpaid locks on these rows, whose row locks the caller holds. Returns the orders that lost theirs."""
    values = {"items": list(item_ids), "reason": "expired", "grace": grace_seconds}
    return [row[0] for row in db.rows(_RELEASE_EXPIRED, **values)]


def release_expired_batch(items: Sequence[uuid.UUID], *, busy: Busy) -> list[uuid.UUID]:
    """Free the expired, unpaid locks on these rows. Returns the orders that lost theirs; rows that somebody works on are
    skipped or waited for."""
    rows = queries.lock_items(items, busy=busy)
    return release_expired_of_items(rows, grace_seconds=GRACE_SECONDS) if rows else []


def renew(order_id: uuid.UUID, *, minutes: int, max_renewals: int) -> datetime:
    """Start the full time again for an order that holds its stock (a click in the grace counts).

    Raises LockLost when it holds nothing, NoMoreRenewals when it has had them all.
    """
    found = db.rows(
        "UPDATE stock_lock SET renewals = renewals + 1,"
        " expires_at = greatest(expires_at, clock_timestamp() + make_interval(mins => :minutes))"
        " WHERE order_id = :order AND state = 'held' AND renewals < :max"
        " AND (is_paying OR expires_at > clock_timestamp() - make_interval(secs => :grace)) RETURNING expires_at",
        order=order_id,
        minutes=minutes,
        max=max_renewals,
        grace=GRACE_SECONDS,
    )
    if found:
        return found[0][0]
    hold = queries.hold_of(order_id)
    raise NoMoreRenewals() if hold.is_usable else LockLost()


def start_paying(order_id: uuid.UUID, wanted: Mapping[uuid.UUID, int]) -> None:
    """From now on only the provider's answer frees these locks. Raises LockLost unless the order holds all it wants."""
    found = db.rows(
        "UPDATE stock_lock SET is_paying = true WHERE order_id = :order AND state = 'held'"
        " AND (is_paying OR expires_at > clock_timestamp() - make_interval(secs => :grace)) RETURNING variant_id, quantity",
        order=order_id,
        grace=GRACE_SECONDS,
    )
    if _totals(found) != dict(wanted):
        raise LockLost()


def stop_paying(order_id: uuid.UUID) -> None:
    """No attempt is open any more: the lock lives on to its own end and is then free at once."""
    db.rows(
        "UPDATE stock_lock SET is_paying = false WHERE order_id = :id AND state = 'held' AND is_paying RETURNING id",
        id=order_id,
    )


def keep_until(order_id: uuid.UUID, at: datetime) -> dict[uuid.UUID, int]:
    """Hold what an order holds at least until then. Returns what that is: units per variant."""
    found = db.rows(
        "UPDATE stock_lock SET expires_at = greatest(expires_at, :at) WHERE order_id = :id AND state = 'held'"
        " RETURNING variant_id, quantity",
        id=order_id,
        at=at,
    )
    return _totals(found)


def keep_at_most(order_id: uuid.UUID, *, minutes: int) -> None:
    """Hold it no longer than so many minutes from now."""
    db.rows(
        "UPDATE stock_lock SET expires_at = least(expires_at, clock_timestamp() + make_interval(mins => :minutes))"
        " WHERE order_id = :id AND state = 'held' RETURNING id",
        id=order_id,
        minutes=minutes,
    )


def keep_for_answer(order_id: uuid.UUID, *, minutes: int) -> bool:
    """Extend an expired lock because the bank reported the payment as still pending (F3). Once per lock; False after that."""
    return bool(
        db.rows(
            "UPDATE stock_lock SET expires_at = clock_timestamp() + make_interval(mins => :minutes), was_kept = true"
            " WHERE order_id = :id AND state = 'held' AND NOT was_kept RETURNING id",
            id=order_id,
            minutes=minutes,
        )
    )


# The stock rows are locked first, in the one order everybody uses.
_SELL = """
WITH items AS MATERIALIZED (
    SELECT id FROM stock_item WHERE id IN (SELECT stock_item_id FROM stock_lock WHERE order_id = :order AND state = 'held')
    ORDER BY id FOR UPDATE
),
sold AS (
    UPDATE stock_lock SET state = 'consumed', is_paying = false, ended_at = clock_timestamp()
    WHERE order_id = :order AND state = 'held' AND stock_item_id IN (SELECT id FROM items)
    RETURNING id, stock_item_id, variant_id, quantity
),
gone AS (
    UPDATE stock_item s SET on_hand = s.on_hand - sold.quantity, locked = s.locked - sold.quantity FROM sold
    WHERE s.id = sold.stock_item_id RETURNING s.id, s.on_hand, s.locked
),
noted AS (
    INSERT INTO stock_movement (id, stock_item_id, order_id, lock_id, kind, on_hand_delta, locked_delta, on_hand_after, locked_after)
    SELECT uuidv7(), sold.stock_item_id, :order, sold.id, 'sell', -sold.quantity, -sold.quantity, gone.on_hand, gone.locked
    FROM sold JOIN gone ON gone.id = sold.stock_item_id
)
SELECT variant_id, quantity FROM sold
"""


def sell(order_id: uuid.UUID, wanted: Mapping[uuid.UUID, int]) -> None:
    """Deduct for good what the order holds (CHK-06). Raises LockLost, and then the caller's transaction must not commit,
    unless it holds exactly what it wants."""
    if _totals(db.rows(_SELL, order=order_id)) != dict(wanted):
        raise LockLost()


# To the shelves they were sold from, at most what is still out of each.
_RESTOCK = """
WITH away AS (
    SELECT m.stock_item_id AS id, -sum(m.on_hand_delta)::int AS quantity
    FROM stock_movement m JOIN stock_item s ON s.id = m.stock_item_id
    WHERE m.order_id = :order AND s.variant_id = :variant AND m.kind IN ('sell', 'restock') GROUP BY 1
),
share AS (
    SELECT id, least(quantity, :quantity - (sum(quantity) OVER (ORDER BY id) - quantity))::int AS quantity FROM away
),
put AS (
    UPDATE stock_item s SET on_hand = s.on_hand + share.quantity FROM share
    WHERE s.id = share.id AND share.quantity > 0 RETURNING s.id, s.on_hand, s.locked, share.quantity
)
INSERT INTO stock_movement
    (id, stock_item_id, order_id, source_id, kind, on_hand_delta, on_hand_after, locked_after, actor, reason)
SELECT uuidv7(), id, :order, :source, 'restock', quantity, on_hand, locked, :actor, 'refund' FROM put RETURNING on_hand_delta
"""


def restock(
    order_id: uuid.UUID, returned: Mapping[uuid.UUID, tuple[uuid.UUID, int]], *, actor: str
) -> dict[uuid.UUID, int]:
    """Put goods of an order on sale again: `returned` maps what brought them back to (variant, quantity). Returns how many
    came back for each: never more than were sold and are still out."""
    queries.lock_items_of_variants(sorted({variant_id for variant_id, _ in returned.values()}))
    came: dict[uuid.UUID, int] = {}
    for source_id, (variant_id, quantity) in returned.items():
        values = {"order": order_id, "variant": variant_id, "quantity": quantity, "source": source_id, "actor": actor}
        came[source_id] = sum(row[0] for row in db.rows(_RESTOCK, **values))
    return came


def _totals(rows: Any) -> dict[uuid.UUID, int]:
    totals: dict[uuid.UUID, int] = {}
    for variant_id, quantity in rows:
        totals[variant_id] = totals.get(variant_id, 0) + quantity
    return totals


def start_cleanup(*, trigger: str) -> uuid.UUID:
    """Note the start of a release pass; its id is given to `finish_cleanup`."""
    run = CleanupRun(id=new_id(), trigger=trigger)
    db.session.add(run)
    return run.id


def finish_cleanup(run_id: uuid.UUID, *, released: int, waiting: int, failed: int) -> None:
    db.rows(
        "UPDATE stock_cleanup_run SET finished_at = clock_timestamp(), released = :released, waiting = :waiting, failed = :failed"
        " WHERE id = :id RETURNING id",
        id=run_id,
        released=released,
        waiting=waiting,
        failed=failed,
    )

"""Reads of stock. Availability is one expression, used by lists, product page, cart, API, place-order and audit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, union

from app.core import crypto, db
from app.stock.models import StockItem, StockLock
from app.stock.rules import GRACE_SECONDS, RELEASE_EVERY_SECONDS, Busy, Shelf

# Units in locks that ran out while nobody was paying: free at once, whether or not a worker has been there.
RECLAIMABLE = """
    LATERAL (
        SELECT coalesce(sum(l.quantity), 0)::int AS quantity FROM stock_lock l
        WHERE s.locked > 0 AND l.stock_item_id = s.id AND l.state = 'held' AND NOT l.is_paying
          AND l.expires_at <= statement_timestamp()
    ) r
"""
SELLABLE = "greatest(s.on_hand - s.locked - s.safety + r.quantity, 0)"
# Units that this visitor's own unpaid order holds: place-order replaces that lock, so they can be had again (S10).
OWN = """
    LATERAL (
        SELECT coalesce(sum(l.quantity), 0)::int AS quantity FROM stock_lock l JOIN orders o ON o.id = l.order_id
        WHERE s.locked > 0 AND l.stock_item_id = s.id AND l.state = 'held' AND o.visitor = :visitor AND o.state = 'pending'
          AND o.promised_at IS NULL
          AND (l.is_paying OR l.expires_at > statement_timestamp())
    ) own
"""
SELLABLE_TO = "greatest(s.on_hand - s.locked - s.safety + r.quantity + own.quantity, 0)"

# The same for one variant, `v.id` of the statement around it: columns total, longest, held of `left_of`.
LEFT_OF_VARIANT = f"""
    LATERAL (
        SELECT coalesce(sum({SELLABLE_TO}), 0)::int AS total, coalesce(max({SELLABLE_TO}), 0)::int AS longest,
               coalesce(sum(s.locked - r.quantity - own.quantity), 0)::int AS held
        FROM stock_item s, {RECLAIMABLE}, {OWN} WHERE s.variant_id = v.id
    ) left_of
"""  # nosec B608


@dataclass(frozen=True, slots=True)
class Availability:
    """`total` over all warehouses, `longest` in one of them, `held` by other shoppers who have not paid yet."""

    total: int = 0
    longest: int = 0
    held: int = 0

    def for_unit(self, unit: str) -> int:
        """What one line can get: a length is cut in one piece, pieces may come from several warehouses."""
        return self.longest if unit == "metre" else self.total


NONE = Availability()
_SUMS = f"sum({SELLABLE})::int, max({SELLABLE})::int, sum(s.locked - r.quantity)::int"
_OF_VARIANTS = f"SELECT s.variant_id, {_SUMS} FROM stock_item s, {RECLAIMABLE} WHERE s.variant_id = ANY(:ids) GROUP BY s.variant_id"  # nosec B608
_OF_VARIANTS_TO = (
    f"SELECT s.variant_id, sum({SELLABLE_TO})::int, max({SELLABLE_TO})::int, sum(s.locked - r.quantity - own.quantity)::int"
    f" FROM stock_item s, {RECLAIMABLE}, {OWN} WHERE s.variant_id = ANY(:ids) GROUP BY s.variant_id"  # nosec B608
)
_OF_PRODUCTS = (
    f"SELECT v.product_id, {_SUMS} FROM variant v JOIN stock_item s ON s.variant_id = v.id, {RECLAIMABLE}"
    " WHERE v.product_id = ANY(:product_ids) AND v.is_available GROUP BY v.product_id"  # nosec B608
)


def availability(variant_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Availability]:
    """What can be sold of each variant now, in its smallest unit. Variants without a stock row are missing (see `NONE`)."""
    if not variant_ids:
        return {}
    sql, values = db.each_of(_OF_VARIANTS, ids=variant_ids)
    found = db.rows(sql, **values)
    return {row[0]: Availability(row[1], row[2], row[3]) for row in found}


def availability_to(visitor: str, variant_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Availability]:
    """The same for one visitor, whose own unpaid order is not in the way."""
    if not variant_ids:
        return {}
    found = db.rows(_OF_VARIANTS_TO, ids=list(variant_ids), visitor=visitor)
    return {row[0]: Availability(row[1], row[2], row[3]) for row in found}


def availability_by_product(product_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Availability]:
    """The same, summed over a product's variants that are for sale (for cards)."""
    if not product_ids:
        return {}
    sql, values = db.each_of(_OF_PRODUCTS, product_ids=product_ids)
    found = db.rows(sql, **values)
    return {row[0]: Availability(row[1], row[2], row[3]) for row in found}


def availability_by_either(
    variant_ids: Sequence[uuid.UUID], product_ids: Sequence[uuid.UUID], *, visitor: str | None
) -> dict[uuid.UUID, Availability]:
    """Of variants, to a visitor who is known, and of whole products at once (for a product's page, which shows others beside
    it)."""
    wanted = {"ids": variant_ids, "product_ids": product_ids}
    of_variants = _OF_VARIANTS if visitor is None else _OF_VARIANTS_TO
    parts = [sql for sql, ids in ((of_variants, variant_ids), (_OF_PRODUCTS, product_ids)) if ids]
    if not parts:
        return {}
    sql, values = db.each_of(" UNION ALL ".join(parts), **wanted)
    found = db.rows(sql, **values, **({"visitor": visitor} if variant_ids and visitor else {}))
    return {row[0]: Availability(row[1], row[2], row[3]) for row in found}


_MARK = (
    "SELECT count(*), bit_xor(uuid_hash_extended(s.id, 0)) FROM stock_item s WHERE s.on_hand - s.locked - s.safety > 0"
    f" OR (s.locked > 0 AND EXISTS (SELECT FROM {RECLAIMABLE} WHERE {SELLABLE} > 0))"  # nosec B608
)


def mark_of_sellable() -> tuple[int, int | None]:
    """Another one whenever a stock row has begun or ceased to have something to sell.

    Made of the rows as they are, never of the order in which changes were made: whoever commits late is seen like everybody
    else. One pass over the counters, and a look at the locks of rows that have nothing else left: 35 ms for 200,000 rows.
    """
    return tuple(db.rows(_MARK)[0])


def shelves(variant_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Shelf]]:
    """The stock rows of each variant in the order they are served from (warehouse priority)."""
    found = db.rows(
        f"SELECT s.id, s.variant_id, s.on_hand - s.locked - s.safety, r.quantity FROM stock_item s"
        f" JOIN warehouse w ON w.id = s.warehouse_id, {RECLAIMABLE}"
        " WHERE s.variant_id = ANY(:ids) ORDER BY w.priority, s.id",  # nosec B608
        ids=list(variant_ids),
    )
    shelves: dict[uuid.UUID, list[Shelf]] = {}
    for item_id, variant_id, free, reclaimable in found:
        shelves.setdefault(variant_id, []).append(Shelf(item_id, variant_id, free, reclaimable))
    return shelves


@dataclass(frozen=True, slots=True)
class Hold:
    """What an order holds: until when, how often it was renewed, and whether it may still be paid."""

    expires_at: datetime | None
    remaining_ms: int  # by the database's clock; negative once expired
    renewals: int
    is_paying: bool
    quantities: dict[uuid.UUID, int]

    @property
    def is_live(self) -> bool:
        return self.expires_at is not None and self.remaining_ms > 0

    @property
    def is_usable(self) -> bool:
        """Live, being paid, or in the seconds of grace."""
        return self.expires_at is not None and (self.is_paying or self.remaining_ms > -GRACE_SECONDS * 1000)


def hold_of(order_id: uuid.UUID) -> Hold:
    found = db.rows(
        "SELECT variant_id, sum(quantity)::int, min(expires_at), max(renewals), bool_or(is_paying),"
        " (extract(epoch FROM min(expires_at) - clock_timestamp()) * 1000)::bigint"
        " FROM stock_lock WHERE order_id = :id AND state = 'held' GROUP BY variant_id",
        id=order_id,
    )
    if not found:
        return Hold(None, 0, 0, False, {})
    return Hold(
        expires_at=min(row[2] for row in found),
        remaining_ms=min(int(row[5]) for row in found),
        renewals=max(row[3] for row in found),
        is_paying=any(row[4] for row in found),
        quantities={row[0]: row[1] for row in found},
    )


def live_orders_of_address(address: str) -> int:
    """Unpaid orders from this address on the network that hold stock right now (S11). Those on a plan have begun to pay."""
    sql, values = db.each_of(
        "SELECT count(DISTINCT o.id) FROM orders o JOIN stock_lock l ON l.order_id = o.id AND l.state = 'held'"
        " WHERE o.client_index = ANY(:client) AND o.state = 'pending' AND l.expires_at > statement_timestamp()"
        " AND NOT EXISTS (SELECT FROM payment p WHERE p.order_id = o.id AND p.received_minor > 0)",
        client=crypto.blind_indexes(address),
    )
    return db.scalar(sql, **values)


def expired_paying_orders(limit: int = 500) -> list[uuid.UUID]:
    """Orders whose lock ran out while a payment attempt was open: only the provider knows whether it may be freed."""
    found = db.rows(
        "SELECT order_id FROM stock_lock WHERE state = 'held' AND is_paying AND expires_at <= statement_timestamp()"
        " GROUP BY order_id ORDER BY min(expires_at) LIMIT :limit",
        limit=limit,
    )
    return [row[0] for row in found]


def items_to_release(*, without: Sequence[uuid.UUID], limit: int = 200) -> list[uuid.UUID]:
    """The stock rows with the oldest expired locks that nobody is paying for, the grace over; `without` are left out."""
    found = db.rows(
        "SELECT stock_item_id FROM (SELECT stock_item_id, expires_at FROM stock_lock WHERE state = 'held' AND NOT is_paying"
        " AND expires_at <= statement_timestamp() - make_interval(secs => :grace) AND stock_item_id <> ALL(:without)"
        " ORDER BY expires_at LIMIT 20000) d GROUP BY stock_item_id ORDER BY min(expires_at) LIMIT :limit",
        grace=GRACE_SECONDS,
        without=list(without),
        limit=limit,
    )
    return [row[0] for row in found]


def lock_items(ids: Sequence[uuid.UUID], *, busy: Busy = "wait") -> list[uuid.UUID]:
    """FOR UPDATE on stock rows, in the one order everybody uses. With `busy` “skip” those that could be had."""
    statement = (
        select(StockItem.id)
        .where(StockItem.id.in_(ids))
        .order_by(StockItem.id)
        .with_for_update(skip_locked=busy == "skip", nowait=busy == "refuse")
    )
    return list(db.session.scalars(statement))


def lock_items_of_variants(variant_ids: Sequence[uuid.UUID]) -> None:
    statement = select(StockItem.id).where(StockItem.variant_id.in_(variant_ids))
    db.session.execute(statement.order_by(StockItem.id).with_for_update())


def lock_items_to_exchange(order_id: uuid.UUID, variant_ids: Sequence[uuid.UUID]) -> None:
    """FOR UPDATE on the rows an order holds and on all rows of these variants, in the one order everybody uses.

    For whoever gives back and takes in one transaction: one row lock after the other would cross somebody who does the
    reverse (S3).
    """
    held = select(StockLock.stock_item_id).where(StockLock.order_id == order_id, StockLock.state == "held")
    either = union(held, select(StockItem.id).where(StockItem.variant_id.in_(variant_ids)))
    db.session.execute(select(StockItem.id).where(StockItem.id.in_(either)).order_by(StockItem.id).with_for_update())


def lock_items_of_order(order_id: uuid.UUID) -> list[uuid.UUID]:
    held = select(StockLock.stock_item_id).where(StockLock.order_id == order_id, StockLock.state == "held")
    return list(
        db.session.scalars(select(StockItem.id).where(StockItem.id.in_(held)).order_by(StockItem.id).with_for_update())
    )


def locks_page(*, expired: bool | None, limit: int = 50, offset: int = 0) -> list[Any]:
    """Held locks for the back office, the soonest to expire first: lock, SKU, warehouse and order reference."""
    condition = {None: "", True: "AND l.expires_at <= now()", False: "AND l.expires_at > now()"}[expired]
    return db.rows(
        "SELECT l.id, l.order_id, l.variant_id, l.quantity, l.expires_at, l.is_paying, l.renewals, l.created_at,"
        " w.code AS warehouse, v.sku, p.name AS product_name, p.unit, p.step_mm, o.reference, o.state AS order_state,"
        " (extract(epoch FROM l.expires_at - now()) * 1000)::bigint AS remaining_ms"
        " FROM stock_lock l JOIN warehouse w ON w.id = l.warehouse_id JOIN variant v ON v.id = l.variant_id"
        " JOIN product p ON p.id = v.product_id JOIN orders o ON o.id = l.order_id"
        f" WHERE l.state = 'held' {condition} ORDER BY l.expires_at, l.id LIMIT :limit OFFSET :offset",  # nosec B608
        limit=limit,
        offset=offset,
    )


def lock_counts() -> dict[str, int]:
    """Live and expired locks (INV-31, INV-32) and how many expired ones wait for a provider's answer."""
    row = db.rows(
        "SELECT count(*) FILTER (WHERE expires_at > now()), count(*) FILTER (WHERE expires_at <= now()),"
        " count(*) FILTER (WHERE expires_at <= now() AND is_paying) FROM stock_lock WHERE state = 'held'"
    )[0]
    return {"active": row[0], "expired": row[1], "asking": row[2]}


def last_cleanup() -> Any | None:
    found = db.rows(
        "SELECT id, trigger, started_at, finished_at, released, waiting, failed FROM stock_cleanup_run"
        " ORDER BY started_at DESC LIMIT 1"
    )
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Cleanup:
    """How the release is doing. `next_run_at` is None while the schedule is switched off; `is_late`: nobody ran it in time."""

    last: Any | None
    next_run_at: datetime | None
    is_enabled: bool
    is_late: bool
    released_today: int


def cleanup(*, is_enabled: bool, interval_minutes: int) -> Cleanup:
    """Last and next run of the release (CHK-10), and what the last 24 hours released."""
    last = last_cleanup()
    scheduled, now, released = db.rows(
        "SELECT (SELECT max(started_at) FROM stock_cleanup_run WHERE trigger = 'schedule'), clock_timestamp(),"
        " (SELECT coalesce(sum(released), 0) FROM stock_cleanup_run WHERE started_at > now() - interval '24 hours')"
    )[0]
    next_run_at = max(scheduled + timedelta(seconds=RELEASE_EVERY_SECONDS), now) if scheduled else now
    is_late = scheduled is None or now - scheduled > timedelta(minutes=2 * interval_minutes)
    return Cleanup(last, next_run_at if is_enabled else None, is_enabled, is_enabled and is_late, int(released))


def faults(*, cleanup_interval_minutes: int) -> dict[str, int]:
    """The stock invariants of `shop audit`: how many rows break each."""
    return {
        "oversold": db.scalar(
            "SELECT count(*) FROM stock_item s JOIN LATERAL ("
            " SELECT coalesce(sum(m.on_hand_delta) FILTER (WHERE m.kind <> 'sell'), 0) AS ever,"
            "  coalesce(-sum(m.on_hand_delta) FILTER (WHERE m.kind = 'sell'), 0) AS sold"
            " FROM stock_movement m WHERE m.stock_item_id = s.id) f ON true WHERE f.sold + s.locked > f.ever"
        ),
        "negative_stock": db.scalar(
            "SELECT count(*) FROM stock_item WHERE on_hand < 0 OR locked < 0 OR on_hand < locked"
        ),
        "ledger_drift": db.scalar(
            "SELECT count(*) FROM stock_item s LEFT JOIN ("
            " SELECT stock_item_id, sum(on_hand_delta) AS on_hand, sum(locked_delta) AS locked FROM stock_movement GROUP BY 1"
            ") m ON m.stock_item_id = s.id LEFT JOIN ("
            " SELECT stock_item_id, sum(quantity) AS held FROM stock_lock WHERE state = 'held' GROUP BY 1"
            ") h ON h.stock_item_id = s.id"
            " WHERE s.on_hand <> coalesce(m.on_hand, 0) OR s.locked <> coalesce(m.locked, 0) OR s.locked <> coalesce(h.held, 0)"
        ),
        "expired_locks": db.scalar(
            "SELECT count(*) FROM stock_lock WHERE state = 'held' AND NOT is_paying"
            " AND expires_at < now() - make_interval(mins => :minutes)",
            minutes=cleanup_interval_minutes,
        ),
    }

"""Verbs of goods on shelves: open a warehouse, receive, adjust. Each writes its movement in the same statement."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app.core import db
from app.core.ids import new_id
from app.stock.errors import BelowLocked


def put_warehouse(code: str, *, name: str, country: str, priority: int) -> uuid.UUID:
    """Open a warehouse, or change how it is called and when its turn is (lower priority ships first). Returns its id."""
    warehouse_id: uuid.UUID = db.scalar(
        "INSERT INTO warehouse (id, code, name, country, priority) VALUES (:id, :code, :name, :country, :priority)"
        " ON CONFLICT (code) DO UPDATE SET name = excluded.name, country = excluded.country, priority = excluded.priority"
        " RETURNING id",
        id=new_id(),
        code=code,
        name=name,
        country=country,
        priority=priority,
    )
    return warehouse_id


def receive_many(
    rows: Sequence[tuple[uuid.UUID, uuid.UUID, int, int]], *, actor: str = "system", reason: str = "delivery"
) -> None:
    """Put goods on shelves: rows of (variant, warehouse, quantity ≥ 0, safety). Creates stock rows that do not exist yet."""
    db.rows(
        """
        WITH came AS (SELECT * FROM unnest(CAST(:variants AS uuid[]), CAST(:warehouses AS uuid[]),
                      CAST(:quantities AS int[]), CAST(:safeties AS int[])) AS c(variant_id, warehouse_id, quantity, safety)),
        put AS (
            INSERT INTO stock_item AS s (id, variant_id, warehouse_id, on_hand, safety)
            SELECT uuidv7(), variant_id, warehouse_id, quantity, safety FROM came ORDER BY variant_id, warehouse_id
            ON CONFLICT (variant_id, warehouse_id) DO UPDATE SET on_hand = s.on_hand + excluded.on_hand, safety = excluded.safety
            RETURNING s.id, s.variant_id, s.warehouse_id, s.on_hand, s.locked
        )
        INSERT INTO stock_movement (id, stock_item_id, kind, on_hand_delta, on_hand_after, locked_after, actor, reason)
        SELECT uuidv7(), put.id, 'receive', came.quantity, put.on_hand, put.locked, :actor, :reason
        FROM put JOIN came USING (variant_id, warehouse_id) WHERE came.quantity > 0
        """,
        variants=[row[0] for row in rows],
        warehouses=[row[1] for row in rows],
        quantities=[row[2] for row in rows],
        safeties=[row[3] for row in rows],
        actor=actor,
        reason=reason,
    )


def receive(
    variant_id: uuid.UUID, warehouse_id: uuid.UUID, quantity: int, *, safety: int = 0, actor: str = "system"
) -> None:
    receive_many([(variant_id, warehouse_id, quantity, safety)], actor=actor)


def adjust(stock_item_id: uuid.UUID, delta: int, *, reason: str, actor: str) -> None:
    """Correct a counted quantity. Raises BelowLocked when units would go that are held for somebody (N24)."""
    found = db.rows(
        """
        WITH changed AS (
            UPDATE stock_item SET on_hand = on_hand + :delta WHERE id = :id AND on_hand + :delta >= locked
            RETURNING id, on_hand, locked
        )
        INSERT INTO stock_movement (id, stock_item_id, kind, on_hand_delta, on_hand_after, locked_after, actor, reason)
        SELECT uuidv7(), id, 'adjust', :delta, on_hand, locked, :actor, :reason FROM changed RETURNING id
        """,
        id=stock_item_id,
        delta=delta,
        actor=actor,
        reason=reason,
    )
    if not found:
        raise BelowLocked()

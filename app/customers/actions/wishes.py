"""Verbs of the wishlist, of guests and customers alike. In the caller's transaction."""

from __future__ import annotations

import uuid

from app.core import db
from app.core.ids import new_id
from app.customers.rules import MAX_WISHES


def add(visitor: str, product_id: uuid.UUID) -> bool:
    """Wish for a product, at most once. False when the list is full."""
    db.rows(
        "INSERT INTO wish (id, visitor, product_id) SELECT :id, :visitor, p.id FROM product p WHERE p.id = :product"
        " AND (SELECT count(*) FROM wish WHERE visitor = :visitor) < :most ON CONFLICT DO NOTHING RETURNING id",
        id=new_id(),
        visitor=visitor,
        product=product_id,
        most=MAX_WISHES,
    )
    return bool(
        db.scalar("SELECT EXISTS (SELECT FROM wish WHERE visitor = :v AND product_id = :p)", v=visitor, p=product_id)
    )


def remove(visitor: str, product_id: uuid.UUID) -> None:
    db.rows("DELETE FROM wish WHERE visitor = :v AND product_id = :p RETURNING id", v=visitor, p=product_id)


def hand_over(guest: str, visitor: str) -> int:
    """What was wished for before signing in joins the customer's list, the newest first until that is full. Returns how many
    products are new on it."""
    moved = db.rows(
        "INSERT INTO wish (id, visitor, product_id, was_sold_out, created_at)"
        " SELECT gen_random_uuid(), :visitor, g.product_id, g.was_sold_out, g.created_at FROM wish g WHERE g.visitor = :guest"
        " AND NOT EXISTS (SELECT FROM wish w WHERE w.visitor = :visitor AND w.product_id = g.product_id)"
        " ORDER BY g.created_at DESC, g.id LIMIT greatest(0, :most - (SELECT count(*) FROM wish WHERE visitor = :visitor))"
        " ON CONFLICT DO NOTHING RETURNING id",
        guest=guest,
        visitor=visitor,
        most=MAX_WISHES,
    )
    db.rows("DELETE FROM wish WHERE visitor = :guest RETURNING id", guest=guest)
    return len(moved)

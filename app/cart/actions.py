"""Verbs of the cart, in the caller's transaction (a relaxed one: a cart may lose its last fifth of a second in a crash)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, Select, literal
from sqlalchemy.dialects.postgresql import insert

from app.cart import queries
from app.cart.errors import NotEnough, NotForSale, TooMuch
from app.cart.models import FunnelStep
from app.cart.queries import Contents, VariantFacts
from app.cart.rules import MAX_QUANTITY, MAX_TOTAL_MINOR
from app.core import db
from app.core.errors import NotFound
from app.core.ids import new_id
from app.orders import queries as orders
from app.stock import queries as stock
from app.stock.queries import Availability

MAX_LINES = 100


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb did: the line it touched and the cart as it is now."""

    line_id: uuid.UUID
    facts: VariantFacts
    quantity: int
    cart: Contents


_ADD = """
WITH opened AS (
    INSERT INTO cart AS c (id, visitor, currency) VALUES (:cart, :visitor, :currency)
    ON CONFLICT (visitor) WHERE is_open DO UPDATE SET version = c.version + 1, currency = excluded.currency,
      updated_at = clock_timestamp(), expires_at = clock_timestamp() + interval '30 days'
    RETURNING id
),
noted AS (INSERT INTO funnel_step (cart_id, step) SELECT id, 'cart' FROM opened ON CONFLICT DO NOTHING)
INSERT INTO cart_line AS l (id, cart_id, variant_id, quantity, price_seen_minor)
SELECT :line, id, :variant, least(CAST(:quantity AS int), :most), :price FROM opened
ON CONFLICT (cart_id, variant_id) DO UPDATE SET
  quantity = least(l.quantity + excluded.quantity, :most), price_seen_minor = excluded.price_seen_minor
RETURNING new.id, coalesce(old.quantity, 0) + CAST(:quantity AS int) AS wanted
"""


def add(visitor: str, facts: VariantFacts, quantity: int, *, currency: str) -> Change:
    """Put `quantity` units more of a variant into the visitor's cart (made if there is none).

    Raises NotForSale, NotEnough or TooMuch, and then the caller must not commit: the line is written first, all in one
    statement, and the cart's row lock makes the sum certain.
    """
    if not facts.is_sellable:
        raise NotForSale()
    line = db.rows(
        _ADD,
        cart=new_id(),
        visitor=visitor,
        currency=currency,
        line=new_id(),
        variant=facts.variant_id,
        quantity=quantity,
        price=facts.price_minor,
        most=MAX_QUANTITY,
    )[0]
    _check(visitor, facts, line.wanted)
    cart = queries.stored(visitor)
    if len(cart.entries) > MAX_LINES:
        raise TooMuch("the cart is full")
    return Change(line.id, facts, line.wanted, cart)


def set_quantity(visitor: str, line_id: uuid.UUID, quantity: int, *, currency: str, locale: str) -> Change:
    """Set a line to `quantity` units. Raises NotFound (also for somebody else's line), NotEnough or TooMuch."""
    line = _own_line(visitor, line_id)
    facts = _sellable(line.variant_id, currency=currency, locale=locale)
    _check(visitor, facts, quantity)
    db.rows("UPDATE cart_line SET quantity = :quantity, price_seen_minor = :price WHERE id = :id RETURNING id",
            id=line_id, quantity=quantity, price=facts.price_minor)  # fmt: skip
    return Change(line_id, facts, quantity, queries.stored(visitor))


def remove(visitor: str, line_id: uuid.UUID, *, currency: str, locale: str) -> Change:
    """Take a line out. Raises NotFound, also for somebody else's line."""
    line = _own_line(visitor, line_id)
    facts = queries.facts([line.variant_id], currency=currency, locale=locale)[line.variant_id]
    db.rows("DELETE FROM cart_line WHERE id = :id RETURNING id", id=line_id)
    return Change(line_id, facts, 0, queries.stored(visitor))


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many units more; `price_seen_minor` is what they cost when the shopper last saw them, None: what they cost now."""

    variant_id: uuid.UUID
    quantity: int
    price_seen_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a wish: the line was to have `wanted` units and has `got` now."""

    variant_id: uuid.UUID
    wanted: int
    got: int


def put_all(visitor: str, wanted: Sequence[Wanted], *, currency: str, locale: str) -> tuple[uuid.UUID, list[Put]]:
    """Put many things at once into the visitor's cart, of each as much as can be sold; what was there is never lessened.

    Returns the cart's id and what became of each wish.
    """
    cart_id = db.scalar(_OPEN, cart=new_id(), visitor=visitor, currency=currency)
    mine = {each.variant_id: each.quantity for each in queries.stored(visitor).entries}
    ids = [each.variant_id for each in wanted]
    facts = queries.facts(ids, currency=currency, locale=locale)
    available = stock.availability_to(visitor, ids)
    done, lines = [], []
    for each in wanted:
        before, known = mine.get(each.variant_id, 0), facts.get(each.variant_id)
        whole, got = before + each.quantity, before
        if known is not None and known.is_sellable and (before or len(mine) < MAX_LINES):
            most = _most(known, available.get(each.variant_id, stock.NONE))
            got = max(before, min(whole, most)) if min(whole, most) >= known.min_quantity else before
        if got > before:
            price = known.price_minor if known and each.price_seen_minor is None else each.price_seen_minor
            lines.append((new_id(), each.variant_id, got, price or 0))
            mine[each.variant_id] = got
        done.append(Put(each.variant_id, whole, got))
    if lines:
        note_step(cart_id, "cart")
        db.rows(_PUT, cart=cart_id, ids=[x[0] for x in lines], variants=[x[1] for x in lines],
                quantities=[x[2] for x in lines], prices=[x[3] for x in lines])  # fmt: skip
    return cart_id, done


_OPEN = """
INSERT INTO cart AS c (id, visitor, currency) VALUES (:cart, :visitor, :currency)
ON CONFLICT (visitor) WHERE is_open DO UPDATE SET version = c.version + 1, updated_at = clock_timestamp(),
  expires_at = clock_timestamp() + interval '30 days' RETURNING id
"""
_PUT = """
INSERT INTO cart_line (id, cart_id, variant_id, quantity, price_seen_minor)
SELECT u.id, :cart, u.variant, u.quantity, u.price
FROM unnest(CAST(:ids AS uuid[]), CAST(:variants AS uuid[]), CAST(:quantities AS bigint[]), CAST(:prices AS bigint[]))
  AS u (id, variant, quantity, price)
ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = excluded.quantity RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """The guest's cart `old` is part of the cart `new` now. `is_news`: the customer's cart is not just what the guest's was."""

    old: uuid.UUID
    new: uuid.UUID
    lines: list[Put]
    is_news: bool


def merge(guest: str, visitor: str, *, currency: str, locale: str) -> Merged | None:
    """A guest has signed in: what is in their cart joins the customer's. None: there is nothing in it."""
    old = db.scalar("SELECT id FROM cart WHERE visitor = :guest AND is_open FOR UPDATE", guest=guest)
    entries = queries.stored(guest).entries
    if not entries:
        return None
    had = bool(queries.stored(visitor).entries)
    wanted = [Wanted(each.variant_id, each.quantity, each.price_seen_minor) for each in entries]
    cart_id, done = put_all(visitor, wanted, currency=currency, locale=locale)
    db.rows(
        "INSERT INTO funnel_step (cart_id, step, created_at) SELECT :new, step, created_at FROM funnel_step WHERE cart_id = :old"
        " ON CONFLICT DO NOTHING RETURNING step",
        old=old,
        new=cart_id,
    )
    db.rows("DELETE FROM funnel_step WHERE cart_id = :old RETURNING step", old=old)
    db.rows("DELETE FROM cart WHERE id = :old RETURNING id", old=old)
    return Merged(old, cart_id, done, had or any(each.got < each.wanted for each in done))


def leave_notice(visitor: str, kind: str, lines: Sequence[Put]) -> uuid.UUID:
    """What the shopper should read on the cart's page once: how much was added, and what could not be. Returns its id."""
    short = [[str(each.variant_id), each.wanted, each.got] for each in lines if each.got < each.wanted]
    facts = {"kind": kind, "added": len(lines) - len(short), "short": short}
    notice_id = new_id()
    db.rows(
        "INSERT INTO cart_notice (id, visitor, facts) VALUES (:id, :visitor, CAST(:facts AS jsonb)) RETURNING id",
        id=notice_id,
        visitor=visitor,
        facts=json.dumps(facts),
    )
    return notice_id


def take_out_ordered(order_id: uuid.UUID) -> str | None:
    """After payment: take what was ordered out of the cart it came from, and leave what was added since.

    Returns the visitor whose hot copy is stale now.
    """
    visitor = db.scalar(
        "UPDATE cart SET version = version + 1, updated_at = clock_timestamp() WHERE id = :cart AND is_open RETURNING visitor",
        cart=orders.lock_cart_of(order_id),
    )
    if visitor is None:
        return None
    db.rows(
        "WITH sold AS (SELECT o.cart_id, l.variant_id, sum(l.quantity) AS quantity FROM orders o JOIN order_line l ON l.order_id = o.id"
        "  WHERE o.id = :order GROUP BY 1, 2),"
        " fewer AS (UPDATE cart_line c SET quantity = c.quantity - s.quantity FROM sold s WHERE c.cart_id = s.cart_id"
        "  AND c.variant_id = s.variant_id AND c.quantity > s.quantity RETURNING c.id)"
        " DELETE FROM cart_line c USING sold s WHERE c.cart_id = s.cart_id AND c.variant_id = s.variant_id AND c.quantity <= s.quantity"
        " RETURNING c.id",
        order=order_id,
    )
    return visitor


def note_step(cart_id: uuid.UUID, step: str) -> None:
    """Remember for the funnel that this cart came that far (each step once)."""
    db.rows(
        "INSERT INTO funnel_step (cart_id, step) VALUES (:cart, :step) ON CONFLICT DO NOTHING RETURNING step",
        cart=cart_id,
        step=step,
    )


def noting(which: Select[tuple[uuid.UUID]], step: str) -> CTE:
    """`note_step` for the carts that a select finds, as a part of another statement: `statement.add_cte(noting(…))`."""
    found = which.add_columns(literal(step))
    return insert(FunnelStep).from_select(["cart_id", "step"], found).on_conflict_do_nothing().cte("noted")


def _own_line(visitor: str, line_id: uuid.UUID) -> Any:
    found = db.rows(
        "UPDATE cart c SET version = version + 1, updated_at = clock_timestamp(), expires_at = clock_timestamp() + interval '30 days'"
        " FROM cart_line l WHERE l.id = :line AND l.cart_id = c.id AND c.visitor = :visitor AND c.is_open"
        " RETURNING l.id, l.variant_id, l.quantity",
        line=line_id,
        visitor=visitor,
    )
    if not found:
        raise NotFound()
    return found[0]


def _sellable(variant_id: uuid.UUID, *, currency: str, locale: str) -> VariantFacts:
    facts = queries.facts([variant_id], currency=currency, locale=locale).get(variant_id)
    if facts is None or not facts.is_sellable:
        raise NotForSale()
    return facts


def _check(visitor: str, facts: VariantFacts, quantity: int) -> None:
    """Raises NotEnough with what the line could have at most; a total beyond any order counts as more than there is."""
    possible = _possible(visitor, facts)
    too_dear = quantity * (facts.price_minor or 0) > MAX_TOTAL_MINOR
    if too_dear or not facts.min_quantity <= quantity <= possible:
        raise NotEnough(possible=possible, unit=facts.unit, step_mm=facts.step_mm)


def _possible(visitor: str, facts: VariantFacts) -> int:
    return _most(facts, stock.availability_to(visitor, [facts.variant_id]).get(facts.variant_id, stock.NONE))


def _most(facts: VariantFacts, available: Availability) -> int:
    """How many units one line can have: by the shelves, by the merchant's word, and by what any order may cost."""
    left = available.for_unit(facts.unit)
    return min(left, facts.max_per_order or left, MAX_QUANTITY, MAX_TOTAL_MINOR // max(facts.price_minor or 1, 1))

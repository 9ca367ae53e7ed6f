"""Verbs of the cart, in the caller's transaction (a relaxed one: a cart may lose its last fifth of a second in a crash)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import CTE, Select, literal, select
from sqlalchemy.dialects.postgresql import insert

from app.cart import queries
from app.cart.errors import NotEnough, NotForSale, TooFew, TooMuch
from app.cart.models import Cart, FunnelStep
from app.cart.queries import Contents, VariantFacts
from app.cart.rules import MAX_QUANTITY, MAX_TOTAL_MINOR, at_least
from app.core import db
from app.core.errors import NotFound
from app.core.ids import new_id
from app.orders import queries as orders
from app.stock import queries as stock
from app.stock.queries import Availability
from app.tailoring import queries as tailoring
from app.tailoring.rules import Sealed

MAX_LINES = 100
STANDARD = Sealed("", "")  # no measures: a size off the shelf


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
INSERT INTO cart_line AS l (id, cart_id, variant_id, quantity, price_seen_minor, fitting_key, fitting, profile_id)
SELECT :line, id, :variant, least(CAST(:quantity AS int), :most), :price, :key, nullif(:fitting, ''),
  (SELECT p.id FROM measurement_profile p WHERE p.id = :profile FOR KEY SHARE) FROM opened
ON CONFLICT (cart_id, variant_id, fitting_key) DO UPDATE SET
  quantity = least(l.quantity + excluded.quantity, :most), price_seen_minor = excluded.price_seen_minor, fitting = excluded.fitting
RETURNING new.id, coalesce(old.quantity, 0) + CAST(:quantity AS int) AS wanted
"""


def add(visitor: str, facts: VariantFacts, quantity: int, *, currency: str, fitting: Sealed | None = None) -> Change:
    """Put `quantity` units more of a variant into the visitor's cart (made if there is none); with a fitting, to be made so.
    A profile that is removed at the same moment leaves its measures.

    Raises NotForSale, NotEnough, TooFew or TooMuch, and then the caller must not commit: the line is written first, all in one
    statement, and what is read after it, under the cart's row lock, makes the sum certain.
    """
    if not facts.is_sellable:
        raise NotForSale()
    fitting = fitting or STANDARD
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
        key=fitting.key,
        fitting=fitting.text,
        profile=fitting.profile_id,
    )[0]
    cart = queries.stored(visitor)
    _check(visitor, facts, line.wanted, others=_others(cart, line.id))
    if len(cart.entries) > MAX_LINES:
        raise TooMuch("the cart is full")
    return Change(line.id, facts, line.wanted, cart)


def set_quantity(visitor: str, line_id: uuid.UUID, quantity: int, *, currency: str, locale: str) -> Change:
    """Set a line to `quantity` units. Raises NotFound (also for somebody else's line), NotEnough or TooFew."""
    line = _own_line(visitor, line_id)
    facts = _sellable(line.variant_id, currency=currency, locale=locale)
    cart = queries.stored(visitor)
    _check(visitor, facts, quantity, others=_others(cart, line_id))
    db.rows("UPDATE cart_line SET quantity = :quantity, price_seen_minor = :price WHERE id = :id RETURNING id",
            id=line_id, quantity=quantity, price=facts.price_minor)  # fmt: skip
    return Change(line_id, facts, quantity, _changed(cart, line_id, quantity, facts.price_minor or 0))


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
    fitting: Sealed = STANDARD

    @property
    def line(self) -> tuple[uuid.UUID, str]:
        """What tells one line of a cart from another."""
        return self.variant_id, self.fitting.key


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
    mine = {(each.variant_id, each.fitting_key): each.quantity for each in queries.stored(visitor).entries}
    ids = [each.variant_id for each in wanted]
    facts = queries.facts(ids, currency=currency, locale=locale)
    available = stock.availability_to(visitor, ids)
    done, lines = [], {}
    for each in wanted:
        before, known = mine.get(each.line, 0), facts.get(each.variant_id)
        whole, got = before + each.quantity, before
        others = sum(n for line, n in mine.items() if line[0] == each.variant_id) - before
        if known is not None and known.is_sellable and (before or len(mine) < MAX_LINES):
            most = _most(known, available.get(each.variant_id, stock.NONE)) - others
            got = max(before, at_least(known.min_quantity, min(whole, most)))
        if got > before:
            price = known.price_minor if known and each.price_seen_minor is None else each.price_seen_minor
            lines[each.line] = (new_id(), each, got, price or 0)  # two lines of an order may be one here
            mine[each.line] = got
        done.append(Put(each.variant_id, whole, got))
    if lines:
        note_step(cart_id, "cart")
        ids, wishes, quantities, prices = map(list, zip(*lines.values(), strict=True))
        db.rows(_PUT, cart=cart_id, ids=ids, variants=[x.variant_id for x in wishes], quantities=quantities, prices=prices,
                keys=[x.fitting.key for x in wishes], fittings=[x.fitting.text for x in wishes],
                profiles=[x.fitting.profile_id for x in wishes])  # fmt: skip
    return cart_id, done


_OPEN = """
INSERT INTO cart AS c (id, visitor, currency) VALUES (:cart, :visitor, :currency)
ON CONFLICT (visitor) WHERE is_open DO UPDATE SET version = c.version + 1, updated_at = clock_timestamp(),
  expires_at = clock_timestamp() + interval '30 days' RETURNING id
"""
_PUT = """
INSERT INTO cart_line (id, cart_id, variant_id, quantity, price_seen_minor, fitting_key, fitting, profile_id)
SELECT u.id, :cart, u.variant, u.quantity, u.price, u.key, nullif(u.fitting, ''),
  (SELECT p.id FROM measurement_profile p WHERE p.id = u.profile FOR KEY SHARE)
FROM unnest(CAST(:ids AS uuid[]), CAST(:variants AS uuid[]), CAST(:quantities AS bigint[]), CAST(:prices AS bigint[]),
  CAST(:keys AS text[]), CAST(:fittings AS text[]), CAST(:profiles AS uuid[]))
  AS u (id, variant, quantity, price, key, fitting, profile)
ON CONFLICT (cart_id, variant_id, fitting_key) DO UPDATE SET quantity = excluded.quantity, fitting = excluded.fitting RETURNING id
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
    wanted = [
        Wanted(
            each.variant_id, each.quantity, each.price_seen_minor, tailoring.sealed_anew(each.fitting_key, each.fitting)
        )
        for each in entries
    ]
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


def leave_notice(visitor: str, kind: str, lines: Sequence[Put], *, is_measured: bool = False) -> uuid.UUID:
    """What the shopper should read on the cart's page once: how much was added, what could not be, and that measures should be
    looked over. Returns its id."""
    short = [[str(each.variant_id), each.wanted, each.got] for each in lines if each.got < each.wanted]
    facts = {"kind": kind, "added": len(lines) - len(short), "short": short, "is_measured": is_measured}
    notice_id = new_id()
    db.rows(
        "INSERT INTO cart_notice (id, visitor, facts) VALUES (:id, :visitor, CAST(:facts AS jsonb)) RETURNING id",
        id=notice_id,
        visitor=visitor,
        facts=json.dumps(facts),
    )
    return notice_id


def follow_profile(visitor: str, fitting: Sealed) -> None:
    """A customer has measured anew: what waits in their cart with that profile is made to today's measures."""
    db.rows(
        "WITH mine AS (UPDATE cart SET version = version + 1, updated_at = clock_timestamp() WHERE visitor = :visitor AND is_open"
        "  AND EXISTS (SELECT FROM cart_line o WHERE o.cart_id = cart.id AND o.profile_id = :profile) RETURNING id)"
        " UPDATE cart_line l SET fitting = :fitting FROM mine WHERE l.cart_id = mine.id AND l.profile_id = :profile RETURNING l.id",
        visitor=visitor,
        profile=fitting.profile_id,
        fitting=fitting.text,
    )


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
        "WITH sold AS (SELECT o.cart_id, l.variant_id, l.fitting_key, sum(l.quantity) AS quantity FROM orders o"
        "  JOIN order_line l ON l.order_id = o.id WHERE o.id = :order GROUP BY 1, 2, 3),"
        " fewer AS (UPDATE cart_line c SET quantity = c.quantity - s.quantity FROM sold s WHERE c.cart_id = s.cart_id"
        "  AND c.variant_id = s.variant_id AND c.fitting_key = s.fitting_key AND c.quantity > s.quantity RETURNING c.id)"
        " DELETE FROM cart_line c USING sold s WHERE c.cart_id = s.cart_id AND c.variant_id = s.variant_id"
        "  AND c.fitting_key = s.fitting_key AND c.quantity <= s.quantity RETURNING c.id",
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


def kept(cart_id: uuid.UUID) -> Select[Any]:
    """This cart if PostgreSQL has it, as a part of another statement."""
    return select(Cart.id).where(Cart.id == cart_id)


def noting(which: Select[tuple[uuid.UUID]], step: str) -> CTE:
    """`note_step` for the carts that a select finds, as a part of another statement: `statement.add_cte(noting(…))`."""
    found = which.add_columns(literal(step))
    return insert(FunnelStep).from_select(["cart_id", "step"], found).on_conflict_do_nothing().cte("noted")


def _own_line(visitor: str, line_id: uuid.UUID) -> Any:
    """Takes the cart's row lock: what is read afterwards stays as it is."""
    found = db.rows(
        "UPDATE cart c SET version = version + 1, updated_at = clock_timestamp(), expires_at = clock_timestamp() + interval '30 days'"
        " FROM cart_line l WHERE l.id = :line AND l.cart_id = c.id AND c.visitor = :visitor AND c.is_open"
        " RETURNING l.variant_id",
        line=line_id,
        visitor=visitor,
    )
    if not found:
        raise NotFound()
    return found[0]


def _others(cart: Contents, line_id: uuid.UUID) -> int:
    """Units of the line's variant in other lines, with other measures. Raises NotFound for a line that is gone meanwhile."""
    line = next((each for each in cart.entries if each.line_id == line_id), None)
    if line is None:
        raise NotFound()
    return sum(each.quantity for each in cart.entries if each.variant_id == line.variant_id) - line.quantity


def _changed(cart: Contents, line_id: uuid.UUID, quantity: int, price_minor: int) -> Contents:
    entries = (
        replace(each, quantity=quantity, price_seen_minor=price_minor) if each.line_id == line_id else each
        for each in cart.entries
    )
    return replace(cart, entries=tuple(entries))


def _sellable(variant_id: uuid.UUID, *, currency: str, locale: str) -> VariantFacts:
    facts = queries.facts([variant_id], currency=currency, locale=locale).get(variant_id)
    if facts is None or not facts.is_sellable:
        raise NotForSale()
    return facts


def _check(visitor: str, facts: VariantFacts, quantity: int, *, others: int) -> None:
    """Raises NotEnough with what the line could have at most, none where that is less than is sold at least, or TooFew; a total
    beyond any order counts as more than there is. `others`: units of the variant in other lines of the cart, with other
    measures (S2)."""
    possible = at_least(facts.min_quantity, _possible(visitor, facts) - others)
    too_dear = quantity * (facts.price_minor or 0) > MAX_TOTAL_MINOR
    if too_dear or quantity > possible:
        raise NotEnough(possible=possible, unit=facts.unit, step_mm=facts.step_mm)
    if quantity < facts.min_quantity:
        raise TooFew(least=facts.min_quantity, step_mm=facts.step_mm)


def _possible(visitor: str, facts: VariantFacts) -> int:
    return _most(facts, stock.availability_to(visitor, [facts.variant_id]).get(facts.variant_id, stock.NONE))


def _most(facts: VariantFacts, available: Availability) -> int:
    """How many units one line can have: by the shelves, by the merchant's word, and by what any order may cost."""
    left = available.for_unit(facts.unit)
    return min(left, facts.max_per_order or left, MAX_QUANTITY, MAX_TOTAL_MINOR // max(facts.price_minor or 1, 1))

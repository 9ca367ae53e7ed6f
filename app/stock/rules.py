"""States of a lock, kinds of movement, and how a line is served from warehouses. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

LOCK_MOVES: Mapping[str, frozenset[str]] = {
    "held": frozenset({"consumed", "released"}),
    "consumed": frozenset(),
    "released": frozenset(),
}
MOVEMENT_KINDS = frozenset({"receive", "adjust", "lock", "release", "sell", "restock"})
RELEASE_EVERY_SECONDS = 60  # the schedule's pace; STOCK_CLEANUP_INTERVAL_MINUTES only says when a release is overdue
GRACE_SECONDS = 10  # past the expiry the shopper's own click still counts, while nobody else has taken the unit
Busy = Literal["wait", "skip", "refuse"]  # what to do about rows that somebody else works on


FEW_PIECES = 5
FEW_MM = 5_000


@dataclass(frozen=True, slots=True)
class StockWord:
    """What is said about stock. `kind`: in_stock, low, sold_out or reserved; `count` what is left when it is low, as it is
    said: `3` pieces, `2.5` metres."""

    kind: str
    count: str = ""


IN_STOCK, SOLD_OUT, RESERVED = StockWord("in_stock"), StockWord("sold_out"), StockWord("reserved")


def stock_word(available: int, *, held: int = 0, step_mm: int | None = None) -> StockWord:
    """The honest word for `available` units, of which others hold `held` more and have not paid yet."""
    if available <= 0:
        return RESERVED if held > 0 else SOLD_OUT
    if step_mm is None:
        return StockWord("low", str(available)) if available <= FEW_PIECES else IN_STOCK
    length = available * step_mm
    if length > FEW_MM:
        return IN_STOCK
    whole, rest = divmod(length, 1000)
    return StockWord("low", f"{whole}.{rest:03d}".rstrip("0").rstrip("."))


@dataclass(frozen=True, slots=True)
class Shelf:
    """One stock row as the planner sees it: `free` units now, `reclaimable` ones in expired locks nobody pays for."""

    stock_item_id: uuid.UUID
    variant_id: uuid.UUID
    free: int
    reclaimable: int = 0

    @property
    def sellable(self) -> int:
        return max(self.free + self.reclaimable, 0)


@dataclass(frozen=True, slots=True)
class Portion:
    """`quantity` units of a variant, to be taken from one stock row."""

    stock_item_id: uuid.UUID
    variant_id: uuid.UUID
    quantity: int


def sellable(shelves: Sequence[Shelf], *, in_one_piece: bool = False) -> int:
    """What one line can get: everything for pieces, the longest single stock for a length (it is cut in one piece)."""
    amounts = [shelf.sellable for shelf in shelves]
    if in_one_piece:
        return max(amounts, default=0)
    return sum(amounts)


def plan(shelves: Sequence[Shelf], quantity: int, *, in_one_piece: bool = False) -> list[Portion]:
    """Serve `quantity` from shelves in their given order of preference; empty when they cannot.

    One shelf that has everything beats a split; a length is never split. Free units are taken before reclaimable ones.
    """
    if quantity <= 0:
        raise ValueError("quantity must be positive")
    for shelf in shelves:
        if shelf.free >= quantity:
            return [Portion(shelf.stock_item_id, shelf.variant_id, quantity)]
    for shelf in shelves:
        if shelf.sellable >= quantity:
            return [Portion(shelf.stock_item_id, shelf.variant_id, quantity)]
    if in_one_piece or sellable(shelves) < quantity:
        return []
    return _split(shelves, quantity)


def _split(shelves: Sequence[Shelf], quantity: int) -> list[Portion]:
    portions, rest = [], quantity
    for shelf in sorted(shelves, key=lambda s: s.reclaimable > 0):
        take = min(shelf.sellable, rest)
        if take > 0:
            portions.append(Portion(shelf.stock_item_id, shelf.variant_id, take))
            rest -= take
    return portions

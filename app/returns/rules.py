"""What goes back of an order, to the minor unit. Pure: no database, no clock.

A part of a line is taken from what is *left* of its stored total, in proportion to the quantity; the last unit takes all
that remains. So whatever was refunded in which order, a line ends at exactly its total (P15), and nothing is ever over.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.core.money import smallest_step, split_minor
from app.payments.rules import N_

REQUEST_MOVES: Mapping[str, frozenset[str]] = {
    "open": frozenset({"waiting", "accepted", "declined"}),
    "waiting": frozenset({"accepted", "open"}),  # staff have agreed, a second one has to
    "accepted": frozenset(),
    "declined": frozenset(),
}
UNANSWERED = ("open", "waiting")  # at most one of an order
PART_KINDS = ("goods", "shipping", "amount")
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Reason:
    """Why money goes back. `label` is a message id, translated where it is shown."""

    code: str
    label: str


REASONS = (
    Reason("changed_mind", N_("The customer changed their mind")),
    Reason("damaged", N_("Damaged or faulty")),
    Reason("wrong_item", N_("Not what was ordered")),
    Reason("not_as_described", N_("Not as described")),
    Reason("never_arrived", N_("It never arrived")),
    Reason("goodwill", N_("Goodwill")),
    Reason("other", N_("Another reason")),
)
CANCELLED = Reason("items_cancelled", N_("Cancelled before it was sent"))  # a part of an order (ORD-13), by staff
STAFF_REASONS = (*REASONS, CANCELLED)
ASKABLE = tuple(reason for reason in REASONS if reason.code != "goodwill")


@dataclass(frozen=True, slots=True)
class Line:
    """An order's line and what went back of it. Quantities in the line's smallest unit, amounts in minor units."""

    id: uuid.UUID
    quantity: int
    total_minor: int
    gone: int = 0
    gone_minor: int = 0
    restocked: int = 0

    @property
    def left(self) -> int:
        return self.quantity - self.gone

    @property
    def left_minor(self) -> int:
        return self.total_minor - self.gone_minor


@dataclass(frozen=True, slots=True)
class Account:
    """All that may still go back of an order. `rest_minor` is the whole; refunds without lines took from it too."""

    currency: str
    lines: Sequence[Line]
    shipping_minor: int
    rest_minor: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to refund: quantities by line, the delivery, an amount of their own; or everything that is left."""

    quantities: Mapping[uuid.UUID, int] = field(default_factory=dict)
    shipping: bool = False
    amount_minor: int = 0
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    kind: str
    amount_minor: int
    line_id: uuid.UUID | None = None
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact refund. `cut_minor` is what had to be taken off the wish because less than that is left."""

    currency: str
    parts: Sequence[Part]
    cut_minor: int = 0

    @property
    def amount_minor(self) -> int:
        return sum(part.amount_minor for part in self.parts)


def plan(account: Account, wish: Wish) -> Plan:
    """The refund that fulfils a wish. Raises ValueError for a line that is none of theirs, more than is left of one, or an
    amount that providers do not take."""
    if wish.amount_minor < 0 or wish.amount_minor % smallest_step(account.currency):
        raise ValueError("no amount that goes back")
    parts = _everything(account) if wish.everything else _parts(account, wish)
    wanted = sum(part.amount_minor for part in parts)
    if wanted <= account.rest_minor:
        return Plan(account.currency, parts)
    step = smallest_step(account.currency)  # parts too: what is left of a line goes back by itself one day
    fitting = split_minor(account.rest_minor // step, [part.amount_minor for part in parts])
    cut = Plan(
        account.currency,
        [replace(part, amount_minor=steps * step) for part, steps in zip(parts, fitting, strict=True)],
    )
    return replace(cut, cut_minor=wanted - cut.amount_minor)


def _everything(account: Account) -> list[Part]:
    parts = [Part("goods", line.left_minor, line.id, line.left) for line in account.lines if line.left]
    if account.shipping_minor:
        parts.append(Part("shipping", account.shipping_minor))
    missing = account.rest_minor - sum(part.amount_minor for part in parts)
    return [*parts, Part("amount", missing)] if missing > 0 else parts


def _parts(account: Account, wish: Wish) -> list[Part]:
    lines = {line.id: line for line in account.lines}
    parts = []
    for line_id, quantity in wish.quantities.items():
        if line_id not in lines or not 0 <= quantity <= lines[line_id].left:
            raise ValueError("no such line, or not so much of it")
        if quantity:
            parts.append(Part("goods", share(lines[line_id], quantity, account.currency), line_id, quantity))
    if wish.shipping and account.shipping_minor:
        parts.append(Part("shipping", account.shipping_minor))
    if wish.amount_minor:
        parts.append(Part("amount", wish.amount_minor))
    return parts


def share(line: Line, quantity: int, currency: str) -> int:
    """What `quantity` of a line is worth, rounded half up to what providers take; the last units get all that is left."""
    if quantity == line.left:
        return line.left_minor
    step = smallest_step(currency)
    exact = 2 * line.left_minor * quantity + line.left * step
    return min(exact // (2 * line.left * step) * step, line.left_minor)


def divide(plan: Plan, rests: Sequence[int], *, outside: int = 0, least: int = 1) -> list[Plan]:
    """A refund over all that the order was paid with, `rests` being what is left of each: the first is used up before the next
    is touched, to the unit. A line that is cut has its quantity in the first piece.

    The first `outside` ones are sent by providers, who send nothing below `least`: a piece that the division would make so
    small goes to the next ones, if they have room. Raises ValueError when less is left than the plan sends.
    """
    left, pieces = _worth_sending(plan.amount_minor, rests, outside, least), [list[Part]() for _ in rests]
    for part in plan.parts:
        rest = part
        for index, room in enumerate(left):
            if take := min(room, rest.amount_minor):
                pieces[index].append(replace(rest, amount_minor=take))
                left[index] -= take
                rest = replace(rest, amount_minor=rest.amount_minor - take, quantity=0)
        if rest.amount_minor:
            raise ValueError("more than is left")
    gifts = [part for part in plan.parts if not part.amount_minor]  # goods that cost nothing come back with the others
    first = next((piece for piece in pieces if piece), [])
    first += gifts
    return [Plan(plan.currency, piece) for piece in pieces]


def _worth_sending(amount_minor: int, rests: Sequence[int], outside: int, least: int) -> list[int]:
    """What may be taken of each: nothing where the piece would be too small and the ones after it can bear all."""
    left = list(rests)
    for index in range(outside):
        piece = min(left[index], amount_minor)
        if 0 < piece < least and piece < amount_minor <= sum(left[index + 1 :]):
            left[index] = 0
        amount_minor -= min(left[index], amount_minor)
    return left


def needs_approval(amount_minor: int, *, above: int | None) -> bool:
    """Whether two people must agree (REF-08). The limit counts in minor units of whatever the order's currency is."""
    return above is not None and amount_minor > above


def can_approve(*, requested_by: str, by: str) -> bool:
    """Whether somebody may decide about a refund that somebody asked for: never about one's own."""
    return by.startswith("staff:") and by != requested_by


def payment_state(*, paid: bool, before: str, captured: int, leaving: int, returned: int) -> str:
    """The state of an order's payment, by sums in minor units: `leaving` is asked for, under way or back, `returned` is back.

    Money that never paid an order (it came too late) can only be on its way back or back.
    """
    if not paid and before not in ("refunding", "refunded"):
        return before
    if returned >= captured:
        return "refunded"
    return "refunding" if leaving >= captured or not paid else "paid"

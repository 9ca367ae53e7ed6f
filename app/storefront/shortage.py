"""Lines of a cart that cannot be had as they are, and the words for it: cart, review and pay page say it alike."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from app.cart.queries import Line
from app.cart.rules import at_least
from app.web.formats import format_quantity


def of_stock(lines: Sequence[Line], possible: Mapping[uuid.UUID, int]) -> list[tuple[Line, int]]:
    """Lines that cannot be had as they are, with what can: the first line of a variant takes of its stock first."""
    found = [line for line in lines if line.facts.variant_id in possible]
    left = [
        (line, at_least(line.facts.min_quantity, possible[line.facts.variant_id] - line.units_before)) for line in found
    ]
    return [
        (line, min(n, line.facts.min_quantity) if line.is_few else n)
        for line, n in left
        if line.is_few or line.entry.quantity > n
    ]


def words(line: Line, left: int) -> str:
    if left <= 0:
        return _("%(name)s: sold out", name=line.facts.name)
    if line.is_few:
        return f"{line.facts.name}: {sold_from(line.facts.min_quantity, line.facts.step_mm)}"
    return _("%(name)s: only %(n)s left", name=line.facts.name, n=format_quantity(left, line.facts.step_mm))


def sold_from(least: int, step_mm: int | None) -> str:
    """The least that is sold of a variant, which is more than one piece or one step (N18)."""
    if step_mm:
        return _("Sold from %(length)s", length=format_quantity(least, step_mm))
    return _("Sold from %(n)s pieces", n=least)

"""The one function that prices a cart: lines, discounts, delivery, tax. Page, cart, checkout and API call it. Pure.

All amounts are integers in minor units of one currency. Tax is rounded half up per line (and once for delivery), so that
the lines always add up to the total.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.tax.rules import NO_TAX, Tax

MAX_QUANTITY = 100_000
MAX_TOTAL_MINOR = 10**12  # far above any order, far below bigint: totals can never overflow


def at_least(least: int, units: int) -> int:
    """What can be had where so many units are: all of them, or nothing when that is less than is sold at least."""
    return units if units >= least else 0


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be priced: `quantity` units (pieces or steps) at `unit_price_minor`."""

    variant_id: uuid.UUID
    quantity: int
    unit_price_minor: int
    tax_class: str = "standard"
    weight_grams: int = 0


@dataclass(frozen=True, slots=True)
class PricedLine:
    variant_id: uuid.UUID
    quantity: int
    unit_price_minor: int
    subtotal_minor: int
    discount_minor: int
    tax_name: str
    tax_basis_points: int
    tax_added_minor: int
    tax_included_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Priced:
    """total = subtotal - discount + shipping + tax_added; `tax_included` is contained in it and only told."""

    currency: str
    lines: tuple[PricedLine, ...]
    subtotal_minor: int
    discount_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    tax_added_minor: int
    tax_included_minor: int
    taxes: Mapping[str, int]  # by printed name, added and included ones alike
    total_minor: int
    grams: int
    shipping_tax_name: str = ""  # of the delivery: the order's documents print it
    shipping_tax_basis_points: int = 0

    def snapshot(self) -> dict[str, Any]:
        """What the order keeps, as plain values."""
        facts = asdict(self)
        facts["lines"] = [line | {"variant_id": str(line["variant_id"])} for line in facts["lines"]]
        return facts


def price(
    items: Sequence[Item],
    *,
    currency: str,
    taxes: Mapping[str, Tax],
    shipping_minor: int = 0,
    shipping_tax: Tax = NO_TAX,
) -> Priced:
    """Price a cart. `taxes` maps a tax class to its rate; `shipping_tax` applies to the delivery."""
    lines = tuple(_price_line(item, taxes.get(item.tax_class, NO_TAX)) for item in items)
    subtotal = sum(line.subtotal_minor for line in lines)
    discount = sum(line.discount_minor for line in lines)
    on_shipping = shipping_tax.added_to(shipping_minor)
    in_shipping = shipping_tax.inside(shipping_minor)
    added = sum(line.tax_added_minor for line in lines) + on_shipping
    return Priced(
        currency=currency,
        lines=lines,
        subtotal_minor=subtotal,
        discount_minor=discount,
        shipping_minor=shipping_minor,
        shipping_tax_minor=on_shipping,
        tax_added_minor=added,
        tax_included_minor=sum(line.tax_included_minor for line in lines) + in_shipping,
        taxes=_by_name(lines, shipping_tax, on_shipping + in_shipping),
        total_minor=subtotal - discount + shipping_minor + added,
        grams=sum(item.weight_grams * item.quantity for item in items),
        shipping_tax_name=shipping_tax.name,
        shipping_tax_basis_points=shipping_tax.basis_points,
    )


def _price_line(item: Item, tax: Tax) -> PricedLine:
    subtotal = item.unit_price_minor * item.quantity
    added, included = tax.added_to(subtotal), tax.inside(subtotal)
    return PricedLine(
        variant_id=item.variant_id,
        quantity=item.quantity,
        unit_price_minor=item.unit_price_minor,
        subtotal_minor=subtotal,
        discount_minor=0,
        tax_name=tax.name,
        tax_basis_points=tax.basis_points,
        tax_added_minor=added,
        tax_included_minor=included,
        total_minor=subtotal + added,
    )


def _by_name(lines: Sequence[PricedLine], shipping_tax: Tax, shipping_tax_minor: int) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in lines:
        if line.tax_name:
            sums[line.tax_name] = sums.get(line.tax_name, 0) + line.tax_added_minor + line.tax_included_minor
    if shipping_tax.name and shipping_tax_minor:
        sums[shipping_tax.name] = sums.get(shipping_tax.name, 0) + shipping_tax_minor
    return sums

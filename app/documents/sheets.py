"""What a document says: every word and figure, in the language of its order, as it will be printed for ever.

Money and dates come out of here as text, so that a later change of names, formats, translations or settings alters no
document that was issued.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import formats
from app.documents import rules
from app.documents.rules import Taxed
from app.documents.wording import Words, plain, shop, words_of
from app.orders.models import Order, OrderLine
from app.shipping import addresses
from app.shipping.places import normal_state


@dataclass(frozen=True, slots=True)
class Refunded:
    """A part of a refund. `kind`: goods (so many of a line), shipping, or amount (of nothing in particular)."""

    kind: str
    line_id: uuid.UUID | None
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Credited:
    """What a credit note credits for a part of a refund, of one tax group."""

    part: Refunded
    taxed: Taxed


@dataclass(frozen=True, slots=True)
class Sale:
    """An order as its documents see it: its lines and delivery with their taxes, and which parts GST consists of."""

    order: Order
    lines: tuple[tuple[OrderLine, Taxed], ...]
    delivery: Taxed
    gst: tuple[str, ...] = ()  # empty outside of India

    @property
    def groups(self) -> list[Taxed]:
        """They add up to the order's total."""
        return rules.grouped(
            [*(taxed for _, taxed in self.lines), *([self.delivery] if self.delivery.total_minor else [])]
        )

    def line(self, line_id: uuid.UUID | None) -> OrderLine | None:
        return next((line for line, _ in self.lines if line.id == line_id), None)

    def taxed(self, part: Refunded) -> Taxed | None:
        """The tax that a part of a refund bears; None for an amount of nothing in particular."""
        if part.kind == "shipping":
            return self.delivery
        return next((taxed for line, taxed in self.lines if line.id == part.line_id), None)

    def parts(self, taxed: Taxed) -> list[Taxed]:
        """A tax as it is printed: GST in its parts, every other one as it is."""
        return rules.parts_of(taxed, self.gst) if self._is_cut(taxed) else [taxed]

    def parts_of_lines(self) -> list[list[Taxed]]:
        """The same of each line; they add up to the parts of the groups."""
        amounts = [taxed for _, taxed in self.lines]
        cut = iter(rules.parts_in_order([each for each in amounts if self._is_cut(each)], self.gst))
        return [next(cut) if self._is_cut(each) else [each] for each in amounts]

    def _is_cut(self, taxed: Taxed) -> bool:
        return bool(self.gst) and taxed.name in rules.GST_NAMES


def sale_of(order: Order) -> Sale:
    """Read from what the order stored when it was placed; nothing is computed again."""
    named = order.snapshot.get("lines") or []
    taxes = list(order.snapshot.get("taxes") or ())
    usual = taxes[0] if taxes else ""
    lines = []
    for number, line in enumerate(order.lines):
        name = named[number].get("tax_name", usual) if number < len(named) else usual
        lines.append((line, _taxed_line(line, str(name))))
    is_indian = shop().country == order.country == "IN"
    state = normal_state(str(order.address.get("state", "")))
    gst = rules.gst_parts(seller_state=normal_state(shop().state), state=state) if is_indian else ()
    return Sale(order, tuple(lines), _taxed_delivery(order, usual), gst)


def _taxed_line(line: OrderLine, name: str) -> Taxed:
    net = line.subtotal_minor - line.discount_minor - line.tax_included_minor
    tax = line.tax_added_minor + line.tax_included_minor
    return Taxed(plain(name) if line.tax_basis_points else "", line.tax_basis_points, net, tax)


def _taxed_delivery(order: Order, usual: str) -> Taxed:
    """Orders from before the snapshot named the delivery's tax bear the highest rate of their lines."""
    included = order.tax_included_minor - sum(line.tax_included_minor for line in order.lines)
    tax = order.shipping_tax_minor + included
    if not tax:
        return Taxed("", 0, order.shipping_minor, 0)
    highest = max(line.tax_basis_points for line in order.lines)
    name = order.snapshot.get("shipping_tax_name") or usual
    points = order.snapshot.get("shipping_tax_basis_points") or highest
    return Taxed(plain(name), int(points), order.shipping_minor - included, tax)


@dataclass(frozen=True, slots=True)
class Heading:
    """What tells one document from another: its number, its day, and what it refers to."""

    series: str
    number: str
    issued_at: datetime
    invoice_number: str = ""
    invoice_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """Money an order was paid with; of a gift card or store credit the last four characters of its code."""

    amount_minor: int
    method: str
    reference: str
    paid_at: datetime
    last_four: str = ""


def invoice(sale: Sale, heading: Heading, paid: Sequence[Paid]) -> dict[str, Any]:
    words, order = words_of(sale.order), sale.order
    title = words._("Tax invoice") if _bears_gst(sale) else words._("Invoice")
    details = [
        (words._("Invoice number"), heading.number),
        (words._("Date of issue"), words.day(heading.issued_at)),
        *_order_details(words, order),
        *_supply_details(words, sale),
    ]
    remarks = _included(words, sale)
    remarks += [_paid_words(words, each, with_amount=len(paid) > 1) for each in paid]
    return {
        **_frame(words, title=title, details=details),
        **_lines(words, sale),
        "sums": _sums(words, sale),
        "total": [words._("Total"), words.money(order.total_minor)],
        "remarks": remarks,
        "tables": _tax_table(words, sale, sale.groups),
        "notes": [*_gst_notes(words, sale), words._("Made by computer: valid without a signature.")],
    }


def _paid_words(words: Words, paid: Paid, *, with_amount: bool) -> str:
    """`Paid by gift card ••••1234 on …`: how, when, and how much of it where there was more than one way."""
    method = " ".join(
        part for part in (words.method(paid.method), f"••••{paid.last_four}" if paid.last_four else "") if part
    )
    text = words._("Paid on %(day)s, %(method)s", day=words.day(paid.paid_at), method=method)
    return f"{text}: {words.money(paid.amount_minor)}" if with_amount else text


def receipt(sale: Sale, heading: Heading, paid: Sequence[Paid]) -> dict[str, Any]:
    words, order = words_of(sale.order), sale.order
    details = [
        (words._("Receipt number"), heading.number),
        (words._("Date of issue"), words.day(heading.issued_at)),
        *_order_details(words, order),
        (words._("Invoice number"), heading.invoice_number),
    ]
    payments = [
        [words.day(each.paid_at), words.method(each.method), plain(each.reference), words.money(each.amount_minor)]
        for each in paid
    ]
    table = {
        "heading": words._("Payment"),
        "columns": [
            _left(words._("Date")),
            _left(words._("Method")),
            _left(words._("Reference")),
            _right(words._("Amount")),
        ],
        "rows": payments,
    }
    return {
        **_frame(words, title=words._("Receipt"), details=details),
        **_lines(words, sale),
        "sums": _sums(words, sale),
        "total": [words._("Received with thanks"), words.money(sum(each.amount_minor for each in paid))],
        "remarks": _included(words, sale),
        "tables": [table],
        "notes": [words._("Made by computer: valid without a signature.")],
    }


def credit_note(sale: Sale, heading: Heading, credited: Sequence[Credited]) -> dict[str, Any]:
    words, order = words_of(sale.order), sale.order
    details = [
        (words._("Credit note number"), heading.number),
        (words._("Date of issue"), words.day(heading.issued_at)),
        (words._("Credits invoice"), heading.invoice_number),
        (words._("Date of the invoice"), words.day(heading.invoice_at or heading.issued_at)),
        *_order_details(words, order)[:1],
        *_supply_details(words, sale),
    ]
    columns = [_left(words._("Item")), _right(words._("Net")), _right(words._("Tax")), _right(words._("Amount"))]
    lines = [_credited_line(words, sale, each) for each in credited]
    groups = rules.grouped([each.taxed for each in credited])
    total = sum(each.total_minor for each in groups)
    return {
        **_frame(words, title=words._("Credit note"), details=details),
        "columns": columns,
        "lines": lines,
        "sums": [],
        "total": [words._("Total credited"), words.money(total)],
        "remarks": [words._("The money went back the way it was paid.")],
        "tables": _tax_table(words, sale, groups),
        "notes": [words._("Made by computer: valid without a signature.")],
    }


def buyer(order: Order) -> dict[str, Any]:
    """Who it is made out to: the personal part, kept encrypted."""
    words = words_of(order)
    is_picked_up = bool(
        order.snapshot.get("pickup")
    )  # then the line of the delivery names the place, which is the shop's
    place = (
        [order.address.get("name")] if is_picked_up else [*addresses.lines(order.address), words.country(order.country)]
    )
    lines = (*place, order.email)
    return {"heading": words._("Bill to"), "lines": [plain(line) for line in lines if line]}


def _frame(words: Words, *, title: str, details: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What stands around the lines of every document."""
    seller, tax_label = shop(), words._("Tax number")
    tax_label = {"IN": "GSTIN", "MY": words._("SST number")}.get(seller.country, tax_label)
    place = (*seller.address, seller.state, words.country(seller.country)) if seller.address else ()
    numbers = ((words._("Registration number"), seller.registration_number), (tax_label, seller.tax_number))
    known = [f"{label} {number}" for label, number in numbers if number]
    legal = seller.legal_name or seller.name
    return {
        "title": title,
        "shop": plain(seller.name),
        "seller": {
            "heading": words._("Seller"),
            "lines": [plain(each) for each in (legal, *place, *known, seller.email) if each],
        },
        "details": [list(each) for each in details],
        "foot": plain(" · ".join([legal, *known])),
        "page": words._("Page {page} of {pages}"),
    }


def _order_details(words: Words, order: Order) -> list[tuple[str, str]]:
    return [
        (words._("Order"), order.number or order.reference),
        (words._("Order date"), words.day(order.confirmed_at or order.created_at)),
    ]


def _supply_details(words: Words, sale: Sale) -> list[tuple[str, str]]:
    if not sale.gst:
        return []
    state = normal_state(str(sale.order.address.get("state", "")))
    code = rules.GST_STATES.get(state)
    return [(words._("Place of supply"), plain(f"{state} ({code})" if code else state))]


def _gst_notes(words: Words, sale: Sale) -> list[str]:
    return [words._("No tax is payable on reverse charge.")] if sale.gst else []


def _bears_gst(sale: Sale) -> bool:
    return any(each.name in rules.GST_NAMES for each in sale.groups)


def _lines(words: Words, sale: Sale) -> dict[str, Any]:
    """The items: with HSN code, net value and each part of the tax under Indian GST, else with the tax rate."""
    columns = [_left(words._("Item")), *([_left("HSN")] if sale.gst else [])]
    columns += [_right(words._("Quantity")), _right(words._("Price"))]
    columns += [_right(words._("Net")), *map(_right, sale.gst)] if sale.gst else [_right(words._("Tax"))]
    taxed_lines = zip(sale.lines, sale.parts_of_lines(), strict=True)
    lines = [_line(words, sale, line, taxed, parts) for (line, taxed), parts in taxed_lines]
    return {"columns": [*columns, _right(words._("Amount"))], "lines": lines}


def _line(words: Words, sale: Sale, line: OrderLine, taxed: Taxed, parts: Sequence[Taxed]) -> dict[str, Any]:
    step_mm = line.step_mm if line.unit == "metre" else None
    price = words.money(line.unit_price_minor) + (f" / {formats.format_length(1, step_mm)}" if step_mm else "")
    detail = [" · ".join(plain(part) for part in (line.options, line.sku) if part)]
    if line.discount_minor:
        detail.append(words._("Discount %(amount)s", amount=words.money(line.discount_minor)))
    cells = [formats.format_quantity(line.quantity, step_mm), price]
    if sale.gst:
        cells = [plain(line.hs_code) or "–", *cells, words.money(taxed.taxable_minor)]
        cells += [*_part_cells(words, sale, parts), words.money(taxed.total_minor)]
    else:
        cells += [_named(taxed, sale) or "–", words.money(line.subtotal_minor)]
    return {"title": plain(line.name), "detail": "\n".join(part for part in detail if part), "cells": cells}


def _part_cells(words: Words, sale: Sale, parts: Sequence[Taxed]) -> list[str]:
    known = {each.name: each for each in parts}
    return [
        f"{words.money(known[name].tax_minor)}\n{_rate(known[name], sale)}" if name in known else "–"
        for name in sale.gst
    ]


def _credited_line(words: Words, sale: Sale, credited: Credited) -> dict[str, Any]:
    taxed, part, line = credited.taxed, credited.part, sale.line(credited.part.line_id)
    cells = [words.money(each) for each in (taxed.taxable_minor, taxed.tax_minor, taxed.total_minor)]
    detail = [" + ".join(_named(each, sale) for each in sale.parts(taxed))]
    if line is not None:
        title = plain(line.name)
        quantity = formats.format_quantity(part.quantity, line.step_mm if line.unit == "metre" else None)
        detail = [f"{quantity} ×" if line.unit != "metre" else quantity, plain(line.options), plain(line.sku), *detail]
    elif part.kind == "shipping":
        title = words._("Delivery")
    else:
        title = words._("Refund on order %(number)s", number=sale.order.number or sale.order.reference)
    return {"title": title, "detail": " · ".join(each for each in detail if each), "cells": cells}


def _sums(words: Words, sale: Sale) -> list[list[str]]:
    """What leads from the items to the total. Under GST the items are net of their discounts."""
    order = sale.order
    discount = 0 if sale.gst else order.discount_minor
    rows = [[words._("Subtotal"), words.money(order.subtotal_minor - (order.discount_minor - discount))]]
    if discount:
        rows.append([words._("Discount"), f"−{words.money(discount)}"])
    delivery = words._("Delivery")
    if name := order.snapshot.get("shipping_name"):
        place = (order.snapshot.get("pickup") or {}).get("place")
        delivery = f"{delivery} ({', '.join(plain(each) for each in (name, place) if each)})"
    rows.append([delivery, words.money(order.shipping_minor)])
    if order.tax_added_minor:
        rows += [[_named(each, sale), words.money(each.tax_minor)] for each in _printed_taxes(sale, sale.groups)]
    return rows


def _included(words: Words, sale: Sale) -> list[str]:
    """The taxes that the prices contain already."""
    if not sale.order.tax_included_minor:
        return []
    taxes = _printed_taxes(sale, sale.groups)
    named = [(_named(each, sale), words.money(each.tax_minor)) for each in taxes]
    return [words._("Includes %(tax)s: %(amount)s", tax=tax, amount=amount) for tax, amount in named]


def _tax_table(words: Words, sale: Sale, groups: Sequence[Taxed]) -> list[dict[str, Any]]:
    taxes = _printed_taxes(sale, groups)
    if not taxes:
        return []
    rows = [[_named(each, sale), words.money(each.taxable_minor), words.money(each.tax_minor)] for each in taxes]
    untaxed = sum(each.taxable_minor for each in groups if not each.name)
    if untaxed:
        rows.append([words._("Untaxed"), words.money(untaxed), words.money(0)])
    columns = [_left(words._("Tax")), _right(words._("Net")), _right(words._("Tax amount"))]
    return [{"heading": words._("Taxes"), "columns": columns, "rows": rows}]


def _printed_taxes(sale: Sale, groups: Sequence[Taxed]) -> list[Taxed]:
    return [part for group in groups if group.name for part in sale.parts(group)]


def _named(taxed: Taxed, sale: Sale) -> str:
    """`SST 10 %`, `CGST 2.5 %`; empty for what is untaxed."""
    return f"{taxed.name}\u00a0{_rate(taxed, sale)}" if taxed.name else ""


def _rate(taxed: Taxed, sale: Sale) -> str:
    return rules.percent(taxed.basis_points, parts=len(sale.gst) if taxed.name in sale.gst else 1)


def _left(label: str) -> dict[str, str]:
    return {"label": label, "align": "left"}


def _right(label: str) -> dict[str, str]:
    return {"label": label, "align": "right"}

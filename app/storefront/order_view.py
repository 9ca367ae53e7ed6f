"""What the pages of one order show beside their own business: its lines, sums and masked address."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.core.money import Money
from app.orders.models import Order
from app.payments.rules import Plan
from app.storefront.checkout_forms import tax_rows
from app.storefront.pictures import picture_of
from app.tailoring.rules import fitting
from app.value import queries as value
from app.web import measure_words, plan_words
from app.web.formats import format_money, format_quantity


def summary(order: Order, *, with_measures: bool = False) -> dict[str, Any]:
    """Arguments of the `order_summary` macro, from the order's own snapshot. `with_measures`: for its customer's eyes only, not
    on a page that everybody with the link may see."""
    currency = order.currency
    cost = format_money(Money(order.shipping_minor, currency)) if order.shipping_minor else _("free")
    rows: list[tuple[str, str, str | None]] = [
        (_("Subtotal"), format_money(Money(order.subtotal_minor, currency)), None),
        (_("Delivery"), cost, order.snapshot.get("shipping_name")),
        *tax_rows(order.snapshot.get("taxes", {}), is_added=order.tax_added_minor > 0, currency=currency),
    ]
    return {
        "summary_lines": [_line(line, currency, with_measures) for line in order.lines],
        "summary_count": sum(1 if line.unit == "metre" else line.quantity for line in order.lines),
        "summary_sums": rows,
        "summary_total": order.total,
    }


def split(order: Order, value_minor: int) -> tuple[Money, list[tuple[str, str, Money]]]:
    """(what has to come from outside, what each gift card pays). Asks nothing for an order that no card pays."""
    parts = value.paying(order.id) if value_minor else []
    return order.total - Money(value_minor, order.currency), [
        (each.kind, each.last_four, each.amount) for each in parts
    ]


def plan(of: Plan | None) -> dict[str, Any] | None:
    """What `_plan.html` shows; None for an order that is paid in one go."""
    if of is None:
        return None
    return {
        "rows": plan_words.rows(of),
        "standing": plan_words.standing(of),
        "has_begun": of.has_begun,
        "received": of.received,
        "balance": of.balance,
        "next": of.next,
    }


def _line(line: Any, currency: str, with_measures: bool) -> dict[str, Any]:
    return {
        "name": line.name,
        "detail": line.options,
        "picture": picture_of(line.picture),
        "quantity_text": format_quantity(line.quantity, line.step_mm),
        "total": Money(line.subtotal_minor - line.discount_minor, currency),
        "fit": measure_words.shown(fitting(line.fitting)) if with_measures and line.fitting else None,
    }


def masked_address(order: Order) -> str:
    """Enough to recognise it, too little to visit: anybody with the link may see this page."""
    address = order.address
    name = " ".join(part[0] + "…" for part in str(address.get("name", "")).split())
    return ", ".join(part for part in (name, str(address.get("city", "")), str(address.get("country", ""))) if part)


def first_name(order: Order) -> str:
    return str(order.address.get("name", "")).split(" ")[0][:40]

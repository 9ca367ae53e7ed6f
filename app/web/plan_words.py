"""Instalments in words, for the shop's pages and the back office."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _

from app.core import clock
from app.core.money import Money
from app.payments.rules import Plan, PlanTerms, plans_for
from app.web.formats import format_money
from app.web.site import settings


@dataclass(frozen=True, slots=True)
class Row:
    """One instalment as a line of a table; `state` is "" before anything is ordered."""

    name: str
    due_at: datetime
    amount: Money
    state: str = ""
    tone: str = ""


def terms(parts: int) -> PlanTerms | None:
    """The shop's terms for so many instalments; None for one: paid at once."""
    policy = settings().instalments
    return PlanTerms(parts, policy.days, policy.grace_days) if parts > 1 else None


def offered(due: Money) -> dict[int, list[Row]]:
    """The plans that a shopper can choose for what is to pay, by how many instalments each has."""
    policy, today = settings().instalments, clock.now()
    return {
        parts: [Row(_name(n), today + timedelta(days=policy.days * n), amount) for n, amount in enumerate(amounts)]
        for parts, amounts in plans_for(due, most=policy.most, least_minor=policy.min_minor).items()
    }


def rows(plan: Plan) -> list[Row]:
    now = clock.now()
    return [
        Row(_name(n), part.due_at, part.amount, *_state(part.state, is_late=part.due_at < now and plan.has_begun))
        for n, part in enumerate(plan.parts)
    ]


def standing(plan: Plan) -> str:
    """`1 of 3 paid, balance RM 131.00`"""
    balance = format_money(plan.balance)
    return _("%(n)s of %(all)s paid, balance %(balance)s", n=plan.paid, all=len(plan.parts), balance=balance)


def summary_rows(plan: Plan | None) -> Sequence[tuple[str, str]]:
    """What stands below an order's total while some instalments are paid and others are not."""
    if plan is None or not plan.has_begun or plan.next is None:
        return ()
    paid = _("Paid: %(n)s of %(all)s", n=plan.paid, all=len(plan.parts))
    return ((paid, f"−{format_money(plan.received)}"), (_("Balance"), format_money(plan.balance)))


def _name(index: int) -> str:
    return _("Part %(n)s", n=index + 1)


def _state(state: str, *, is_late: bool) -> tuple[str, str]:
    """(text, tone) of its pill."""
    if state == "open" and is_late:
        return _("Overdue"), "warning"
    return {"open": (_("To pay"), ""), "paid": (_("Paid"), "success"), "closed": (_("Closed"), "")}[state]

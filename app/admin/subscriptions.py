"""Subscriptions: the list, one page each with its turns, and what may be subscribed to."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.recurring import actions as recurring
from app.recurring import queries
from app.recurring.actions import plans
from app.recurring.errors import NoSuchVariant, NotRunning, PlanExists
from app.recurring.rules import MOST_EVERY, OVER, PERIODS, RECURRING_MOVES
from app.web.forms import has_control_characters
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("subscriptions", __name__)
PAGE, PLANS = "/admin/subscriptions", "/admin/subscriptions/plans"
A_PAGE = 50


@bp.get("/subscriptions")
@needs("subscriptions.view")
def show_list() -> ResponseReturnValue:
    """Newest first, by key."""
    state = request.args.get("state", "")
    state = state if state in RECURRING_MOVES else ""
    before = cursor(request.args.get("before", ""))
    rows = queries.page(state=state or None, before=before, limit=A_PAGE + 1)
    more = rows[A_PAGE - 1] if len(rows) > A_PAGE else None
    query = {"state": state} if state else {}
    after = urlencode({**query, "before": f"{more.created_at.isoformat()}_{more.id}"}) if more else ""
    return respond(
        "admin/subscriptions/list.html",
        rows=rows[:A_PAGE],
        state=state,
        names=_names(),
        is_first=before is None,
        next_url=f"{PAGE}?{after}" if more else None,
    )


@bp.get("/subscriptions/<uuid:recurring_id>")
@needs("subscriptions.view")
def show(recurring_id: uuid.UUID) -> ResponseReturnValue:
    row = queries.recurring(recurring_id)
    if row is None:
        raise NotFound()
    return respond(
        "admin/subscriptions/page.html",
        it=row,
        line=row.terms["lines"][0],
        next_charge_at=queries.next_charge(row),
        turns=queries.turns_of(row.id, limit=60),
        names=_names(),
        is_over=row.state in OVER,
    )


@bp.post("/subscriptions/<uuid:recurring_id>/<any(pause, resume, cancel):act>")
@needs("subscriptions.change")
@limit(FORMS)
def change(recurring_id: uuid.UUID, act: str) -> ResponseReturnValue:
    verb, word = {
        "pause": (recurring.pause, "paused"),
        "resume": (recurring.resume, "resumed"),
        "cancel": (recurring.cancel, "cancelled"),
    }[act]
    try:
        is_done = in_transaction(lambda: verb(recurring_id, actor=actor()))
    except NotRunning:
        is_done = False
    return done(f"{PAGE}/{recurring_id}", "subscription-changed" if is_done is False else f"subscription-{word}")


@bp.get("/subscriptions/plans")
@needs("catalogue.view")
def show_plans() -> ResponseReturnValue:
    return _plans_page()


@bp.post("/subscriptions/plans")
@needs("catalogue.change")
@limit(FORMS)
def add_plan() -> ResponseReturnValue:
    sku, period, every = (request.form.get(name, "").strip() for name in ("sku", "period", "every"))
    is_number = every.isascii() and every.isdigit() and len(every) <= 2 and 1 <= int(every) <= MOST_EVERY
    if period not in PERIODS or not is_number:
        return _plans_page(fault=("every", _("Enter how often, from 1 to %(n)s", n=MOST_EVERY)), status=422)
    if not sku or len(sku) > 100 or has_control_characters(sku):
        return _plans_page(fault=("sku", _("No variant has this SKU")), status=422)
    try:
        in_transaction(lambda: plans.add(sku, period=period, every=int(every), by=actor()))
    except NoSuchVariant:
        return _plans_page(fault=("sku", _("No variant has this SKU")), status=422)
    except PlanExists:
        return _plans_page(fault=("sku", _("It is offered so already")), status=409)
    return done(PLANS, "plan-added")


@bp.post("/subscriptions/plans/<uuid:plan_id>/end")
@needs("catalogue.change")
@limit(FORMS)
def end_plan(plan_id: uuid.UUID) -> ResponseReturnValue:
    in_transaction(lambda: plans.end(plan_id, by=actor()))
    return done(PLANS, "plan-ended")


def _plans_page(*, fault: tuple[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    asked = request.args.get("from", "")
    offset = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 0
    rows = queries.plans_page(offset=offset, limit=A_PAGE + 1)
    return respond(
        "admin/subscriptions/plans.html",
        status=status,
        rows=rows[:A_PAGE],
        offset=offset,
        next_url=f"{PLANS}?from={offset + A_PAGE}" if len(rows) > A_PAGE else None,
        fault=fault,
        typed=request.form,
        most=MOST_EVERY,
    )


def _names() -> dict[str, tuple[str, str]]:
    """(text, tone) of each state."""
    return {
        "pending": (_("Not paid yet"), "warning"),
        "active": (_("Running"), "success"),
        "paused": (_("Paused"), ""),
        "past_due": (_("Charge failed"), "danger"),
        "cancelled": (_("Cancelled"), ""),
        "ended": (_("Ended"), ""),
    }

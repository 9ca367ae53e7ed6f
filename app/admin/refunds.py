"""All refunds (REF-11): what waits for approval, what customers ask for, what is on its way, back or failed; disputes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import words
from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction
from app.orders import queries as orders
from app.payments.errors import NotDecided, ProviderRefused, ProviderUnavailable
from app.returns import actions as returns
from app.returns import flows, queries
from app.returns.actions import wishes
from app.returns.errors import AlreadyDecided, NotRefundable, NotYours
from app.returns.rules import LONGEST_NOTE
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("refunds", __name__)
PAGE = "/admin/refunds"
A_PAGE = 50


@bp.get("/refunds")
@needs("refunds.view")
def show() -> ResponseReturnValue:
    return _show()


def _show(*, error: tuple[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    view = request.args.get("view", "")
    view = view if view in ("asked", *queries.VIEWS) else "asked" if error else "all"
    before = cursor(request.args.get("before", ""))
    rows = [] if view == "asked" else queries.page(queries.VIEWS[view], before=before, limit=A_PAGE + 1)
    return respond(
        "admin/refunds/list.html",
        status=status,
        view=view,
        refunds=rows[:A_PAGE],
        asked=queries.open_requests() if view == "asked" else [],
        disputes=queries.open_disputes() if before is None and view == "all" else [],
        is_first=before is None,
        next_url=_next_url(view, rows[A_PAGE - 1]) if len(rows) > A_PAGE else None,
        me=actor(),
        words=words,
        money=Money,
        error=error,
    )


@bp.post("/refunds/<uuid:refund_id>/approve")
@needs("refunds.approve", fresh=True, back="/admin/refunds?view=approval")
@limit(FORMS)
def approve(refund_id: uuid.UUID) -> ResponseReturnValue:
    return _decided(lambda: returns.approve(refund_id, by=actor()), "refund-approved")


@bp.post("/refunds/<uuid:refund_id>/reject")
@needs("refunds.approve")
@limit(FORMS)
def reject(refund_id: uuid.UUID) -> ResponseReturnValue:
    return _decided(lambda: returns.reject(refund_id, by=actor()), "refund-rejected")


def _decided(decide: Callable[[], Any], what: str) -> ResponseReturnValue:
    back = f"{PAGE}?view=approval"
    try:
        in_transaction(decide)
    except AlreadyDecided:
        return done(back, "refund-decided")
    except NotYours:
        return done(back, "not-yours")
    except NotDecided:
        return done(back, "dispute-open")
    except NotRefundable:
        return done(back, "less-is-left")
    return done(back, what)


@bp.post("/refunds/requests/<uuid:request_id>/decline")
@needs("refunds.change")
@limit(FORMS)
def decline(request_id: uuid.UUID) -> ResponseReturnValue:
    answer = tidy(request.form.get("answer"))
    if not answer or len(answer) > LONGEST_NOTE or has_control_characters(answer):
        words_of_it = _("Tell the customer why, in one line of at most %(n)s characters", n=LONGEST_NOTE)
        return _show(error=(f"answer-{request_id}", words_of_it), status=422)
    try:
        in_transaction(lambda: wishes.decline(request_id, answer=answer, by=actor()))
    except AlreadyDecided:
        return done(f"{PAGE}?view=asked", "refund-decided")
    return done(f"{PAGE}?view=asked", "declined")


@bp.post("/orders/<uuid:order_id>/refunds/look")
@needs("refunds.change")
@limit(FORMS)
def look(order_id: uuid.UUID) -> ResponseReturnValue:
    """Ask the provider which refunds and disputes it knows of this order: some are made in its own dashboard."""
    if orders.order(order_id) is None:
        raise NotFound()
    try:
        flows.look_at_order(order_id)
    except (ProviderUnavailable, ProviderRefused):
        return done(f"/admin/orders/{order_id}", "no-answer")
    return done(f"/admin/orders/{order_id}", "looked")


def _next_url(view: str, row: Any) -> str:
    return f"{PAGE}?" + urlencode({"view": view, "before": f"{row.created_at.isoformat()}_{row.id}"})

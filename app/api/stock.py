"""Stock locks for programs: the clean-up's status and run for staff, and giving up one's own lock for shoppers."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext as _

from app.api import asked
from app.audit import actions as audit
from app.core.errors import Conflict, NotFound, Refused
from app.core.transaction import transaction
from app.orders import flows
from app.orders import queries as orders
from app.payments.errors import NotPayable, PaymentUnderWay
from app.stock import queries
from app.web import staff
from app.web.describe import COUNT, FLAG, MOMENT, TEXT, describe, or_null, record
from app.web.gates import guards
from app.web.limits import limit_api
from app.web.respond import no_store
from app.web.rights import needs
from app.web.site import settings
from app.web.visitor import visitor

bp = limit_api(no_store(Blueprint("api_stock", __name__)))
guards("/api/cron")(staff.refuse_strangers)  # before CSRF: a stranger is told that, and nothing else

STATUS = record(
    enabled=FLAG,
    interval_minutes=COUNT,
    last_run=or_null(MOMENT),
    next_run=or_null(MOMENT),
    is_late=FLAG,
    released_count=COUNT,
    released_last_24h=COUNT,
    active_locks=COUNT,
    expired_locks=COUNT,
)
RUN = record(released=COUNT, waiting=COUNT, failed=COUNT)


@bp.get("/api/cron/stock-cleanup")
@needs("stock.view")
@describe(
    "When the clean-up ran and will run, and what it released",
    answers={200: STATUS},
    refusals=(401, 403),
    for_staff=True,
)
def show_cleanup() -> Response:
    interval = settings().cleanup_interval_minutes
    found = queries.cleanup(is_enabled=settings().cleanup_enabled, interval_minutes=interval)
    counts = queries.lock_counts()
    return jsonify(
        enabled=found.is_enabled,
        interval_minutes=interval,
        last_run=_iso(found.last.started_at if found.last else None),
        next_run=_iso(found.next_run_at),
        is_late=found.is_late,
        released_count=found.last.released if found.last else 0,
        released_last_24h=found.released_today,
        active_locks=counts["active"],
        expired_locks=counts["expired"],
    )


@bp.post("/api/cron/stock-cleanup")
@needs("stock.change")
@describe(
    "Release every expired lock that may be released, now",
    answers={200: RUN},
    refusals=(400, 401, 403),
    for_staff=True,
    needs_csrf=True,
)
def run_cleanup() -> Response:
    """`waiting` locks stay because a provider did not answer."""
    tally = flows.release_pass(trigger=staff.actor())
    figures = {"released": tally.done, "waiting": tally.waiting, "failed": tally.failed}
    with transaction():
        audit.record("stock.cleaned_up", actor=staff.actor(), object_kind="stock", object_id="locks", **figures)
    return jsonify(figures)


@bp.post("/api/stock/unlock")
@describe(
    "Give up the lock of one's own unpaid order; `order` is its token",
    takes=record(order=TEXT),
    answers={200: record(order=TEXT, released=FLAG)},
    refusals=(400, 404, 409, 415, 422, 503),
    needs_csrf=True,
)
def unlock() -> Response:
    """Only the session that placed the order may; to everybody else there is no such order."""
    token = _posted_token()
    order = orders.order_by_token(token) if token else None
    known = visitor()
    if token and (order is None or known is None or not hmac.compare_digest(order.visitor, known)):
        raise NotFound(_("There is no such order."))
    if order is None:
        raise Refused(_("Say which order: its token in the field “order”."), code="order_missing")
    try:
        released = flows.release_hold(order.id, actor="customer")
    except NotPayable:
        raise Conflict(_("This order is not waiting for payment any more."), code="not_payable") from None
    except PaymentUnderWay:
        raise Conflict(_("The bank is still working on your payment."), code="payment_under_way") from None
    return jsonify(order=token, released=released)


def _posted_token() -> str:
    """From JSON or a form. Raises Refused when JSON was announced and something else came."""
    posted: Any = asked.json_body() if request.is_json else request.form
    token = posted.get("order") if hasattr(posted, "get") else None
    return token if isinstance(token, str) else ""


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

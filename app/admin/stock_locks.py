"""The stock locks monitor (CHK-10, INV-31, INV-32): what is held, what ran out, and the two buttons for when it is stuck."""

from __future__ import annotations

import uuid

from flask import request
from flask.typing import ResponseReturnValue

from app.admin.desk import desk, done
from app.audit import actions as audit
from app.core import clock
from app.core.transaction import transaction
from app.orders import flows
from app.payments.errors import NotPayable, PaymentUnderWay, ProviderUnavailable
from app.stock import queries
from app.web.formats import format_quantity
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import actor

bp = desk("stock_locks", __name__)
PAGE = "/admin/stock-locks"
A_PAGE = 50


@bp.get("/stock-locks")
@needs("stock.view")
def show() -> ResponseReturnValue:
    which = request.args.get("show", "")
    which = which if which in ("active", "expired") else "all"
    offset = _offset(request.args.get("from", ""))
    counts = queries.lock_counts()
    rows = queries.locks_page(
        expired={"all": None, "active": False, "expired": True}[which], limit=A_PAGE, offset=offset
    )
    return respond(
        "admin/stock_locks/page.html",
        "_locks.html",
        which=which,
        counts=counts,
        total={"all": counts["active"] + counts["expired"]}.get(which, counts.get(which, 0)),
        offset=offset,
        a_page=A_PAGE,
        locks=rows,
        quantity=format_quantity,
        cleanup=queries.cleanup(
            is_enabled=settings().cleanup_enabled, interval_minutes=settings().cleanup_interval_minutes
        ),
        now=clock.now(),
        address=f"{PAGE}?show={which}&from={offset}",
    )


@bp.post("/stock-locks/<uuid:order_id>/release")
@needs("stock.change")
@limit(FORMS)
def release(order_id: uuid.UUID) -> ResponseReturnValue:
    """Free what one order holds; when a payment was started the provider has the first word."""
    try:
        released = flows.release_hold(order_id, actor=actor())
    except ProviderUnavailable:
        return done(PAGE, "no-answer")
    except PaymentUnderWay:
        return done(PAGE, "under-way")
    except NotPayable:
        return done(PAGE, "settled")
    return done(PAGE, "released" if released else "nothing-held")


@bp.post("/stock-locks/clean-up")
@needs("stock.change")
@limit(FORMS)
def clean_up() -> ResponseReturnValue:
    tally = flows.release_pass(trigger=actor())
    with transaction():
        audit.record(
            "stock.cleaned_up",
            actor=actor(),
            object_kind="stock",
            object_id="locks",
            released=tally.done,
            waiting=tally.waiting,
            failed=tally.failed,
        )
    return done(PAGE, "cleaned")


def _offset(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0

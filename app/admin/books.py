"""The books: what differs and its remedy, the last comparisons, the trial balance, the providers' statements."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue

from app.admin import book_words as words
from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.admin.words import actor as who_words
from app.books import queries as ledger
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.payments import queries as payments
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.reconciliation import actions, queries
from app.reconciliation.errors import AlreadyClosed, NoSuchRepair, ReasonMissing
from app.reconciliation.flows import repair as repairs
from app.reconciliation.rules import KINDS, SUCCESS_TARGET, success_rate
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("books", __name__)
PAGE = "/admin/books"
A_PAGE = 50
WITH_REASON = ("write_off", "accept")


@bp.get("/books")
@needs("books.view")
def show() -> ResponseReturnValue:
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    state = "closed" if request.args.get("state") == "closed" else "open"
    before = cursor(request.args.get("before", ""))
    rows = queries.page(state=state, kind=kind, before=before, limit=A_PAGE + 1)
    more = rows[A_PAGE - 1] if len(rows) > A_PAGE else None
    query = {name: value for name, value in (("kind", kind), ("state", state if state == "closed" else "")) if value}
    return respond(
        "admin/books/page.html",
        differences=rows[:A_PAGE],
        kinds=queries.open_by_kind(),
        kind=kind,
        state=state,
        is_first=before is None,
        next_url=_next_url(PAGE, query, more.opened_at, more.id) if more else None,
        rates=[(hours, _rate(hours)) for hours in (24, 7 * 24)],
        target=SUCCESS_TARGET,
        health=queries.webhook_health(),
        runs=queries.last_runs(),
        balanced=queries.last_balances(),
        words=words,
    )


@bp.get("/books/statement")
@needs("books.view")
def show_statement() -> ResponseReturnValue:
    before = cursor(request.args.get("before", ""))
    rows = queries.statement_page(before=before, limit=A_PAGE + 1)
    more = rows[A_PAGE - 1] if len(rows) > A_PAGE else None
    return respond(
        "admin/books/statement.html",
        rows=rows[:A_PAGE],
        is_first=before is None,
        next_url=_next_url(f"{PAGE}/statement", {}, more.settled_at, more.id) if more else None,
        words=words,
    )


@bp.get("/books/<uuid:difference_id>")
@needs("books.view")
def show_difference(difference_id: uuid.UUID) -> ResponseReturnValue:
    return _difference_page(difference_id)


@bp.post("/books/<uuid:difference_id>/repair")
@needs("books.change", fresh=True, back="/admin/books/{difference_id}")
@limit(FORMS)
def repair(difference_id: uuid.UUID) -> ResponseReturnValue:
    how, reason = request.form.get("how", ""), request.form.get("reason", "")[:500]
    back = f"{PAGE}/{difference_id}"
    try:
        repairs.repair(difference_id, how, actor=actor(), reason=reason)
    except ReasonMissing:
        return _difference_page(difference_id, status=422, error=True)
    except AlreadyClosed:
        return done(back, "difference-closed")
    except (ProviderUnavailable, ProviderRefused):
        return done(back, "no-answer")
    except NoSuchRepair:
        return done(back, "no-repair")
    return done(back, "difference-accepted" if how in WITH_REASON else "difference-repaired")


@bp.post("/books/reconcile")
@needs("books.change")
@limit(FORMS)
def reconcile() -> ResponseReturnValue:
    who = actor()
    in_transaction(lambda: actions.request(actor=who))
    return done(PAGE, "reconciling")


def _difference_page(difference_id: uuid.UUID, *, status: int = 200, error: bool = False) -> ResponseReturnValue:
    found = queries.difference(difference_id)
    if found is None:
        raise NotFound()
    kind = KINDS[found.kind]
    return respond(
        "admin/books/difference.html",
        status=status,
        difference=found,
        label=words.difference(found.kind),
        cause=words.cause(found.kind),
        state=words.difference_state(found.state),
        quick=[how for how in kind.repairs if how not in WITH_REASON],
        with_reason=[how for how in kind.repairs if how in WITH_REASON],
        entries=ledger.entries_of_order(found.order_id) if found.order_id else [],
        error=error,
        closed_by=who_words(found.closed_by),
        words=words,
    )


def _rate(hours: int) -> float | None:
    return success_rate(*payments.ended_attempts(hours=hours))


def _next_url(path: str, query: dict[str, Any], at: datetime, row_id: uuid.UUID) -> str:
    return f"{path}?" + urlencode({**query, "before": f"{at.isoformat()}_{row_id}"})

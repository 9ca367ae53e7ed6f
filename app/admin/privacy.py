"""Requests about personal data (DAT-04): what is to be answered by which day, for people with an account and without one."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.admin.words import actor as who_words
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.privacy import copying, flows, queries, rules
from app.privacy.actions import requests
from app.privacy.errors import AlreadyAnswered, HasAccount, StillUnderWay
from app.privacy.models import DataRequest
from app.web import privacy_words
from app.web.forms import has_control_characters, is_email, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import actor

bp = desk("privacy", __name__)
PAGE = "/admin/privacy"
A_PAGE = 50
PROOFS = tuple(proof for proof in rules.PROOFS if proof != "account")


@bp.get("/privacy")
@needs("privacy.view")
def show() -> ResponseReturnValue:
    """What is open by its day; what was answered, the latest first, by key."""
    is_closed, before = request.args.get("view") == "closed", cursor(request.args.get("before", ""))
    rows = queries.requests_closed(before=before, limit=A_PAGE + 1) if is_closed else queries.requests_open()
    is_more = is_closed and len(rows) > A_PAGE
    return respond(
        "admin/privacy/list.html",
        view="closed" if is_closed else "open",
        requests=rows[:A_PAGE] if is_closed else rows,
        is_first=before is None,
        next_url=_next_url(rows[A_PAGE - 1]) if is_more else None,
        words=privacy_words,
    )


@bp.get("/privacy/new")
@needs("privacy.change")
def show_form() -> ResponseReturnValue:
    return _form({}, [])


@bp.post("/privacy/new")
@needs("privacy.change")
@limit(FORMS)
def open_request() -> ResponseReturnValue:
    """For somebody who wrote, called or came in."""
    typed = {name: tidy(request.form.get(name)) for name in ("kind", "email", "proof", "note")}
    faults = _faults(typed)
    if faults:
        return _form(typed, faults, status=422)
    email = typed["email"]

    def work() -> tuple[uuid.UUID, bool]:
        known = queries.known_of(email)
        row = requests.open_request(
            typed["kind"],
            email,
            customer_id=known.customer_id,
            proof=typed["proof"],
            note=typed["note"],
            by=actor(),
            days=settings().privacy.answer_days,
        )
        return row.id, row.opened_by == actor() and row.note == typed["note"]

    request_id, is_ours = in_transaction(work)
    return done(f"{PAGE}/{request_id}", "request-opened" if is_ours else "request-known")


def _faults(typed: dict[str, str]) -> list[tuple[str, str]]:
    faults = []
    if typed["kind"] not in rules.KINDS:
        faults.append(("kind", _("Choose what they want")))
    if not is_email(typed["email"]):
        faults.append(("email", _("Enter an e-mail address like aina@example.com")))
    if typed["proof"] not in PROOFS:
        faults.append(("proof", _("Say how you know that it is really them")))
    if _is_no_line(typed["note"]) or (typed["proof"] == "other" and not typed["note"]):
        faults.append(("note", _("Use one line of at most %(n)s characters", n=rules.LONGEST_NOTE)))
    return faults


def _is_no_line(text: str) -> bool:
    return len(text) > rules.LONGEST_NOTE or has_control_characters(text)


def _form(typed: dict[str, str], faults: list[tuple[str, str]], *, status: int = 200) -> ResponseReturnValue:
    return respond(
        "admin/privacy/form.html",
        status=status,
        typed=typed,
        faults=faults,
        kinds=[(each, privacy_words.kind(each)) for each in rules.KINDS],
        proofs=[(each, privacy_words.proof(each)) for each in PROOFS],
        days=settings().privacy.answer_days,
        longest=rules.LONGEST_NOTE,
    )


@bp.get("/privacy/<uuid:request_id>")
@needs("privacy.view")
def show_one(request_id: uuid.UUID) -> ResponseReturnValue:
    return _page(_known(request_id))


def _page(row: DataRequest, *, fault: tuple[str, str] | None = None, answer: str = "") -> ResponseReturnValue:
    known = queries.known_of_asker(row)
    return respond(
        "admin/privacy/page.html",
        status=422 if fault else 200,
        request=row,
        known=known,
        fault=fault,
        answer=answer,
        grace_days=settings().retention.closed_account_days,
        delivery_days=settings().retention.delivery_days,
        longest=rules.LONGEST_NOTE,
        words=privacy_words,
        who=who_words,
    )


@bp.post("/privacy/<uuid:request_id>/copy")
@needs("privacy.change", fresh=True, back=PAGE + "/{request_id}")
@limit(FORMS)
def copy(request_id: uuid.UUID) -> ResponseReturnValue:
    """All that is known of them, to be handed over."""
    row = _known(request_id)
    known = queries.known_of_asker(row)
    if row.email is None or known is None:
        raise NotFound()
    tables = copying.of_customer(known.customer_id) if known.customer_id else copying.of_guest(row.email)
    packed = rules.packed(tables)
    in_transaction(lambda: requests.note_copy_by_staff(request_id, by=actor()))
    return Response(
        packed,
        mimetype="application/zip",
        headers={"Content-Disposition": f'attachment; filename="data-{row.reference}.zip"'},
    )


@bp.post("/privacy/<uuid:request_id>/erase")
@needs("privacy.change", fresh=True, back=PAGE + "/{request_id}")
@limit(FORMS)
def erase(request_id: uuid.UUID) -> ResponseReturnValue:
    """Who has an account is forgotten with it, after the time of grace; others now."""
    row = _known(request_id)
    if row.kind != "deletion":
        raise NotFound()
    back = f"{PAGE}/{request_id}"
    try:
        known = queries.known_of_asker(row)
        if known is not None and known.customer_id is not None:
            _close_account(known.customer_id)
            return done(back, "account-closes")
        flows.erase_guest(request_id, by=actor())
    except (AlreadyAnswered, HasAccount):
        return done(back, "request-closed")
    except StillUnderWay:
        return done(back, "erase-waits")
    return done(back, "guest-erased")


def _close_account(customer_id: uuid.UUID) -> None:
    in_transaction(
        lambda: requests.close_account(
            customer_id,
            session_id=None,
            grace_days=settings().retention.closed_account_days,
            answer_days=settings().privacy.answer_days,
            by=actor(),
        )
    )


@bp.post("/privacy/<uuid:request_id>/answer")
@needs("privacy.change", fresh=True, back=PAGE + "/{request_id}")
@limit(FORMS)
def answer(request_id: uuid.UUID) -> ResponseReturnValue:
    row, words = _known(request_id), tidy(request.form.get("answer"))
    state = "refused" if request.form.get("state") == "refused" else "done"
    if not words or _is_no_line(words):
        fault = _("Say in one line of at most %(n)s characters what was done, or why not", n=rules.LONGEST_NOTE)
        return _page(row, fault=("answer", fault), answer=words)
    try:
        in_transaction(lambda: requests.answer(request_id, state=state, words=words, by=actor()))
    except AlreadyAnswered:
        return done(f"{PAGE}/{request_id}", "request-closed")
    return done(f"{PAGE}/{request_id}", "request-answered")


def _known(request_id: uuid.UUID) -> DataRequest:
    row = queries.request(request_id)
    if row is None:
        raise NotFound()
    return row


def _next_url(row: Any) -> str:
    return f"{PAGE}?" + urlencode({"view": "closed", "before": f"{row.closed_at.isoformat()}_{row.id}"})

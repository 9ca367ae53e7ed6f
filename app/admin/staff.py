"""Who works here: the list, one page each, invitations, and help with a lost phone. Nobody handles more than they hold."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import queries, rules
from app.accounts.actions import people
from app.accounts.actions.people import Chosen
from app.accounts.errors import AccountClosed, AlreadyInvited, EmailTaken, InvitationOver, LastOwner, NotYours, Yourself
from app.admin import staff_words as words
from app.admin.desk import desk, done
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.passkeys import queries as passkeys
from app.passkeys.models import Owner
from app.web.forms import is_email, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs, not_open
from app.web.staff import somebody

bp = desk("staff", __name__)
PAGE = "/admin/staff"
A_PAGE = 50


@bp.get("/staff")
@needs("staff.view")
def show_list() -> ResponseReturnValue:
    before = _uuid(request.args.get("before", ""))
    rows = queries.people(before=before, limit=A_PAGE + 1)
    return respond(
        "admin/staff/list.html",
        people=rows[:A_PAGE],
        invitations=queries.open_invitations(limit=100) if before is None else [],
        is_first=before is None,
        next_url=f"{PAGE}?before={rows[A_PAGE - 1].id}" if len(rows) > A_PAGE else None,
        me=somebody(),
        words=words,
        may_handle=_may_handle,
    )


@bp.get("/staff/invite")
@needs("staff.change", fresh=True)
def show_form() -> ResponseReturnValue:
    return _form()


@bp.post("/staff/invite")
@needs("staff.change", fresh=True, back="/admin/staff/invite")
@limit("30/minute")
def invite() -> ResponseReturnValue:
    email, by = tidy(request.form.get("email")), somebody()
    if not is_email(email):
        return _form(("email", _("Enter an e-mail address like aina@example.com")))
    try:
        in_transaction(lambda: people.invite(email, Chosen(request.form.get("role", "")), by=by))
    except AccountClosed as refusal:
        return _form(("email", _("This account is closed: open it again instead")), status=409, closed=refusal.staff_id)
    except EmailTaken:
        return _form(("email", _("Somebody works here under this address already")), status=409)
    except AlreadyInvited:
        return _form(("email", _("This address is invited already; you can send the invitation again")), status=409)
    except NotFound:
        return _form(("role", _("Choose a role")))
    except NotYours:
        return _form(("role", _("You can give roles only that may do no more than you")), status=403)
    return done(PAGE, "staff-invited")


def _form(
    fault: tuple[str, str] | None = None, *, status: int = 422, closed: uuid.UUID | None = None
) -> ResponseReturnValue:
    """`closed` is the account of who worked here under this address."""
    return respond(
        "admin/staff/invite.html",
        status=status if fault else 200,
        fault=fault,
        typed=request.form,
        roles=words.role_choices(queries.roles(), mine=somebody().rights),
        hours=rules.INVITATION_HOURS,
        closed=closed,
    )


@bp.post("/staff/invitations/<uuid:invitation_id>/<any(send, revoke):what>")
@needs("staff.change", fresh=True, back=PAGE)
@limit(FORMS)
def change_invitation(invitation_id: uuid.UUID, what: str) -> ResponseReturnValue:
    verb, by = people.send_again if what == "send" else people.revoke, somebody()
    try:
        in_transaction(lambda: verb(invitation_id, by=by))
    except InvitationOver:
        return done(PAGE, "invitation-over")
    except NotYours:
        return not_open()
    return done(PAGE, "staff-invited" if what == "send" else "invitation-revoked")


@bp.get("/staff/<uuid:staff_id>")
@needs("staff.view")
def show(staff_id: uuid.UUID) -> ResponseReturnValue:
    person = queries.person(staff_id)
    if person is None:
        raise NotFound()
    me = somebody()
    return respond(
        "admin/staff/person.html",
        person=person,
        me=me,
        is_mine=person.id == me.staff_id,
        may_handle=_may_handle(person.rights),
        roles=words.role_choices(queries.roles(), mine=me.rights),
        areas=rules.AREAS,
        verbs=rules.VERBS,
        passkeys=passkeys.count(Owner(staff_id=staff_id)),
        sessions=queries.sessions_of(staff_id),
        tries=queries.tries(staff_id=staff_id, limit=10),
        words=words,
    )


def _may_handle(held: frozenset[str]) -> bool:
    return rules.may_handle(somebody().rights, held)


@bp.post("/staff/<uuid:staff_id>/role")
@needs("staff.change", fresh=True, back="/admin/staff/{staff_id}")
@limit(FORMS)
def give_role(staff_id: uuid.UUID) -> ResponseReturnValue:
    by = somebody()
    return _done_to(
        staff_id, "role-given", lambda: people.give_role(staff_id, Chosen(request.form.get("role", "")), by=by)
    )


ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "let-go": (people.let_go, "let-go"),
    "take-back": (people.take_back, "taken-back"),
    "sign-out": (people.sign_out, "colleague-signed-out"),
    "reset-totp": (people.replace_phone, "totp-reset"),
    "end-password": (people.end_password, "password-ended"),
}


@bp.post("/staff/<uuid:staff_id>/<any('let-go', 'take-back', 'sign-out', 'reset-totp', 'end-password'):what>")
@needs("staff.change", fresh=True, back="/admin/staff/{staff_id}")
@limit(FORMS)
def change(staff_id: uuid.UUID, what: str) -> ResponseReturnValue:
    (act, said), by = ACTS[what], somebody()
    return _done_to(staff_id, said, lambda: act(staff_id, by=by))


def _done_to(staff_id: uuid.UUID, said: str, work: Callable[[], Any]) -> ResponseReturnValue:
    page = f"{PAGE}/{staff_id}"
    try:
        is_new = in_transaction(work)
    except LastOwner:
        return done(page, "last-owner")
    except Yourself:
        return done(page, "yourself")
    except NotYours:
        return not_open()
    return done(page, "staff-so-already" if is_new is False else said)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

"""Accepting an invitation: a password of one's own first, then the authenticator and the backup codes (`signin`)."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import flows, queries, rules
from app.accounts.errors import InvitationOver
from app.admin import staff_words as words
from app.admin.desk import desk
from app.web import staff
from app.web.limits import limit
from app.web.respond import respond
from app.web.rights import LOGIN, STRANGER, TOTP, needs

bp = desk("joining", __name__)
LONGEST_TOKEN = 100


@bp.get("/invitation/<token>")
@needs(step=STRANGER)
@limit("60/minute")
def show(token: str) -> ResponseReturnValue:
    return _page(token)


@bp.post("/invitation/<token>")
@needs(step=STRANGER)
@limit("30/minute")
def join(token: str) -> ResponseReturnValue:
    found = queries.invitation_by_token(token[:LONGEST_TOKEN])
    if found is None or not found[1]:
        return _page(token)
    password = request.form.get("password", "")
    if fault := rules.password_fault(password, email=found[0].email):
        return _page(token, ("password", words.password_fault(fault)))
    if password != request.form.get("again", ""):
        return _page(token, ("again", _("Type the same password twice")))
    try:
        session = flows.join(token, password)
    except InvitationOver:
        return _over(is_accepted=False)
    answer = redirect(TOTP, 303)
    staff.give_cookie(answer, session)  # type: ignore[arg-type]
    return answer


def _page(token: str, fault: tuple[str, str] | None = None) -> ResponseReturnValue:
    """Whoever made a link up was turned away at the gate; what the link led to may have ended since."""
    found = queries.invitation_by_token(token[:LONGEST_TOKEN])
    if found is None:
        return redirect(LOGIN, 303)
    invitation, is_open = found
    if not is_open:
        return _over(is_accepted=bool(invitation.accepted_at))
    own = queries.role(invitation.role_id) if invitation.role_id else None
    return respond(
        "admin/staff/join.html",
        status=422 if fault else 200,
        email=invitation.email,
        role=words.role(invitation.role, own.name if own else None),
        rule=words.password_rule(),
        fault=fault,
        token=token,
    )


def _over(*, is_accepted: bool) -> ResponseReturnValue:
    return respond("admin/staff/invitation_over.html", status=410, is_accepted=is_accepted)

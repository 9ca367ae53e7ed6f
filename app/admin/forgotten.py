"""The way back of staff who forgot their password: ask, “look into your mailbox”, and the link. Whether anybody works here under
an address is told to its mailbox alone, and the link signs nobody in."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import flows, rules
from app.accounts.actions import resets as mailed
from app.accounts.errors import ResetOver
from app.accounts.queries import resets
from app.admin import staff_words as words
from app.admin.desk import desk, done
from app.core.transaction import in_transaction
from app.web.forms import is_email, tidy
from app.web.limits import limit, looks_at_password
from app.web.respond import respond
from app.web.rights import LOGIN, STRANGER, needs

bp = desk("forgotten", __name__)


@bp.get("/forgot")
@needs(step=STRANGER)
def show_form() -> ResponseReturnValue:
    return respond("admin/signin/forgot.html", email="", error=None)


@bp.post("/forgot")
@needs(step=STRANGER)
@limit("10/minute", per_address="60/minute")
def ask() -> ResponseReturnValue:
    email = tidy(request.form.get("email"))
    if not is_email(email):
        error = _("Enter an e-mail address like aina@example.com")
        return respond("admin/signin/forgot.html", status=422, email=email[:254], error=error)
    in_transaction(lambda: mailed.ask(email))
    return redirect("/admin/forgot/sent", 303)


@bp.get("/forgot/sent")
@needs(step=STRANGER)
def show_sent() -> ResponseReturnValue:
    return respond("admin/signin/forgot_sent.html", minutes=rules.RESET_MINUTES)


@bp.get("/reset/<token>")
@needs(step=STRANGER)
@limit("60/minute")
def show_reset(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    return _page(token)


@bp.post("/reset/<token>")
@needs(step=STRANGER)
@looks_at_password
@limit("30/minute")
def reset(token: str) -> ResponseReturnValue:
    wish = resets.open_reset(token)
    if wish is None:
        return _over()
    password = request.form.get("password", "")
    if fault := rules.password_fault(password, email=wish.email):
        return _page(token, ("password", words.password_fault(fault)))
    if password != request.form.get("again", ""):
        return _page(token, ("again", _("Type the same password twice")))
    try:
        flows.reset_password(token, password)
    except ResetOver:
        return _over()
    return done(LOGIN, "password-reset")


def _page(token: str, fault: tuple[str, str] | None = None) -> ResponseReturnValue:
    """Whoever made a link up was turned away at the gate; what the link led to may be over since."""
    wish = resets.open_reset(token)
    if wish is None:
        return _over()
    return respond(
        "admin/signin/reset.html",
        status=422 if fault else 200,
        email=wish.email,
        rule=words.password_rule(),
        fault=fault,
        token=token,
    )


def _over() -> ResponseReturnValue:
    return respond("admin/signin/reset_over.html", status=410)

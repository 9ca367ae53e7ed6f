"""Registering: the form, “look into your mailbox”, and the link that makes the account.

Whether the address has an account already is told to its mailbox alone.
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.transaction import in_transaction
from app.customers import actions, flows, gateway, queries
from app.customers.errors import EmailTaken, LinkOver, TooManyTries, WrongPassword
from app.customers.rules import LINK_MINUTES
from app.storefront.account import wrong_words
from app.storefront.customer_forms import RegisterForm
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES, HOME, over, welcome
from app.web import customers, languages
from app.web.limits import limit, makes_password
from app.web.respond import no_store, respond
from app.web.visitor import ensure_visitor, visitor

bp = no_store(Blueprint("registering", __name__, url_prefix="/register"))


@bp.get("")
def show() -> ResponseReturnValue:
    if customers.current():
        return redirect(HOME, 303)
    return _form_page(RegisterForm(formdata=None))


@bp.post("")
@makes_password
@limit("10/minute", per_address="60/minute")
def register() -> ResponseReturnValue:
    form = RegisterForm()
    if not form.validate():
        return _form_page(form, status=422)
    flows.register(
        form.email.data or "",
        form.password.data or "",
        name=form.name.data or "",
        wants_news=form.news.data,
        locale=languages.language(),
        visitor=ensure_visitor(),
    )
    return redirect(url_for("registering.sent"), 303)


@bp.get("/sent")
def sent() -> ResponseReturnValue:
    hours = LINK_MINUTES["register"] // 60
    return respond("storefront/signing_in/registered.html", hours=hours, is_again="again" in request.args)


@bp.post("/again")
@limit("3/minute", per_address="60/minute")
def send_again() -> ResponseReturnValue:
    """The mail did not come. The same answer whether or not this browser has asked for one."""
    shopper, locale = visitor(), languages.language()
    if shopper is not None:
        in_transaction(lambda: actions.ask_again(shopper, locale=locale))
    return redirect(url_for("registering.sent", again=1), 303)


@bp.get("/<token>")
def show_confirmation(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    return _confirmation(token)


@bp.post("/<token>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def confirm(token: str) -> ResponseReturnValue:
    password = request.form.get("password")
    try:
        new = flows.finish_registration(token, password, visitor=visitor(), device=customers.device())
    except LinkOver:
        return over("register")
    except WrongPassword:
        return _confirmation(token, error=_("This is not the password you chose when you registered."), status=422)
    except TooManyTries as refusal:
        return _confirmation(token, error=wrong_words(refusal), status=refusal.status)
    except EmailTaken:
        return respond("storefront/signing_in/taken.html", status=409)
    return welcome(new, to=url_for("account.home", said="welcome"))


def _form_page(form: RegisterForm, *, status: int = 200) -> ResponseReturnValue:
    return respond(
        "storefront/signing_in/register.html", status=status, form=form, next=None, providers=gateway.offered()
    )


def _confirmation(token: str, *, error: str | None = None, status: int = 200) -> ResponseReturnValue:
    wish = queries.open_request(token, kind="register")
    if wish is None:
        return over("register")
    needs_password = wish.visitor != visitor()
    return respond(
        "storefront/signing_in/confirm.html", status=status, token=token, needs_password=needs_password, error=error
    )

"""Signing in by password or by a mailed link, a forgotten password, signing out. Every answer is the same for known and
unknown addresses (X11)."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.cart import queries as cart
from app.checkout.actions import joining
from app.core.transaction import in_transaction
from app.customers import actions, flows, gateway, queries
from app.customers.actions import NewSession, wishes
from app.customers.errors import LinkOver, TooManyTries
from app.customers.rules import LINK_MINUTES, LONGEST_PASSWORD
from app.orders.actions import belonging
from app.recurring.actions import belonging as subscriptions
from app.storefront.cart import pieces
from app.storefront.customer_forms import EmailForm, LoginForm, NewPasswordForm
from app.web import customers, languages
from app.web.forms import is_email
from app.web.limits import limit, looks_at_password
from app.web.respond import no_store, respond
from app.web.returning import own_path
from app.web.visitor import ensure_visitor, remember_cart

bp = no_store(Blueprint("signing_in", __name__))

HOME = "/account/"
GUESSES = "20/minute"  # of one browser; each account has its own, stricter limit
FROM_ONE_ADDRESS = "120/minute"


@bp.get("/login")
def show_login() -> ResponseReturnValue:
    if customers.current():
        return redirect(next_page(), 303)
    return login_page(LoginForm(formdata=None))


@bp.post("/login")
@looks_at_password
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def log_in() -> ResponseReturnValue:
    """One answer for whatever did not fit, and it takes the same time."""
    form = LoginForm()
    email, password = form.email.data or "", form.password.data or ""
    try:
        new = _sign_in(email, password, is_kept=form.keep.data)
    except TooManyTries as refusal:
        return login_page(form, error=too_many(refusal), status=429)
    if new is None:
        return login_page(form, error=_("This e-mail address and password do not fit together."), status=422)
    return welcome(new, to=next_page())


def _sign_in(email: str, password: str, *, is_kept: bool) -> NewSession | None:
    if not is_email(email) or not 0 < len(password) <= LONGEST_PASSWORD:
        return None
    return flows.sign_in(email, password, device=customers.device(), is_kept=is_kept)


@bp.post("/login/link")
@limit("10/minute", per_address="60/minute")
def send_link() -> ResponseReturnValue:
    """A mail with a link instead of a password."""
    form = EmailForm()
    if not form.validate():
        return login_page(LoginForm(), form=form, status=422)
    _ask("sign_in", form.email.data or "", next_path=next_page())
    return redirect(url_for("signing_in.sent", what="link"), 303)


@bp.get("/login/forgot")
def show_forgot() -> ResponseReturnValue:
    return respond("storefront/signing_in/forgot.html", form=EmailForm(formdata=None))


@bp.post("/login/forgot")
@limit("10/minute", per_address="60/minute")
def forgot() -> ResponseReturnValue:
    form = EmailForm()
    if not form.validate():
        return respond("storefront/signing_in/forgot.html", status=422, form=form)
    _ask("reset", form.email.data or "")
    return redirect(url_for("signing_in.sent", what="reset"), 303)


def _ask(kind: str, email: str, *, next_path: str = "") -> None:
    shopper, locale = ensure_visitor(), languages.language()
    in_transaction(lambda: actions.ask(kind, email, locale=locale, visitor=shopper, next_path=next_path))


@bp.get("/login/sent")
def sent() -> ResponseReturnValue:
    kind = "reset" if request.args.get("what") == "reset" else "sign_in"
    return respond("storefront/signing_in/sent.html", kind=kind, minutes=LINK_MINUTES[kind])


@bp.get("/login/link/<token>")
def show_link(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    if queries.open_request(token, kind="sign_in") is None:
        return over("sign_in")
    return respond("storefront/signing_in/link.html", token=token)


@bp.post("/login/link/<token>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def follow_link(token: str) -> ResponseReturnValue:
    try:
        new = in_transaction(lambda: actions.sign_in_by_link(token, device=customers.device()))
    except LinkOver:
        return over("sign_in")
    return welcome(new, to=own_path(new.next_path) if new.next_path else HOME)


@bp.get("/login/reset/<token>")
def show_reset(token: str) -> ResponseReturnValue:
    if queries.open_request(token, kind="reset") is None:
        return over("reset")
    return _reset_page(NewPasswordForm(formdata=None), token)


@bp.post("/login/reset/<token>")
@looks_at_password
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def reset(token: str) -> ResponseReturnValue:
    wish = queries.open_request(token, kind="reset")
    if wish is None:
        return over("reset")
    form = NewPasswordForm()
    form.known = (wish.email,)
    if not form.validate():
        return _reset_page(form, token, status=422)
    try:
        new = flows.reset_password(token, form.password.data or "", device=customers.device())
    except LinkOver:
        return over("reset")
    return welcome(new, to=url_for("account.security", said="reset", ended=new.ended))


@bp.post("/logout")
def log_out() -> ResponseReturnValue:
    token = customers.session_token()
    if token:
        in_transaction(lambda: actions.end_session(token))
    return customers.close_session(redirect("/", 303))  # type: ignore[arg-type]


def welcome(new: NewSession, *, to: str) -> Response:
    """Signed in: the cart, the wishes and the unpaid orders of this browser join the customer's, who is told what came of it."""
    guest, old_token = session.get("v"), customers.session_token()
    where = {"currency": languages.currency(), "locale": languages.language()}

    def work() -> object:
        if old_token:
            actions.end_session(old_token)
        person = queries.lock_customer(new.customer_id)  # who signs in twice at once joins one after the other
        if person is not None:
            since = queries.mailbox(person.email, of=person.id).since
            belonging.attach(person.id, person.email, since=since)
            subscriptions.attach(person.id)
        if guest is None:
            return None
        wishes.hand_over(guest, new.visitor)
        return joining.take_over(guest, new.visitor, **where)

    notice = in_transaction(work)
    cart.cool(new.visitor)
    if guest is not None:
        cart.cool(guest)  # whoever has that cookie still finds the cart gone, not a copy of it
    answer = customers.open_session(redirect(url_for("cart.show", notice=notice) if notice else to, 303), new)  # type: ignore[arg-type]
    found = cart.contents(new.visitor)
    if found.cart_id is not None:
        count = pieces(cart.lines(found, with_stock=False, **where))
        remember_cart(count=count, version=found.version)
    return answer


def over(kind: str) -> ResponseReturnValue:
    """The link of a mail opens nothing any more; here is the way to the next one."""
    return respond("storefront/signing_in/over.html", status=410, kind=kind)


def next_page() -> str:
    """Where they wanted to go, if that is a page of ours."""
    wanted = request.values.get("next")
    page = own_path(wanted)
    return HOME if page == "/" and wanted != "/" else page


def login_page(
    login: LoginForm, *, form: EmailForm | None = None, error: str | None = None, status: int = 200
) -> ResponseReturnValue:
    """`form` is the one that asks for a link, when it was that which did not fit."""
    errors = [("email", error)] if error else (form.messages() if form else [])
    return respond(
        "storefront/signing_in/login.html",
        status=status,
        form=login,
        errors=errors,
        next=next_page() if "next" in request.values else None,
        is_over="over" in request.args,
        providers=gateway.offered(),
    )


def _reset_page(form: NewPasswordForm, token: str, *, status: int = 200) -> ResponseReturnValue:
    return respond("storefront/signing_in/reset.html", status=status, form=form, token=token)


def too_many(refusal: TooManyTries) -> str:
    return ngettext(
        "That was tried too often. Please try again in %(num)s minute, or sign in by a link we mail you.",
        "That was tried too often. Please try again in %(num)s minutes, or sign in by a link we mail you.",
        refusal.minutes,
    )

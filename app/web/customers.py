"""Which customer is asking. A cookie of its own holds a random token, the table its hash (`app/customers`).

Without that cookie nothing is asked; with it one statement a request, wherever it is needed first.
"""

from __future__ import annotations

import uuid

from flask import Flask, Response, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from app.core.transaction import transaction
from app.customers import actions as customers
from app.customers import queries
from app.customers.actions import Device, NewSession
from app.customers.queries import SignedIn
from app.customers.rules import KEPT_DAYS
from app.web import access
from app.web.languages import CURRENCIES, LANGUAGES
from app.web.respond import is_fragment
from app.web.site import settings

YEAR = 365 * 24 * 3600
DAY = 24 * 3600
OF_A_VISITOR = ("v", "c", "csrf_token")  # what the signed cookie knows: nothing of it outlives signing in or out


def init_app(app: Flask) -> None:
    app.after_request(_finish)
    app.jinja_env.globals["signed_in"] = current


def current() -> SignedIn | None:
    """The customer who is signed in, None for everybody else."""
    if "customer" not in g:
        g.customer = None  # should the question fail: the page that says so must not ask again
        g.customer = _of_program() if access.is_given() else _of_browser()
    person: SignedIn | None = g.customer
    return person


def _of_browser() -> SignedIn | None:
    token = session_token()
    person = queries.signed_in(token) if token else None
    if token and person is None:
        g.session_is_over = True
        session.pop("c", None)  # the badge told of the customer's cart
    return person


def _of_program() -> SignedIn | None:
    said = access.claims("customer")
    return queries.signed_in_program(said) if said else None


def current_id() -> uuid.UUID | None:
    person = current()
    return person.customer_id if person else None


def somebody() -> SignedIn:
    """Who is signed in, behind `demand` that lets nobody else come this far."""
    person = current()
    if person is None:
        raise RuntimeError("this page lets strangers in")
    return person


def demand() -> ResponseReturnValue | None:
    """For `before_request` of the account's pages: strangers are asked to sign in first, and come back afterwards."""
    if current() is not None:
        return None
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("signing_in.show_login", next=here), 303)


def ask_back() -> ResponseReturnValue | None:
    """For `before_request` of cart and checkout: whose session has run out meanwhile is told so and comes back after signing
    in, instead of finding an empty cart without a word."""
    if not was_signed_out():
        return None
    first = "checkout.start" if request.blueprint == "checkout" else "cart.show"
    return sign_in_again(request.full_path.rstrip("?") if request.method == "GET" else url_for(first))


def was_signed_out() -> bool:
    """Whether this request came with a session that is over."""
    return current() is None and bool(g.get("session_is_over"))


def sign_in_again(to: str) -> ResponseReturnValue:
    url = url_for("signing_in.show_login", next=to, over=1)
    return make_response("", {"HX-Redirect": url}) if is_fragment() else redirect(url, 303)


def device() -> Device:
    return Device(request.user_agent.string[:300], request.remote_addr or "")


def session_token() -> str:
    return request.cookies.get(_cookie_name(), "")[:100]


def open_session(answer: Response, new: NewSession) -> Response:
    """Hand the session over. What the browser was known by before is worth nothing afterwards (X5)."""
    forget_visitor()
    max_age = KEPT_DAYS * DAY if new.is_kept else None
    answer.set_cookie(
        _cookie_name(),
        new.token,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=settings().is_https,
        max_age=max_age,
    )
    remember_view(answer, locale=new.locale, currency=new.currency)
    g.session_is_over = False
    return answer


def close_session(answer: Response) -> Response:
    forget_visitor()
    _take_cookie(answer)
    return answer


def forget_visitor() -> None:
    for name in OF_A_VISITOR:
        session.pop(name, None)
    g.pop("csrf_token", None)


def remember_view(answer: Response, *, locale: str, currency: str | None) -> None:
    """Show the shop from now on as the profile says."""
    for cookie, value, known in (("lang", locale, LANGUAGES), ("currency", currency, CURRENCIES)):
        if value in known:
            answer.set_cookie(
                cookie, value or "", max_age=YEAR, secure=settings().is_https, httponly=True, samesite="Lax"
            )


def _finish(response: Response) -> Response:
    """Take a cookie back that opens nothing any more; note that somebody was there. A page that asks by itself is nobody."""
    if g.get("session_is_over"):
        _take_cookie(response)
    person = g.get("customer")
    if person and person.is_stale and response.status_code < 500 and "X-Tick" not in request.headers:
        with transaction(relaxed=True):
            customers.note_seen(person.session_id)
    return response


def _take_cookie(response: Response) -> None:
    response.delete_cookie(_cookie_name(), path="/", httponly=True, samesite="Lax", secure=settings().is_https)


def _cookie_name() -> str:
    return "__Host-customer" if settings().is_https else "customer"

"""Signing in to the back office: password, one-time code, backup codes, signing out."""

from __future__ import annotations

import segno
from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.accounts import actions as accounts
from app.accounts import flows, queries, rules
from app.accounts.errors import TooManyTries
from app.accounts.queries import SignedIn
from app.admin import gate
from app.admin.desk import desk, done
from app.core.transaction import in_transaction
from app.web import staff
from app.web.forms import has_control_characters
from app.web.limits import limit
from app.web.respond import respond
from app.web.returning import own_path
from app.web.site import settings

bp = desk("signin", __name__)
HOME = "/admin/"
LONGEST_PASSWORD = 1000


@bp.get("/login")
def show_login() -> ResponseReturnValue:
    if staff.current_staff() and "again" not in request.args:
        return redirect(_next_page(), 303)
    answer = respond("admin/signin/login.html", **_login_page())
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A link in a mail: the browser withheld our strict cookie, and sends it once the page asks by itself.
        answer.headers["Refresh"] = f"0; url={_with_next(gate.LOGIN)}"
    return answer


@bp.post("/login")
@limit("60/minute")
def log_in() -> ResponseReturnValue:
    """One answer for whatever did not fit, and it takes the same time."""
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    try:
        token = _sign_in(email, password)
    except TooManyTries as refusal:
        return respond("admin/signin/login.html", status=429, **_login_page(email, _too_many(refusal)))
    if token is None:
        words = _("This e-mail address and password do not fit together.")
        return respond("admin/signin/login.html", status=422, **_login_page(email, words))
    answer = redirect(_with_next(gate.TOTP), 303)
    staff.give_cookie(answer, token)  # type: ignore[arg-type]
    return answer


def _sign_in(email: str, password: str) -> str | None:
    if not (0 < len(email) <= 254) or has_control_characters(email) or not (0 < len(password) <= LONGEST_PASSWORD):
        return None
    return flows.sign_in(email, password, instead_of=staff.session_token() or None)


@bp.get("/totp")
def show_totp() -> ResponseReturnValue:
    person = staff.somebody(passed=False)
    if person.has_passed:
        return redirect(_next_page(), 303)
    return respond("admin/signin/totp.html", **_totp_page(person))


@bp.post("/totp")
@limit("120/minute")
def take_code() -> ResponseReturnValue:
    """A six-digit code or a backup code, in one field. Each works once."""
    person = staff.somebody(passed=False)
    if person.has_passed:
        return redirect(_next_page(), 303)
    try:
        token = flows.pass_code(person, request.form.get("code", "")[:100])
    except TooManyTries as refusal:
        return respond("admin/signin/totp.html", status=429, **_totp_page(person, _too_many(refusal)))
    if token is None:
        words = _("This code is wrong, or it was used before. Wait for the next one in your app and type all 6 digits.")
        return respond("admin/signin/totp.html", status=422, **_totp_page(person, words))
    answer = redirect(_next_page() if person.has_codes else f"{HOME}backup-codes", 303)
    staff.give_cookie(answer, token)  # type: ignore[arg-type]
    return answer


@bp.get("/backup-codes")
def show_codes() -> ResponseReturnValue:
    """Shown from the first sign-in until they are saved, never again after that."""
    codes = queries.fresh_codes(staff.somebody().session_id)
    if not codes:
        return redirect(HOME, 303)
    return respond("admin/signin/backup_codes.html", codes=codes)


@bp.post("/backup-codes")
def confirm_codes() -> ResponseReturnValue:
    person = staff.somebody()
    in_transaction(lambda: accounts.confirm_codes_saved(person))
    return done(HOME, "codes-saved")


@bp.post("/logout")
def log_out() -> ResponseReturnValue:
    token = staff.session_token()
    in_transaction(lambda: accounts.end_session(token))
    answer = redirect(gate.LOGIN, 303)
    staff.take_cookie(answer)  # type: ignore[arg-type]
    return answer


def _login_page(email: str = "", error: str | None = None) -> dict[str, object]:
    return {"email": email[:254], "error": error, "action": _with_next(gate.LOGIN)}


def _totp_page(person: SignedIn, error: str | None = None) -> dict[str, object]:
    page: dict[str, object] = {"error": error, "action": _with_next(gate.TOTP), "qr": None, "secret": None}
    if not person.is_enrolled:
        page |= _enrolment(person)
    return page


def _enrolment(person: SignedIn) -> dict[str, object]:
    """The secret as a picture and as letters, while no authenticator has it yet."""
    secret = queries.open_secret(person.staff_id)
    url = rules.otpauth_url(secret, email=person.email, issuer=settings().shop.name)
    picture = segno.make(url, error="m").svg_inline(border=0, omitsize=True, svgclass=None, lineclass=None)
    return {"qr": picture, "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))}


def _next_page() -> str:
    """Where they wanted to go, if that is a page of the back office."""
    page = own_path(request.args.get("next"))
    return page if page.startswith(HOME) else HOME


def _with_next(url: str) -> str:
    return gate.with_next(url, request.args.get("next", ""))


def _too_many(refusal: TooManyTries) -> str:
    return ngettext(
        "That was tried too often. Please try again in %(num)s minute.",
        "That was tried too often. Please try again in %(num)s minutes.",
        refusal.minutes,
    )

"""Signing in to the back office: password, one-time code, backup codes, signing out."""

from __future__ import annotations

import segno
from flask import Response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.accounts import actions as accounts
from app.accounts import flows, queries, rules
from app.accounts.actions import devices, keys, phones
from app.accounts.errors import CodeOfAnotherTime, TooManySessions, TooManyTries
from app.accounts.queries import SignedIn
from app.admin.desk import desk, done
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.passkeys import queries as passkeys
from app.web import code_words, kept, staff
from app.web.forms import has_control_characters
from app.web.limits import limit, looks_at_password
from app.web.respond import respond
from app.web.returning import own_path
from app.web.rights import LOGIN, PASSWORD, STRANGER, TOTP, needs, with_next
from app.web.site import settings

bp = desk("signin", __name__)
HOME = "/admin/"
FULL = "full"  # in the address: they are at work in as many places as there may be
LONGEST_PASSWORD = 1000


@bp.get("/login")
@needs(step=STRANGER)
def show_login() -> ResponseReturnValue:
    if staff.current_staff() and "again" not in request.args:
        return redirect(next_page(), 303)
    answer = respond("admin/signin/login.html", **login_page())
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A link in a mail: the browser withheld our strict cookie, and sends it once the page asks by itself.
        answer.headers["Refresh"] = f"0; url={_with_next(LOGIN)}"
    return answer


@bp.post("/login")
@needs(step=STRANGER)
def log_in() -> ResponseReturnValue:
    """In a browser that they trust nobody waits for what strangers try."""
    device = _device()
    is_trusted = bool(device) and queries.is_trusted_for(device, request.form.get("email", "").strip())
    return take_password() if is_trusted else looks_at_password(take_password)()


@limit("60/minute", per_address="120/minute")
def take_password() -> ResponseReturnValue:
    """One answer for whatever did not fit, and it takes the same time."""
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    try:
        token = _sign_in(email, password)
    except TooManyTries as refusal:
        return respond("admin/signin/login.html", status=429, **login_page(email, too_many(refusal)))
    if token is None:
        words = _("This e-mail address and password do not fit together.")
        return respond("admin/signin/login.html", status=422, **login_page(email, words))
    answer = redirect(_with_next(TOTP), 303)
    staff.give_cookie(answer, token)  # type: ignore[arg-type]
    return answer


def _sign_in(email: str, password: str) -> str | None:
    if not (0 < len(email) <= 254) or has_control_characters(email) or not (0 < len(password) <= LONGEST_PASSWORD):
        return None
    return flows.sign_in(
        email,
        password,
        instead_of=staff.session_token() or None,
        device=_device(),
        most_sessions=settings().staff.max_sessions,
    )


def _device() -> str:
    return staff.device_token() if settings().staff.trust_days else ""


@bp.get("/totp")
@needs(step=PASSWORD)
def show_totp() -> ResponseReturnValue:
    person = staff.somebody(passed=False)
    if person.has_passed and not is_again():
        return redirect(next_page(), 303)
    return respond("admin/signin/totp.html", **totp_page(person))


@bp.post("/totp")
@needs(step=PASSWORD)
@limit("120/minute")
def take_code() -> ResponseReturnValue:
    """A six-digit code or a backup code, in one field. Each works once. Whoever is at work gives one `again` before what
    moves money or opens secrets."""
    person = staff.somebody(passed=False)
    if person.has_passed and not is_again():
        return redirect(next_page(), 303)
    try:
        token = _token_for(person, request.form.get("code", "")[:100])
    except TooManyTries as refusal:
        return respond("admin/signin/totp.html", status=429, **totp_page(person, too_many(refusal)))
    except TooManySessions as refusal:
        return respond("admin/signin/totp.html", status=409, **totp_page(person, most=refusal.most))
    except CodeOfAnotherTime as refusal:
        return respond("admin/signin/totp.html", status=422, **totp_page(person, code_words.wrong(refusal)))
    if token is None:
        return respond("admin/signin/totp.html", status=422, **totp_page(person, code_words.wrong()))
    answer = redirect(next_page() if person.has_codes or person.has_passed else f"{HOME}backup-codes", 303)
    staff.give_cookie(answer, token)  # type: ignore[arg-type]
    if not person.has_passed:
        trust(answer, token)  # type: ignore[arg-type]
    return answer


@bp.post("/totp/sms")
@needs(step=PASSWORD)
@limit("10/minute")
def send_code() -> ResponseReturnValue:
    """A code to the phone of whoever gave the password. One answer, whether there is a phone or not."""
    person, sms = staff.somebody(passed=False), settings().sms
    if not sms.offers_staff_codes:
        raise NotFound()
    if person.has_passed:
        return redirect(next_page(), 303)
    in_transaction(lambda: phones.ask_for_code(person, daily=sms.daily))
    return redirect(_with_next(f"{TOTP}?sent=1"), 303)


def trust(answer: Response, token: str) -> None:
    """Trust this browser from now on, in which somebody has just shown their second factor and asks for it."""
    days, who = settings().staff.trust_days, queries.signed_in(token)
    if "trust" not in request.form or not days:
        return
    device = in_transaction(lambda: devices.trust(who, days=days)) if who else None
    if device:
        staff.give_device_cookie(answer, device, days=days)


def _token_for(person: SignedIn, typed: str) -> str | None:
    if person.has_passed:
        return flows.confirm(person, typed)
    most = settings().staff.max_sessions
    return flows.pass_code(person, typed, most_sessions=most, end_others="end_others" in request.form)


@bp.get("/backup-codes")
@needs()
def show_codes() -> ResponseReturnValue:
    """Shown from the first sign-in until they are saved, never again after that."""
    codes = queries.fresh_codes(staff.somebody().session_id)
    if not codes:
        return redirect(HOME, 303)
    return respond("admin/signin/backup_codes.html", codes=codes)


@bp.get("/backup-codes/file")
@needs()
def download_codes() -> ResponseReturnValue:
    codes = queries.fresh_codes(staff.somebody().session_id)
    if not codes:
        return redirect(HOME, 303)
    answer = Response("\n".join([settings().shop.name, "", *codes, ""]), mimetype="text/plain")
    answer.headers["Content-Disposition"] = 'attachment; filename="backup-codes.txt"'
    return answer


@bp.post("/backup-codes")
@needs()
def confirm_codes() -> ResponseReturnValue:
    person = staff.somebody()
    in_transaction(lambda: accounts.confirm_codes_saved(person))
    return done(HOME, "codes-saved")


@bp.post("/logout")
@needs(step=PASSWORD)
def log_out() -> ResponseReturnValue:
    who, token = staff.somebody(passed=False), staff.session_token()
    in_transaction(lambda: accounts.sign_out(who, token))
    answer = redirect(LOGIN, 303)
    staff.take_cookie(answer)  # type: ignore[arg-type]
    return answer


def login_page(email: str = "", error: str | None = None) -> dict[str, object]:
    return {
        "email": email[:254],
        "error": error,
        "action": _with_next(LOGIN),
        "passkey_action": _with_next(f"{LOGIN}/passkey"),
        "is_kept": next_page().startswith(kept.PAGE),
    }


def totp_page(person: SignedIn, error: str | None = None, *, most: int | None = None) -> dict[str, object]:
    has_passkeys = passkeys.count(keys.owner(person)) > 0
    page: dict[str, object] = {
        "error": error,
        "action": _with_next(f"{TOTP}?again=1" if person.has_passed else TOTP),
        "passkey_action": _with_next(f"{TOTP}/passkey?again=1" if person.has_passed else f"{TOTP}/passkey"),
        "is_again": person.has_passed,
        "trust_days": settings().staff.trust_days,
        "most_sessions": most or (settings().staff.max_sessions if FULL in request.args else None),
        "has_passkeys": has_passkeys,
        "is_set_up": not (person.is_enrolled or has_passkeys or person.has_passed),
        "next_url": next_page(),
        "sms_url": _with_next(f"{TOTP}/sms") if _takes_sms(person) else None,
        "is_sent": "sent" in request.args,
        "sms_minutes": rules.SMS_CODE_MINUTES,
        "qr": None,
        "secret": None,
    }
    if secret := _secret(person):
        page |= _enrolment(person, secret)
    return page


def _takes_sms(person: SignedIn) -> bool:
    """Beside an authenticator, to sign in, and never where a code is asked for once more."""
    return settings().sms.offers_staff_codes and person.is_enrolled and not person.has_passed


def _secret(person: SignedIn) -> str:
    """While no authenticator has it: shown to who has no second factor yet; who has passkeys must be at work, freshly."""
    if person.is_enrolled or (person.has_passed and not person.is_fresh):
        return ""
    return queries.open_secret(person.staff_id, beside_passkeys=person.has_passed)


def _enrolment(person: SignedIn, secret: str) -> dict[str, object]:
    """The secret as a picture and as letters."""
    url = rules.otpauth_url(secret, email=person.email, issuer=settings().shop.name)
    picture = segno.make(url, error="m").svg_inline(border=0, omitsize=True, svgclass=None, lineclass=None)
    return {"qr": picture, "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))}


def is_again() -> bool:
    """Whether somebody at work is asked for a code once more."""
    return "again" in request.args


def next_page() -> str:
    """Where they wanted to go, if that is a page of the back office."""
    page = own_path(request.args.get("next"))
    return page if page.startswith(HOME) else HOME


def _with_next(url: str) -> str:
    return with_next(url, request.args.get("next", ""))


def too_many(refusal: TooManyTries) -> str:
    return ngettext(
        "That was tried too often. Please try again in %(num)s minute.",
        "That was tried too often. Please try again in %(num)s minutes.",
        refusal.minutes,
    )

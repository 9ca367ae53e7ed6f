"""One's own phone for codes by SMS: add it, prove it, let go of it."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import flows, rules
from app.accounts.actions import own, phones
from app.accounts.errors import TooManyTries, WrongPassword
from app.admin.desk import desk, done
from app.admin.signin import too_many
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.web.forms import parse_mobile
from app.web.limits import limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import somebody

bp = desk("phone", __name__)
PAGE = "/admin/profile/phone"


@bp.get("/profile/phone")
@needs()
def show() -> ResponseReturnValue:
    return _page()


@bp.post("/profile/phone/number")
@needs(fresh=True, back=PAGE)
@limit("10/minute")
def send_code() -> ResponseReturnValue:
    """A code to the new number; until it is given nothing changes."""
    sms, who, typed = settings().sms, somebody(), request.form.get("phone", "")
    if not sms.offers_staff_codes:
        raise NotFound()
    phone = parse_mobile(typed)
    if phone is None:
        return _page(("phone", _("Enter a mobile number with its country code, such as +60 12-345 6789")), typed=typed)
    if refusal := _without_password("phone_password", typed=typed):
        return refusal
    if not in_transaction(lambda: phones.ask_to_prove(who, phone, daily=sms.daily)):
        words = _("That was asked for too often. Please try again in a quarter of an hour, or tomorrow.")
        return _page(("phone", words), typed=typed, status=429)
    return redirect(PAGE, 303)


@bp.post("/profile/phone/code")
@needs(fresh=True, back=PAGE)
@limit("30/minute")
def prove() -> ResponseReturnValue:
    who, typed = somebody(), request.form.get("code", "")[:40]
    try:
        is_right = in_transaction(lambda: own.prove_phone(who, typed))
    except TooManyTries as refusal:
        return _page(("code", too_many(refusal)), status=429)
    if not is_right:
        return _page(("code", _("This code is wrong or too old. Have another one sent if need be.")))
    return done(PAGE, "phone-confirmed")


@bp.post("/profile/phone/remove")
@needs(fresh=True, back=PAGE)
@limit("30/minute")
def remove() -> ResponseReturnValue:
    if refusal := _without_password("remove_password"):
        return refusal
    who = somebody()
    in_transaction(lambda: own.remove_phone(who))
    return done(PAGE, "phone-removed")


def _without_password(field: str, *, typed: str = "") -> ResponseReturnValue | None:
    """The page again, unless the password in this field is theirs."""
    try:
        flows.demand_password(somebody(), request.form.get(field, "")[: rules.LONGEST_PASSWORD])
    except WrongPassword:
        return _page((field, _("This is not your password")), typed=typed)
    except TooManyTries as refusal:
        return _page((field, too_many(refusal)), typed=typed, status=429)
    return None


def _page(fault: tuple[str, str] | None = None, *, typed: str = "", status: int = 422) -> ResponseReturnValue:
    """Also where codes by SMS are switched off, as long as a number is known: it is theirs to take back."""
    who, is_offered = somebody(), settings().sms.offers_staff_codes
    phone = phones.phone_of(who.staff_id)
    if phone is None and not is_offered:
        raise NotFound()
    return respond(
        "admin/staff/phone.html",
        status=status if fault else 200,
        me=who,
        phone=rules.masked_phone(phone) if phone else None,
        to_prove=rules.masked_phone(pending) if (pending := phones.phone_to_prove(who)) else None,
        is_offered=is_offered,
        minutes=rules.SMS_CODE_MINUTES,
        typed=typed[:40],
        fault=fault,
    )

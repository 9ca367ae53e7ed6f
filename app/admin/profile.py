"""One's own account: role and rights, how the back office looks, password, backup codes, where one is signed in."""

from __future__ import annotations

import uuid

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import flows, queries, rules
from app.accounts.actions import devices, keys, own, phones
from app.accounts.errors import BadPreference, TooManyTries, WrongPassword
from app.accounts.rules import Preferences
from app.admin import staff_words as words
from app.admin.desk import desk, done
from app.admin.signin import too_many
from app.core import clock
from app.core.transaction import in_transaction
from app.passkeys import queries as passkeys
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import LOGIN, needs
from app.web.site import settings
from app.web.staff import somebody

bp = desk("profile", __name__)
PAGE = "/admin/profile"


@bp.get("/profile")
@needs()
def show() -> ResponseReturnValue:
    return page()


@bp.post("/profile/preferences")
@needs()
@limit(FORMS)
def prefer() -> ResponseReturnValue:
    """In effect at once, in every browser they are signed in with."""
    who, form = somebody(), request.form
    chosen = Preferences(
        form.get("language") or None, form.get("timezone") or None, form.get("theme") or None, form.get("density", "")
    )
    try:
        in_transaction(lambda: own.prefer(who, chosen))
    except BadPreference as refusal:
        return page((refusal.field, words.preference_fault(refusal.field)), chosen=chosen)
    return done(PAGE, "preferences-saved")


@bp.post("/profile/password")
@needs(fresh=True, back=PAGE)
@limit("30/minute")
def change_password() -> ResponseReturnValue:
    """With the old one, and a fresh code; everywhere else one is signed out."""
    who, new = somebody(), request.form.get("new", "")
    if fault := rules.password_fault(new, email=who.email):
        return page(("new", words.password_fault(fault)))
    if new != request.form.get("again", ""):
        return page(("again", _("Type the same password twice")))
    try:
        flows.change_password(who, request.form.get("current", "")[: rules.LONGEST_PASSWORD], new)
    except WrongPassword:
        return page(("current", _("This is not your password")))
    except TooManyTries as refusal:
        return page(("current", too_many(refusal)), status=429)
    return done(PAGE, "password-changed")


@bp.post("/profile/backup-codes")
@needs(fresh=True, back=PAGE)
@limit("30/minute")
def renew_codes() -> ResponseReturnValue:
    if refusal := _without_password("codes_password"):
        return refusal
    who = somebody()
    in_transaction(lambda: own.renew_codes(who))
    return done("/admin/backup-codes", "codes-renewed")


@bp.post("/profile/authenticator")
@needs(fresh=True, back=PAGE)
@limit("30/minute")
def replace_phone() -> ResponseReturnValue:
    if refusal := _without_password("phone_password"):
        return refusal
    who = somebody()
    in_transaction(lambda: own.replace_phone(who))
    return redirect(LOGIN, 303)


def _without_password(field: str) -> ResponseReturnValue | None:
    """The page again, unless the password in this field is theirs."""
    try:
        flows.demand_password(somebody(), request.form.get(field, "")[: rules.LONGEST_PASSWORD])
    except WrongPassword:
        return page((field, _("This is not your password")))
    except TooManyTries as refusal:
        return page((field, too_many(refusal)), status=429)
    return None


@bp.post("/profile/sessions/others")
@needs()
@limit(FORMS)
def end_others() -> ResponseReturnValue:
    who = somebody()
    in_transaction(lambda: own.end_others(who))
    return done(PAGE, "signed-out-others")


@bp.post("/profile/sessions/<uuid:session_id>/end")
@needs()
@limit(FORMS)
def end_one(session_id: uuid.UUID) -> ResponseReturnValue:
    who = somebody()
    in_transaction(lambda: own.end_one(who, session_id))
    return done(PAGE, "signed-out-one")


@bp.post("/profile/devices/<uuid:device_id>/forget")
@needs()
@limit(FORMS)
def forget_device(device_id: uuid.UUID) -> ResponseReturnValue:
    who = somebody()
    in_transaction(lambda: devices.forget(who, device_id))
    return done(PAGE, "device-forgotten")


def page(
    fault: tuple[str, str] | None = None,
    *,
    status: int = 422,
    renamed: tuple[uuid.UUID, str, str] | None = None,
    chosen: Preferences | None = None,
) -> ResponseReturnValue:
    """`renamed` is a passkey, with the name that did not fit, and why; `chosen` are preferences of which one did not."""
    who = somebody()
    return respond(
        "admin/staff/profile.html",
        status=status if fault else 200,
        me=who,
        sessions=queries.sessions_of(who.staff_id),
        devices=queries.devices_of(who.staff_id),
        passkeys=passkeys.of(keys.owner(who)),
        areas=rules.AREAS,
        verbs=rules.VERBS,
        words=words,
        preferences=chosen or who.preferences,
        shop_zone=settings().shop.timezone.key,
        now=clock.now(),
        fault=fault,
        renamed=renamed,
        sms_codes=settings().sms.offers_staff_codes or phones.phone_of(who.staff_id) is not None,
    )

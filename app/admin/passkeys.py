"""Passkeys of staff: signing in by one, as the second step or once more, and one's own list of them."""

from __future__ import annotations

import uuid

from flask import jsonify, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import flows
from app.accounts.actions import keys
from app.accounts.errors import LastFactor, TooManySessions, TooManyTries
from app.accounts.queries import SignedIn
from app.admin import staff_words as words
from app.admin.desk import desk, done
from app.admin.profile import PAGE, page
from app.admin.signin import FULL, HOME, is_again, login_page, next_page, too_many, totp_page, trust
from app.core.transaction import in_transaction
from app.passkeys import actions as passkeys
from app.passkeys import queries
from app.passkeys.actions import Given
from app.passkeys.errors import TooManyPasskeys
from app.passkeys.rules import LONGEST_NAME
from app.web import staff
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.passkeys import bound_to, given, party
from app.web.passkeys import too_many as too_many_passkeys
from app.web.respond import respond
from app.web.rights import PASSWORD, STRANGER, TOTP, needs, with_next
from app.web.site import settings
from app.web.staff import somebody

bp = desk("passkeys", __name__)
bp.register_error_handler(TooManyPasskeys, too_many_passkeys)
NEW = f"{PAGE}/passkeys/new"


@bp.post("/login/passkey/options")
@needs(step=STRANGER)
@limit("60/minute", per_address="600/minute")
def ask_at_login() -> ResponseReturnValue:
    where, browser = party(), bound_to()
    return jsonify(in_transaction(lambda: passkeys.ask_to_use("staff_sign_in", party=where, bound_to=browser)))


@bp.post("/login/passkey")
@needs(step=STRANGER)
@limit("60/minute")
def log_in() -> ResponseReturnValue:
    """Both steps at once. One answer for whatever is not believed."""
    answer = given()
    most, before = settings().staff.max_sessions, staff.session_token() or None
    try:
        entry = flows.sign_in_with_key(answer, instead_of=before, most_sessions=most) if answer else None
    except TooManyTries as refusal:
        return respond("admin/signin/login.html", status=429, **login_page("", too_many(refusal)))
    if entry is None:
        return respond("admin/signin/login.html", status=422, **login_page("", _not_believed()))
    if not entry.has_passed:
        to = with_next(f"{TOTP}?{FULL}=1", request.args.get("next", ""))
    else:
        to = next_page() if entry.has_codes else f"{HOME}backup-codes"
    opened = redirect(to, 303)
    staff.give_cookie(opened, entry.token)  # type: ignore[arg-type]
    return opened


@bp.post("/totp/passkey/options")
@needs(step=PASSWORD)
@limit("60/minute")
def ask_at_second_step() -> ResponseReturnValue:
    """For one of theirs; who has no second factor yet is asked to make one."""
    person, where, browser = somebody(passed=False), party(), bound_to(staff.session_token())
    if _is_setting_up(person):
        return jsonify(in_transaction(lambda: keys.ask_to_add(person, party=where, bound_to=browser)))
    mine = keys.owner(person)
    return jsonify(
        in_transaction(lambda: passkeys.ask_to_use("staff_second", party=where, bound_to=browser, owner=mine))
    )


@bp.post("/totp/passkey")
@needs(step=PASSWORD)
@limit("120/minute")
def take_passkey() -> ResponseReturnValue:
    """Instead of a code: as the second step, `again` before what moves money, or set up as the first second factor."""
    person = somebody(passed=False)
    if person.has_passed and not is_again():
        return redirect(next_page(), 303)
    answer = given(staff.session_token())
    try:
        token = _token_for(person, answer) if answer else None
    except TooManyTries as refusal:
        return respond("admin/signin/totp.html", status=429, **totp_page(person, too_many(refusal)))
    except TooManySessions as refusal:
        return respond("admin/signin/totp.html", status=409, **totp_page(person, most=refusal.most))
    if token is None:
        return respond("admin/signin/totp.html", status=422, **totp_page(person, _not_believed()))
    opened = redirect(next_page() if person.has_codes or person.has_passed else f"{HOME}backup-codes", 303)
    staff.give_cookie(opened, token)  # type: ignore[arg-type]
    if not person.has_passed:
        trust(opened, token)  # type: ignore[arg-type]
    return opened


def _token_for(person: SignedIn, answer: Given) -> str | None:
    if person.has_passed:
        return flows.confirm_with_key(person, answer)
    most, alone = settings().staff.max_sessions, "end_others" in request.form
    if _is_setting_up(person):
        name = words.browser(request.user_agent.string)
        return flows.set_key_up(person, answer, name=name, most_sessions=most, end_others=alone)
    return flows.pass_with_key(person, answer, most_sessions=most, end_others=alone)


def _is_setting_up(person: SignedIn) -> bool:
    return not (person.has_passed or person.is_enrolled or queries.count(keys.owner(person)))


@bp.get("/profile/passkeys/new")
@needs(fresh=True)
def show_form() -> ResponseReturnValue:
    return _form(words.browser(request.user_agent.string))


@bp.post("/profile/passkeys/options")
@needs(fresh=True, back=NEW)
@limit("30/minute")
def ask_to_add() -> ResponseReturnValue:
    who, where, browser = somebody(), party(), bound_to(staff.session_token())
    return jsonify(in_transaction(lambda: keys.ask_to_add(who, party=where, bound_to=browser)))


@bp.post("/profile/passkeys")
@needs(fresh=True, back=NEW)
@limit("30/minute")
def add() -> ResponseReturnValue:
    who, name = somebody(), tidy(request.form.get("name"))
    if fault := _name_fault(name):
        return _form(name[:LONGEST_NAME], ("name", fault))
    answer = given(staff.session_token())
    if answer is None or not in_transaction(lambda: keys.add(who, answer, name=name)):
        return _form(name, ("passkey", _("No passkey was added. Please try again.")))
    return done(PAGE, "passkey-added")


@bp.post("/profile/passkeys/<uuid:passkey_id>/name")
@needs()
@limit(FORMS)
def rename(passkey_id: uuid.UUID) -> ResponseReturnValue:
    who, name = somebody(), tidy(request.form.get("name"))
    queries.demand(keys.owner(who), passkey_id)
    if fault := _name_fault(name):
        return page((f"name-{passkey_id}", fault), renamed=(passkey_id, name[:LONGEST_NAME], fault))
    in_transaction(lambda: keys.rename(who, passkey_id, name))
    return done(PAGE, "passkey-renamed")


@bp.post("/profile/passkeys/<uuid:passkey_id>/remove")
@needs(fresh=True, back=PAGE)
@limit(FORMS)
def remove(passkey_id: uuid.UUID) -> ResponseReturnValue:
    who = somebody()
    try:
        in_transaction(lambda: keys.remove(who, passkey_id))
    except LastFactor:
        return done(PAGE, "last-factor")
    return done(PAGE, "passkey-removed")


def _name_fault(name: str) -> str | None:
    if not name or has_control_characters(name) or len(name) > LONGEST_NAME:
        return _("Give it a name of at most %(n)s characters", n=LONGEST_NAME)
    return None


def _form(name: str, fault: tuple[str, str] | None = None) -> ResponseReturnValue:
    return respond(
        "admin/staff/passkey.html", status=422 if fault else 200, name=name, fault=fault, longest=LONGEST_NAME
    )


def _not_believed() -> str:
    return _("This passkey was not accepted. Please try once more, or sign in another way.")

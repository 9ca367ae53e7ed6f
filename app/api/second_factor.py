"""The second factor for programs of the staff (SEC-14 to SEC-19): what it is, setting it up, giving a code.

A challenge, for which the password was given, may set up a first authenticator or give a code; everything else asks for more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import segno
from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext as _

from app.accounts import flows, queries, rules
from app.accounts.errors import CodeOfAnotherTime, TooManySessions, TooManyTries, WrongPassword
from app.accounts.queries import SignedIn
from app.accounts.queries import access as programs
from app.api import asked
from app.api.auth import TOKENS, staff_tokens, too_many
from app.core.errors import Conflict
from app.core.transaction import in_transaction
from app.web import access, code_words, rights, staff
from app.web.describe import COUNT, FLAG, MOMENT, TEXT, describe, list_of, or_null, record, some_of
from app.web.errors import problem
from app.web.gates import guards
from app.web.limits import limit, limit_api
from app.web.respond import no_store
from app.web.rights import PASSWORD, needs
from app.web.site import settings

PREFIX = "/api/v1/auth/2fa"
bp = limit_api(no_store(Blueprint("api_second_factor", __name__, url_prefix=PREFIX)))

CODES = list_of(TEXT)
STATUS = record(enabled=FLAG, required=FLAG, enabled_at=or_null(MOMENT), backup_codes_left=COUNT, is_fresh=FLAG)
STATE = record(enabled=FLAG, required=FLAG)
SIGNED_IN = record(**TOKENS["properties"], backup_codes=CODES)
SET_UP = record(secret=TEXT, otpauth_url=TEXT, qr=TEXT)


@guards(PREFIX)
def keep_out() -> Response | None:
    """Before CSRF and 404: who has given the password only may do what asks for no more."""
    need = rights.need_of(request.endpoint)
    return None if need and need.step == PASSWORD and staff.signing_in() else staff.refuse_strangers()


@bp.get("/status")
@needs()
@describe(
    "Whether a second factor is set up, an authenticator (`enabled_at`) or passkeys, and how many backup codes are left; it is"
    " `required` of everybody who works here",
    answers={200: STATUS},
    refusals=(401, 403),
    for_staff=True,
)
def show_status() -> Response:
    who = staff.somebody()
    found = programs.second_factor(who.staff_id)
    return jsonify(
        enabled=found.is_on,
        required=True,
        enabled_at=found.confirmed_at.isoformat() if found.confirmed_at else None,
        backup_codes_left=found.codes_left,
        is_fresh=who.is_fresh,
    )


@bp.get("/setup")
@needs(step=PASSWORD)
@describe(
    "The secret of an authenticator to set up, and its QR code as a picture: of the first one, for a challenge; or of one more"
    " or another one, within 15 minutes of a code. Never shown again once `enable` was given a code of it",
    answers={200: SET_UP},
    refusals=(401, 403, 409),
    for_staff=True,
)
def show_setup() -> Response:
    who = staff.somebody(passed=False)
    if refusal := _not_far_enough(who):
        return refusal
    first = queries.open_secret(who.staff_id, beside_passkeys=who.has_passed)
    secret = next(iter(programs.next_secrets(who)), first)
    if not secret:
        raise Conflict(_("An authenticator was set up meanwhile. Please sign in again."), code="set_up_already")
    url = rules.otpauth_url(secret, email=who.email, issuer=settings().shop.name)
    return jsonify(secret=secret, otpauth_url=url, qr=segno.make(url, error="m").svg_data_uri(border=4))


@bp.post("/enable")
@needs(step=PASSWORD)
@limit("120/minute")
@describe(
    "Set up the authenticator that `setup` has shown, by a code of it: as the first second factor with a challenge, which signs"
    " in; with the password one beside passkeys, or another one, which signs out everywhere else",
    takes=some_of(code=TEXT, password=TEXT),
    answers={200: some_of(**STATE["properties"], **SIGNED_IN["properties"])},
    refusals=(400, 401, 403, 409, 415, 422),
    for_staff=True,
    needs_csrf=True,
)
def enable() -> Response:
    who = staff.somebody(passed=False)
    if refusal := _not_far_enough(who):
        return refusal
    if not who.has_passed:
        return _sign_in(who)
    return _with_password(partial(flows.set_authenticator, who), lambda _done: {"enabled": True, "required": True})


@bp.post("/disable")
@needs()
@limit("120/minute")
@describe(
    "Turn the authenticator off, by password and code: gone are it, its backup codes, the phone for codes by SMS and the trusted"
    " browsers. Passkeys stay, and so does this session; every other one ends. Staff always have a second factor: who has no"
    " passkeys is signed out here too, and the next sign-in has to set up another authenticator before anything is open",
    takes=record(password=TEXT, code=TEXT),
    answers={200: STATE},
    refusals=(400, 401, 403, 409, 415, 422),
    for_staff=True,
    needs_csrf=True,
)
def disable() -> Response:
    who = _with_authenticator()

    def shown(_done: bool) -> dict[str, bool]:
        return {"enabled": programs.second_factor(who.staff_id).is_on, "required": True}

    return _with_password(partial(flows.drop_authenticator, who), shown)


@bp.post("/backup-codes")
@needs()
@limit("120/minute")
@describe(
    "Ten new backup codes, by password and a code of the authenticator, told once; the old ones are dead",
    takes=record(password=TEXT, code=TEXT),
    answers={200: record(backup_codes=CODES)},
    refusals=(400, 401, 403, 409, 415, 422),
    for_staff=True,
    needs_csrf=True,
)
def renew_codes() -> Response:
    return _with_password(partial(flows.renew_codes, _with_authenticator()), lambda codes: {"backup_codes": codes})


@bp.post("/verify-login")
@needs(step=PASSWORD)
@limit("120/minute")
@describe(
    "The second step of signing in: a code of the authenticator or a backup code, with the challenge as the bearer token. With"
    " an access token it is a code once more, for what asks for a fresh one. `end_others` signs out everywhere else first",
    takes=some_of(code=TEXT, end_others=FLAG),
    answers={200: SIGNED_IN},
    refusals=(400, 401, 403, 409, 415, 422),
    for_staff=True,
    by_token=True,
)
def verify_login() -> Response:
    who = staff.somebody(passed=False)
    if not programs.second_factor(who.staff_id).is_on:
        raise _nothing_set_up()
    return _sign_in(who)


def _not_far_enough(who: SignedIn) -> Response | None:
    """The first second factor is for whoever has the password; one more, or another one, takes a fresh code."""
    if who.has_passed:
        return None if who.is_fresh else rights.ask_for_code("")
    if programs.second_factor(who.staff_id).is_on:
        return problem(403, "code_required", _("Please enter your one-time code first."))
    return None


def _with_authenticator() -> SignedIn:
    """Who asks for what takes a code of it, or is about it: passkeys alone do not do."""
    who = staff.somebody()
    if not who.is_enrolled:
        raise _nothing_set_up()
    return who


def _nothing_set_up() -> Conflict:
    return Conflict(_("Set up an authenticator first."), code="setup_required")


def _sign_in(who: SignedIn) -> Response:
    """With a code, further: from a challenge to a session, from a session to a fresh one. A browser does so on its page."""
    if not access.bearer():
        return access.ask_for_proof(problem(401, "sign_in_required", _("Send the challenge as the bearer token.")))
    found = asked.posted()
    code, end_others = asked.text_of(found, "code"), found.get("end_others") is True
    try:
        token = flows.confirm(who, code) if who.has_passed else _pass(who, code, end_others=end_others)
    except TooManyTries as refusal:
        return too_many(refusal.minutes)
    except TooManySessions as refusal:
        words = _("You are signed in in too many places. Sign out of one, or of all others with “end_others”.")
        return problem(409, refusal.code, words, most=refusal.most)
    except CodeOfAnotherTime as refusal:
        return _wrong_code(refusal)
    return jsonify(**staff_tokens(token), backup_codes=_codes(who, token)) if token else _wrong_code()


def _pass(who: SignedIn, code: str, *, end_others: bool) -> str | None:
    return flows.pass_code(who, code, most_sessions=settings().staff.max_sessions, end_others=end_others)


def _codes(who: SignedIn, token: str) -> list[str]:
    """Of a first sign-in: told in this answer, and never again."""
    known = programs.session(token)
    return in_transaction(lambda: flows.take_codes(replace(who, session_id=known.id))) if known else []


def _with_password(act: Any, shown: Any) -> Response:
    """Do what takes password and code, and show what came of it."""
    found = asked.posted()
    password, code = found.get("password"), asked.text_of(found, "code")
    if not isinstance(password, str) or len(password) > rules.LONGEST_PASSWORD:
        password = ""
    try:
        done = act(password, code)
    except WrongPassword:
        return problem(422, "wrong_password", _("This is not your password"))
    except TooManyTries as refusal:
        return too_many(refusal.minutes)
    except CodeOfAnotherTime as refusal:
        return _wrong_code(refusal)
    return jsonify(shown(done)) if done else _wrong_code()


def _wrong_code(refusal: CodeOfAnotherTime | None = None) -> Response:
    return problem(422, "wrong_code", code_words.wrong(refusal))

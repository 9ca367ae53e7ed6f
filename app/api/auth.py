"""Signing in for programs: a password for a session that access tokens name and refresh tokens lengthen (SEC-01 to SEC-03).

The same checks, limits and sessions as the pages, by the same actions. Staff get a challenge first, and the rest for a code
(`second_factor.py`). No cookie is taken here and none is given.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify
from flask_babel import gettext as _
from flask_babel import ngettext

from app.accounts import flows as staff_flows
from app.accounts import rules as staff_rules
from app.accounts.actions import programs as staff_programs
from app.accounts.errors import TooManyTries as TooManyStaffTries
from app.accounts.queries import access as staff_access
from app.api import asked
from app.core import tokens
from app.core.errors import Refused
from app.core.transaction import in_transaction
from app.customers import flows as customer_flows
from app.customers import queries as customer_queries
from app.customers.actions import programs as customer_programs
from app.customers.errors import TooManyTries
from app.customers.rules import LONGEST_PASSWORD
from app.web import access, customers, staff
from app.web.describe import COUNT, FLAG, MOMENT, TEXT, describe, one_of, record, some_of
from app.web.errors import problem
from app.web.forms import has_control_characters, is_email
from app.web.limits import limit, limit_api, looks_at_password
from app.web.respond import no_store

bp = limit_api(no_store(Blueprint("api_auth", __name__)))

VERIFY, SET_UP = "verify-login", "setup"
TOKENS = record(access_token=TEXT, token_type=TEXT, expires_in=COUNT, refresh_token=TEXT, session_expires_at=MOMENT)
CHALLENGE = record(challenge_token=TEXT, expires_in=COUNT, next=one_of(VERIFY, SET_UP))


@bp.post("/api/v1/auth/login")
@looks_at_password
@limit("60/minute")
@describe(
    "Sign in as staff, first step: a challenge, which is the bearer token for giving a code and nothing else."
    " `next` says whether a first authenticator has to be set up: nobody who has one, or passkeys, does",
    takes=record(email=TEXT, password=TEXT),
    answers={200: CHALLENGE},
    refusals=(400, 401, 403, 415, 422),
)
def sign_in() -> Response:
    """One answer for whatever did not fit, and it takes the same time."""
    if not staff.is_let_in():
        return problem(403, "forbidden", _("This is not open to you."))
    email, password = _credentials(longest=staff_rules.LONGEST_PASSWORD)
    try:
        token = staff_flows.sign_in(email, password, is_program=True) if password else None
    except TooManyStaffTries as refusal:
        return too_many(refusal.minutes)
    known = staff_access.session(token) if token else None
    if known is None:
        return _refused()
    minutes = staff_rules.CODE_MINUTES
    return jsonify(
        challenge_token=tokens.issue("staff", known.staff_id, known.id, challenge_minutes=minutes),
        expires_in=minutes * 60,
        next=VERIFY if staff_access.second_factor(known.staff_id).is_on else SET_UP,
    )


@bp.post("/api/v1/customer/login")
@looks_at_password
@limit("20/minute", per_address="120/minute")
@describe(
    "Sign in as a customer; `keep` for a month, else for 30 minutes after the last call",
    takes=some_of(email=TEXT, password=TEXT, keep=FLAG),
    answers={200: TOKENS},
    refusals=(400, 401, 415, 422),
)
def sign_in_customer() -> Response:
    """One answer for whatever did not fit, and it takes the same time."""
    email, password = _credentials(longest=LONGEST_PASSWORD)
    is_kept = asked.posted().get("keep") is True
    if not (password and is_email(email)):
        return _refused()
    try:
        new = customer_flows.sign_in(email, password, device=customers.device(), is_kept=is_kept, is_program=True)
    except TooManyTries as refusal:
        return too_many(refusal.minutes)
    return jsonify(customers_tokens(new.token)) if new else _refused()


@bp.post("/api/auth/refresh")
@limit("60/minute")
@describe(
    "A new access token and a new refresh token, for one of staff or customers; the old one is spent. A spent one that comes"
    " again ends the session",
    takes=record(refresh_token=TEXT),
    answers={200: TOKENS},
    refusals=(400, 401, 415, 422),
)
def refresh() -> Response:
    token = _refresh_token()
    if staff.is_let_in() and staff_access.session(token):
        following = staff_flows.renew(token)
        return jsonify(staff_tokens(following)) if following else _over()
    following = customer_flows.renew(token)
    return jsonify(customers_tokens(following)) if following else _over()


@bp.post("/api/auth/logout")
@limit("60/minute")
@describe(
    "End the session of a refresh token, and its access tokens with it",
    takes=record(refresh_token=TEXT),
    answers={200: record(signed_out=FLAG)},
    refusals=(400, 415, 422),
)
def sign_out() -> Response:
    token = _refresh_token()

    def work() -> None:
        staff_programs.sign_out(token)
        customer_programs.sign_out(token)

    in_transaction(work)
    return jsonify(signed_out=True)


def staff_tokens(refresh_token: str) -> dict[str, Any]:
    known = staff_access.session(refresh_token)
    if known is None:
        raise RuntimeError("a session was lost between two statements")
    return _tokens("staff", known.staff_id, known.id, known.expires_at, refresh_token)


def customers_tokens(refresh_token: str) -> dict[str, Any]:
    known = customer_queries.program_session(refresh_token)
    if known is None:
        raise RuntimeError("a session was lost between two statements")
    session_id, customer_id, expires_at = known
    return _tokens("customer", customer_id, session_id, expires_at, refresh_token)


def _tokens(
    kind: str, owner_id: uuid.UUID, session_id: uuid.UUID, expires_at: datetime, refresh_token: str
) -> dict[str, Any]:
    return {
        "access_token": tokens.issue(kind, owner_id, session_id),
        "token_type": "Bearer",
        "expires_in": tokens.access_seconds(),
        "refresh_token": refresh_token,
        "session_expires_at": expires_at.isoformat(),
    }


def too_many(minutes: int) -> Response:
    words = ngettext(
        "That was tried too often. Please try again in %(num)s minute.",
        "That was tried too often. Please try again in %(num)s minutes.",
        minutes,
    )
    answer = problem(429, "too_many_tries", words)
    answer.headers["Retry-After"] = str(minutes * 60)
    return answer


def _credentials(*, longest: int) -> tuple[str, str]:
    """E-mail and password; two empty texts for what nobody's can be, without saying which."""
    found = asked.posted()
    email, password = found.get("email"), found.get("password")
    if not isinstance(email, str) or not isinstance(password, str):
        raise Refused(_("Send e-mail and password as texts."), code="credentials_missing")
    email = email.strip()
    if not 0 < len(email) <= 254 or has_control_characters(email) or not 0 < len(password) <= longest:
        return "", ""
    return email, password


def _refresh_token() -> str:
    token = asked.text_of(asked.posted(), "refresh_token")
    if not token:
        raise Refused(_("Send the refresh token."), code="token_missing")
    return token


def _refused() -> Response:
    words = _("This e-mail address and password do not fit together.")
    return access.ask_for_proof(problem(401, "wrong_credentials", words))


def _over() -> Response:
    return access.ask_for_proof(problem(401, "session_over", _("This session is over. Please sign in again.")))

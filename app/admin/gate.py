"""The gate of `/admin`, before CSRF and before 404: a stranger gets the same answer whatever is or is not there."""

from __future__ import annotations

import logging

from flask import request
from flask.typing import ResponseReturnValue

from app.accounts import queries
from app.accounts.queries import resets
from app.web import kept, languages, rights, staff
from app.web.gates import guards
from app.web.respond import is_fragment
from app.web.rights import LOGIN, PASSED, PASSWORD, STRANGER, TOTP, Need, turn_away, with_next

PREFIX, LOGOUT = "/admin", "/admin/logout"

log = logging.getLogger(__name__)


@guards(PREFIX)
def keep_out() -> ResponseReturnValue | None:
    if not staff.is_let_in():
        return rights.not_open()
    need = rights.need_of(request.endpoint)
    step = need.step if need and not _is_made_up() else PASSED
    person = staff.signing_in()
    if person is None:
        return None if step == STRANGER else turn_away(_login_url(need), 401)
    if not person.has_passed:
        return None if step in (STRANGER, PASSWORD) else turn_away(TOTP, 403)
    languages.follow(person.preferences)
    staff.note_activity()
    if request.endpoint and need is None:
        log.error("a page of the back office does not say whom it is for", extra={"endpoint": request.endpoint})
        return rights.not_open()
    return None


def _is_made_up() -> bool:
    """Whether the link of a mail is one that nobody ever got: to whoever tries them there is nothing here either."""
    token = (request.view_args or {}).get("token")
    return token is not None and queries.invitation_by_token(token) is None and not resets.is_link(token)


def _login_url(need: Need | None) -> str:
    """The sign-in page; it remembers where a person wanted to go, or what they sent when their session was over; and no link
    out of a mail."""
    if need and need.step == PASSED and (url := kept.keep(None)):
        return with_next(LOGIN, url)
    if _is_made_up() or request.method != "GET" or is_fragment() or request.path in ("/admin", "/admin/", LOGOUT, TOTP):
        return LOGIN
    return with_next(LOGIN, request.full_path.rstrip("?"))

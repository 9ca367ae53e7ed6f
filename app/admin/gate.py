"""The gate of `/admin`, before CSRF and before 404: a stranger gets the same answer whatever is or is not there."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, make_response, redirect, request
from flask.typing import ResponseReturnValue

from app.web import staff
from app.web.errors import problem, wants_json
from app.web.gates import guards
from app.web.respond import is_fragment

LONGEST_NEXT = 500
LOGIN, TOTP, LOGOUT = "/admin/login", "/admin/totp", "/admin/logout"


@guards("/admin")
def keep_out() -> ResponseReturnValue | None:
    person = staff.signing_in()
    if person is None:
        return None if request.path == LOGIN else _turn_away(_login_url(), 401)
    if not person.has_passed:
        return None if request.path in (LOGIN, TOTP, LOGOUT) else _turn_away(TOTP, 403)
    staff.note_activity()
    return None


def _login_url() -> str:
    """The sign-in page; it remembers where a person wanted to go, not what a form wanted to do."""
    if request.method != "GET" or is_fragment() or request.path in ("/admin", "/admin/", LOGOUT, TOTP):
        return LOGIN
    return with_next(LOGIN, request.full_path.rstrip("?"))


def with_next(url: str, wanted: str) -> str:
    """`url`, remembering where to go afterwards. Not looked at here: whether there is such a page is nobody's business
    yet."""
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}next={quote(wanted, safe='/')}" if wanted and len(wanted) <= LONGEST_NEXT else url


def sign_in_again(url: str) -> Response:
    """What moves money asks for password and code when the last sign-in is too long ago, and then leads back to `url`."""
    return _turn_away(with_next(f"{LOGIN}?again=1", url), 403)


def _turn_away(url: str, status: int) -> Response:
    if wants_json():
        return problem(status, "sign_in_required", "Please sign in first.")
    answer = make_response("", status, {"HX-Redirect": url}) if is_fragment() else make_response(redirect(url, 303))
    answer.headers["Cache-Control"] = "no-store"
    return answer

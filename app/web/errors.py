"""Refusals and accidents, told once: as a page, as a toast for HTMX, as problem+json for the API (RFC 9457)."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, TooManyRequests

from app.core import db
from app.core.errors import ShopError
from app.core.passwords import Busy
from app.web import limits
from app.web.respond import is_fragment

log = logging.getLogger(__name__)

PAGES = {400, 403, 404, 410}  # with the shop around them; the other pages stand alone and need nothing
RETRY_SECONDS = 5
# Names of fields; and whatever has “password” in its name.
SECRETS = {"csrf_token", "code", "credential", "key", "current", "new", "again"}


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _on_csrf)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(TooManyRequests, _on_too_many)
    app.register_error_handler(ShopError, _on_refusal)
    app.register_error_handler(Busy, _on_busy)
    bad: type[Exception]
    for bad in (UnicodeError, *db.BAD_VALUES):
        app.register_error_handler(bad, _on_bad_text)
    for outage in db.OUTAGES:
        app.register_error_handler(outage, _on_outage)
    app.register_error_handler(Exception, _on_accident)


def problem(status: int, code: str, detail: str, **facts: object) -> Response:
    """A problem document. `facts` are further members, such as `available`."""
    body: dict[str, Any] = {"type": "about:blank", "status": status, "code": code, "title": detail or code, **facts}
    body["request_id"] = g.get("request_id")
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    return response


def wants_json() -> bool:
    if request.path.startswith(("/api/", "/health/")):
        return True
    accepted = request.accept_mimetypes
    return accepted.best == "application/json" and not accepted.accept_html


def _on_refusal(error: ShopError) -> Response:
    return _answer(error.status, error.code, error.message, **error.facts)


def _on_http(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error)
    if error.code >= 500:
        log.error("http error", extra={"status": error.code})
    answer = _answer(error.code, error.name.lower().replace(" ", "_"), _words_for(error))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            answer.headers[name] = value
    return answer


def _on_too_many(_error: TooManyRequests) -> Response:
    seconds = limits.seconds_until_next()
    if wants_json():
        answer = problem(429, "too_many_requests", _("Too many requests."), retry_after=seconds)
    elif is_fragment():
        answer = _toast(429, ngettext("Try again in %(num)s second.", "Try again in %(num)s seconds.", seconds))
    else:
        answer = _page("errors/429.html", 429, retry_after=seconds)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _on_busy(refusal: Busy) -> Response:
    if wants_json():
        answer = problem(429, refusal.code, _("Too many passwords are being tried."), retry_after=refusal.seconds)
    elif is_fragment():
        answer = _plain(429)
    else:
        is_staff = request.path.startswith("/admin/")
        answer = _page("errors/busy.html", 429, seconds=refusal.seconds, form=request.path, is_staff=is_staff)
    answer.headers["Retry-After"] = str(refusal.seconds)
    return answer


def _on_csrf(error: CSRFError) -> Response:
    if wants_json():
        return problem(400, "csrf", _("The CSRF token is missing or wrong."))
    if is_fragment():
        return _toast(400, _("This page was open too long. Please reload it and try again."))
    return _page("errors/stale.html", 400, again=_form_to_send_again())


def _on_bad_text(error: Exception) -> Response:
    log.warning("a value that cannot be stored came through", exc_info=error)
    db.forget()
    return _answer(400, "bad_text", _("The request holds characters that are no text."))


def _on_outage(error: Exception) -> Response:
    log.error("the database does not answer", extra={"error": type(error).__name__})
    db.forget()
    return _unavailable()


def _on_accident(error: Exception) -> Response:
    log.exception("unexpected error")
    db.forget()
    if wants_json():
        return problem(500, "internal_error", "Something broke on our side.")
    if is_fragment():
        return _plain(500)
    return _page("errors/500.html", 500, request_id=g.get("request_id", ""), token=_token())


def _unavailable() -> Response:
    if wants_json():
        answer = problem(503, "unavailable", "The shop is unavailable for a moment.")
    else:
        answer = _plain(503) if is_fragment() else _page("errors/503.html", 503, token=_token())
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _token() -> str | None:
    """For the pages that stand alone. None rather than a second failure: it may be the session that broke."""
    try:
        return str(current_app.jinja_env.globals["csrf_token"]())  # type: ignore[operator]
    except Exception:
        log.warning("no token for the page of an error", exc_info=True)
        return None


def _answer(status: int, code: str, message: str, **facts: object) -> Response:
    if status == 503:
        return _unavailable()
    if wants_json():
        return problem(status, code, message, **facts)
    if is_fragment():
        return _toast(status, message)
    if status in PAGES:
        return _page(f"errors/{status}.html", status, message=message, **facts)
    return _page("errors/400.html", status, message=message, **facts)


def _page(template: str, status: int, **context: object) -> Response:
    response = make_response(render_template(template, status=status, **context), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _toast(status: int, message: str) -> Response:
    """What HTMX appends to #toasts; the page it asked from stays as it is."""
    html = render_template("errors/_toast.html", message=message)
    return make_response(html, status, {"Cache-Control": "no-store", "HX-Reswap": "none"})


def _plain(status: int) -> Response:
    """The browser's script shows its own words for a failure of ours."""
    return make_response("", status, {"Cache-Control": "no-store"})


def _words_for(error: HTTPException) -> str:
    words = {
        400: _("The request could not be understood."),
        401: _("Please sign in first."),
        403: _("This is not open to you."),
        404: _("There is nothing here."),
        405: _("This address does not take such a request."),
        410: _("This is gone for good."),
        413: _("That was more text than we can take. Please shorten it."),
        415: _("This kind of content is not understood here."),
        429: _("That was more requests than we can take from one place at once."),
    }
    return words.get(error.code or 500, error.name)


def _form_to_send_again() -> list[tuple[str, str]] | None:
    """What was typed, but no secrets, to be sent again with one press; only when the form came from one of our own pages."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin" or request.files:
        return None
    return [(name, value) for name, value in request.form.items(multi=True) if not _is_secret(name)]


def _is_secret(name: str) -> bool:
    """By the name of its field, without the prefix of its form."""
    return "password" in name or name.rpartition("-")[2] in SECRETS

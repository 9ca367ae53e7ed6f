"""What a page for staff asks of whoever opens it, said beside its view and enforced here, before CSRF.

@bp.post("/refunds/<uuid:refund_id>/approve")
@needs("refunds.approve", fresh=True)

`fresh` asks for a code once more when the last one was given more than a quarter of an hour ago (what was sent is kept
meanwhile): for what moves money or opens secrets; of a program's key it asks for a signature. A right is also the scope that
a key needs. A view of the back office that says nothing is open to nobody, and the guard tests fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import Forbidden, TooManyRequests

from app.api_keys.queries import Program
from app.audit import actions as audit
from app.core import origin
from app.core.transaction import transaction
from app.web import access, bearer, kept, limits, signing, staff
from app.web.errors import problem, wants_json
from app.web.respond import is_fragment

View = TypeVar("View", bound=Callable[..., Any])
log = logging.getLogger(__name__)

LOGIN, TOTP = "/admin/login", "/admin/totp"
LONGEST_NEXT = 500
STRANGER, PASSWORD, PASSED = "stranger", "password", "passed"  # how far somebody has come who may open a page


@dataclass(frozen=True, slots=True)
class Need:
    """`right` is empty for what everybody at work may open. `back` is the page to come back to after a code, with a view's
    arguments in it; without it that is the page itself, or the one a form stood on."""

    right: str = ""
    is_fresh: bool = False
    step: str = PASSED
    back: str | Callable[..., str] = ""


def needs(
    right: str = "", *, fresh: bool = False, step: str = PASSED, back: str | Callable[..., str] = ""
) -> Callable[[View], View]:
    def attach(view: View) -> View:
        view.need = Need(right, fresh, step, back)  # type: ignore[attr-defined]
        return view

    return attach


def opens_to(right: str) -> Callable[[View], View]:
    """Beside a view that is others' own: whoever holds `right` sees all of it, whosever it is (the view asks `staff.can`)."""

    def attach(view: View) -> View:
        view.opened_by = right  # type: ignore[attr-defined]
        return view

    return attach


def scopes() -> dict[str, bool]:
    """What a key can be good for: the rights that JSON endpoints ask for, and whether some request for it has to be signed."""
    found: dict[str, bool] = {}
    for rule in current_app.url_map.iter_rules():
        need, right = need_of(rule.endpoint), scope_of(rule.endpoint)
        if right and rule.rule.startswith("/api/"):
            found[right] = found.get(right, False) or bool(need and need.is_fresh)
    return dict(sorted(found.items()))


def scope_of(endpoint: str) -> str:
    """The right that opens an endpoint to whoever holds it; empty when none does."""
    need, view = need_of(endpoint), current_app.view_functions.get(endpoint)
    return need.right if need else getattr(view, "opened_by", "")


def need_of(endpoint: str | None) -> Need | None:
    """What the view behind an endpoint asks for; None for a page that is not the staff's."""
    return getattr(current_app.view_functions.get(endpoint or ""), "need", None)


def init_app(app: Flask) -> None:
    app.before_request(_note_origin)
    app.before_request(_enforce)
    app.after_request(_note_what_nobody_noted)
    app.teardown_request(lambda _error: origin.note(origin.NOWHERE))
    app.jinja_env.globals["can"] = staff.can


def _note_origin() -> None:
    agent = request.headers.get("User-Agent", "").replace("\0", "")
    origin.note(origin.Origin(request.remote_addr, agent, g.get("request_id", "")))
    audit.expect()


def _enforce() -> ResponseReturnValue | None:
    need = need_of(request.endpoint)
    if need is None:
        return None
    if not need.right and _program() is not None:
        return problem(403, "not_for_keys", _("This is for people, not for keys."))
    if need.step != PASSED:
        return None
    person = staff.current_staff()
    if person is None:
        return staff.refuse_strangers()
    if isinstance(person, Program):
        return _enforce_on_program(person, need)
    if need.right and need.right not in person.rights:
        log.warning("staff refused", extra={"staff": str(person.staff_id), "right": need.right})
        return not_open()
    if need.is_fresh and not person.is_fresh:
        return ask_for_code(kept.keep(person) or _page_to_come_back_to(need))
    g.is_by_token = access.is_given()
    _expect_act()
    return None


def _program() -> Program | None:
    person = staff.signing_in() if access.is_given() else None
    return person if isinstance(person, Program) else None


def _enforce_on_program(program: Program, need: Need) -> ResponseReturnValue | None:
    """The scope, and where a person would give a fresh code, a signature. It acts for whoever was shown its key."""
    if need.right not in program.rights:
        return _lacks_scope(program, need.right)
    if need.is_fresh and (refusal := signing.refusal(program)):
        if limits.has_failed_often("signature"):
            raise TooManyRequests
        return refusal
    origin.note(replace(origin.current(), api_key=str(program.key_id)))
    g.is_by_token = True
    _expect_act()
    return None


def _lacks_scope(program: Program, right: str) -> Response:
    """403: the key was not given it, or whoever answers for it does not hold it any more."""
    log.warning("API key refused", extra={"api_key": str(program.key_id), "right": right})
    answer = problem(403, "scope_missing", _("This key lacks the scope %(scope)s.", scope=right), scope=right)
    answer.headers["WWW-Authenticate"] = f'Bearer realm="api", error="insufficient_scope", scope="{right}"'
    return answer


def refuse_token(right: str) -> ResponseReturnValue:
    """For gates of their own: what is wrong with a token that does not open `right`."""
    person = staff.signing_in()
    if person is None:
        return bearer.refusal()
    return _lacks_scope(person, right) if isinstance(person, Program) else not_open()


def _expect_act() -> None:
    g.is_act = request.method not in ("GET", "HEAD", "OPTIONS")


def not_open() -> ResponseReturnValue:
    """403, in words: who is signed in, and whom to ask."""
    words = _("You may not do this. Ask an owner of the shop.")
    if wants_json():
        return problem(403, "forbidden", words)
    if is_fragment():
        raise Forbidden(words)
    answer = make_response(render_template("admin/not_open.html", staff=staff.current_staff()), 403)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def ask_for_code(url: str) -> Response:
    """A code once more, and then on to `url`."""
    if wants_json():
        return problem(403, "sign_in_again", _("Please sign in again: your last sign-in is more than 15 minutes ago."))
    return turn_away(with_next(f"{TOTP}?again=1", url), 403)


def _page_to_come_back_to(need: Need) -> str:
    if need.back:
        fill = need.back.format if isinstance(need.back, str) else need.back
        return fill(**(request.view_args or {}))
    if request.method in ("GET", "HEAD"):
        return request.full_path.rstrip("?")
    came_from = urlsplit(request.referrer or "")
    return f"{came_from.path}?{came_from.query}".rstrip("?") if came_from.netloc == request.host else "/admin/"


def with_next(url: str, wanted: str) -> str:
    """`url`, remembering where to go afterwards. Not looked at here: whether there is such a page is nobody's business
    yet."""
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}next={quote(wanted, safe='/')}" if wanted and len(wanted) <= LONGEST_NEXT else url


def turn_away(url: str, status: int) -> Response:
    """To the page that lets further in; programs and fragments are told so by `status`."""
    if wants_json():
        return problem(status, "sign_in_required", "Please sign in first.")
    answer = make_response("", status, {"HX-Redirect": url}) if is_fragment() else make_response(redirect(url, 303))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _note_what_nobody_noted(response: Response) -> Response:
    """Every act of staff stands in the audit: one that no action noted is noted as the form that was sent."""
    if g.get("is_act") and response.status_code < 400 and not audit.was_noted():
        values = {name: str(value) for name, value in (request.view_args or {}).items()}
        with transaction():
            audit.record(
                f"form.{request.endpoint}", actor=staff.actor(), object_kind="form", object_id=request.path, **values
            )
    return response

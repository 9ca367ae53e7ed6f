"""Who of the staff is asking. Shared by the back office, the JSON endpoints for staff and the diagnostics.

A cookie of its own holds a random token, the table its hash (`app/accounts`); programs bring a token in a header (`bearer`).
Behind the password alone nothing is open: `current_staff` knows only people who gave their one-time code too.
"""

from __future__ import annotations

from flask import Response, abort, g, request
from flask_babel import gettext as _

from app.accounts import actions as accounts
from app.accounts import queries
from app.accounts.queries import SignedIn
from app.api_keys import actions as api_keys
from app.api_keys.queries import Program
from app.core.transaction import transaction
from app.web import access, bearer
from app.web.errors import problem
from app.web.site import settings


def current_staff() -> SignedIn | None:
    """The member of staff who signed in with password and code, or whose key a program asks with; None for everybody else."""
    person = signing_in()
    return person if person and person.has_passed else None


def can(right: str) -> bool:
    """Whether the member of staff who asks may do this, such as `refunds.change`."""
    person = current_staff()
    return person is not None and right in person.rights


def signing_in() -> SignedIn | None:
    """The same, and people who have given their password only. From a network that is not let in nobody is staff."""
    if "staff" not in g:
        g.staff = None  # should the question fail: the page that says so must not ask again
        g.staff = _found() if is_let_in() else None
    person: SignedIn | None = g.staff
    return person


def _found() -> SignedIn | None:
    if access.is_given():
        return bearer.caller()
    token = session_token()
    return queries.signed_in(token) if token else None


def is_let_in() -> bool:
    """Whether staff may come from where this request comes from (SEC-43)."""
    return settings().staff.opens_to(request.remote_addr)


def somebody(*, passed: bool = True) -> SignedIn:
    """Who is at work, behind a gate that lets nobody else come this far. Raises 401 if it ever does."""
    person = signing_in()
    if person is None or (passed and not person.has_passed):
        abort(401)
    return person


def actor() -> str:
    """`staff:<id>`, for the audit and the timeline."""
    return somebody().actor


def refuse_strangers() -> Response | None:
    """The problem document for whoever is not staff; None lets the visitor in. Asked before CSRF and before 404."""
    person = signing_in()
    if person is None and access.is_given():
        return bearer.refusal()
    if person is None:
        return access.ask_for_proof(problem(401, "sign_in_required", _("Please sign in first.")))
    if not person.has_passed:
        return problem(403, "code_required", _("Please enter your one-time code first."))
    note_activity()
    return None


def note_activity() -> None:
    """Keep the session alive: somebody did something. A page that asks by itself (`X-Tick`) is nobody."""
    person = signing_in()
    if person and person.is_stale and "X-Tick" not in request.headers:
        note = api_keys.note_used if isinstance(person, Program) else accounts.note_seen
        with transaction(relaxed=True):
            note(person.session_id)


def session_token() -> str:
    return request.cookies.get(_cookie_name(), "")[:100]


def give_cookie(response: Response, token: str) -> None:
    """Hand over a session. The browser forgets it when it closes; the server forgets it earlier."""
    response.set_cookie(_cookie_name(), token, path="/", httponly=True, samesite="Strict", secure=settings().is_https)


def take_cookie(response: Response) -> None:
    response.delete_cookie(_cookie_name(), path="/", httponly=True, samesite="Strict", secure=settings().is_https)


def device_token() -> str:
    return request.cookies.get(_device_cookie(), "")[:100]


def give_device_cookie(response: Response, token: str, *, days: int) -> None:
    """This browser is trusted. Kept when it closes; the server forgets it earlier if its owner says so."""
    options = {"path": "/", "httponly": True, "samesite": "Strict", "secure": settings().is_https}
    response.set_cookie(_device_cookie(), token, max_age=days * 24 * 3600, **options)  # type: ignore[arg-type]


def _device_cookie() -> str:
    return "__Host-staff-device" if settings().is_https else "staff-device"


def _cookie_name() -> str:
    return "__Host-staff" if settings().is_https else "staff"

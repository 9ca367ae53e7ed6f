"""Who asks with `Authorization: Bearer …` below `/api/`: one seam for every kind of token of the staff, told by how it begins.

A request with a token is judged by the token alone: no cookie counts beside it, so no CSRF token is needed, and a token
that is refused leaves nobody. What is wrong with it only the log tells.
"""

from __future__ import annotations

import logging
from urllib.parse import unquote

from flask import Flask, Response, g, request
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from app.accounts.queries import SignedIn
from app.accounts.queries import access as programs
from app.api_keys import queries, rules
from app.api_keys.errors import BadKey
from app.web import access, limits
from app.web.errors import problem

log = logging.getLogger(__name__)


def _by_key(key: str) -> SignedIn | None:
    """The program with this API key; its requests are counted by the key."""
    try:
        found = queries.program(key, address=request.remote_addr)
    except BadKey as refusal:
        log.warning("API key refused", extra={"reason": refusal.reason, "public_id": rules.public_id_of(key)})
        return None
    g.counted_as = f"k:{found.key_id}"
    return found


def _by_access_token() -> SignedIn | None:
    """Whose session it names; their requests are counted by the person, once the code was given: whoever has no more than
    the password shall not use up what its owner may ask."""
    said = access.claims("staff")
    found = programs.signed_in(said) if said else None
    if found and found.has_passed:
        g.counted_as = f"t:{found.staff_id}"
    return found


def init_app(app: Flask) -> None:
    app.before_request(_refuse_in_address)


def _refuse_in_address() -> Response | None:
    """400 for a key that stands in the address, where proxies and histories keep it: whether it is valid is not even asked."""
    if request.path.startswith("/api/") and rules.LOOK.search(unquote(request.environ.get("QUERY_STRING", ""))):
        return problem(
            400,
            "key_in_address",
            _(
                "Send the key in the Authorization header. One that stood in an address is no secret any more: rotate it."
            ),
        )
    return None


def caller() -> SignedIn | None:
    """Who the token stands for; None when it is refused."""
    token = access.bearer()
    limits.demand_under_ceiling()
    return _by_key(token) if token.startswith(rules.PREFIX) else _by_access_token()


def refusal() -> Response:
    """401, the same whatever is wrong. Raises TooManyRequests for an address that goes on trying; right tokens from there
    are not held up, for it may be a whole town's, nor are those that have run out: they are no tries."""
    if not access.was_issued() and limits.has_failed_often("bearer"):
        raise TooManyRequests
    return access.ask_for_proof(problem(401, "invalid_token", _("This key or token is not valid here.")))

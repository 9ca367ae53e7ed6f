"""The link at the end of a mail that is not part of a contract: no more of them, without signing in (NOT-35, RFC 8058)."""

from __future__ import annotations

import hashlib
import uuid

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import queries
from app.customers.actions import consents, newsletter
from app.customers.queries import links
from app.web.limits import limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("unsubscribing", __name__, url_prefix="/unsubscribe"))


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    return _page(token, _known(token)[1], is_done=False)


def _whose_link() -> str:
    """The programs of thousands of mailboxes press it from a few addresses, without a cookie."""
    token = (request.view_args or {})["token"]
    return f"u:{hashlib.sha256(token.encode()).hexdigest()[:16]}"


@bp.post("/<token>")
@limit("60/minute", key=_whose_link)
def unsubscribe(token: str) -> ResponseReturnValue:
    """By the button of the page, or by the mail program itself, which has neither cookie nor CSRF token: the link is proof."""
    whose, kind = _known(token)
    if kind == links.NEWSLETTER:
        in_transaction(lambda: newsletter.end(whose, way="link"))
    else:
        in_transaction(lambda: consents.prefer(whose, {("email", kind): False}, way="link"))
    return _page(token, kind, is_done=True)


def _page(token: str, kind: str, *, is_done: bool) -> ResponseReturnValue:
    is_newsletter = kind == links.NEWSLETTER
    return respond("storefront/account/unsubscribe.html", token=token, is_done=is_done, is_newsletter=is_newsletter)


def _known(token: str) -> tuple[uuid.UUID, str]:
    """(id, kind). The news end for an address that was forgotten meanwhile too: it gets none."""
    found = links.unsubscribed_by(token)
    if found is None or (found[1] != links.NEWSLETTER and queries.customer(found[0]) is None):
        raise NotFound()
    return found

"""The link at the end of a mail that is not part of a contract: no more of them, without signing in (NOT-35, RFC 8058)."""

from __future__ import annotations

import hashlib
import uuid

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import queries
from app.customers.actions import consents
from app.web.limits import limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("unsubscribing", __name__, url_prefix="/unsubscribe"))


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    _known(token)
    return respond("storefront/account/unsubscribe.html", token=token, is_done=False)


def _whose_link() -> str:
    """The programs of thousands of mailboxes press it from a few addresses, without a cookie."""
    token = (request.view_args or {})["token"]
    return f"u:{hashlib.sha256(token.encode()).hexdigest()[:16]}"


@bp.post("/<token>")
@limit("60/minute", key=_whose_link)
def unsubscribe(token: str) -> ResponseReturnValue:
    """By the button of the page, or by the mail program itself, which has neither cookie nor CSRF token: the link is proof."""
    customer_id, kind = _known(token)
    in_transaction(lambda: consents.prefer(customer_id, {("email", kind): False}, way="link"))
    return respond("storefront/account/unsubscribe.html", token=token, is_done=True)


def _known(token: str) -> tuple[uuid.UUID, str]:
    found = queries.unsubscribed_by(token)
    if found is None or queries.customer(found[0]) is None:
        raise NotFound()
    return found

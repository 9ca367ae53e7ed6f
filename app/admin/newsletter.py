"""Who wants the news (N25): the list, the file for the tool that sends them, and taking somebody off it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.admin.sheets import csv_answer
from app.audit import actions as audit
from app.core.transaction import in_transaction
from app.customers.actions import newsletter
from app.customers.models import NewsletterSubscriber
from app.customers.queries import links
from app.customers.queries import newsletter as subscribers
from app.customers.rules import NEWS_MOVES
from app.web import privacy_words
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import actor

bp = desk("newsletter", __name__)
PAGE = "/admin/newsletter"
A_PAGE = 50


@bp.get("/newsletter")
@needs("customers.view")
def show_list() -> ResponseReturnValue:
    """The latest change first, by key; or the one whole address that is sought, for nothing less can be looked for."""
    state, sought = request.args.get("state", ""), request.args.get("q", "").strip()[:254]
    state, before = state if state in NEWS_MOVES else "", cursor(request.args.get("before", ""))
    rows = _found(sought) if sought else subscribers.page(state=state, before=before, limit=A_PAGE + 1)
    return respond(
        "admin/newsletter/list.html",
        subscribers=rows[:A_PAGE],
        state=state,
        sought=sought,
        is_first=before is None,
        next_url=_next_url(state, rows[A_PAGE - 1]) if len(rows) > A_PAGE else None,
        words=privacy_words,
    )


def _found(email: str) -> list[NewsletterSubscriber]:
    row = subscribers.of_address(email)
    return [row] if row else []


@bp.post("/newsletter/file")
@needs("customers.change", fresh=True, back=PAGE)
@limit(FORMS)
def download() -> Response:
    """Confirmed addresses alone, each with the link that ends the news: the tool has to put it into every mail, and into its
    List-Unsubscribe header."""
    lines = list(_lines())
    in_transaction(
        lambda: audit.record(
            "newsletter.exported",
            actor=actor(),
            object_kind="newsletter",
            object_id="confirmed",
            addresses=len(lines) - 1,
        )
    )
    return csv_answer("newsletter.csv", lines)


def _lines() -> Iterator[list[str]]:
    yield ["email", "language", "confirmed_at", "unsubscribe_url"]
    base = settings().base_url
    for each in subscribers.confirmed():
        token = links.unsubscribe_token(each.id, links.NEWSLETTER)
        yield [each.email, each.locale, each.since.isoformat(timespec="seconds"), f"{base}/unsubscribe/{token}"]


@bp.post("/newsletter/<uuid:subscriber_id>/remove")
@needs("customers.change")
@limit(FORMS)
def remove(subscriber_id: uuid.UUID) -> ResponseReturnValue:
    by = actor()
    was_there = in_transaction(lambda: newsletter.remove(subscriber_id, by=by))
    return done(PAGE, "news-ended" if was_there else "news-ended-before")


def _next_url(state: str, row: NewsletterSubscriber) -> str:
    kept = {"state": state} if state else {}
    return f"{PAGE}?" + urlencode({**kept, "before": f"{row.since.isoformat()}_{row.id}"})

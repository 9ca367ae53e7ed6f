"""What staff did (the audit), and who tried to sign in. To be read only."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import queries as accounts
from app.admin import staff_words as words
from app.admin.desk import desk
from app.admin.paging import cursor
from app.admin.sheets import csv_answer
from app.admin.words import actor as who_words
from app.api_keys import queries as api_keys
from app.audit import queries
from app.audit.models import AuditEntry
from app.audit.queries import Wanted
from app.web import languages
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import can

bp = desk("activity", __name__)
PAGE, TRIES = "/admin/activity", "/admin/activity/sign-ins"
A_PAGE = 50
A_FILE = 10_000


@bp.get("/activity")
@needs("activity.view")
def show() -> ResponseReturnValue:
    """Newest first, by key."""
    wanted = _wanted()
    rows = queries.page(wanted, before=cursor(request.args.get("before", "")), limit=A_PAGE + 1)
    shown = rows[:A_PAGE]
    filled = {name: value for name, value in request.args.items() if name in FILTERS and value}
    return respond(
        "admin/activity/page.html",
        entries=_all_shown(shown),
        filters=filled,
        areas=[(name, words.act_area(name)) for name in queries.areas()],
        people=[(f"staff:{each.id}", each.email) for each in accounts.people(limit=200)],
        is_first="before" not in request.args,
        next_url=_next_url(PAGE, filled, rows[A_PAGE - 1]) if len(rows) > A_PAGE else None,
        file_url=f"{PAGE}/file?{urlencode(filled)}",
        words=words,
    )


@bp.get("/activity/file")
@needs("activity.view", fresh=True)
def download() -> Response:
    """What the filters leave, as CSV; the newest A_FILE entries of it."""
    rows = queries.page(_wanted(), limit=A_FILE)
    names, keys = _names(rows), _keys(rows)
    lines = [["at", "who", "action", "object", "id", "address", "request", "changes"]]
    for each in rows:
        told = "; ".join(
            f"{name}: {old} > {new}" if old else f"{name}: {new}" for name, old, new in words.changes(each)
        )
        row = [each.created_at.isoformat(), _who(each, names, keys), each.action, each.object_kind, each.object_id]
        lines.append([*row, words.masked_address(each.address), each.request_id, told])
    return csv_answer("activity.csv", lines)


@bp.get("/activity/sign-ins")
@needs("activity.view")
def show_tries() -> ResponseReturnValue:
    only_wrong, address = request.args.get("show") == "wrong", request.args.get("address", "").strip()[:45]
    person = _uuid(request.args.get("person", ""))
    rows = accounts.tries(
        staff_id=person,
        address=address,
        only_wrong=only_wrong,
        before=cursor(request.args.get("before", "")),
        limit=A_PAGE + 1,
    )
    query = {"show": "wrong" if only_wrong else "", "address": address, "person": str(person or "")}
    filled = {name: value for name, value in query.items() if value}
    return respond(
        "admin/activity/tries.html",
        tries=rows[:A_PAGE],
        alerts=accounts.alerts(limit=20) if not filled and "before" not in request.args else [],
        only_wrong=only_wrong,
        address=address,
        person=str(person or ""),
        people=[(str(each.id), each.email) for each in accounts.people(limit=200)],
        is_first="before" not in request.args,
        next_url=_next_url(TRIES, filled, rows[A_PAGE - 1]) if len(rows) > A_PAGE else None,
        words=words,
    )


FILTERS = ("who", "area", "object", "address", "key", "since", "until")


def _wanted() -> Wanted:
    asked = {name: request.args.get(name, "").strip()[:100] for name in FILTERS}
    since, until = _day(asked["since"]), _day(asked["until"])
    return Wanted(
        actor=asked["who"],
        area=asked["area"],
        object_id=asked["object"],
        address=asked["address"],
        api_key=asked["key"],
        since=since,
        until=until + timedelta(days=1) if until else None,
    )


def _day(text: str) -> datetime | None:
    """The beginning of a day by the reader's clock; None for what is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time(), languages.zone()).astimezone(UTC) if 2000 < day.year < 2100 else None


def _all_shown(entries: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    names, keys = _names(entries), _keys(entries)
    return [_shown(each, names, keys) for each in entries]


def _shown(entry: AuditEntry, names: dict[uuid.UUID, str], keys: dict[uuid.UUID, str]) -> dict[str, Any]:
    return {
        "at": entry.created_at,
        "who": _who(entry, names, keys),
        "what": words.act(entry.action),
        "kind": entry.object_kind,
        "object": _about(entry, names),
        "url": _url(entry),
        "changes": words.changes(entry),
        "address": words.masked_address(entry.address),
        "request_id": entry.request_id,
    }


def _names(entries: Iterable[AuditEntry]) -> dict[uuid.UUID, str]:
    named = {each.actor.removeprefix("staff:") for each in entries if each.actor.startswith("staff:")}
    named |= {each.object_id for each in entries if each.object_kind == "staff"}
    return accounts.emails_of({found for text in named if (found := _uuid(text))})


def _keys(entries: Iterable[AuditEntry]) -> dict[uuid.UUID, str]:
    """The names of the API keys that something was done with."""
    return api_keys.names_of(found for each in entries if (found := _uuid(each.facts.get("api_key", ""))))


def _who(entry: AuditEntry, names: dict[uuid.UUID, str], keys: dict[uuid.UUID, str]) -> str:
    """A person, or a person's key: “key Warehouse (of mei@…)”."""
    staff_id, key_id = _uuid(entry.actor.removeprefix("staff:")), _uuid(entry.facts.get("api_key", ""))
    who = names.get(staff_id, who_words(entry.actor)) if staff_id else who_words(entry.actor)
    return _("key %(name)s (of %(who)s)", name=keys.get(key_id, "–"), who=who) if key_id else who


def _about(entry: AuditEntry, names: dict[uuid.UUID, str]) -> str:
    staff_id = _uuid(entry.object_id)
    return names.get(staff_id, entry.object_id) if staff_id else entry.object_id


def _url(entry: AuditEntry) -> str:
    """The page of what it was about, where there is one that the reader may open."""
    page, right = {
        "order": ("/admin/orders/", "orders.view"),
        "staff": ("/admin/staff/", "staff.view"),
        "api_key": ("/admin/api-keys/", "api_keys.view"),
        "value_account": ("/admin/gift-cards/", "gift_cards.view"),
        "difference": ("/admin/books/", "books.view"),
        "recurring_order": ("/admin/subscriptions/", "subscriptions.view"),
        "data_request": ("/admin/privacy/", "privacy.view"),
        "product": ("/admin/products/", "catalogue.view"),
    }.get(entry.object_kind, ("", ""))
    return f"{page}{entry.object_id}" if page and can(right) and _uuid(entry.object_id) else ""


def _next_url(page: str, filled: dict[str, str], row: Any) -> str:
    return f"{page}?" + urlencode({**filled, "before": f"{row.created_at.isoformat()}_{row.id}"})


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

"""`/_sandbox/webhooks`: switches, where events go, and what became of them."""

import json
from typing import Any

from flask import Blueprint, request

from sandbox.entities import collection
from sandbox.errors import plain_error
from sandbox.requests_in import json_body, provider
from sandbox.rows import Row
from sandbox.store import Transaction
from sandbox.validation import only_known

bp = Blueprint("webhooks", __name__, url_prefix="/_sandbox/webhooks")
_ENDPOINT_FIELDS = {"urls", "timeout_seconds", "retry_seconds", "enabled", "secret", "old_secret"}


@bp.get("")
def list_switches() -> dict[str, Any]:
    return {"items": provider().switches.shown()}


@bp.post("")
def add_switch() -> dict[str, Any]:
    try:
        return provider().switches.add(json_body())
    except (ValueError, TypeError) as problem:
        raise plain_error(f"Not a switch: {problem}.") from None


@bp.delete("")
def clear_switches() -> dict[str, Any]:
    provider().switches.clear()
    return list_switches()


@bp.get("/endpoint")
def show_endpoint() -> dict[str, Any]:
    dispatcher = provider().dispatcher
    return {
        "urls": list(dispatcher.urls),
        "disabled": dispatcher.disabled_urls,
        "timeout_seconds": dispatcher.timeout_seconds,
        "retry_seconds": dispatcher.retry_seconds,
        "waiting": dispatcher.waiting(),
    }


@bp.post("/endpoint")
def change_endpoint() -> dict[str, Any]:
    """Applies to events from now on; the addresses go back to those of the command line on a restart."""
    dispatcher, body = provider().dispatcher, json_body()
    only_known(body, _ENDPOINT_FIELDS)
    if "urls" in body:
        dispatcher.urls = _urls(body["urls"])
    for name in ("timeout_seconds", "retry_seconds"):
        if name in body:
            setattr(dispatcher, name, _seconds(body[name], name))
    dispatcher.secrets = {
        **dispatcher.secrets,
        **({"current": str(body["secret"])} if body.get("secret") else {}),
        **({"old": str(body["old_secret"])} if body.get("old_secret") else {}),
    }
    if body.get("enabled"):
        dispatcher.enable()
    return show_endpoint()


@bp.get("/log")
def log() -> dict[str, Any]:
    """Deliveries, oldest first; `?event=`, `?order_id=`, `?state=` narrow, `?count=` (1000) limits to the newest."""
    only_known(request.args.to_dict(), {"event", "order_id", "state", "count"})
    columns = {"event": "e.name", "order_id": "e.order_id", "state": "d.state"}
    wanted = {column: request.args[name] for name, column in columns.items() if name in request.args}
    where = " AND ".join(f"{column} = ?" for column in wanted) or "1"
    sql = f"""SELECT d.*, e.name, e.order_id, e.body, e.created_at FROM delivery d JOIN event e ON e.id = d.event_id
              WHERE {where} ORDER BY d.seq DESC LIMIT ?"""  # noqa: S608  # nosec B608
    with provider().store.reading() as tx:
        rows = tx.all(sql, [*wanted.values(), request.args.get("count", 1000, type=int)])
        return collection(_delivery(tx, row) for row in reversed(rows))


def _delivery(tx: Transaction, row: Row) -> dict[str, Any]:
    attempts = tx.all("SELECT number, at, status, error, milliseconds FROM attempt WHERE delivery = ?", (row["seq"],))
    return {
        "event_id": row["event_id"],
        "event": row["name"],
        "order_id": row["order_id"],
        "url": row["url"],
        "secret": row["secret"],
        "state": row["state"],
        "created_at": row["created_at"],
        "due_at": row["due_at"],
        "attempts": [dict(attempt) for attempt in attempts],
        "body": json.loads(row["body"]),
    }


def _urls(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(str(url).startswith(("http://", "https://")) for url in value):
        raise plain_error("urls is a list of http:// or https:// addresses.")
    return tuple(value)


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise plain_error(f"{name} must be a number above 0.")
    return float(value)

"""Logs as one JSON object a line on stdout, with the request's id, and with personal data masked (X20). The line of a request says
who asked, by id, and from which network (SEC-44)."""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from flask import Flask, Response, g, has_request_context, request

from app.accounts.rules import network
from app.api_keys.queries import Program
from app.core.ids import new_token
from app.core.masks import mask
from app.core.settings import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What a mapping says is one of these is hidden, whatever it looks like: a name or a street has no shape of its own.
HIDDEN = re.compile(
    r"(?i)(?:^|[_-])(e?-?mail|phone|name|address|line[12]|contact|password|passphrase|secret|token|code|key|card|cookie|authorization)s?$"
)
ACTOR = re.compile(r"(staff|customer|key):[0-9a-f-]{36}")  # an id; `key:` alone would look as if a secret followed
access = logging.getLogger("shop.access")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if has_request_context() and "request_id" in g:
            entry["request_id"] = g.request_id
        for name, value in vars(record).items():
            if name not in STANDARD:
                entry[name] = value if name == "actor" and ACTOR.fullmatch(str(value)) else masked(value)
        if record.exc_info and record.exc_info[0]:
            entry["error"] = record.exc_info[0].__name__
            entry["traceback"] = mask("".join(traceback.format_exception(*record.exc_info))[-8000:])
        return json.dumps(entry, default=str)


def masked(value: Any) -> Any:
    """The same within records and lists; bytes and what is no plain value as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            mask(str(name)): "<hidden>" if each and HIDDEN.search(str(name)) else masked(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    return mask(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def configure(level: str, *, stream: TextIO) -> None:
    """Send everything to `stream` as JSON: stdout, but for commands, whose stdout is their answer. Once per process."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("rq", "alembic", "botocore", "urllib3", "flask_wtf", "flask-limiter"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def warn_of_unused(settings: Settings) -> None:
    """Say once, when a process starts, that a setting is taken and has no effect yet."""
    if settings.sentry_dsn:
        logging.getLogger(__name__).warning("SENTRY_DSN is set, and not used yet: errors go to this log alone")


def init_app(app: Flask) -> None:
    app.before_request(_start)
    app.after_request(_finish)


def _start() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else new_token()


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    if access.isEnabledFor(logging.INFO):
        rule = request.url_rule
        facts = {
            "method": request.method,
            "path": rule.rule if rule else mask(request.path),
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.started) * 1000, 1),
            "actor": _actor(),
            "ip": network(request.remote_addr),
        }
        access.info("request", extra=facts)
    return response


def _actor() -> str | None:
    """Who asked, by id (SEC-44), as far as the request found it out: nothing is asked for the log's sake."""
    staff, customer = g.get("staff"), g.get("customer")
    if isinstance(staff, Program):
        return f"key:{staff.key_id}"
    if staff is not None:
        return str(staff.actor)
    return f"customer:{customer.customer_id}" if customer is not None else None

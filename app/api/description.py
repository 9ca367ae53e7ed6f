"""The API's own description: `/api/openapi.json` for programs and `/api/docs` for people, both out of what the views say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template

from app.web import rights, signing
from app.web.describe import COUNT, TEXT, Operation
from app.web.limits import limit_api
from app.web.site import settings

bp = limit_api(Blueprint("api_description", __name__))

VERSION = "1.0"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": COUNT,
        "code": TEXT,
        "request_id": {"type": ["string", "null"]},
    },
    "required": ["type", "title", "status", "code"],
}
SCHEMES = {
    "staff": {"type": "apiKey", "in": "cookie", "name": "staff", "description": "The back office's session cookie"},
    "shopper": {"type": "apiKey", "in": "cookie", "name": "session", "description": "The shop's session cookie"},
    "customer": {"type": "apiKey", "in": "cookie", "name": "customer", "description": "A customer's session cookie"},
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of the back office (kedai_…); the scopes that it needs stand with each operation",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a program that has signed in; it needs no CSRF token",
    },
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "The csrf-token of any page"},
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "format": "uuid"},
    "description": "Drawn once for each thing that is meant: repetitions with the same key are one",
}

SIGNED = [
    {
        "name": name,
        "in": "header",
        "schema": {"type": "string", "pattern": pattern},
        "description": f"{what}. Asked of API keys, not of sessions",
    }
    for name, pattern, what in (
        (signing.TIMESTAMP, r"^[0-9]{1,12}$", "Seconds since 1970, at most five minutes from the shop's clock"),
        (signing.NONCE, r"^[A-Za-z0-9_-]{16,64}$", "Drawn anew for each request"),
        (signing.SIGNATURE, r"^v1=[0-9a-f]{64}$", "HMAC-SHA256 with the key's signing secret, see docs/api.md"),
    )
]


@bp.get("/api/openapi.json")
def openapi() -> Response:
    return jsonify(document())


@bp.get("/api/docs")
def docs() -> str:
    return render_template("api/docs.html", document=document(), phrase=lambda status: HTTPStatus(int(status)).phrase)


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of every described endpoint."""
    paths: dict[str, Any] = {}
    for path, method, operation, endpoint in sorted(_operations(), key=lambda each: each[:2]):
        paths.setdefault(path, {})[method] = _described(operation, f"{method} {path}", endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": settings().shop.name, "version": VERSION},
        "servers": [{"url": settings().base_url}],
        "paths": paths,
        "components": {"schemas": {"Problem": PROBLEM}, "securitySchemes": SCHEMES},
    }


def _operations() -> Iterator[tuple[str, str, Operation, str]]:
    for rule in current_app.url_map.iter_rules():
        operation = getattr(current_app.view_functions[rule.endpoint], "operation", None)
        if operation is None:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            yield path, method.lower(), operation, rule.endpoint


def _described(operation: Operation, name: str, endpoint: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", name).strip("_"),
        "summary": operation.summary,
        "responses": _answers(operation),
    }
    if operation.takes:
        found["requestBody"] = {"required": True, "content": _as("application/json", operation.takes)}
    need, scope = rights.need_of(endpoint), rights.scope_of(endpoint)
    parameters = [_path_part(part) for part in re.findall(r"{([^}]+)}", name)]
    parameters += [KEY] if operation.takes_key else []
    parameters += SIGNED if need and need.is_fresh else []
    if parameters:
        found["parameters"] = parameters
    schemes = (
        ("staff", operation.for_staff),
        ("shopper", operation.for_shopper),
        ("customer", operation.for_customer),
        ("csrf", operation.needs_csrf),
    )
    needed = {scheme: [] for scheme, is_needed in schemes if is_needed}
    if operation.by_token:
        found["security"] = [{"bearer": []}]
    elif needed:
        found["security"] = [needed]
        if operation.for_staff or operation.for_customer or operation.for_shopper:
            found["security"].append({"bearer": []})
    if scope and not operation.for_staff:
        found["security"].append({"staff": []})
    if scope:
        found["security"].append({"key": [scope]})
    return found


def _path_part(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": TEXT}


def _answers(operation: Operation) -> dict[str, Any]:
    problem = _as("application/problem+json", {"$ref": "#/components/schemas/Problem"})
    good = {str(status): (status, _answer(schema)) for status, schema in operation.answers.items()}
    bad = {str(status): (status, problem) for status in (*operation.refusals, 429) if str(status) not in good}
    answers: dict[str, Any] = {
        key: {"description": HTTPStatus(status).phrase, "content": content}
        for key, (status, content) in sorted({**good, **bad}.items())
    }
    return {**answers, "default": {"description": "A problem", "content": problem}}


def _answer(schema: Mapping[str, Any]) -> dict[str, Any]:
    """JSON, unless the schema says that the body itself is something else."""
    return _as(schema.get("contentMediaType", "application/json"), schema)


def _as(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: {"schema": schema}}

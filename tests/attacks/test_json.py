"""What the described endpoints are sent by programs that mean no good: an answer as described, never an accident.

Drawn from the descriptions beside the views, so that a new endpoint is attacked too (ASVS 10, 25, 45; schemathesis' idea).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient

from tests.attacks.test_forms import LONG, ODD, STRANGE, TEXT, TRACES
from tests.attacks.world import CHANGING, Route, World, columns, csrf_of, tables_that_hold

ODDS = [
    None, True, False, 0, -1, 2**31, 2**63, 10**40, 1.5, 1e308, "", " ", "\x00", "\ud800", "2026-13-45", [], [[]], {}, {"a": {}},
    LONG, "00000000-0000-0000-0000-000000000000", *ODD.values(),
]  # fmt: skip
BODIES = (b"", b"null", b"[]", b"{", b'"x"', b"\xff\xfe", b"[" * 20_000, b'{"a":' * 20_000, b"NaN", b'{"a":1,"a":2}')
KINDS = ("application/json", "application/json; charset=nosuch", "text/plain", "multipart/form-data; boundary=x", "")
QUERIES = ("", "?page=-1", "?page=99999999999999999999&limit=1e9&cursor=%00", "?since=x&until=y&sort=id;--&state[]=1")
EACH = 14  # bodies drawn for an endpoint


def drawn(dice: random.Random, schema: Any, *, depth: int = 0) -> Any:
    """Something near what the schema describes: mostly of its shape, here and there of none."""
    if dice.random() < 0.3 or depth > 4:
        return dice.choice(ODDS)
    if "anyOf" in schema:
        return drawn(dice, dice.choice(schema["anyOf"]), depth=depth + 1)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    if schema.get("type") == "object":
        fields = schema.get("properties", {})
        return {name: drawn(dice, each, depth=depth + 1) for name, each in fields.items() if dice.random() < 0.9}
    if schema.get("type") == "array":
        return [drawn(dice, schema.get("items", {}), depth=depth + 1) for _ in range(dice.randrange(4))]
    return {"integer": dice.choice((0, 1, -5, 2**40)), "boolean": dice.random() < 0.5}.get(schema.get("type"), "x" * 22)


def bodies(dice: random.Random, schema: Any) -> Iterator[bytes]:
    """Also with every column of the database as a member (X13)."""
    strange = {name: STRANGE.get(min(kinds), TEXT) for name, kinds in columns().items()}
    yield from BODIES
    for _ in range(EACH):
        found = drawn(dice, schema or {"type": "object"})
        known = (schema or {}).get("properties", {})
        if isinstance(found, dict):
            found = {**{name: value for name, value in strange.items() if name not in known}, **found}
        yield json.dumps(found).encode()


def wrong_with(answer: Any, route: Route) -> str:
    """What a program could not understand in an answer; empty when it is fine."""
    if answer.status_code >= 500 and answer.status_code != 503:
        return "an accident"
    is_problem = answer.content_type == "application/problem+json" and answer.json.get("status") == answer.status_code
    if answer.status_code >= 400 and route.path.startswith("/api/") and not is_problem:
        return "no problem document"
    if answer.status_code not in (204, 304) and answer.data and "charset" not in answer.content_type:
        return "" if answer.mimetype.endswith(("json", "pdf", "zip")) else f"no charset: {answer.content_type}"
    return ""


def test_no_body_is_answered_with_an_accident(world: World) -> None:
    dice, wrong, asked = random.Random("json"), [], 0
    for route in world.routes("GET", *CHANGING):
        operation = getattr(world.app.view_functions[route.rule.endpoint], "operation", None)
        if operation is None:
            continue
        for client in world.clients().values():
            for answer in answers(dice, client, route, operation.takes):
                asked += 1
                if fault := wrong_with(answer, route):
                    wrong.append((route.name, fault, answer.status, answer.request.get_data()[:200]))
    assert wrong == [], wrong
    assert asked > 500
    assert tables_that_hold(*TRACES) == []


def answers(dice: random.Random, client: FlaskClient, route: Route, schema: Any) -> Iterator[Any]:
    if route.method == "GET":
        for query in QUERIES:
            yield client.get(route.path + query)
        return
    token = csrf_of(client)
    for body in bodies(dice, schema):
        key = dice.choice(("", "x", "0192f5a0-7c3e-7000-8000-000000000000", "A" * 9000))
        kind = KINDS[0] if dice.random() < 0.7 else dice.choice(KINDS)
        headers = {"X-CSRF-Token": token, "Idempotency-Key": key, "Content-Type": kind}
        yield client.open(route.path, method=route.method, data=body, headers=headers)

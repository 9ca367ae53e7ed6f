"""Addresses for tests that walk the whole map of routes: each part filled with something of its kind."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Flask
from werkzeug.routing import AnyConverter, Rule

SAMPLES: dict[str, Any] = {
    "UnicodeConverter": "0" * 22,
    "UUIDConverter": uuid.UUID("0192f5a0-7c3e-7000-8000-000000000000"),
    "IntegerConverter": 1,
}


def path_of(app: Flask, rule: Rule) -> str:
    values = {name: _sample(converter) for name, converter in rule._converters.items()}
    return app.url_map.bind("localhost").build(rule.endpoint, values, method=min(rule.methods or {"GET"}))


def _sample(converter: Any) -> Any:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return SAMPLES[type(converter).__name__]

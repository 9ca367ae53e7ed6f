"""Pieces of pages that are the same for everybody: rendered once, kept in this process, joined into each page.

    {{ fragment("layouts/_nav.html", here=request.path) }}

A fragment depends on the language, the catalogue's version and the values it is given, and on nothing else: it is rendered
without the request's context. Values are compared as keys of a dictionary are, so remembered objects are cheap ones.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app
from markupsafe import Markup

from app.catalog import queries as catalog
from app.core.memory import Memory
from app.web import languages

_kept: Memory[Markup] = Memory("fragments", entries=768)


def init_app(app: Flask) -> None:
    _kept.clear()
    app.jinja_env.globals["fragment"] = fragment


def fragment(template: str, **values: Any) -> Markup:
    """The rendered template. `values` are the key it is kept under and all that it sees besides the globals."""
    key = (template, languages.language(), catalog.version(), *values.items())
    known = _kept.get(key)
    if known is None:
        known = Markup(current_app.jinja_env.get_template(template).render(values))  # noqa: S704 - escaped by Jinja
        _kept.put(key, known)
    return known

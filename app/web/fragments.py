"""Pieces of pages that are the same for everybody: rendered once, kept in this process, joined into each page.

    {{ fragment("layouts/_head_nav.html", here=category.slug) }}
    {{ fragment("storefront/catalog/_gallery.html", of=(product.id, chosen.id), product=product, pictures=pictures) }}

A fragment depends on the language, the catalogue's version and the values it is given, and on nothing else: it is rendered
without the request's context, and shows no moments, which go by the reader's clock. `of` names what the values follow from,
where they themselves would make a poor key.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask, current_app
from markupsafe import Markup

from app.catalog import queries as catalog
from app.core.memory import Memory
from app.web import languages

_kept: Memory[Markup] = Memory("fragments", entries=1024)


def init_app(app: Flask) -> None:
    _kept.clear()
    app.jinja_env.globals["fragment"] = fragment


def fragment(
    template: str, *, of: tuple[Hashable, ...] | None = None, shows_goods: bool = True, **values: Any
) -> Markup:
    """The rendered template. `values` are all that it sees besides the globals; they, or `of`, are what it is kept under.

    What does not show anything of the catalogue says so: then the catalogue's version need not be asked for.
    """
    return kept(
        template,
        of if of is not None else tuple(values.items()),
        lambda: current_app.jinja_env.get_template(template).render(values),
        shows_goods=shows_goods,
    )


def kept(name: str, of: Hashable, make: Callable[[], str], *, shows_goods: bool = True) -> Markup:
    """What `make` returned, finished HTML, when it was asked last in this language, for this catalogue and for `of`."""
    key = (name, languages.language(), catalog.version() if shows_goods else 0, of)
    known = _kept.get(key)
    if known is None:
        known = Markup(make())  # noqa: S704 - escaped by Jinja  # nosec B704
        _kept.put(key, known)
    return known

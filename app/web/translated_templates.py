"""Templates compiled once per language, with every fixed text already translated.

A page holds about fifty `_("…")`, and looking each one up at every request costs more than the rest of the page. Here
`_("Cart")` becomes a constant while the template is compiled, and Jinja joins it with the markup around it; a text with
values, `_("Only %(n)s left", n=3)`, keeps only the filling in. Plurals and computed texts stay as they were.

In the cache a template is named by its language too, `ms:layouts/shop.html`; includes and parents follow the language.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from flask import Flask
from flask.templating import Environment as FlaskEnvironment
from jinja2 import BaseLoader, Environment, Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

MARK = ":"
NAMES = ("_", "gettext")


def install(app: Flask, *, language: Callable[[], str], translate: Callable[[str, str], str]) -> None:
    """Give the application an environment that translates as it compiles. Before the first use of `app.jinja_env`.

    `language()` is the code of the request at hand; `translate(code, text)` the catalogue's words for an English text.
    """

    class TranslatedEnvironment(_TranslatedEnvironment):
        current_language = staticmethod(language)
        translation = staticmethod(translate)

    app.jinja_environment = TranslatedEnvironment  # type: ignore[assignment]


class _TranslatedEnvironment(FlaskEnvironment):
    current_language: Callable[[], str]
    translation: Callable[[str, str], str]

    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(app, **options)
        assert self.loader is not None  # noqa: S101 - Flask always gives one
        self.loader = _ByLanguage(self.loader)

    def get_template(
        self, name: str | Template, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        if isinstance(name, str) and parent is None and MARK not in name:
            name = f"{self.current_language()}{MARK}{name}"
        return super().get_template(name, parent, globals)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """A plain dictionary: Jinja compares the names of its usual chain at each import, a hundred look-ups a page."""
        return {**self.globals, **d} if d else self.globals

    def join_path(self, template: str, parent: str) -> str:
        language, mark, _name = parent.partition(MARK)
        return f"{language}{MARK}{template}" if mark and MARK not in template else template

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        language, mark, _name = (name or "").partition(MARK)
        if mark:
            safe = self.autoescape(name) if callable(self.autoescape) else self.autoescape
            _Translator(self, lambda text: self.translation(language, text), Markup if safe else str).visit(tree)
        return tree


class _ByLanguage(BaseLoader):
    """The same file for every language; the mark in front only keeps the compiled forms apart."""

    def __init__(self, loader: BaseLoader):
        self.files = loader

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        return self.files.get_source(environment, template.rpartition(MARK)[2])

    def list_templates(self) -> list[str]:
        return self.files.list_templates()


class _Translator(NodeTransformer):
    """Replaces calls of gettext whose text is written out."""

    def __init__(self, environment: Environment, translate: Callable[[str], str], kind: type[str]):
        self.environment = environment
        self.translate = translate
        self.kind = kind

    def visit_Call(self, call: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja's name for it
        self.generic_visit(call)
        if not _is_fixed(call):
            return call
        text = self.kind(self.translate(call.args[0].value))  # type: ignore[attr-defined]
        at = {"lineno": call.lineno, "environment": self.environment}
        if not call.kwargs:
            return nodes.Const(text % {}, **at)
        values = [nodes.Pair(nodes.Const(each.key, **at), each.value, **at) for each in call.kwargs]
        return nodes.Mod(nodes.Const(text, **at), nodes.Dict(values, **at), **at)


def _is_fixed(call: nodes.Call) -> bool:
    """One literal text, and values by name only: nothing that is known at the request alone decides the words."""
    return (
        isinstance(call.node, nodes.Name)
        and call.node.name in NAMES
        and len(call.args) == 1
        and isinstance(call.args[0], nodes.Const)
        and isinstance(call.args[0].value, str)
        and call.dyn_args is None
        and call.dyn_kwargs is None
    )

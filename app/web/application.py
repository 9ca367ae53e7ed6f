"""The Flask application class of the shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import Rule


class LateRule(Rule):
    """Writes the function that builds its URLs when the first is asked for: to write two for each of the 120 rules is
    two thirds of the making of an application, and most processes need few of them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def first(rule: LateRule, /, **values: Any) -> tuple[str, str]:
            build = super(LateRule, rule)._compile_builder(append_unknown).__get__(rule, None)
            setattr(rule, "_build_unknown" if append_unknown else "_build", build)
            return build(**values)

        return first


class Shop(Flask):
    """Flask without the question, asked some twenty times a request, whether a function is a coroutine. None is."""

    url_rule_class = LateRule

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

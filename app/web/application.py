"""The Flask application class of the shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask


class Shop(Flask):
    """Flask without the question, asked some twenty times a request, whether a function is a coroutine. None is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

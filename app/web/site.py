"""This shop, as the entry points see it: its settings and what every page may say about it."""

from __future__ import annotations

from typing import cast

from flask import current_app

from app.core.settings import Settings


def settings() -> Settings:
    """The settings the running application was made with."""
    return cast(Settings, current_app.config["SETTINGS"])

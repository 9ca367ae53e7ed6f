"""The session cookie: signed, unreadable for scripts, not sent by other sites' forms. What it holds: `app/web/visitor.py`."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from app.core.settings import Settings

LIFETIME = timedelta(days=30)


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-session" if settings.is_https else "session",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )

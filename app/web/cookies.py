"""The session cookie: signed, hidden from scripts, not sent by other sites' forms. Content: `app/web/visitor.py`."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode

from app.core.settings import Settings

LIFETIME = timedelta(days=30)


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SESSION_COOKIE_NAME="__Host-session" if settings.is_https else "session",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )
    app.session_interface = Sessions(signing_keys(app))


def signing_keys(app: Flask) -> list[str]:
    """As itsdangerous wants them: the last one signs, all of them verify."""
    return [*reversed(app.config["SECRET_KEY_FALLBACKS"]), app.config["SECRET_KEY"]]


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies, with one signer for all requests, plain JSON (no tags: we keep short texts and numbers)
    and SHA-256. Making the signer and tagging took longer than signing.
    """

    def __init__(self, secrets: list[str]) -> None:
        self.signer = Signer(
            secrets,
            salt="kedai session",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        return self.signer


class Signer(URLSafeTimedSerializer):
    """Signed, dated texts for cookies and forms, without the try to make a hundred bytes smaller by zlib."""

    def dump_payload(self, obj: Any) -> bytes:
        return base64_encode(json.dumps(obj, separators=(",", ":")))

"""Passkeys between a page and its browser: what is asked as JSON, and the answer in the form's field `credential`.

The button for it stands in the page hidden; `static/js/passkey.js` shows it where the browser can. Passkeys belong to a host
name, never to an address: a shop at `http://127.0.0.1:8000` has them at `http://localhost:8000`.
"""

from __future__ import annotations

import hashlib
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request, session
from flask_babel import gettext as _

from app.core import passkeys
from app.core.errors import NotFound
from app.core.passkeys import NotBelieved, Party
from app.passkeys.actions import Given
from app.passkeys.errors import TooManyPasskeys
from app.web.errors import problem
from app.web.site import settings

LOCAL = "localhost"
PORTS = {"http": 80, "https": 443}


def init_app(app: Flask) -> None:
    app.jinja_env.globals["takes_passkeys"] = takes_passkeys


def takes_passkeys() -> bool:
    """Whether this page, under the host it was asked for, may use passkeys."""
    party = _party()
    return party is not None and urlsplit(f"//{request.host}").hostname == party.id


def party() -> Party:
    """Raises NotFound where there are no passkeys."""
    found = _party()
    if found is None or not takes_passkeys():
        raise NotFound()
    return found


def _party() -> Party | None:
    url = urlsplit(settings().base_url)
    host = LOCAL if _is_loopback(url.hostname or "") else (url.hostname or "")
    if _is_address(host) or (url.scheme != "https" and host != LOCAL):
        return None
    port = "" if url.port in (None, PORTS.get(url.scheme)) else f":{url.port}"
    return Party(host, f"{url.scheme}://{host}{port}", settings().shop.name)


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def bound_to(session_token: str = "") -> bytes:
    """A fingerprint of the browser that asks and answers: of its session, before that of its CSRF secret."""
    token = session_token or session.get("csrf_token")
    if not token:
        abort(400)
    return hashlib.sha256(f"passkey {token}".encode("utf-8", "replace")).digest()


def too_many(refusal: TooManyPasskeys) -> Response:
    """For the page's script, which shows the title; an error handler of the blueprints where passkeys are added."""
    words = _("You have %(n)s passkeys; remove one first.", n=refusal.most)
    return problem(refusal.status, refusal.code, words, **refusal.facts)


def given(session_token: str = "") -> Given | None:
    """What the form brings; None for what is no answer of a browser's."""
    here = party()
    try:
        answer = passkeys.read(request.form.get("credential", ""))
    except NotBelieved:
        return None
    passkeys.prepare()
    return Given(answer, bound_to(session_token), here)

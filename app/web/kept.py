"""A form that staff sent when their session was over, or a fresh code was asked for: kept, and offered once they are back.

Kept is only what a form of ours brought, with its token, in the browser it was shown in; nowhere else is it offered.
"""

from __future__ import annotations

import hashlib
import uuid

from flask import request, session
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from app.accounts.actions import keeping
from app.accounts.queries import SignedIn
from app.core.transaction import in_transaction
from app.web import staff
from app.web.errors import wants_json

PAGE = "/admin/kept/"
MOST = 20_000  # bytes
SECRETS = {"code", "credential", "current", "new", "again"}
UNTYPED = {"csrf_token", "key"}  # a form's token, and its one-time key


def keep(person: SignedIn | None) -> str | None:
    """The page to come back to, once signed in as the same person; None where there is nothing to keep. `person` is who is at
    work; else it is whose session has run out. A form with a password or a code would be worth nothing without it, and that is
    never kept. Of a stranger nothing is read: whatever they send, they are shown the door."""
    if request.method != "POST" or wants_json() or (request.content_length or 0) > MOST:
        return None
    owner = person.staff_id if person else _owner_of_rested()
    if owner is None or request.files or not _is_ours():
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    if any(map(_is_secret, request.form)) or not any(value.strip() and name not in UNTYPED for name, value in fields):
        return None
    browser, path = browser_hash(), request.full_path.rstrip("?")
    return url_of(in_transaction(lambda: keeping.keep(owner, browser, path, fields)))


def _owner_of_rested() -> uuid.UUID | None:
    token = staff.session_token()
    return keeping.owner_of_rested(token) if token else None


def url_of(kept_id: uuid.UUID) -> str:
    return f"{PAGE}{kept_id}"


def browser_hash() -> bytes:
    """The browser, by the secret of its forms, which no other has."""
    return hashlib.sha256(str(session.get("csrf_token", "")).encode()).digest()


def _is_ours() -> bool:
    try:
        validate_csrf(request.form.get("csrf_token") or request.headers.get("X-CSRF-Token"))
    except ValidationError:
        return False
    return True


def _is_secret(name: str) -> bool:
    return "password" in name or name.rpartition("-")[2] in SECRETS

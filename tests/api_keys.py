"""A program that asks with an API key, which staff made for it on the page; signs where it has a signing secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core import db
from tests.staff import StaffMember
from tools.webforms import form_to

SHOWN = re.compile(r"<code data-copy-source>([^<]+)</code>")
NEW = "/admin/api-keys/new"


@dataclass
class KeyProgram:
    client: FlaskClient
    key: str
    signing: str = ""

    @property
    def public_id(self) -> str:
        return self.key.split("_")[1]

    def ask(self, method: str, path: str, *, body: Any = None, signed: bool = True, **headers: str) -> TestResponse:
        data = b"" if body is None else json.dumps(body).encode()
        sent = {
            "Authorization": f"Bearer {self.key}",
            **({"Content-Type": "application/json"} if data else {}),
            **headers,
        }
        if signed and self.signing:
            sent = {**signature(self.signing, method, path, data, key=sent.get("Idempotency-Key", "")), **sent}
        return self.client.open(path, method=method, data=data, headers=sent)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, **headers)


def signature(
    secret: str, method: str, target: str, body: bytes, *, key: str = "", at: float | None = None, nonce: str = ""
) -> dict[str, str]:
    """Written out by hand, from the documentation: not with the shop's own function."""
    timestamp, nonce = str(int(time.time() if at is None else at)), nonce or secrets.token_urlsafe(16)
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(["v1", method, target, digest, timestamp, nonce, key])
    signed = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"X-Kedai-Timestamp": timestamp, "X-Kedai-Nonce": nonce, "X-Kedai-Signature": f"v1={signed}"}


def make_key(member: StaffMember, *scopes: str, name: str = "Warehouse", **fields: str) -> KeyProgram:
    """By the form of the back office."""
    answer = post_form(member, *scopes, name=name, **fields)
    assert answer.status_code == 200, answer.text
    return shown(member, answer)


def post_form(member: StaffMember, *scopes: str, **fields: str) -> TestResponse:
    form = form_to(member.get(NEW), NEW)
    return member.client.post(NEW, data={**form.filled(**fields), "scope": list(scopes)})


def shown(member: StaffMember, answer: TestResponse) -> KeyProgram:
    """The secrets on the page that shows them once."""
    return KeyProgram(member.client.application.test_client(), *SHOWN.findall(answer.text))


def id_of(program: KeyProgram) -> uuid.UUID:
    found: uuid.UUID = db.scalar("SELECT key_id FROM api_key_secret WHERE public_id = :id", id=program.public_id)
    db.release()
    return found

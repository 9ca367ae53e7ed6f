"""A member of staff with a browser: signs in as a person does, with the forms the pages offer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts import actions as accounts
from app.core import crypto, db
from app.core.ids import new_id
from app.core.transaction import in_transaction, transaction
from tools.webforms import form_to

STEP = 30


@dataclass
class StaffMember:
    client: FlaskClient
    email: str
    password: str
    secret: str
    steps: set[int] = field(default_factory=set)

    def code(self) -> str:
        """A code that was not used yet: of this step, else of the next, which the window allows."""
        now = int(time.time()) // STEP
        step = next(each for each in (now, now + 1) if each not in self.steps)
        self.steps.add(step)
        return pyotp.TOTP(self.secret).generate_otp(step)

    def give_password(self, **changed: Any) -> TestResponse:
        form = form_to(self.client.get("/admin/login").text, "/admin/login")
        return self.client.post(
            "/admin/login", data=form.filled(**{"email": self.email, "password": self.password, **changed})
        )

    def give_code(self, code: str | None = None) -> TestResponse:
        form = form_to(self.client.get("/admin/totp").text, "/admin/totp")
        return self.client.post("/admin/totp", data=form.filled(code=code or self.code()))

    def sign_in(self) -> StaffMember:
        assert self.give_password().status_code == 303
        answer = self.give_code()
        assert answer.status_code == 303, answer.text
        return self

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status}"
        return answer.text

    def press(self, page: str, action: str, **fields: Any) -> str:
        """Press the button of the form to `action` on a page; returns the page it leads to."""
        form = form_to(self.get(page), action)
        answer = self.client.post(form.action, data=form.filled(**fields))
        assert answer.status_code == 303, f"{action}: {answer.status}"
        return self.get(answer.location)


def hire(
    app: Flask, email: str = "siti@example.com", *, role: str = "owner", rights: Iterable[str] | None = None
) -> StaffMember:
    """A new member of staff with an authenticator, not signed in yet. `rights` make a role of the shop's own for them."""
    new = in_transaction(lambda: accounts.create_staff(email, role=role, issuer="Murni Batik"))
    if rights is not None:
        give_rights(email, rights)
    secret = parse_qs(urlsplit(new.otpauth_url).query)["secret"][0]
    return StaffMember(app.test_client(), email, new.password, secret)


def give_rights(email: str, rights: Iterable[str]) -> None:
    """A role of the shop's own with just these rights, for somebody who works here."""
    with transaction():
        role = new_id()
        values = {"role": role, "name": f"Role {role}", "rights": list(rights)}
        db.rows("INSERT INTO staff_role (id, name, rights) VALUES (:role, :name, :rights) RETURNING id", **values)
        db.rows(
            "UPDATE staff SET role = 'custom', role_id = :role WHERE email_index = :index RETURNING id",
            role=values["role"],
            index=crypto.blind_index(email),
        )

"""A customer with a browser and a mailbox: follows forms and the links of mails exactly as they are offered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core import crypto, db
from tests.bank import Bank
from tests.flows.shopper import Shopper
from tests.notifications.post_office import PostOffice, body_of
from tools.webforms import form_to

LINK = re.compile(r"https?://\S+?(/(?:register|login/link|login/reset|login/connect|account/email|unsubscribe)/\S+)")
PASSWORD = "Bunga-Raya 7 & Teluk"


class Patron(Shopper):
    def __init__(
        self, client: FlaskClient, bank: Bank, office: PostOffice, deliver: Callable[[], object], email: str
    ) -> None:
        super().__init__(client, bank)
        self.office, self.deliver, self.email, self.password = office, deliver, email, PASSWORD

    def csrf(self) -> str:
        """Looked up each time: signing in and out begin another session."""
        return str(form_to(self.get("/track"), "/track").fields["csrf_token"])

    def submit(self, page: str, action: str, **fields: Any) -> TestResponse:
        """Fill in the form to `action` of a page and send it."""
        return self.client.post(action, data=form_to(self.get(page), action).filled(**fields))

    def ask_to_register(self, **changed: str) -> TestResponse:
        values = {"name": "Aina Rahman", "email": self.email, "password": self.password, **changed}
        return self.submit("/register", "/register", **values)

    def mails(self) -> list[Any]:
        """What lies in the mailbox, all delivered."""
        self.deliver()
        return [
            mail
            for mail, (_from, to) in zip(self.office.mails, self.office.envelopes, strict=True)
            if to == [self.email]
        ]

    def link(self) -> str:
        """The path of the link in the newest mail that has one."""
        found = [path for mail in self.mails() for path in LINK.findall(body_of(mail, "plain"))]
        assert found, [str(mail["Subject"]) for mail in self.office.mails]
        return urlsplit(found[-1]).path

    def follow(self, path: str, **fields: Any) -> TestResponse:
        """Open the page of a link and press its button."""
        return self.submit(path, path, **fields)

    def register(self) -> Patron:
        """With an account and signed in."""
        assert self.ask_to_register().status_code == 303
        answer = self.follow(self.link())
        assert answer.status_code == 303, answer.text
        return self

    def sign_in(self, **changed: Any) -> TestResponse:
        return self.submit("/login", "/login", **{"email": self.email, "password": self.password, **changed})

    def ask_for_link(self, **changed: Any) -> TestResponse:
        """The second button of the page to sign in."""
        form = form_to(self.get("/login"), "/login")
        return self.client.post("/login/link", data=form.filled(**{"email": self.email, **changed}))

    def sign_out(self) -> TestResponse:
        return self.post("/logout")

    def is_signed_in(self) -> bool:
        return self.client.get("/account/").status_code == 200

    @property
    def id(self) -> Any:
        return db.scalar("SELECT id FROM customer WHERE email_index = :i", i=crypto.blind_index(self.email))

    def cookie(self, name: str = "customer") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None

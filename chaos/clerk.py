"""Staff over HTTP: sign in with password and code, refund, say what became of money by hand, ask the provider."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import requests

from app.accounts import actions as accounts
from app.core import db
from app.core.transaction import in_transaction
from chaos.buyer import Buyer, Refused
from chaos.servers import wait_for
from chaos.stand import Stand
from tools.webforms import WebForm, form_to, forms_of

STEP = 30  # seconds that a one-time code is good for
FIRST_ADDRESS = 1 << 20  # in the network, far from the shoppers'


class Clerk(Buyer):
    """Signs in when a page asks for it. Made inside the stand."""

    def __init__(self, stand: Stand, number: int) -> None:
        super().__init__(stand, FIRST_ADDRESS + number, seconds=20)
        email = f"clerk{number}@example.com"
        self._account = in_transaction(lambda: accounts.create_staff(email, role="owner", issuer="chaos"))
        self._secret = parse_qs(urlsplit(self._account.otpauth_url).query)["secret"][0]
        self._used = 0

    def page(self, path: str) -> str:
        for _ in range(2):
            answer = self.get(path)
            if not _is_turned_away(answer):
                break
            self.sign_in()
        if answer.status_code != 200:
            raise Refused(path, answer)
        return answer.text

    def sign_in(self) -> None:
        """Also again after a quarter of an hour: what moves money asks for it."""
        form = form_to(self._bare("/admin/login?again=1"), "/admin/login")
        answer = self.post(form.action, form.filled(email=self._account.email, password=self._account.password))
        if answer.status_code != 303:
            raise Refused("password", answer)
        form = form_to(self._bare("/admin/totp"), "/admin/totp")
        answer = self.post(form.action, form.filled(code=self._code()))
        if answer.status_code not in (303, 422):  # 422: a code that a killed process had taken
            raise Refused("code", answer)

    def press(self, page: str, action: str, **typed: Any) -> str:
        """A button that leads back to a page; returns what was done, by the word in its address."""
        answer = self.send(page, action, **typed)
        if answer.status_code != 303 or _is_turned_away(answer):
            raise Refused(action, answer)
        return parse_qs(urlsplit(answer.headers["Location"]).query).get("done", [""])[0]

    def preview_refund(self, order_id: uuid.UUID, **chosen: str) -> WebForm | None:
        """The form below the preview of what was chosen; None when that cannot be refunded."""
        try:
            page = self.page(f"/admin/orders/{order_id}/refund?{urlencode({**chosen, 'preview': '1'})}")
        except Refused as refusal:
            if refusal.status in (404, 422):
                return None
            raise
        return next((form for form in forms_of(page) if "accept" in form.fields), None)

    def send_refund(self, form: WebForm) -> requests.Response:
        """303 when it is taken, 409 when something went back meanwhile. Raises Refused for all else."""
        answer = self.post(form.action, form.filled())
        if answer.status_code not in (303, 409) or _is_turned_away(answer):
            raise Refused("refund", answer)
        return answer

    def _bare(self, path: str) -> str:
        return super().page(path)

    def _code(self) -> str:
        """Of a step that was not used yet: each works once, and the next one is accepted early."""
        wait_for(lambda: int(time.time()) // STEP + 1 > self._used, seconds=2 * STEP, why="no code is left")
        self._used = max(self._used + 1, int(time.time()) // STEP)
        return pyotp.TOTP(self._secret).generate_otp(self._used)


class Clerks:
    """Those at work. Whoever needs one or two borrows them; there are enough for every shopper to need two."""

    def __init__(self, stand: Stand, count: int) -> None:
        self._free: queue.Queue[Clerk] = queue.Queue()
        for number in range(count):
            self._free.put(Clerk(stand, number))
        db.forget()

    @contextmanager
    def one(self) -> Iterator[Clerk]:
        clerk = self._free.get()
        try:
            yield clerk
        finally:
            self._free.put(clerk)


def words_of(minor: int) -> str:
    """An amount as somebody types it, in a currency of two decimals."""
    return f"{minor // 100}.{minor % 100:02}"


def _is_turned_away(answer: requests.Response) -> bool:
    """To the sign-in: nobody is known, or the last code is too long ago."""
    return answer.headers.get("Location", "").startswith(("/admin/login", "/admin/totp"))

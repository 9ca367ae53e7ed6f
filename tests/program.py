"""A program that signs in over JSON, for whoever has the password, the authenticator, or both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.staff import StaffMember

LOGIN, REFRESH, LOGOUT = "/api/v1/auth/login", "/api/auth/refresh", "/api/auth/logout"
CUSTOMER_LOGIN = "/api/v1/customer/login"
FACTOR = "/api/v1/auth/2fa"
STATUS, VERIFY = f"{FACTOR}/status", f"{FACTOR}/verify-login"


@dataclass
class Program:
    """It keeps no cookies: what it knows are its tokens."""

    client: FlaskClient
    access: str = ""
    refresh_token: str = ""
    told: dict[str, Any] = field(default_factory=dict)  # the last answer with tokens

    def get(self, path: str, token: str | None = None) -> TestResponse:
        return self.client.get(path, headers=self._headers(token))

    def post(self, path: str, token: str | None = None, **body: Any) -> TestResponse:
        return self.client.post(path, headers=self._headers(token), json=body)

    def _headers(self, token: str | None) -> dict[str, str]:
        token = self.access if token is None else token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def take(self, answer: TestResponse) -> TestResponse:
        assert answer.status_code == 200, answer.text
        self.told = answer.get_json()
        self.access, self.refresh_token = self.told["access_token"], self.told["refresh_token"]
        return answer

    def challenge(self, member: StaffMember) -> str:
        answer = self.client.post(LOGIN, json={"email": member.email, "password": member.password})
        assert answer.status_code == 200, answer.text
        challenge: str = answer.get_json()["challenge_token"]
        return challenge

    def sign_in(self, member: StaffMember) -> Program:
        self.take(self.post(VERIFY, self.challenge(member), code=member.code()))
        return self

    def refresh(self, token: str | None = None) -> TestResponse:
        return self.client.post(REFRESH, json={"refresh_token": token or self.refresh_token})


def program(app: Flask) -> Program:
    return Program(app.test_client(use_cookies=False))

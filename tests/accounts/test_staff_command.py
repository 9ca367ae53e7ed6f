"""`flask staff …`, as the contract has it."""

import json

import pyotp

from app.core import db
from tests.staff import hire


def run(app, *arguments):
    return app.test_cli_runner().invoke(args=["staff", *arguments])


def test_create_prints_the_login_once(app):
    answer = run(app, "create", "siti@example.com", "--role", "owner", "--json")
    login = json.loads(answer.output)
    assert set(login) == {"email", "password", "otpauth_url"}
    assert len(login["password"]) >= 12
    assert pyotp.parse_uri(login["otpauth_url"]).name == "siti@example.com"
    row = db.rows("SELECT email, password_hash, totp_secret, totp_confirmed_at FROM staff")[0]
    assert row.password_hash.startswith("$argon2id$")
    assert row.totp_confirmed_at is not None
    secret = pyotp.parse_uri(login["otpauth_url"]).secret
    assert secret not in row.totp_secret
    assert "siti" not in row.email
    assert db.scalar("SELECT action FROM audit_entry") == "staff.created"


def test_create_in_words_and_never_twice(app):
    answer = run(app, "create", "siti@example.com", "--role", "owner")
    assert "otpauth_url" in answer.output
    again = run(app, "create", "SITI@example.com", "--role", "owner", "--json")
    assert again.exit_code == 1
    assert "already" in again.output
    assert db.scalar("SELECT count(*) FROM staff") == 1


def test_create_refuses_what_is_no_address_and_no_role(app):
    assert run(app, "create", "siti", "--role", "owner").exit_code == 2
    assert run(app, "create", "siti@example.com", "--role", "admin").exit_code == 2
    assert run(app, "create", "siti@example.com").exit_code == 2
    assert db.scalar("SELECT count(*) FROM staff") == 0


def test_reset_totp_ends_what_was_signed_in(app):
    owner = hire(app).sign_in()
    assert run(app, "reset-totp", "siti@example.com").exit_code == 0
    assert owner.client.get("/admin/").location == "/admin/login"
    assert run(app, "reset-totp", "nobody@example.com").exit_code == 1

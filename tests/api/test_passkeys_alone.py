"""`/api/v1/auth/2fa/…` for whoever has a passkey: beside an authenticator, or instead of one (SEC-14 to SEC-20, N21)."""

import re

import pyotp
import pytest

from app.core import db
from tests.admin.test_signin import wrong_code
from tests.api.test_second_factor import CODES, DISABLE, ENABLE, SETUP, mails, secret_of
from tests.api.test_signing_in import change, forget_steps, sessions
from tests.api.test_stock import CLEANUP, refused
from tests.changes import changes
from tests.passkeys.keyring import Keyring
from tests.passkeys.test_staff import NEW, TOTP, join
from tests.program import LOGIN, STATUS, VERIFY, program
from tests.staff import hire

LATE = "UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes'"


@pytest.fixture
def aina(app):
    """She was invited, and has set up a passkey and nothing else. Her backup codes are in `codes`."""
    member = join(app)
    member.give_password()
    assert Keyring(member.client).press(TOTP).status_code == 303
    page = member.get("/admin/backup-codes")
    member.codes = re.findall(r"<code>((?:\d{4} ){3}\d{4})</code>", page)
    change("UPDATE staff SET backup_codes_saved_at = now()")
    return member


@pytest.fixture
def at_work(app, aina):
    """Her program, signed in by a backup code: the only one of her codes that a program can send."""
    me = program(app)
    me.take(me.post(VERIFY, me.challenge(aina), code=aina.codes.pop()))
    return me


def test_a_challenge_asks_for_a_code_and_shows_no_secret(app, aina):
    me = program(app)
    answer = me.client.post(LOGIN, json={"email": aina.email, "password": aina.password})
    assert answer.json["next"] == "verify-login"
    challenge = answer.json["challenge_token"]
    assert refused(me.get(SETUP, challenge), 403, "code_required")
    for code in (aina.code(), aina.codes[0]):
        assert refused(me.post(ENABLE, challenge, code=code), 403, "code_required")
    for path in (DISABLE, CODES):
        assert refused(me.post(path, challenge, password=aina.password, code=aina.codes[0]), 403, "code_required")
    assert refused(me.get(STATUS, challenge), 403, "code_required")
    assert db.scalar("SELECT count(*) FROM login_attempt WHERE kind IN ('code', 'again')") == 0
    db.release()
    forget_steps(aina)
    assert refused(me.post(VERIFY, challenge, code=aina.code()), 422, "wrong_code")  # nobody has confirmed its secret
    me.take(me.post(VERIFY, challenge, code=aina.codes[0]))
    assert me.get(CLEANUP).status_code == 200
    assert refused(me.post(VERIFY, me.challenge(aina), code=aina.codes[0]), 422, "wrong_code")


def test_it_is_on(at_work):
    answer = at_work.get(STATUS)
    assert answer.json == {
        "enabled": True,
        "required": True,
        "enabled_at": None,
        "backup_codes_left": 9,
        "is_fresh": True,
    }


def test_an_authenticator_beside_it_takes_a_fresh_code_the_password_and_a_code_of_it(at_work, aina, drain):
    aina.secret = secret_of(at_work.get(SETUP))
    assert secret_of(at_work.get(SETUP)) == aina.secret
    wrong = {"password": aina.password, "code": wrong_code(aina)}
    assert refused(at_work.post(ENABLE, code=pyotp.TOTP(aina.secret).now()), 422, "wrong_password")
    assert refused(at_work.post(ENABLE, **wrong), 422, "wrong_code")
    assert refused(at_work.post(ENABLE, password=aina.password, code=aina.codes[0]), 422, "wrong_code")
    change(LATE)
    right = {"password": aina.password, "code": aina.code()}
    assert refused(at_work.get(SETUP), 403, "sign_in_again")
    assert refused(at_work.post(ENABLE, **right), 403, "sign_in_again")
    at_work.take(at_work.post(VERIFY, code=aina.codes[0]))
    answer = at_work.post(ENABLE, **right)
    assert (answer.status_code, answer.json) == (200, {"enabled": True, "required": True})
    assert at_work.get(STATUS).json["enabled_at"] is not None
    assert secret_of(at_work.get(SETUP)) != aina.secret
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'staff.authenticator_added'") == 1
    db.release()
    assert mails(drain) == 2  # the passkey and the authenticator


def test_wrong_codes_there_wait_like_everywhere(at_work, aina):
    aina.secret = secret_of(at_work.get(SETUP))
    wrong = {"password": aina.password, "code": wrong_code(aina)}
    assert [at_work.post(ENABLE, **wrong).status_code for _ in range(6)] == [422] * 5 + [429]
    assert at_work.get(STATUS).json["enabled_at"] is None


def test_what_is_about_an_authenticator_says_that_there_is_none(at_work, aina):
    for path in (DISABLE, CODES):
        answer = at_work.post(path, password=aina.password, code=aina.codes[0])
        assert refused(answer, 409, "setup_required"), path
    assert at_work.get(STATUS).json["backup_codes_left"] == 9
    assert db.scalar("SELECT count(*) FROM passkey") == 1


def test_turning_the_authenticator_off_leaves_the_passkeys(app, drain):
    """Never the password alone: what hangs on the authenticator goes, everywhere else one is signed out, passkeys stay."""
    member = hire(app).sign_in()
    change("UPDATE staff SET backup_codes_saved_at = now()")
    ring = Keyring(member.client)
    assert ring.press(NEW, typed={"name": "Work phone"}).status_code == 303
    forget_steps(member)
    me = program(app).sign_in(member)
    change("UPDATE staff SET phone = totp_secret, phone_confirmed_at = now()")
    change(
        "INSERT INTO staff_device (id, staff_id, token_hash, confirmed_at, expires_at)"
        " SELECT gen_random_uuid(), id, '\\x00', now(), now() + interval '1 day' FROM staff"
    )
    forget_steps(member)
    answer = me.post(DISABLE, password=member.password, code=member.code())
    assert (answer.status_code, answer.json) == (200, {"enabled": True, "required": True})
    left = me.get(STATUS).json
    assert (left["enabled"], left["enabled_at"], left["backup_codes_left"]) == (True, None, 0)
    assert sessions() == 1
    assert member.client.get("/admin/").location == "/admin/login"
    assert db.scalar("SELECT count(*) FROM staff_device WHERE ended_at IS NULL") == 0
    assert db.scalar("SELECT phone IS NULL AND totp_confirmed_at IS NULL FROM staff")
    [(before, after)] = changes("staff.totp_removed")
    assert (before["authenticator"], after["authenticator"], before["passkeys"] == after["passkeys"] > 0) == (
        True,
        False,
        True,
    )
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE payload ->> 'what' = 'totp_removed'") == 1
    db.release()
    assert mails(drain) == 2  # the passkey and this
    forget_steps(member)
    late = program(app)
    challenge = late.challenge(member)
    assert refused(late.get(SETUP, challenge), 403, "code_required")
    assert refused(late.post(VERIFY, challenge, code=member.code()), 422, "wrong_code")
    assert refused(me.post(DISABLE, password=member.password, code="123456"), 409, "setup_required")
    assert Keyring(app.test_client(), ring.device).press("/admin/login").location == "/admin/backup-codes"
    member.secret = secret_of(me.get(SETUP))
    forget_steps(member)
    assert me.post(ENABLE, password=member.password, code=member.code()).status_code == 200

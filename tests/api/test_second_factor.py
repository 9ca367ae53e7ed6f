"""`/api/v1/auth/2fa/…` (SEC-14 to SEC-20, X1, X3, X4): what is on, setting up, giving codes, turning off."""

import base64
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from app.accounts import actions as accounts
from app.core import db
from app.core.transaction import in_transaction, transaction
from app.privacy import flows as privacy
from tests.admin.test_signin import parallel, wrong_code
from tests.api.test_signing_in import change, forget_steps, sessions
from tests.api.test_stock import CLEANUP, refused
from tests.program import FACTOR, LOGIN, STATUS, VERIFY, program
from tests.staff import hire

SETUP, ENABLE, DISABLE, CODES = (f"{FACTOR}/{name}" for name in ("setup", "enable", "disable", "backup-codes"))


def mails(drain, template="staff_access_changed"):
    drain()
    found = db.scalar("SELECT count(*) FROM mail_message WHERE template = :template", template=template)
    db.release()
    return found


@pytest.fixture
def newcomer(app, member):
    """Somebody whose authenticator is not set up yet: invited, or helped with a lost phone."""
    in_transaction(lambda: accounts.reset_totp(member.email, actor="command"))
    return member


def secret_of(answer):
    """As an authenticator reads it: the letters, the address and the picture say the same."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.json
    assert parse_qs(urlsplit(found["otpauth_url"]).query)["secret"] == [found["secret"]]
    assert len(base64.b32decode(found["secret"])) == 20
    assert unquote(found["qr"]).startswith("data:image/svg+xml")
    return found["secret"]


def test_status_tells_what_is_on(app, member):
    me = program(app).sign_in(member)
    answer = me.get(STATUS).json
    assert re.match(r"\d{4}-\d\d-\d\dT", answer.pop("enabled_at"))
    assert answer == {"enabled": True, "required": True, "backup_codes_left": 10, "is_fresh": True}
    assert refused(program(app).get(STATUS), 401)


def test_a_browser_may_ask_too(owner, csrf):
    assert owner.client.get(STATUS).json["enabled"] is True
    body = {"password": owner.password, "code": owner.code()}
    assert refused(owner.client.post(CODES, json=body), 400, "csrf")
    answer = owner.client.post(CODES, json=body, headers={"X-CSRF-Token": csrf(owner.client)})
    assert len(answer.json["backup_codes"]) == 10


def test_the_first_authenticator(app, newcomer, drain):
    """Password, setup, enable: signed in, with ten codes told once; nothing of the secret is told again."""
    me = program(app)
    answer = me.client.post(LOGIN, json={"email": newcomer.email, "password": newcomer.password})
    assert answer.json["next"] == "setup"
    challenge = answer.json["challenge_token"]
    assert refused(me.post(VERIFY, challenge, code="123456"), 409, "setup_required")
    newcomer.secret = secret_of(me.get(SETUP, challenge))
    assert secret_of(me.get(SETUP, challenge)) == newcomer.secret  # asking changes nothing
    assert refused(me.post(ENABLE, challenge, code=wrong_code(newcomer)), 422, "wrong_code")
    assert refused(me.get(CLEANUP, challenge), 403, "code_required")
    code = newcomer.code()
    answer = me.take(me.post(ENABLE, challenge, code=code))
    assert len(set(answer.json["backup_codes"])) == 10
    assert me.get(CLEANUP).status_code == 200
    assert me.get(STATUS).json["enabled"] is True
    again = me.challenge(newcomer)
    assert refused(me.post(VERIFY, again, code=code), 422, "wrong_code")  # X1: the code that set it up signs in nobody
    assert refused(me.get(SETUP, again), 403, "code_required")
    assert refused(me.post(ENABLE, again, code=newcomer.code()), 403, "code_required")
    answer = me.take(me.post(VERIFY, again, code=answer.json["backup_codes"][0]))
    assert answer.json["backup_codes"] == []
    assert mails(drain, "staff_backup_code_used") == 1


def test_twenty_times_enabled_at_once_is_one_sign_in(app, newcomer):
    ready = [(me := program(app), me.challenge(newcomer)) for _ in range(20)]
    newcomer.secret = secret_of(ready[0][0].get(SETUP, ready[0][1]))
    code = newcomer.code()
    answers = parallel(ready, lambda each: each[0].post(ENABLE, each[1], code=code).status_code)
    assert answers.count(200) == 1
    assert set(answers) <= {200, 403, 422, 429}
    assert sessions() == 1


def test_backup_codes_sign_in_once(app, member, drain):
    """X3 over JSON, by a code that a browser's first sign-in made."""
    me = program(app).sign_in(member)
    code = me.told["backup_codes"][0]
    change("UPDATE login_attempt SET created_at = created_at - interval '15 minutes'")
    ready = [(each := program(app), each.challenge(member)) for _ in range(20)]
    answers = parallel(ready, lambda each: each[0].post(VERIFY, each[1], code=code).status_code)
    assert answers.count(200) == 1
    assert me.get(STATUS).json["backup_codes_left"] == 9


def test_new_backup_codes_take_password_and_authenticator(app, member, drain):
    me = program(app).sign_in(member)
    old = me.told["backup_codes"]
    code = member.code()
    assert refused(me.post(CODES, password="no such password", code=code), 422, "wrong_password")
    assert refused(me.post(CODES, password=member.password, code=old[0]), 422, "wrong_code")
    assert refused(me.post(CODES, code=code), 422, "wrong_password")
    assert me.get(STATUS).json["backup_codes_left"] == 10
    forget_steps(member)
    answer = me.post(CODES, password=member.password, code=member.code())
    new = answer.json["backup_codes"]
    assert (answer.status_code, len(set(new)), set(new) & set(old)) == (200, 10, set())
    assert answer.headers["Cache-Control"] == "no-store"
    stored = str(db.rows("SELECT code_hash FROM staff_backup_code")) + str(db.rows("SELECT * FROM staff_session"))
    db.release()
    assert not any(code in stored for code in new)
    assert mails(drain) == 1
    assert refused(me.post(VERIFY, me.challenge(member), code=old[1]), 422, "wrong_code")
    me.take(me.post(VERIFY, me.challenge(member), code=new[1]))
    assert me.told["backup_codes"] == []  # they count as saved: no sign-in makes others


def test_wrong_passwords_and_codes_there_wait_like_those_of_a_page(app, member):
    me, wrong = program(app).sign_in(member), wrong_code(member)
    assert [me.post(CODES, password=member.password, code=wrong).status_code for _ in range(5)] == [422] * 5
    answer = me.post(DISABLE, password=member.password, code=member.code())
    assert refused(answer, 429, "too_many_tries")
    assert int(answer.headers["Retry-After"]) > 0
    assert [me.post(DISABLE, password="x", code=wrong).status_code for _ in range(6)] == [422] * 5 + [429]
    assert me.get(STATUS).json["enabled"] is True


def test_another_authenticator_takes_a_fresh_code_the_password_and_a_code_of_it(app, member, drain):
    me, other = program(app).sign_in(member), program(app)
    forget_steps(member)
    other.sign_in(member)
    new = secret_of(me.get(SETUP))
    assert new == secret_of(me.get(SETUP))
    assert new not in (member.secret, secret_of(other.get(SETUP)))  # each session is told another one
    code = pyotp.TOTP(new).now()
    assert refused(me.post(ENABLE, code=code), 422, "wrong_password")
    assert refused(me.post(ENABLE, password="no such password", code=code), 422, "wrong_password")
    assert refused(me.post(ENABLE, password=member.password, code=member.code()), 422, "wrong_code")
    assert refused(other.post(ENABLE, password=member.password, code=code), 422, "wrong_code")
    answer = me.post(ENABLE, password=member.password, code=code)
    assert (answer.status_code, answer.json) == (200, {"enabled": True, "required": True})
    assert refused(other.get(CLEANUP), 401)
    assert me.get(CLEANUP).status_code == 200
    assert secret_of(me.get(SETUP)) not in (new, member.secret)
    assert mails(drain) == 1
    told = db.scalar("SELECT payload ->> 'what' FROM outbox_event WHERE name = 'staff.access_changed'")
    assert (told, db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'staff.totp_changed'")) == (
        "totp_replaced",
        1,
    )
    late = program(app)
    member.steps.clear()
    assert refused(late.post(VERIFY, late.challenge(member), code=member.code()), 422)  # the old one is dead
    assert refused(late.post(VERIFY, late.challenge(member), code=code), 422)  # X1
    member.secret = new
    forget_steps(member)
    late.sign_in(member)


def test_another_authenticator_after_a_quarter_of_an_hour(app, member):
    me = program(app).sign_in(member)
    secret = secret_of(me.get(SETUP))
    change("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes'")
    assert refused(me.get(SETUP), 403, "sign_in_again")
    code = pyotp.TOTP(secret).now()
    assert refused(me.post(ENABLE, password=member.password, code=code), 403, "sign_in_again")
    me.take(me.post(VERIFY, code=member.code()))
    assert secret_of(me.get(SETUP)) != secret


def test_twenty_times_another_one_at_once_is_one(app, member):
    me = program(app).sign_in(member)
    code = pyotp.TOTP(secret_of(me.get(SETUP))).now()
    ready = [program(app) for _ in range(20)]
    body = {"password": member.password, "code": code}
    answers = parallel(ready, lambda each: each.post(ENABLE, me.access, **body).status_code)
    assert answers.count(200) == 1
    assert set(answers) <= {200, 422, 429}
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'staff.totp_changed'") == 1


def test_another_authenticator_while_the_key_of_stored_values_changes(make_app):
    """Shown by a process that has the old key first, confirmed at one that has the new one."""
    old, new = "the old key of stored values", "the new key of stored values"
    app = make_app(FIELD_KEY=old, FIELD_KEY_FALLBACKS=new)
    member = hire(app)
    me = program(app).sign_in(member)
    secret = secret_of(me.get(SETUP))
    me.client = make_app(FIELD_KEY=new, FIELD_KEY_FALLBACKS=old).test_client(use_cookies=False)
    code = pyotp.TOTP(secret).now()
    assert me.post(ENABLE, password=member.password, code=code).status_code == 200
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'staff.totp_changed'") == 1
    db.release()
    late = program(me.client.application)
    member.secret = secret
    forget_steps(member)
    late.sign_in(member)


def test_turning_it_off_closes_everything_until_another_one_is_set_up(app, member, drain):
    """SEC-17 and SEC-23: off it is, and nobody works here without one."""
    me = program(app).sign_in(member)
    codes = me.told["backup_codes"]
    code = member.code()
    for body in ({}, {"password": member.password}, {"code": code}, {"password": "x", "code": code}):
        assert me.post(DISABLE, **body).status_code == 422, body
    change("UPDATE login_attempt SET created_at = created_at - interval '15 minutes'")
    forget_steps(member)
    answer = me.post(DISABLE, password=member.password, code=member.code())
    assert (answer.status_code, answer.json) == (200, {"enabled": False, "required": True})
    assert refused(me.get(CLEANUP), 401)
    assert refused(me.refresh(), 401)
    assert mails(drain) == 1
    challenge = me.challenge(member)
    assert refused(me.get(CLEANUP, challenge), 403)
    assert refused(me.post(ENABLE, challenge, code=codes[0]), 422, "wrong_code")
    forget_steps(member)
    assert refused(me.post(ENABLE, challenge, code=member.code()), 422, "wrong_code")
    member.secret = secret_of(me.get(SETUP, challenge))
    forget_steps(member)
    me.take(me.post(ENABLE, challenge, code=member.code()))
    assert me.get(STATUS).json["enabled"] is True


def test_bad_input_spends_nothing(app, member):
    me = program(app).sign_in(member)
    tries = "SELECT count(*) FROM login_attempt WHERE kind = 'again'"
    for path in (VERIFY, ENABLE, DISABLE, CODES):
        for body in ([], "x"):
            answer = me.client.post(path, json=body, headers={"Authorization": f"Bearer {me.access}"})
            assert refused(answer, 422, "no_object"), path
        answer = me.client.post(path, data=b"{", headers={"Authorization": f"Bearer {me.access}"})
        assert refused(answer, 415)
    assert db.scalar(tries) == 0
    db.release()
    for code in (None, 7, ["x"], "", "１２３４５６", "\0", "x" * 5000):
        assert me.post(VERIFY, code=code).status_code in (422, 429)


def test_what_is_not_there_is_nobodys_business(app, member):
    assert refused(program(app).get(f"{FACTOR}/nothing"), 401)
    assert refused(program(app).post(f"{FACTOR}/verify-login", code="123456"), 401)
    assert refused(program(app).sign_in(member).get(f"{FACTOR}/nothing"), 404)


def test_old_ones_are_forgotten_with_their_session(app, member):
    me = program(app).sign_in(member)
    me.take(me.refresh())
    assert db.scalar("SELECT count(*) FROM staff_spent_token") == 1
    db.release()
    change("UPDATE staff_session SET expires_at = now() - interval '31 days'")
    privacy.forget_old()
    assert db.scalar("SELECT count(*) FROM staff_spent_token") == 0


def test_whoever_was_let_go_is_out_with_the_next_call(app, owner):
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
    other = hire(app, "mei@example.com", role="agent")
    me = program(app).sign_in(other)
    person = db.scalar("SELECT id FROM staff ORDER BY id DESC LIMIT 1")
    db.release()
    owner.press(f"/admin/staff/{person}", f"/admin/staff/{person}/let-go")
    assert refused(me.get(STATUS), 401)
    assert refused(me.refresh(), 401, "session_over")

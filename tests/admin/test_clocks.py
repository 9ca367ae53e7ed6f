"""J11: an authenticator whose clock is off is told so, and nobody gains a try by it."""

from __future__ import annotations

import time

import pyotp
import pytest

from app.accounts import actions as accounts
from app.core import db
from app.core.transaction import in_transaction, transaction
from tests.admin.test_signin import CODE, wrong_code
from tests.api.test_second_factor import CODES, ENABLE, SETUP, newcomer, secret_of  # noqa: F401 (a fixture)
from tests.program import VERIFY, program
from tests.staff import STEP
from tools.webforms import form_to

BEHIND, AHEAD = "about 4 minutes behind", "about 4 minutes ahead"
WORDS = {-7: BEHIND, 8: AHEAD}
PLAIN = "This code is wrong, or it was used before"


def off_by(member, steps):
    """The code that their phone shows when its clock is off by so many steps of 30 seconds."""
    return pyotp.TOTP(member.secret).generate_otp(int(time.time()) // STEP + steps)


def tries():
    found = db.scalar("SELECT count(*) FROM login_attempt WHERE NOT was_right")
    db.release()
    return found


def steps_ahead():
    """How far in the future the last step lies that is spent."""
    found = db.scalar("SELECT last_totp_step - floor(extract(epoch FROM clock_timestamp()) / 30)::bigint FROM staff")
    db.release()
    return found


def test_j11_a_phone_that_is_behind_is_told_so_and_its_owner_comes_in_once_it_is_right(member):
    member.give_password()
    answer = member.give_code(off_by(member, -7))
    assert answer.status_code == 422
    assert BEHIND in answer.text
    assert "backup code or a passkey works" in answer.text
    assert tries() == 1
    assert member.give_code().status_code == 303


def test_j11_a_code_of_the_future_is_spent_before_it_is_told(member):
    """Whoever guesses one learns when it would be right: it never is. Backup codes open meanwhile; in four minutes codes do."""
    member.sign_in()
    backup = CODE.findall(member.get("/admin/backup-codes"))[0]
    member.press("/admin/backup-codes", "/admin/backup-codes")
    member.client.delete_cookie("staff")
    member.give_password()
    answer = member.give_code(off_by(member, 8))
    assert answer.status_code == 422
    assert AHEAD in answer.text
    assert "count again in 4 minutes" in answer.text
    assert steps_ahead() in (7, 8)
    step = int(time.time()) // STEP
    with transaction():  # four minutes pass: the code that was told is the one of now
        db.rows("UPDATE staff SET last_totp_step = :step RETURNING id", step=step)
    totp = pyotp.TOTP(member.secret)
    assert PLAIN in member.give_code(totp.generate_otp(step)).text
    assert member.give_code(totp.generate_otp(step + 1)).status_code == 303
    member.client.delete_cookie("staff")
    member.give_password()
    assert member.give_code(off_by(member, 8)).status_code == 422
    assert member.give_code(backup).status_code == 303


@pytest.mark.parametrize("steps", [-7, 8])
def test_j11_such_codes_count_like_every_wrong_one(app, member, steps):
    """No try is free, whatever its answer: the sixth waits, and so does the right code."""
    member.give_password()
    assert [member.give_code(off_by(member, steps)).status_code for _ in range(6)] == [422] * 5 + [429]
    assert tries() == 5
    assert member.give_code().status_code == 429


@pytest.mark.parametrize("steps", [-23, 23])
def test_j11_a_code_of_more_than_ten_minutes_away_is_a_wrong_one(member, steps):
    member.give_password()
    for code in (off_by(member, steps), wrong_code(member)):
        answer = member.give_code(code)
        assert PLAIN in answer.text
    assert member.give_code().status_code == 303


@pytest.mark.parametrize("steps", [-7, 8])
def test_j11_a_first_authenticator_is_told_and_set_up_at_once(app, newcomer, steps):  # noqa: F811
    """Its secret is on the page, so nobody guesses: nothing is spent."""
    me = program(app)
    challenge = me.challenge(newcomer)
    newcomer.secret = secret_of(me.get(SETUP, challenge))
    answer = me.post(ENABLE, challenge, code=off_by(newcomer, steps))
    assert (answer.status_code, answer.json["code"]) == (422, "wrong_code")
    assert WORDS[steps] in answer.json["title"]
    assert "backup" not in answer.json["title"]
    assert me.post(ENABLE, challenge, code=newcomer.code()).status_code == 200


@pytest.mark.parametrize("steps", [-7, 8])
def test_j11_programs_are_told_too(app, member, steps):
    me = program(app)
    answer = me.post(VERIFY, me.challenge(member), code=off_by(member, steps))
    assert (answer.status_code, answer.json["code"]) == (422, "wrong_code")
    assert WORDS[steps] in answer.json["title"]
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
    me.sign_in(member)
    body = {"password": member.password, "code": off_by(member, steps)}
    for path in (CODES, f"{ENABLE.rpartition('/')[0]}/disable"):
        assert WORDS[steps] in me.post(path, **body).json["title"]
    assert WORDS[steps] in me.post(VERIFY, code=off_by(member, steps)).json["title"]


@pytest.mark.parametrize("steps", [-7, 8])
def test_j11_another_authenticator_is_told_and_not_spent(app, member, steps):
    me = program(app).sign_in(member)
    old, member.secret = member.secret, secret_of(me.get(SETUP))
    body = {"password": member.password}
    assert WORDS[steps] in me.post(ENABLE, **body, code=off_by(member, steps)).json["title"]
    assert steps_ahead() <= 1
    assert old != member.secret
    assert me.post(ENABLE, **body, code=off_by(member, 0)).status_code == 200


def test_j11_at_work_a_code_once_more_is_told_too(owner):
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = now() - interval '1 hour' RETURNING id")
    answer = owner.client.get("/admin/totp?again=1")
    assert answer.status_code == 200
    form = form_to(answer.text, "/admin/totp?again=1")
    assert BEHIND in owner.client.post(form.action, data=form.filled(code=off_by(owner, -7))).text


def test_j11_who_has_no_account_of_this_authenticator_learns_nothing(app, member):
    """Before the password nobody is asked for a code, and a session that is over is told nothing of one."""
    member.give_password()
    in_transaction(lambda: accounts.end_all_sessions(db.scalar("SELECT id FROM staff")))
    answer = member.client.post("/admin/totp", data={"code": off_by(member, -7)})
    assert answer.status_code in (303, 400)
    assert tries() == 0

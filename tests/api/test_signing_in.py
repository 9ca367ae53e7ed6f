"""Signing in for programs: access tokens, refresh tokens, and what ends them (SEC-01 to SEC-03, X1, X2, X4)."""

import base64
import json
import threading
import time
import uuid
from datetime import timedelta

import jwt
import pytest

from app.core import clock, db, tokens
from app.core.transaction import transaction
from app.web import limits
from app.web.limits import limiter
from tests.admin.test_signin import parallel, wrong_code
from tests.api.test_stock import CLEANUP, refused
from tests.changes import changes
from tests.program import LOGIN, LOGOUT, REFRESH, STATUS, VERIFY, Program, program
from tests.staff import hire


def change(sql, **values):
    with transaction():
        db.rows(f"{sql} RETURNING 1", **values)


def sessions(where="ended_at IS NULL AND passed_totp_at IS NOT NULL"):
    found = db.scalar(f"SELECT count(*) FROM staff_session WHERE {where}")
    db.release()
    return found


def forget_steps(member):
    """As if half a minute had passed: the code of now has not been used."""
    member.steps.clear()
    change("UPDATE staff SET last_totp_step = 0")


def test_password_then_code_then_tokens(app, member):
    me = program(app)
    answer = me.client.post(LOGIN, json={"email": member.email, "password": member.password})
    assert (answer.status_code, answer.json["next"], answer.json["expires_in"]) == (200, "verify-login", 900)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    answer = me.take(me.post(VERIFY, answer.json["challenge_token"], code=member.code()))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert len(me.refresh_token) >= 22
    assert me.get(CLEANUP).status_code == 200
    assert me.get("/api/health/detailed").status_code in (200, 503)


def test_a_program_needs_no_csrf_token_and_a_browser_does(app, member):
    me = program(app).sign_in(member)
    assert me.client.post(CLEANUP, headers={"Authorization": f"Bearer {me.access}"}).status_code == 200
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'stock.cleaned_up'") == 1
    forget_steps(member)
    member.sign_in()
    assert refused(member.client.post(CLEANUP), 400, "csrf")
    broken = {"Authorization": f"Bearer {me.access}x"}
    assert refused(member.client.post(CLEANUP, headers=broken), 401)


def test_a_bad_token_is_not_covered_by_a_good_cookie(app, member):
    """Whoever brings a token is nobody else: no mix of two identities."""
    member.sign_in()
    answer = member.client.get(CLEANUP, headers={"Authorization": "Bearer x.y.z"})
    assert refused(answer, 401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert member.client.get(CLEANUP).status_code == 200


def test_x4_a_challenge_opens_nothing(app, member):
    me = program(app)
    challenge = me.challenge(member)
    assert refused(me.get(CLEANUP, challenge), 403, "code_required")
    assert refused(me.post(CLEANUP, challenge), 403, "code_required")
    for path in ("status", "nothing-here"):
        assert refused(me.get(f"/api/v1/auth/2fa/{path}", challenge), 403, "code_required")
    for path in ("disable", "backup-codes"):
        answer = me.post(f"/api/v1/auth/2fa/{path}", challenge, password=member.password, code=member.code())
        assert refused(answer, 403, "code_required")
    assert refused(me.get("/api/v1/auth/2fa/setup", challenge), 403, "code_required")
    assert refused(me.refresh(challenge), 422)


def test_tokens_are_no_cookies_and_cookies_no_tokens(app, member):
    """What a program holds opens no page, what a browser holds no endpoint, and neither becomes the other."""
    me = program(app).sign_in(member)
    for token in (me.access, me.refresh_token):
        browser = app.test_client()
        browser.set_cookie("staff", token)
        assert browser.get("/admin/").location == "/admin/login"
        assert refused(browser.get(CLEANUP), 401)
    assert me.get("/admin/").location == "/admin/login"
    forget_steps(member)
    cookie = member.sign_in().client.get_cookie("staff").value
    assert refused(me.get(CLEANUP, cookie), 401)
    assert refused(me.refresh(cookie), 401, "session_over")
    assert refused(me.get(CLEANUP, me.refresh_token), 401)


def test_a_browser_between_password_and_code_gets_no_tokens(app, member, csrf):
    member.give_password()
    headers = {"X-CSRF-Token": csrf(member.client)}
    answer = member.client.post(VERIFY, json={"code": member.code()}, headers=headers)
    assert refused(answer, 401, "sign_in_required")
    assert sessions() == 0


def forger(app, member):
    """`forge(header, **claims)`: the good token of somebody at work, with this changed, signed with the shop's own key."""
    me = program(app).sign_in(member)
    good = jwt.decode(me.access, options={"verify_signature": False})

    def forge(header=None, key=None, algorithm="HS256", drop="", **claims):
        key_id, own = next(iter(tokens._keys.items()))
        body = {name: value for name, value in {**good, **claims}.items() if name != drop}
        head = {"kid": key_id, "typ": tokens.ACCESS, **(header or {})}
        return jwt.encode(body, own if key is None else key, algorithm=algorithm, headers=head)

    forge.me, forge.good = me, good
    return forge


@pytest.fixture
def forged(app, member):
    return forger(app, member)


def test_the_good_one_is_good(forged):
    assert forged.me.get(CLEANUP, forged()).status_code == 200


def test_a_token_may_name_a_programs_session_only(app, forged, member):
    """Should the key ever leak: a browser's session is not opened by a token."""
    forget_steps(member)
    member.sign_in()
    session = db.scalar("SELECT id FROM staff_session WHERE NOT is_program AND passed_totp_at IS NOT NULL")
    db.release()
    assert refused(forged.me.get(CLEANUP, forged(sid=str(session))), 401)


PAST, FUTURE = int(time.time()) - 3600, int(time.time()) + 3600


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "http://another.example"},
        {"aud": "http://localhost"},
        {"aud": ["http://another.example/api"]},
        {"exp": PAST},
        {"nbf": FUTURE},
        {"iat": FUTURE},
        {"exp": "tomorrow"},
        {"sub": "staff:nobody"},
        {"sub": "staff"},
        {"sub": 7},
        {"sub": f"staff:{uuid.UUID(int=1)}"},
        {"sub": f"customer:{uuid.UUID(int=2)}"},
        {"sid": str(uuid.UUID(int=3))},
        {"sid": None},
        {"sid": ["x"]},
        {"key": b"another key, long enough to be believed"},
        {"algorithm": "HS512"},
        {"algorithm": "none", "key": ""},
        {"header": {"kid": "00000000"}},
        {"header": {"kid": "../../dev/null"}},
        {"header": {"kid": "x' OR '1'='1"}},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": tokens.CHALLENGE}},
        *({"drop": name} for name in tokens.REQUIRED),
    ],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_whatever_is_not_just_right_is_nothing(forged, changed):
    assert refused(forged.me.get(CLEANUP, forged(**changed)), 401, "invalid_token")
    assert refused(forged.me.post(CLEANUP, forged(**changed)), 401)


def part(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def test_nonsense_in_every_shape_is_nothing(forged):
    """Key ids, algorithms and types that are no texts; parts that are no base64; what is far too long."""
    good = forged()
    head, body, mark = good.split(".")
    key_id = next(iter(tokens._keys))
    for header in (
        {"alg": "none", "kid": key_id, "typ": "at+jwt"},
        {"alg": "NONE", "kid": key_id, "typ": "at+jwt"},
        {"alg": "RS256", "kid": key_id, "typ": "at+jwt"},
        {"alg": "HS256", "kid": ["x"], "typ": "at+jwt"},
        {"alg": "HS256", "kid": {"x": 1}, "typ": "at+jwt"},
        {"alg": "HS256", "kid": None, "typ": "at+jwt"},
        {"alg": "HS256", "kid": key_id, "typ": 7},
        {"alg": "HS256", "kid": key_id, "typ": ["at+jwt"]},
        {"alg": "HS256", "kid": key_id, "typ": "at+jwt", "crit": ["x"]},
        {"alg": ["HS256"], "kid": key_id},
        {},
        [],
        "x",
    ):
        for signature in (mark, ""):
            assert refused(forged.me.get(CLEANUP, f"{part(header)}.{body}.{signature}"), 401), header
    for text in ("..", "a.b.c", f"{head}.{body}.", f"{head}..{mark}", f".{body}.{mark}", f"{good}.", "%00.%00.%00",
                 f"{head}.{part([])}.{mark}", f"{head}.{'A' * 5000}.{mark}", "\xff.\xff.\xff", "."):  # fmt: skip
        assert refused(forged.me.get(CLEANUP, text), 401), text
    for scheme in ("Basic", "bearer", "Bearer  ", "Bearer\t"):
        answer = forged.me.client.get(CLEANUP, headers={"Authorization": f"{scheme} {good}"})
        assert answer.status_code == (401 if scheme in ("Basic", "Bearer\t") else 200), scheme


def test_a_token_in_the_address_is_nothing(forged):
    """ASVS 49: it would stand in logs."""
    answer = forged.me.client.get(f"{CLEANUP}?access_token={forged()}&token={forged()}")
    assert refused(answer, 401)


def test_settings_say_how_long_for_whom_and_by_whom(make_app):
    app = make_app(JWT_ACCESS_MINUTES="5", JWT_ISSUER="https://id.shop.example", JWT_AUDIENCE="kedai")
    me = program(app).sign_in(hire(app))
    said = jwt.decode(me.access, options={"verify_signature": False})
    assert (said["iss"], said["aud"], said["exp"] - said["iat"]) == ("https://id.shop.example", "kedai", 300)
    assert me.told["expires_in"] == 300
    assert me.get(CLEANUP).status_code == 200


def test_a_token_of_another_secret_is_nothing(app, member, make_app):
    me = program(app).sign_in(member)
    other = make_app(SECRET_KEY="another secret, long enough to be believed", FIELD_KEY="")
    assert refused(Program(other.test_client(use_cookies=False)).get(CLEANUP, me.access), 401)


def test_refreshing_spends_the_token_and_keeps_the_session(app, member):
    me = program(app).sign_in(member)
    first, session, until = me.refresh_token, me.told["session_expires_at"], sessions()
    me.take(me.refresh())
    assert me.refresh_token != first
    assert (me.told["session_expires_at"], sessions()) == (session, until == 1 and 1)
    assert me.get(CLEANUP).status_code == 200
    me.take(me.refresh())
    stored = str(db.rows("SELECT token_hash FROM staff_session")) + str(db.rows("SELECT * FROM staff_spent_token"))
    db.release()
    assert me.refresh_token not in stored
    assert first not in stored


def make_spent_old():
    change("UPDATE staff_spent_token SET spent_at = spent_at - interval '11 seconds'")


def test_a_spent_token_ends_the_session_of_both(app, member, drain):
    """Whoever comes second, thief or owner: both are out, at once, and the owner hears of it."""
    me = program(app).sign_in(member)
    stolen = me.refresh_token
    me.take(me.refresh())
    make_spent_old()
    assert refused(me.refresh(stolen), 401, "session_over")
    assert refused(me.get(CLEANUP), 401)
    assert refused(me.refresh(), 401, "session_over")
    assert sessions() == 0
    assert db.rows("SELECT kind FROM staff_alert") == [("stolen_token",)]
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'staff.token_reused'") == 1
    db.release()
    assert refused(me.refresh(stolen), 401)
    assert db.scalar("SELECT count(*) FROM staff_alert") == 1
    db.release()
    assert drain() >= 1
    assert db.scalar("SELECT count(*) FROM mail_message WHERE template = 'staff_alert'") == 1


def test_an_answer_that_was_lost_is_given_again_for_some_seconds(app, member):
    me = program(app).sign_in(member)
    lost = me.refresh_token
    once = me.refresh().json["refresh_token"]
    assert me.refresh().json["refresh_token"] == once
    me.take(me.refresh(once))  # it is used now: nobody gets it again
    assert refused(me.refresh(lost), 401)
    assert sessions() == 0


NEW_KEY = "another secret, long enough to be believed"


def rotating(make_app, *secrets):
    """A process that knows these secrets; what is stored hangs on a key of its own."""
    first, second = secrets
    return make_app(SECRET_KEY=first, SECRET_KEY_FALLBACKS=second, FIELD_KEY="the tests' own key of stored values")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_answer_that_was_lost_is_given_again_while_the_key_changes(make_app, environment, order):
    """Renewed at a process that has one key first, asked again at one that has the other: no thief, and the same token."""
    secrets = [environment["SECRET_KEY"], NEW_KEY]
    first, second = (secrets[place] for place in order)
    app = rotating(make_app, first, second)
    me = program(app).sign_in(hire(app))
    lost = me.refresh_token
    once = me.refresh().json["refresh_token"]
    me.client = rotating(make_app, second, first).test_client(use_cookies=False)
    assert me.refresh(lost).json["refresh_token"] == once
    make_spent_old()
    assert refused(me.refresh(lost), 401, "session_over")
    assert sessions() == 0


@pytest.fixture
def limited(make_app, monkeypatch):
    """The shop with its limits on: five failures a minute."""
    monkeypatch.setattr(limits, "FAILURES", 5)
    yield make_app(RATE_LIMIT_ENABLED="true")
    limiter.enabled = False
    limits._counts.clear()


def test_a_token_that_has_run_out_is_no_try_at_guessing(limited):
    """Thirty programs behind one address that wake up in the morning are told to renew, each of them."""
    forge = forger(limited, hire(limited))
    late = forge(exp=PAST)
    assert [forge.me.get(CLEANUP, late).status_code for _ in range(12)] == [401] * 12
    guessed = forge(exp=PAST, key=b"another key, long enough to be believed")
    assert [forge.me.get(CLEANUP, guessed).status_code for _ in range(7)] == [401] * 5 + [429] * 2
    assert forge.me.get(CLEANUP, late).status_code == 401
    assert forge.me.get(CLEANUP).status_code == 200


def test_each_person_has_their_own_hundred_a_minute(limited):
    """SEC-26, from one address: by the person and not by the token; a challenge uses up nothing of it."""
    siti, mei = (hire(limited, email) for email in ("siti@example.com", "mei@example.com"))
    first, again, other = (program(limited) for _ in range(3))
    for me, member in ((first, siti), (again, siti), (other, mei)):
        forget_steps(member)
        me.sign_in(member)
    thief = program(limited)
    challenge = thief.challenge(siti)
    answers = [thief.get("/api/v1/auth/2fa/setup", challenge).status_code for _ in range(90)]
    assert set(answers) == {403}
    assert [me.get(CLEANUP).status_code for me in (first, again) * 50] == [200] * 100
    assert [me.get(CLEANUP).status_code for me in (first, again)] == [429] * 2
    assert other.get(CLEANUP).status_code == 200


def test_twenty_at_once_get_the_same_token(app, member):
    me = program(app).sign_in(member)
    ready = [app.test_client(use_cookies=False) for _ in range(20)]
    answers = parallel(ready, lambda client: client.post(REFRESH, json={"refresh_token": me.refresh_token}))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert db.scalar("SELECT count(*) FROM staff_spent_token") == 1


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE staff SET is_active = false",
        "UPDATE staff_session SET expires_at = now() - interval '1 second'",
        "UPDATE staff_session SET last_seen_at = now() - interval '31 minutes'",
        "UPDATE staff_session SET ended_at = now()",
        "UPDATE staff_session SET passed_totp_at = NULL",
    ],
)
def test_what_ends_a_session_ends_its_tokens_at_once(app, member, end):
    me = program(app).sign_in(member)
    change(end)
    assert refused(me.get(CLEANUP), 401)
    assert refused(me.refresh(), 401, "session_over")
    assert db.scalar("SELECT count(*) FROM staff_spent_token") == 0


def test_refreshing_slides_the_half_hour_and_lengthens_no_day(app, member):
    """X8 and ASVS 41."""
    me = program(app).sign_in(member)
    until = me.told["session_expires_at"]
    change("UPDATE staff_session SET last_seen_at = now() - interval '29 minutes'")
    me.take(me.refresh())
    change("UPDATE staff_session SET last_seen_at = last_seen_at - interval '29 minutes'")
    assert me.get(CLEANUP).status_code == 200
    assert me.told["session_expires_at"] == until


def test_signing_out_ends_it_also_with_an_old_token_and_twice(app, member):
    me = program(app).sign_in(member)
    first = me.refresh_token
    me.take(me.refresh())
    for token in (first, me.refresh_token, "nonsense"):
        answer = me.client.post(LOGOUT, json={"refresh_token": token})
        assert (answer.status_code, answer.json) == (200, {"signed_out": True})
        assert refused(me.get(CLEANUP), 401)
    assert sessions() == 0


def test_a_program_stands_among_the_sessions_and_is_signed_out_there(app, member):
    me = program(app).sign_in(member)
    forget_steps(member)
    member.sign_in()
    change("UPDATE staff SET backup_codes_saved_at = now()")
    page = member.get("/admin/profile")
    assert "Program" in page
    session = db.scalar("SELECT id FROM staff_session WHERE is_program AND passed_totp_at IS NOT NULL")
    db.release()
    member.press("/admin/profile", f"/admin/profile/sessions/{session}/end")
    assert refused(me.get(CLEANUP), 401)


def test_a_new_password_and_a_lost_right_count_at_once(app, member):
    me = program(app).sign_in(member)
    change("UPDATE staff SET role = 'agent'")
    assert refused(me.get(CLEANUP), 403, "forbidden")
    change("UPDATE staff SET role = 'owner', backup_codes_saved_at = now()")
    assert me.get(CLEANUP).status_code == 200
    forget_steps(member)
    new = "Batik-and-canting-7"
    member.sign_in().press("/admin/profile", "/admin/profile/password", current=member.password, new=new, again=new)
    assert refused(me.get(CLEANUP), 401)
    assert refused(me.refresh(), 401)


def test_wrong_passwords_count_together_at_both_doors(app, member):
    me = program(app)
    body = {"email": member.email, "password": "no such password"}
    assert [me.client.post(LOGIN, json=body).status_code for _ in range(3)] == [401] * 3
    assert [member.give_password(password="x").status_code for _ in range(2)] == [422] * 2
    answer = me.client.post(LOGIN, json={**body, "password": member.password})
    assert refused(answer, 429, "too_many_tries")
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert member.give_password().status_code == 429
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'staff.sign_in_blocked'") == 1


def test_wrong_codes_count_together_at_both_doors(app, member):
    me, wrong = program(app), wrong_code(member)
    assert [me.post(VERIFY, me.challenge(member), code=wrong).status_code for _ in range(3)] == [422] * 3
    member.give_password()
    assert [member.give_code(wrong).status_code for _ in range(2)] == [422] * 2
    assert refused(me.post(VERIFY, me.challenge(member), code=member.code()), 429, "too_many_tries")
    assert member.give_code().status_code == 429
    assert sessions() == 0


def test_x1_a_code_works_once_whichever_door(app, member):
    me = program(app)
    code = member.code()
    member.give_password()
    assert member.give_code(code).status_code == 303
    assert refused(me.post(VERIFY, me.challenge(member), code=code), 422, "wrong_code")
    code = member.code()
    me.take(me.post(VERIFY, me.challenge(member), code=code))
    member.client = app.test_client()
    member.give_password()
    assert member.give_code(code).status_code == 422


def test_x1_twenty_programs_and_one_code(app, member):
    ready = [(me := program(app), me.challenge(member)) for _ in range(20)]
    code = member.code()
    answers = parallel(ready, lambda each: each[0].post(VERIFY, each[1], code=code).status_code)
    assert answers.count(200) == 1
    assert set(answers) <= {200, 422, 429}
    assert sessions() == 1


def test_a_challenge_is_worth_nothing_once_it_was_used(app, member):
    me = program(app)
    challenge = me.challenge(member)
    me.take(me.post(VERIFY, challenge, code=member.code()))
    assert refused(me.post(VERIFY, challenge, code=member.code()), 401, "invalid_token")
    assert sessions() == 1


def test_unknown_addresses_answer_like_wrong_passwords(app, member):
    """X11."""
    client, seen = program(app).client, []
    for email in (member.email, "nobody@example.com"):
        answer = client.post(LOGIN, json={"email": email, "password": "no such password"})
        assert refused(answer, 401, "wrong_credentials")
        seen.append({name: value for name, value in answer.json.items() if name != "request_id"})
    assert seen[0] == seen[1]


def test_bad_input_is_refused_in_words(app, member):
    client = program(app).client
    for body in ({}, {"email": member.email}, {"email": 7, "password": "x"}, {"email": None, "password": None}):
        assert refused(client.post(LOGIN, json=body), 422, "credentials_missing"), body
    for body in ([], "x", 7):
        assert refused(client.post(LOGIN, json=body), 422, "no_object"), body
    for email, password in ((member.email, ""), ("", "x"), ("a\nb@example.com", "x"), (member.email, "x" * 1001)):
        assert refused(client.post(LOGIN, json={"email": email, "password": password}), 401, "wrong_credentials")
    for body in ({}, {"refresh_token": 7}, {"refresh_token": "x" * 101}, {"refresh_token": ""}):
        assert refused(client.post(REFRESH, json=body), 422, "token_missing"), body
        assert refused(client.post(LOGOUT, json=body), 422, "token_missing"), body
    assert refused(client.post(LOGIN, data=b"{", content_type="application/json"), 400)
    assert refused(client.post(REFRESH, data={"refresh_token": "x"}), 415)
    assert refused(client.post(REFRESH, json={"refresh_token": "x\0"}), 401)


def test_only_the_networks_of_the_list_are_let_in(make_app):
    """SEC-43, at each door."""
    app = make_app(ADMIN_IP_ALLOW="203.0.113.0/24")
    member, me = hire(app), program(app)
    me.client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    challenge = me.challenge(member)
    me.sign_in(member)
    me.client.environ_base["REMOTE_ADDR"] = "198.51.100.1"
    body = {"email": member.email, "password": member.password}
    assert refused(me.client.post(LOGIN, json=body), 403, "forbidden")
    assert refused(me.post(VERIFY, challenge, code=member.code()), 401)
    assert refused(me.get(CLEANUP), 401)
    assert refused(me.refresh(), 401)
    me.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert me.get(CLEANUP).status_code == 200
    me.take(me.refresh())


def test_so_many_places_and_no_more(make_app):
    """SEC-10: browsers and programs together."""
    app = make_app(STAFF_MAX_SESSIONS="2")
    member = hire(app).sign_in()
    first = program(app)
    forget_steps(member)
    first.sign_in(member)
    forget_steps(member)
    second = program(app)
    challenge, code = second.challenge(member), member.code()
    answer = second.post(VERIFY, challenge, code=code)
    assert refused(answer, 409, "too_many_sessions")
    assert answer.json["most"] == 2
    second.take(second.post(VERIFY, challenge, code=code, end_others=True))
    assert refused(first.get(CLEANUP), 401)
    assert member.client.get("/admin/").location == "/admin/login"
    assert sessions() == 1


def test_a_new_place_is_told_and_the_log_knows(app, member):
    member.sign_in()
    forget_steps(member)
    me = program(app)
    me.client.environ_base.update(REMOTE_ADDR="198.51.100.77", HTTP_USER_AGENT="stocktaker/1.0")
    me.sign_in(member)
    assert {row[0] for row in db.rows("SELECT kind FROM staff_alert")} == {"new_place", "pace"}
    assert db.scalar("SELECT count(*) FROM login_attempt WHERE agent = 'stocktaker/1.0' AND was_right") == 2


REFUND = "/api/payments/refund"


def test_a_code_once_more_for_what_moves_money(app, member):
    """Only tokens made after it are fresh: whoever copied an earlier one shares nothing."""
    me = program(app).sign_in(member)
    asks = {"payment": "nothing", "amount": 100}
    assert refused(me.post(REFUND, **asks), 404)
    change("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes'")
    assert refused(me.post(REFUND, **asks), 403, "sign_in_again")
    assert me.get(STATUS).json["is_fresh"] is False
    me.take(me.refresh())
    assert refused(me.post(REFUND, **asks), 403, "sign_in_again")
    assert refused(me.post(VERIFY, code=wrong_code(member)), 422, "wrong_code")
    copied, spent = old_copy(me), me.refresh_token
    me.take(me.post(VERIFY, code=member.code()))
    assert refused(me.post(REFUND, **asks), 404)
    assert refused(me.post(REFUND, copied, **asks), 403, "sign_in_again")
    assert me.get(CLEANUP, copied).status_code == 200
    me.take(me.refresh(spent))  # the answer with the new ones might have been lost
    make_spent_old()
    assert refused(me.refresh(spent), 401)
    assert sessions() == 0


def old_copy(me):
    """An access token of this session that is a minute old."""
    said = jwt.decode(me.access, options={"verify_signature": False})
    key_id, key = next(iter(tokens._keys.items()))
    then = clock.now() - timedelta(minutes=1)
    return jwt.encode({**said, "iat": then, "nbf": then}, key, headers={"kid": key_id, "typ": tokens.ACCESS})


def test_nothing_secret_stands_in_the_log(app, member, caplog):
    """X20."""
    caplog.set_level("DEBUG")
    me = program(app).sign_in(member)
    first = me.refresh_token
    me.take(me.refresh())
    make_spent_old()
    me.refresh(first)
    said = "\n".join(str(record.__dict__) for record in caplog.records)
    for secret in (member.password, member.secret, first, me.refresh_token, me.access):
        assert secret not in said


def test_sign_outs_and_renewals_at_once_leave_nothing_alive(app, member):
    """Whichever comes first: after a sign-out no renewal brings the session back."""
    me = program(app).sign_in(member)
    body = {"refresh_token": me.refresh_token}
    threads = [
        threading.Thread(target=lambda path=path: app.test_client(use_cookies=False).post(path, json=body))
        for path in (REFRESH, LOGOUT) * 5
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sessions() == 0
    assert refused(me.get(CLEANUP), 401)
    assert changes("staff.left") == [(None, None)]

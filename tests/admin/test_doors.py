"""The door of the back office: a code once more, how many sessions, from which networks, the limits under attack, the log."""

import re
import threading

import pytest

from app.accounts.queries import telling
from app.core import db
from app.core.transaction import transaction
from tests.admin.test_signin import cookie_of, parallel, wrong_code
from tests.staff import StaffMember, hire
from tools.webforms import form_to, heading_of


def make_old(minutes=16):
    with transaction():
        db.rows(
            "UPDATE staff_session SET passed_totp_at = passed_totp_at - make_interval(mins => :m) RETURNING id",
            m=minutes,
        )


def codes_saved():
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")


def again(member, path, code=None):
    """The page that asks for a code once more, and its answer."""
    answer = member.client.get(path)
    assert (answer.status_code, answer.location) == (303, f"/admin/totp?again=1&next={path}")
    form = form_to(member.get(answer.location), "/admin/totp")
    return member.client.post(form.action, data=form.filled(code=code or member.code()))


def test_a_code_once_more_opens_what_moves_money_and_changes_the_session(app, owner):
    codes_saved()
    assert owner.client.get("/admin/gift-cards/new").status_code == 200  # just signed in
    make_old()
    before = cookie_of(owner.client)
    page = owner.get("/admin/totp?again=1&next=/admin/gift-cards/new")
    assert "moves money or opens secrets" in page
    answer = again(owner, "/admin/gift-cards/new")
    assert (answer.status_code, answer.location) == (303, "/admin/gift-cards/new")
    assert owner.client.get("/admin/gift-cards/new").status_code == 200
    copy = app.test_client()
    copy.set_cookie("staff", before)
    assert copy.get("/admin/").location == "/admin/login"
    assert db.scalar("SELECT count(*) FROM staff_session WHERE ended_at IS NULL") == 1


def test_a_code_once_more_lengthens_no_life(owner):
    """ASVS 41: twelve hours stay twelve hours."""
    codes_saved()
    before = db.scalar("SELECT expires_at FROM staff_session WHERE passed_totp_at IS NOT NULL")
    db.release()
    make_old()
    again(owner, "/admin/gift-cards/new")
    assert db.scalar("SELECT expires_at FROM staff_session WHERE passed_totp_at IS NOT NULL") == before


def test_wrong_codes_there_are_counted_and_end_no_session(owner):
    codes_saved()
    make_old()
    answers = [again(owner, "/admin/gift-cards/new", wrong_code(owner)).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert again(owner, "/admin/gift-cards/new").status_code == 429
    assert owner.client.get("/admin/orders").status_code == 200
    assert owner.client.get("/admin/gift-cards/new").status_code == 303


def test_the_code_that_signed_in_confirms_nothing(app, member):
    """X1 again: who watched it being typed has a quarter of an hour less."""
    codes_saved()
    code = member.code()
    member.give_password()
    member.give_code(code)
    make_old()
    assert again(member, "/admin/gift-cards/new", code).status_code == 422


def test_what_a_form_wanted_is_asked_for_where_it_stood(owner):
    codes_saved()
    csrf = form_to(owner.get("/admin/profile"), "/admin/profile/password").fields["csrf_token"]
    make_old()
    answer = owner.client.post("/admin/profile/password", data={"csrf_token": csrf})
    assert answer.location == "/admin/totp?again=1&next=/admin/profile"
    headers = {"Referer": "http://localhost/admin/payments?x=1"}
    path = "/admin/payments/refunds/0192f5a0-7c3e-7000-8000-000000000000/retry"
    answer = owner.client.post(path, data={"csrf_token": csrf}, headers=headers)
    assert answer.location == "/admin/totp?again=1&next=/admin/payments%3Fx%3D1"
    headers = {"Referer": "http://evil.example/admin/payments"}
    assert owner.client.post(path, data={"csrf_token": csrf}, headers=headers).location.endswith("next=/admin/")
    answer = owner.client.post(path, data={"csrf_token": csrf}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"].startswith("/admin/totp?again=1")) == (403, True)


@pytest.fixture
def two_places(make_app):
    """Somebody signed in in as many places as there may be: two."""
    app = make_app(STAFF_MAX_SESSIONS="2")
    first = hire(app).sign_in()
    codes_saved()
    return app, first, elsewhere(app, first).sign_in()


def elsewhere(app, member):
    """The same person at another browser; no code was used there yet."""
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
    return StaffMember(app.test_client(), member.email, member.password, member.secret)


def test_a_session_too_many_is_refused_and_ends_none(two_places):
    app, first, second = two_places
    third = elsewhere(app, first)
    third.give_password()
    answer = third.give_code()
    assert (answer.status_code, "You are signed in in 2 places" in answer.text) == (409, True)
    assert [each.client.get("/admin/").status_code for each in (first, second, third)] == [200, 200, 303]
    form = form_to(answer.text, "/admin/totp")
    assert form.fields["end_others"] == "1"
    assert third.client.post(form.action, data=form.filled(code=wrong_code(third))).status_code == 422
    assert first.client.get("/admin/").status_code == 200  # a wrong code ends nothing
    third.steps.clear()
    assert third.client.post(form.action, data=form.filled(code=third.code())).status_code == 303
    assert [each.client.get("/admin/").status_code for each in (first, second, third)] == [303, 303, 200]


def test_half_signed_in_sessions_and_old_ones_do_not_count(two_places):
    app, first, second = two_places
    for _ in range(5):
        elsewhere(app, first).give_password()
    assert [each.client.get("/admin/").status_code for each in (first, second)] == [200, 200]
    with transaction():
        db.rows("UPDATE staff_session SET last_seen_at = last_seen_at - interval '31 minutes' RETURNING id")
    assert elsewhere(app, first).sign_in().client.get("/admin/").status_code == 200


def test_twenty_wrong_passwords_at_once_are_five_tries(app, member):
    """ASVS 33: from twenty browsers and addresses at the same moment."""
    ready = []
    for number in range(20):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"203.0.113.{number}"
        ready.append((client, form_to(client.get("/admin/login").text, "/admin/login")))
    typed = {"email": member.email, "password": "no such password"}
    answers = parallel(ready, lambda each: each[0].post("/admin/login", data=each[1].filled(**typed)).status_code)
    assert (answers.count(422), answers.count(429)) == (5, 15)
    assert member.give_password().status_code == 429
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'staff.sign_in_blocked'") == 1


def test_twenty_wrong_codes_at_once_are_five_tries(app, member):
    """G7: whatever the session or the address; and whoever is at work stays there."""
    member.sign_in()
    codes_saved()
    ready = []
    for number in range(20):
        other = StaffMember(app.test_client(), member.email, member.password, member.secret)
        other.client.environ_base["REMOTE_ADDR"] = f"203.0.113.{number}"
        other.give_password()
        ready.append((other.client, form_to(other.get("/admin/totp"), "/admin/totp")))
    code = wrong_code(member)
    answers = parallel(ready, lambda each: each[0].post("/admin/totp", data=each[1].filled(code=code)).status_code)
    assert (answers.count(422), answers.count(429)) == (5, 15)
    assert member.client.get("/admin/").status_code == 200


def test_an_invitation_used_by_twenty_at_once_is_one_account(app, owner):
    """Single use, also in parallel."""
    form = form_to(owner.get("/admin/staff/invite"), "/admin/staff/invite")
    owner.client.post(form.action, data=form.filled(email="aina@example.com", role="agent"))
    token = telling.mail_invitation(db.scalar("SELECT id FROM staff_invitation"), 1).token
    db.release()
    link, ready = f"/admin/invitation/{token}", []
    for _ in range(20):
        client = app.test_client()
        ready.append((client, form_to(client.get(link).text, link)))
    typed = {"password": "Batik-and-canting-7", "again": "Batik-and-canting-7"}
    answers = parallel(ready, lambda each: each[0].post(link, data=each[1].filled(**typed)).status_code)
    assert (answers.count(303), answers.count(410)) == (1, 19)
    assert db.scalar("SELECT count(*) FROM staff") == 2


def test_only_the_networks_of_the_list_are_let_in(make_app):
    """SEC-43: pages and staff's JSON; the shop itself is open to all."""
    app = make_app(ADMIN_IP_ALLOW="203.0.113.0/24, 2001:db8::/32")
    member = hire(app)
    member.client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    member.sign_in()
    codes_saved()
    for inside in ("203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9"):
        member.client.environ_base["REMOTE_ADDR"] = inside
        assert member.client.get("/admin/").status_code == 200, inside
        assert member.client.get("/api/cron/stock-cleanup").status_code == 200, inside
    for outside in ("198.51.100.1", "2001:db9::1", "127.0.0.1", "", "nonsense"):
        member.client.environ_base["REMOTE_ADDR"] = outside
        for path in ("/admin/", "/admin/login", "/admin/no-such-page", "/admin/invitation/x"):
            answer = member.client.get(path)
            assert (answer.status_code, heading_of(answer.text)) == (403, "This page is not open to you")
            assert "siti" not in answer.text
        assert member.client.post("/admin/login", data={"email": member.email}).status_code == 403
        assert member.client.get("/api/cron/stock-cleanup").status_code == 401
        assert member.client.get("/about").status_code == 200


def test_the_log_of_sign_ins_tells_who_when_and_from_where(app, owner):
    stranger = app.test_client()
    stranger.environ_base.update(REMOTE_ADDR="198.51.100.77", HTTP_USER_AGENT="curl/8")
    form = form_to(stranger.get("/admin/login").text, "/admin/login")
    stranger.post("/admin/login", data=form.filled(email="nobody@example.com", password="x"))
    stranger.post("/admin/login", data=form.filled(email=owner.email, password="x"))
    page = owner.get("/admin/activity/sign-ins")
    for words in ("Nobody who works here", "Password wrong", "Code right: signed in", "198.51.100.…", owner.email):
        assert words in page
    assert "198.51.100.77" not in page
    assert "nobody@example.com" not in page
    assert rows_in(owner.get("/admin/activity/sign-ins?show=wrong")) == 2
    assert rows_in(owner.get("/admin/activity/sign-ins?address=198.51.100.77")) == 2
    assert "Nobody has tried" in owner.get("/admin/activity/sign-ins?address=198.51.100.78")
    staff_id = db.scalar("SELECT id FROM staff")
    db.release()
    assert rows_in(owner.get(f"/admin/activity/sign-ins?person={staff_id}")) == 3
    assert owner.get("/admin/activity/sign-ins?person=x&before=y_z&address=%27")
    stored = str(db.rows("SELECT address, agent FROM login_attempt"))
    assert "198.51.100.77" not in stored


def rows_in(page):
    return page.count("<tr>") - 1


def test_the_log_goes_on_by_key_with_the_same_few_queries(owner, count_queries):
    few = count_queries(lambda: owner.get("/admin/activity/sign-ins"))
    with transaction():
        db.rows(
            "INSERT INTO login_attempt (id, account_index, kind, was_right, created_at)"
            " SELECT uuidv7(), account_index, kind, false, created_at - make_interval(secs => n)"
            " FROM (SELECT * FROM login_attempt LIMIT 1) one, generate_series(1, 118) n RETURNING id"
        )
    assert count_queries(lambda: owner.get("/admin/activity/sign-ins")) == few <= 10
    pages, path = 0, "/admin/activity/sign-ins"
    while path:
        page = owner.get(path)
        pages += 1
        found = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert pages == 3


def test_the_limits_hold_while_two_people_try_at_once(app, member):
    """One account's wait is not another's."""
    other = hire(app, "mei@example.com", role="agent")
    for _ in range(5):
        member.give_password(password="x")
    threads = [threading.Thread(target=member.give_password), threading.Thread(target=other.give_password)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert member.client.get("/admin/totp").location.startswith("/admin/login")
    assert other.give_code().status_code == 303

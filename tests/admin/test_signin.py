"""Signing in to the back office: FAULTS X1 to X5 and X8, ASVS 31 to 43."""

import re
import threading
import time

import pyotp
import pytest
from argon2 import PasswordHasher

from app.accounts import actions as accounts
from app.accounts import flows, queries
from app.core import db, passwords
from app.core.transaction import in_transaction, is_open, transaction
from tests.staff import STEP, hire
from tools.webforms import form_to, heading_of

CODE = re.compile(r"<code>((?:\d{4} ){3}\d{4})</code>")


def cookie_of(client, name="staff"):
    found = client.get_cookie(name)
    return found.value if found else None


def wrong_code(member):
    """Six digits that no step has which a clock could show that is ten minutes off."""
    now = int(time.time()) // STEP
    right = {pyotp.TOTP(member.secret).generate_otp(now + n) for n in range(-22, 23)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444") if code not in right)


def test_password_then_code_opens_the_back_office(member):
    answer = member.give_password()
    assert (answer.status_code, answer.location) == (303, "/admin/totp")
    page = member.get("/admin/totp")
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    answer = member.give_code()
    assert (answer.status_code, answer.location) == (303, "/admin/backup-codes")
    assert heading_of(member.get("/admin/")) == "Overview"


def test_x4_nothing_is_open_between_password_and_code(member):
    """X4: no page and no endpoint for staff answers 200 to somebody who knows the password only."""
    member.give_password()
    for path in ("/admin/", "/admin/orders", "/admin/stock-locks", "/admin/backup-codes", "/admin/no-such-page"):
        answer = member.client.get(path)
        assert (answer.status_code, answer.location) == (303, "/admin/totp"), path
    assert member.client.get("/api/cron/stock-cleanup").status_code == 403


def test_x1_a_code_works_once(app, member):
    """X1: the same code again, in the same step, by whoever saw it typed."""
    member.give_password()
    code = member.code()
    assert member.give_code(code).status_code == 303
    thief = hire(app, "other@example.com")
    thief.client, thief.email, thief.password = app.test_client(), member.email, member.password
    thief.give_password()
    answer = thief.give_code(code)
    assert answer.status_code == 422
    assert "used before" in answer.text
    assert thief.client.get("/admin/").location == "/admin/totp"


def parallel(clients, send):
    """Let every client post at the same moment; returns the answers."""
    barrier, answers = threading.Barrier(len(clients)), []

    def run(client):
        barrier.wait()
        answers.append(send(client))
        db.forget()

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def ready_to_type(app, member, count):
    """So many browsers of one person, each at the page for the code, with its form."""
    ready = []
    for _ in range(count):
        member.client = app.test_client()
        assert member.give_password().status_code == 303
        ready.append((member.client, form_to(member.get("/admin/totp"), "/admin/totp")))
    return ready


def test_x1_twenty_submissions_of_one_code_are_one_sign_in(app, member):
    """X1: over real connections, from twenty sessions at the same moment."""
    ready = ready_to_type(app, member, 20)
    code = member.code()
    answers = parallel(ready, lambda each: each[0].post("/admin/totp", data=each[1].filled(code=code)).status_code)
    assert answers.count(303) == 1
    assert set(answers) <= {303, 422, 429}
    assert sum(client.get("/admin/").status_code == 200 for client, _form in ready) == 1
    assert db.scalar("SELECT count(*) FROM staff_session WHERE passed_totp_at IS NOT NULL") == 1


def test_x3_twenty_submissions_of_one_backup_code_are_one_sign_in(app, member, drain):
    """X3: spent by a conditional UPDATE."""
    member.sign_in()
    code = CODE.findall(member.get("/admin/backup-codes"))[0]
    member.press("/admin/backup-codes", "/admin/backup-codes")
    ready = ready_to_type(app, member, 20)
    answers = parallel(ready, lambda each: each[0].post("/admin/totp", data=each[1].filled(code=code)).status_code)
    assert answers.count(303) == 1
    assert db.scalar("SELECT count(*) FROM staff_backup_code WHERE used_at IS NOT NULL") == 1


def test_x2_the_sixth_wrong_code_waits_whatever_the_session(app, member):
    """X2: counted per account in the database, so a new session or another address does not start again."""
    for _ in range(5):
        member.client = app.test_client()
        member.give_password()
        assert member.give_code(wrong_code(member)).status_code == 422
    member.client = app.test_client()
    member.give_password()
    answer = member.give_code()
    assert answer.status_code == 429
    assert "15 minutes" in answer.text
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'staff.sign_in_blocked'") == 1


def test_x2_somebody_at_work_is_not_thrown_out_and_the_wait_ends(app, member):
    member.sign_in()
    at_work = member.client
    for _ in range(6):
        member.client = app.test_client()
        member.give_password()
        member.give_code(wrong_code(member))
    assert at_work.get("/admin/").status_code == 200
    with transaction():
        db.rows("UPDATE login_attempt SET created_at = created_at - interval '15 minutes' RETURNING id")
    assert member.give_code().status_code == 303


def test_a_replayed_code_counts_as_a_try(app, member):
    member.give_password()
    code = member.code()
    member.give_code(code)
    member.client = app.test_client()
    member.give_password()
    assert [member.give_code(code).status_code for _ in range(6)] == [422] * 5 + [429]


def test_a_hundred_wrong_passwords_are_throttled_and_the_owner_comes_back(member):
    """ASVS 33: tries are limited per account, and the limit ends by itself."""
    for _ in range(5):
        assert member.give_password(password="no such password").status_code == 422
    assert member.give_password().status_code == 429
    assert db.scalar("SELECT count(*) FROM login_attempt") == 5
    with transaction():
        db.rows("UPDATE login_attempt SET created_at = created_at - interval '15 minutes' RETURNING id")
    assert member.give_password().status_code == 303


def test_x11_an_unknown_account_answers_like_a_wrong_password(app, member):
    """X11: same status, same words, and the same limit."""
    known = member.give_password(password="no such password")
    unknown = member.give_password(email="nobody@example.com", password="no such password")
    strip = lambda answer: re.sub(r'value="[^"]*"|nonce="[^"]*"|content="[^"]*"', "", answer.text)  # noqa: E731
    assert (known.status_code, strip(known)) == (unknown.status_code, strip(unknown))
    codes = [member.give_password(email="nobody@example.com", password="x").status_code for _ in range(5)]
    assert codes == [422] * 4 + [429]


def test_x5_the_session_changes_at_password_and_at_code(app, member):
    """X5: what was seen before a step is worth nothing after it."""
    member.give_password()
    half = cookie_of(member.client)
    member.give_code()
    whole = cookie_of(member.client)
    assert half != whole
    assert len(whole) >= 22
    stale = app.test_client()
    stale.set_cookie("staff", half)
    assert (
        stale.get("/admin/totp").location == "/admin/login?next=/admin/totp"
        or stale.get("/admin/totp").location == "/admin/login"
    )
    assert member.client.get("/admin/").status_code == 200


def test_x5_after_signing_out_the_old_cookie_is_dead(app, owner):
    token = cookie_of(owner.client)
    form = form_to(owner.get("/admin/"), "/admin/logout")
    assert owner.client.post("/admin/logout", data=form.filled()).location == "/admin/login"
    assert cookie_of(owner.client) is None
    copy = app.test_client()
    copy.set_cookie("staff", token)
    assert copy.get("/admin/").location == "/admin/login"
    entry = db.rows("SELECT actor, object_id FROM audit_entry WHERE action = 'staff.left'")
    staff_id = db.scalar("SELECT id FROM staff")
    assert [tuple(row) for row in entry] == [(f"staff:{staff_id}", str(staff_id))]


def test_who_gave_the_password_only_was_not_in_and_leaves_nothing(app, member):
    member.give_password()
    form = form_to(member.get("/admin/totp"), "/admin/logout")
    assert member.client.post("/admin/logout", data=form.filled()).location == "/admin/login"
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'staff.left'") == 0


def test_x5_a_cookie_brought_along_is_never_adopted(app, member):
    member.client.set_cookie("staff", "chosen-by-somebody-else")
    member.give_password()
    assert cookie_of(member.client) != "chosen-by-somebody-else"


def test_the_cookie_is_strict_and_the_table_keeps_its_hash_only(member):
    header = member.give_password().headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Strict" in header
    assert "Path=/" in header
    token = cookie_of(member.client)
    assert token.encode() not in bytes(db.scalar("SELECT token_hash FROM staff_session"))


def test_over_https_the_cookie_belongs_to_this_host_alone(make_app):
    app = make_app(BASE_URL="https://localhost")
    member = hire(app)
    member.client = app.test_client()
    options = {"base_url": "https://localhost"}
    form = form_to(member.client.get("/admin/login", **options).text, "/admin/login")
    answer = member.client.post(
        "/admin/login", data=form.filled(email=member.email, password=member.password), **options
    )
    [header] = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("__Host-staff=")]
    assert "Secure" in header
    assert "Domain" not in header


def test_a_session_rests_half_an_hour_at_most_and_lives_half_a_day(owner):
    """ASVS 41: idle and absolute limits, enforced by the server."""
    assert owner.client.get("/admin/").status_code == 200
    with transaction():
        db.rows("UPDATE staff_session SET last_seen_at = last_seen_at - interval '31 minutes' RETURNING id")
    assert owner.client.get("/admin/").location == "/admin/login"
    with transaction():
        db.rows("UPDATE staff_session SET last_seen_at = clock_timestamp() RETURNING id")
    assert owner.client.get("/admin/").status_code == 200
    with transaction():
        db.rows("UPDATE staff_session SET expires_at = expires_at - interval '12 hours' RETURNING id")
    assert owner.client.get("/admin/").location == "/admin/login"


def seen_ago():
    return db.scalar("SELECT extract(epoch FROM clock_timestamp() - max(last_seen_at)) FROM staff_session")


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(owner):
    with transaction():
        db.rows("UPDATE staff_session SET last_seen_at = last_seen_at - interval '20 minutes' RETURNING id")
    owner.client.get("/admin/", headers={"HX-Request": "true", "X-Tick": "1"})
    assert seen_ago() > 1000
    owner.client.get("/admin/")
    assert seen_ago() < 60


BAD_NEXT = [
    "//evil.example", "/\\evil.example", "/%09/evil.example", "\t//evil.example", "https:evil.example", "https://evil.example",
    "/@evil.example", "/admin/\\..//evil.example", "/cart", "javascript:alert(1)", "/admin/orders\r\nX-Bad: 1", "/admin/no-such-page",
]  # fmt: skip


@pytest.mark.parametrize("wanted", BAD_NEXT)
def test_x8_next_leads_nowhere_else(member, wanted):
    """X8: whatever is not a page of the back office ends at its first page."""
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
    csrf = form_to(member.get("/admin/login"), "/admin/login").fields["csrf_token"]
    data = {"csrf_token": csrf, "email": member.email, "password": member.password}
    assert member.client.post("/admin/login", query_string={"next": wanted}, data=data).status_code == 303
    answer = member.client.post(
        "/admin/totp", query_string={"next": wanted}, data={"csrf_token": csrf, "code": member.code()}
    )
    assert (answer.status_code, answer.location) == (303, "/admin/")


def test_next_leads_back_to_the_page_that_was_asked_for(member):
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
    location = member.client.get("/admin/orders?state=confirmed").location
    form = form_to(member.get(location), "/admin/login")
    answer = member.client.post(form.action, data=form.filled(email=member.email, password=member.password))
    form = form_to(member.get(answer.location), "/admin/totp")
    answer = member.client.post(form.action, data=form.filled(code=member.code()))
    assert answer.location == "/admin/orders?state=confirmed"


def test_x3_backup_codes_are_shown_until_saved_and_kept_hashed(member):
    """X3: ten, at least 50 bits each; new ones are made only while nobody has saved any."""
    member.sign_in()
    codes = CODE.findall(member.get("/admin/backup-codes"))
    assert len(set(codes)) == 10
    assert codes == CODE.findall(member.get("/admin/backup-codes"))
    assert "backup codes are not saved" in member.get("/admin/")
    assert "not saved" not in member.press("/admin/backup-codes", "/admin/backup-codes")
    assert member.get("/admin/backup-codes", status=303)
    stored = db.rows("SELECT code_hash FROM staff_backup_code")
    assert not any(code.replace(" ", "").encode() in bytes(row[0]) for code in codes for row in stored)
    assert db.scalar("SELECT count(*) FROM staff_session WHERE fresh_codes IS NOT NULL") == 0


def test_x3_a_backup_code_signs_in_once_and_its_owner_hears_of_it(app, member):
    member.sign_in()
    code = CODE.findall(member.get("/admin/backup-codes"))[3]
    member.press("/admin/backup-codes", "/admin/backup-codes")
    member.client = app.test_client()
    member.give_password()
    assert member.give_code(code.replace(" ", "-")).location == "/admin/"
    member.client = app.test_client()
    member.give_password()
    assert member.give_code(code).status_code == 422
    assert db.scalar("SELECT payload ->> 'left' FROM outbox_event WHERE name = 'staff.backup_code_used'") == "9"


def test_codes_nobody_saved_are_replaced_by_the_next_sign_in(app, member):
    member.sign_in()
    old = CODE.findall(member.get("/admin/backup-codes"))
    member.client = app.test_client()
    member.sign_in()
    assert not set(old) & set(CODE.findall(member.get("/admin/backup-codes")))
    assert db.scalar("SELECT count(*) FROM staff_backup_code") == 10


def test_a_lost_phone_is_replaced_and_its_secret_shown_until_the_first_code(app, member):
    """ASVS 37, 42: a reset ends every session; the secret is shown after the password and never again once it is used."""
    member.sign_in()
    before = member.client
    assert "or type this key" not in page_for_code(app, member).lower()
    assert in_transaction(lambda: accounts.reset_totp(member.email, actor="command"))
    assert before.get("/admin/").location == "/admin/login"
    page = page_for_code(app, member)
    picture = page[page.index("<svg", page.index('class="qr"')) :]
    assert "<path" in picture[: picture.index("</svg>")]
    assert "style=" not in page
    member.secret = re.search(r"<code>([A-Z2-7 ]{32,})</code>", page)[1].replace(" ", "")
    member.steps.clear()
    assert member.give_code().status_code == 303
    assert "or type this key" not in page_for_code(app, member).lower()


def page_for_code(app, member):
    member.client = app.test_client()
    member.give_password()
    return member.get("/admin/totp")


def test_a_link_from_a_mail_finds_who_is_signed_in(owner):
    """Browsers hold a strict cookie back when another site leads here; the page asks once more by itself."""
    answer = owner.client.get("/admin/login?next=/admin/orders", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 303
    stranger = owner.client.application.test_client()
    answer = stranger.get("/admin/login?next=/admin/orders", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["Refresh"] == "0; url=/admin/login?next=/admin/orders"
    assert "Refresh" not in stranger.get("/admin/login?next=/admin/orders").headers


def test_nobody_is_created_by_installing(app):
    """ASVS 34: no default account, no default password."""
    assert db.scalar("SELECT count(*) FROM staff") == 0


def test_a_disabled_account_is_out_at_once(owner):
    with transaction():
        db.rows("UPDATE staff SET is_active = false RETURNING id")
    assert owner.client.get("/admin/").location == "/admin/login"
    assert owner.give_password().status_code == 422


def test_the_owner_is_written_to(make_app, office, drain):
    """X2, X3: about five wrong codes, and about a backup code; each once."""
    app = make_app(MAIL_URL=office.url)
    member = hire(app)
    member.sign_in()
    code = CODE.findall(member.get("/admin/backup-codes"))[0]
    member.press("/admin/backup-codes", "/admin/backup-codes")
    member.client = app.test_client()
    member.give_password()
    member.give_code(code)
    member.client = app.test_client()
    member.give_password()
    for _ in range(6):
        member.give_code(wrong_code(member))
    drain()
    mails = {str(mail["Subject"]): mail for mail in office.mails}
    assert set(mails) == {"A backup code signed you in", "Somebody could not sign in as you"}
    assert all(mail["To"] == "siti@example.com" for mail in mails.values())
    text = mails["A backup code signed you in"].get_body(("plain",)).get_content()
    assert "9 are left" in text
    assert code not in text


def blocked():
    found = db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'staff.sign_in_blocked'")
    db.release()
    return found


def test_whoever_is_at_work_is_not_kept_from_it_by_strangers(app, owner):
    """ASVS 33: wrong passwords and codes of others count for others."""
    stranger = app.test_client()
    at_work, owner.client = owner.client, stranger
    assert [owner.give_password(password="x").status_code for _ in range(6)] == [422] * 5 + [429]
    owner.client = at_work
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    form = form_to(owner.get("/admin/totp?again=1"), "/admin/totp?again=1")
    assert owner.client.post(form.action, data=form.filled(code=owner.code())).status_code == 303
    form = form_to(owner.get("/admin/profile"), "/admin/profile/backup-codes")
    assert owner.client.post(form.action, data=form.filled(codes_password=owner.password)).status_code == 303


def test_wrong_codes_of_a_thief_do_not_count_for_whoever_is_at_work(app, owner):
    at_work, owner.client = owner.client, app.test_client()
    owner.give_password()
    assert [owner.give_code(wrong_code(owner)).status_code for _ in range(6)] == [422] * 5 + [429]
    owner.client = at_work
    form = form_to(owner.get("/admin/totp?again=1"), "/admin/totp?again=1")
    assert owner.client.post(form.action, data=form.filled(code=owner.code())).status_code == 303
    wrong = form.filled(code=wrong_code(owner))
    assert [owner.client.post(form.action, data=wrong).status_code for _ in range(6)] == [422] * 5 + [429]


def test_the_owner_is_told_once_in_a_quarter_of_an_hour(member):
    """However steadily somebody tries: with each wrong one that comes after the oldest has stopped counting."""
    for _ in range(5):
        member.give_password(password="x")
    for _ in range(4):
        with transaction():
            db.rows(
                "UPDATE login_attempt SET created_at = created_at - interval '15 minutes' WHERE id ="
                " (SELECT id FROM login_attempt WHERE created_at > now() - interval '14 minutes' ORDER BY id LIMIT 1)"
                " RETURNING id"
            )
        assert member.give_password(password="x").status_code == 422
    assert blocked() == 1
    with transaction():
        db.rows("UPDATE staff SET blocked_told_at = blocked_told_at - interval '16 minutes' RETURNING id")
        db.rows("UPDATE login_attempt SET created_at = created_at - interval '16 minutes' RETURNING id")
    for _ in range(5):
        member.give_password(password="x")
    assert blocked() == 2


def half_way(member):
    """Who has given the password, as the page for the code knew them when it was asked for."""
    member.give_password()
    who = queries.signed_in(cookie_of(member.client))
    db.release()
    return who


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE staff SET is_active = false RETURNING id",
        "UPDATE staff_session SET ended_at = now() RETURNING id",
        "UPDATE staff_session SET expires_at = now() RETURNING id",
    ],
)
@pytest.mark.parametrize("step", ["code", "again"])
def test_a_code_opens_nothing_for_who_was_let_go_while_it_came(member, change, step):
    """The request had begun before the account was closed, or the session ended, and waited for the lock."""
    who = half_way(member)
    with transaction():
        db.rows(change)
    give = {
        "code": lambda: flows.pass_code(who, member.code(), most_sessions=5),
        "again": lambda: flows.confirm(who, member.code()),
    }
    before = db.rows("SELECT passed_totp_at, token_hash FROM staff_session")
    assert give[step]() is None
    assert db.rows("SELECT passed_totp_at, token_hash FROM staff_session") == before
    assert db.scalar("SELECT count(*) FROM login_attempt WHERE kind <> 'password'") == 0


def meanwhile(monkeypatch, change, **values):
    """While the password is being looked at, which takes its time, somebody changes the account."""
    look = passwords.is_right

    def look_slowly(password_hash, password):
        monkeypatch.setattr(passwords, "is_right", look)
        with transaction():
            db.rows(f"UPDATE staff SET {change} RETURNING id", **values)
        return look(password_hash, password)

    monkeypatch.setattr(passwords, "is_right", look_slowly)


@pytest.mark.parametrize("change", ["is_active = false", "password_hash = 'another'"])
def test_a_password_opens_nothing_once_it_is_not_the_one_that_was_looked_at(member, monkeypatch, change):
    meanwhile(monkeypatch, change)
    assert member.give_password().status_code == 422
    assert db.scalar("SELECT count(*) FROM staff_session") == 0


def test_the_same_password_under_a_new_hash_is_right(member, monkeypatch):
    """Two sign-ins at once, when the parameters have grown: the second finds the hash that the first has made."""
    meanwhile(monkeypatch, "password_hash = :new", new=passwords.hashed(member.password))
    assert member.give_password().status_code == 303


def test_a_hash_of_weaker_days_is_renewed_and_never_made_while_rows_are_locked(member, monkeypatch):
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(member.password)
    with transaction():
        db.rows("UPDATE staff SET password_hash = :weak RETURNING id", weak=weak)

    class OutsideOnly(type(passwords._hasher)):
        def hash(self, *args, **kwargs):
            assert not is_open()
            return super().hash(*args, **kwargs)

        def verify(self, *args, **kwargs):
            assert not is_open()
            return super().verify(*args, **kwargs)

    monkeypatch.setattr(passwords, "_hasher", OutsideOnly(time_cost=1, memory_cost=8, parallelism=1))
    assert member.give_password().status_code == 303
    kept = db.scalar("SELECT password_hash FROM staff")
    assert kept != weak
    assert passwords.renewed(kept, member.password) is None

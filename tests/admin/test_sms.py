"""Codes by SMS (SEC-21, NOT-20): to a proven phone, beside an authenticator, never for what moves money."""

from __future__ import annotations

import threading

import pytest

from app.accounts import rules
from app.core import db
from app.core.settings import BadSettings, load
from app.core.transaction import transaction
from app.notifications.gateway import sms
from tests.admin.test_signin import wrong_code
from tests.changes import changes
from tests.conftest import ENVIRONMENT
from tests.notifications.carrier import Carrier
from tests.notifications.post_office import body_of
from tests.staff import StaffMember, hire
from tools.webforms import form_to

PHONE, STORED = "+60 12-345 6789", "+60123456789"
PAGE = "/admin/profile/phone"
NUMBER = f"{PAGE}/number"


@pytest.fixture
def carrier():
    carrier = Carrier()
    yield carrier
    carrier.close()


@pytest.fixture
def app(usual_app, carrier, office):
    return usual_app(MAIL_URL=office.url, **carrier.settings)


@pytest.fixture
def reachable(member, carrier, drain):
    """Somebody at work with a proven phone."""
    member.sign_in()
    add_phone(member, carrier, drain)
    return member


@pytest.fixture
def entering(app, reachable):
    """The same person in another browser, at the page for the code."""
    return at_door(app, reachable)


def at_door(app, member):
    other = StaffMember(app.test_client(), member.email, member.password, member.secret, member.steps)
    assert other.give_password().status_code == 303
    return other


def add_phone(member, carrier, drain, phone=PHONE):
    member.press(PAGE, NUMBER, phone=phone, phone_password=member.password)
    drain()
    assert "Your number is confirmed." in member.press(PAGE, f"{PAGE}/code", code=carrier.code())


def ask(member):
    form = form_to(member.get("/admin/totp"), "/admin/totp/sms")
    answer = member.client.post(form.action, data=form.filled())
    assert answer.status_code == 303
    return member.get(answer.location)


def codes(where="true"):
    return db.scalar(f"SELECT count(*) FROM staff_sms_code WHERE {where}")


def make_old(minutes):
    with transaction():
        db.rows("UPDATE staff_sms_code SET created_at = created_at - make_interval(mins => :m),"
                " expires_at = expires_at - make_interval(mins => :m) RETURNING id", m=minutes)  # fmt: skip


def test_the_message_is_in_the_language_of_whoever_gets_it(entering, reachable, carrier, drain):
    form = form_to(reachable.get("/admin/profile"), "/admin/profile/preferences")
    assert reachable.client.post(form.action, data=form.filled(language="ms")).status_code == 303
    ask(entering)
    drain()
    newest = list(carrier.carried.values())[-1]
    assert "ialah kod anda untuk pentadbiran Murni Batik" in newest["text"]


class TestOff:
    def test_there_is_no_page_and_no_button_by_default(self, make_app):
        member = hire(make_app()).sign_in()
        assert PAGE not in member.get("/admin/profile")
        assert member.client.get(PAGE).status_code == 404
        form = form_to(member.get("/admin/profile"), "/admin/profile/password")
        assert member.client.post(NUMBER, data=form.filled(phone=PHONE)).status_code == 404
        other = at_door(member.client.application, member)
        assert "/admin/totp/sms" not in other.get("/admin/totp")
        form = form_to(other.get("/admin/totp"), "/admin/totp")
        assert other.client.post("/admin/totp/sms", data=form.filled()).status_code == 404

    def test_a_carrier_alone_sends_no_codes(self, make_app, carrier):
        member = hire(make_app(SMS_URL=carrier.url)).sign_in()
        assert member.client.get(PAGE).status_code == 404

    def test_a_number_can_be_taken_back_after_it_is_switched_off(self, make_app, reachable):
        shop = make_app()
        other = StaffMember(shop.test_client(), reachable.email, reachable.password, reachable.secret, reachable.steps)
        with transaction():
            db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
        other.steps.clear()
        other.sign_in()
        form = form_to(other.get(PAGE), f"{PAGE}/remove")
        assert other.client.post(form.action, data=form.filled(remove_password=other.password)).status_code == 303
        assert db.scalar("SELECT count(*) FROM staff WHERE phone IS NOT NULL") == 0
        assert other.client.get(PAGE).status_code == 404


class TestSettings:
    def loaded(self, **changes):
        return load({**ENVIRONMENT, "DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x/0", **changes})

    @pytest.mark.parametrize("url", ["http://sms.example/send", "ftp://sms.example", "sms.example", "console"])
    def test_a_code_travels_encrypted(self, url):
        with pytest.raises(BadSettings, match="SMS_URL"):
            self.loaded(SMS_URL=url)

    def test_codes_need_a_carrier(self):
        with pytest.raises(BadSettings, match="SMS_URL is missing"):
            self.loaded(STAFF_SMS_CODES="true")

    def test_the_console_is_for_development(self):
        assert self.loaded(SMS_URL="console:", STAFF_SMS_CODES="true").sms.offers_staff_codes
        with pytest.raises(BadSettings, match="SMS_URL=console:"):
            self.loaded(SMS_URL="console:", APP_ENV="production")

    def test_the_token_is_in_no_picture_of_the_settings(self):
        assert "carrier-token" not in repr(self.loaded(SMS_URL="https://sms.example/send", SMS_TOKEN="carrier-token"))


class TestPhone:
    def test_a_number_counts_once_its_code_was_given(self, member, carrier, drain, office):
        member.sign_in()
        page = member.press(PAGE, NUMBER, phone=PHONE, phone_password=member.password)
        assert "A code is on its way to +60•••789" in page
        assert STORED not in page
        drain()
        headers, message = carrier.asked[0]
        assert headers["Authorization"] == "Bearer carrier-token"
        assert headers["Idempotency-Key"] == message["id"]
        assert (message["to"], message["from"]) == (STORED, "Murni")
        assert message["text"].endswith(f"@localhost #{carrier.code()}")  # for the browser to fill in
        assert db.scalar("SELECT count(*) FROM staff WHERE phone IS NOT NULL") == 0
        assert "Your number is confirmed." in member.press(PAGE, f"{PAGE}/code", code=carrier.code())
        drain()
        mail = office.mails[-1]
        assert mail["Subject"] == "Codes by SMS go to another phone now"
        assert STORED not in body_of(mail, "plain")
        acts = [row[0] for row in db.rows("SELECT action FROM audit_entry ORDER BY id")]
        assert "staff.phone_changed" in acts
        assert changes("staff.phone_changed") == [({"phone": False}, {"phone": True})]

    @pytest.mark.parametrize(
        "number", ["", "12", "+60 3-2161 1234", "+44 909 879 0000", "+1 900 555 0199", "0123\n4567"]
    )
    def test_what_takes_no_sms_gets_none(self, member, carrier, drain, number):
        member.sign_in()
        form = form_to(member.get(PAGE), NUMBER)
        answer = member.client.post(NUMBER, data=form.filled(phone=number, phone_password=member.password))
        drain()
        assert (answer.status_code, codes(), carrier.asked) == (422, 0, [])

    def test_it_takes_the_password_and_a_fresh_code(self, member, carrier):
        member.sign_in()
        form = form_to(member.get(PAGE), NUMBER)
        answer = member.client.post(NUMBER, data=form.filled(phone=PHONE, phone_password="not it"))
        assert (answer.status_code, codes()) == (422, 0)
        with transaction():
            db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
        for path in (NUMBER, f"{PAGE}/code", f"{PAGE}/remove"):
            answer = member.client.post(path, data=form.filled(phone=PHONE, phone_password=member.password))
            assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/admin/totp"), path
        assert codes() == 0

    def test_a_wrong_code_counts_and_an_old_one_is_none(self, member, carrier, drain):
        member.sign_in()
        member.press(PAGE, NUMBER, phone=PHONE, phone_password=member.password)
        drain()
        form, right = form_to(member.get(PAGE), f"{PAGE}/code"), carrier.code()
        wrong = "000000" if right != "000000" else "111111"
        assert [member.client.post(form.action, data=form.filled(code=wrong)).status_code for _ in range(6)] == [
            422
        ] * 5 + [429]
        assert member.client.post(form.action, data=form.filled(code=right)).status_code == 429
        with transaction():
            db.rows("DELETE FROM login_attempt RETURNING id")
        make_old(6)
        assert member.client.post(form.action, data=form.filled(code=right)).status_code == 422

    def test_a_code_for_one_number_proves_no_other(self, member, carrier, drain):
        member.sign_in()
        member.press(PAGE, NUMBER, phone=PHONE, phone_password=member.password)
        drain()
        first = carrier.code()
        member.press(PAGE, NUMBER, phone="+60 13-987 6543", phone_password=member.password)
        form = form_to(member.get(PAGE), f"{PAGE}/code")
        assert member.client.post(form.action, data=form.filled(code=first)).status_code == 422

    def test_a_lost_phone_takes_the_number_along(self, reachable):
        form = form_to(reachable.get("/admin/profile"), "/admin/profile/authenticator")
        reachable.client.post(form.action, data=form.filled(phone_password=reachable.password))
        assert db.scalar("SELECT count(*) FROM staff WHERE phone IS NOT NULL") == 0

    def test_removing_is_told(self, reachable, drain, office):
        reachable.press(PAGE, f"{PAGE}/remove", remove_password=reachable.password)
        drain()
        assert office.mails[-1]["Subject"] == "No phone gets codes by SMS any more"


class TestSignIn:
    def test_a_code_by_sms_opens_the_door(self, entering, carrier, drain):
        assert "If your account has a phone for it" in ask(entering)
        drain()
        answer = entering.give_code(carrier.code())
        assert answer.status_code == 303
        assert entering.client.get("/admin/").status_code == 200

    def test_but_nothing_that_moves_money(self, entering, carrier, drain):
        """A sign-in counts as a fresh code for a quarter of an hour: one by SMS does not."""
        ask(entering)
        drain()
        entering.give_code(carrier.code())
        form = form_to(entering.get("/admin/profile"), "/admin/profile/backup-codes")
        answer = entering.client.post(form.action, data=form.filled(codes_password=entering.password))
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/admin/totp")
        page = entering.get(answer.location)
        assert "/admin/totp/sms" not in page
        form = form_to(page, answer.location)
        assert entering.client.post(form.action, data=form.filled(code=carrier.code())).status_code == 422
        assert entering.client.post("/admin/totp/sms", data=form.filled()).location == "/admin/"

    def test_it_trusts_no_browser_and_shows_no_backup_codes(self, entering, carrier, drain):
        with transaction():
            db.rows("UPDATE staff SET backup_codes_saved_at = NULL RETURNING id")
        ask(entering)
        drain()
        form = form_to(entering.get("/admin/totp"), "/admin/totp")
        answer = entering.client.post(form.action, data=form.filled(code=carrier.code(), trust="1"))
        assert answer.status_code == 303
        assert entering.client.get_cookie("staff-device") is None
        assert entering.client.get("/admin/backup-codes").location == "/admin/"

    def test_a_code_on_the_phone_of_before_opens_nothing(self, entering, reachable, carrier, drain):
        """Who changes the number may have lost the phone, and a code for a thief's browser may lie on it."""
        ask(entering)
        drain()
        old = carrier.code()
        add_phone(reachable, carrier, drain, phone="+60 13-987 6543")
        assert codes("purpose = 'sign_in' AND used_at IS NULL") == 0
        assert entering.give_code(old).status_code == 422

    def test_it_works_once(self, app, entering, reachable, carrier, drain):
        ask(entering)
        drain()
        code = carrier.code()
        assert entering.give_code(code).status_code == 303
        other = at_door(app, reachable)
        assert other.give_code(code).status_code == 422

    def test_it_works_in_the_browser_that_asked(self, app, entering, reachable, carrier, drain):
        ask(entering)
        drain()
        other = at_door(app, reachable)
        assert other.give_code(carrier.code()).status_code == 422
        assert entering.give_code(carrier.code()).status_code == 303

    def test_it_is_good_for_five_minutes(self, entering, carrier, drain):
        ask(entering)
        drain()
        make_old(6)
        assert entering.give_code(carrier.code()).status_code == 422

    def test_only_the_newest_counts(self, entering, carrier, drain):
        ask(entering)
        drain()
        first = carrier.code()
        ask(entering)
        drain()
        if first != carrier.code():
            assert entering.give_code(first).status_code == 422
        assert entering.give_code(carrier.code()).status_code == 303

    def test_wrong_ones_count_with_every_other_code(self, app, entering, reachable, carrier, drain):
        ask(entering)
        drain()
        right, wrong = carrier.code(), wrong_code(entering)
        wrong = wrong if wrong != right else "555555"
        other = at_door(app, reachable)
        answers = [each.give_code(wrong).status_code for each in (entering, other, entering, other, entering)]
        assert answers == [422] * 5
        assert entering.give_code(right).status_code == 429

    def test_twenty_at_once_are_one_sign_in(self, app, entering, carrier, drain):
        ask(entering)
        drain()
        form = form_to(entering.get("/admin/totp"), "/admin/totp")
        names = ("staff", "session")
        cookies = "; ".join(f"{name}={entering.client.get_cookie(name).value}" for name in names)
        start, answers, code = threading.Barrier(20), [], carrier.code()

        def give():
            with app.test_client(use_cookies=False) as client:
                start.wait()
                data = form.filled(code=code)
                answers.append(client.post("/admin/totp", data=data, headers={"Cookie": cookies}).location)
            db.forget()

        threads = [threading.Thread(target=give) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        assert (
            db.scalar("SELECT count(*) FROM staff_session WHERE passed_totp_at IS NOT NULL AND ended_at IS NULL") == 2
        )
        assert codes("used_at IS NOT NULL AND purpose = 'sign_in'") == 1
        assert len(answers) == 20

    def test_whether_there_is_a_phone_is_not_told(self, app, carrier, drain):
        plain = at_door(app, hire(app, "other@example.com").sign_in())
        assert "If your account has a phone for it" in ask(plain)
        drain()
        assert (carrier.asked, codes()) == ([], 0)

    def test_without_an_authenticator_there_is_none(self, app, entering, reachable):
        with transaction():
            db.rows("UPDATE staff SET totp_confirmed_at = NULL RETURNING id")
        assert "/admin/totp/sms" not in entering.get("/admin/totp")
        form = form_to(entering.get("/admin/totp"), "/admin/totp")
        entering.client.post("/admin/totp/sms", data=form.filled())
        assert codes("purpose = 'sign_in'") == 0


class TestPumping:
    def test_three_in_a_quarter_of_an_hour(self, app, entering, reachable, carrier, drain):
        other = at_door(app, reachable)
        for each in (entering, other, entering, other):
            page = ask(each)
            assert "If your account has a phone for it" in page
        assert codes() == rules.SMS_IN_A_ROW
        make_old(16)
        ask(entering)
        assert codes() == rules.SMS_IN_A_ROW + 1

    def test_ten_a_day(self, entering):
        for _ in range(12):
            make_old(16)
            ask(entering)
        assert codes() == rules.SMS_A_DAY
        with transaction():
            db.rows("DELETE FROM staff_sms_code RETURNING id")
        ask(entering)
        assert codes() == 1

    def test_the_shop_has_a_bound_too(self, make_app, carrier, office, drain):
        app = make_app(MAIL_URL=office.url, **carrier.settings, SMS_DAILY="1")
        member = hire(app).sign_in()
        member.press(PAGE, NUMBER, phone=PHONE, phone_password=member.password)
        other = hire(app, "other@example.com").sign_in()
        form = form_to(other.get(PAGE), NUMBER)
        answer = other.client.post(NUMBER, data=form.filled(phone=PHONE, phone_password=other.password))
        assert (answer.status_code, codes()) == (429, 1)


class TestCarrier:
    def due(self):
        with transaction():
            db.rows("UPDATE outbox_delivery SET due_at = clock_timestamp() WHERE state = 'pending' RETURNING id")

    @pytest.mark.parametrize("status", [500, 503, 429, 401])
    def test_one_that_fails_is_asked_again_with_the_same_key(self, entering, carrier, drain, status):
        ask(entering)
        carrier.answers, before = [status], len(carrier.asked)
        drain()
        assert len(carrier.asked) == before + 1
        self.due()
        drain()
        assert len({message["id"] for _headers, message in carrier.asked[before:]}) == 1
        assert entering.give_code(carrier.code()).status_code == 303

    def test_one_that_refuses_is_not_asked_again(self, entering, carrier, drain):
        ask(entering)
        carrier.answers, before = [400], len(carrier.asked)
        drain()
        self.due()
        drain()
        assert len(carrier.asked) == before + 1
        assert codes("code IS NOT NULL") == 0

    def test_one_that_hangs_holds_no_transaction_and_gets_the_message_once(self, entering, carrier, drain, monkeypatch):
        monkeypatch.setattr(sms, "TIMEOUT_SECONDS", (0.2, 0.3))
        ask(entering)
        carrier.is_hanging = True
        before = len(carrier.carried)
        drain()
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert db.scalar(open_ones) == 0
        carrier.is_hanging = False
        self.due()
        drain()
        assert len(carrier.carried) == before + 1
        assert entering.give_code(carrier.code()).status_code == 303

    def test_a_code_that_is_too_old_is_not_sent(self, entering, carrier, drain):
        ask(entering)
        before = len(carrier.asked)
        make_old(6)
        drain()
        assert len(carrier.asked) == before

    def test_the_code_and_the_number_are_nowhere_in_clear(self, entering, carrier, drain, caplog):
        caplog.set_level("DEBUG")
        ask(entering)
        tables = ("staff_sms_code", "staff", "outbox_event", "outbox_delivery", "audit_entry")
        kept = " ".join(str(tuple(row)) for name in tables for row in db.rows(f"SELECT * FROM {name}"))
        drain()
        code = carrier.code()
        after = " ".join(str(tuple(row)) for name in tables for row in db.rows(f"SELECT * FROM {name}"))
        assert codes("code IS NOT NULL") == 0
        logged = " ".join(record.getMessage() + str(vars(record)) for record in caplog.records)
        for text in (kept, after, logged):
            assert f"'{code}'" not in text
            assert f" {code} " not in text
            assert STORED not in text

    def test_the_console_writes_it_down(self, make_app, office, drain, capsys):
        app = make_app(MAIL_URL=office.url, SMS_URL="console:", STAFF_SMS_CODES="true")
        member = hire(app).sign_in()
        member.press(PAGE, NUMBER, phone=PHONE, phone_password=member.password)
        drain()
        assert f"SMS to {STORED}: " in capsys.readouterr().out

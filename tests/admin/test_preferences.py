"""How the back office looks to somebody (ADM-06): language, time zone, theme and density, theirs alone and in every browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.accounts import rules
from app.core import db
from app.core.formats import format_moment
from app.core.transaction import transaction
from tests.changes import changes
from tests.notifications.post_office import body_of
from tests.staff import StaffMember, hire
from tools.webforms import form_to

PAGE = "/admin/profile"
FORM = f"{PAGE}/preferences"
SHOP, TOKYO, FIRST, LAST = "Asia/Kuala_Lumpur", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago"
CHOSEN = {"language": "ms", "timezone": TOKYO, "theme": "dark", "density": "compact"}
NOTHING = {"language": None, "timezone": None, "theme": None, "density": "cosy"}


def choose(member, status=303, **fields):
    form = form_to(member.get(PAGE), FORM)
    answer = member.client.post(FORM, data=form.filled(**fields))
    assert answer.status_code == status, answer.text
    return answer


def kept(role="owner"):
    row = db.rows("SELECT language, timezone, theme, density FROM staff WHERE role = :role", role=role)[0]
    db.release()
    return row._asdict()


def elsewhere(app, member, **cookies):
    """The same person in another browser, which was told other things."""
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
    other = StaffMember(app.test_client(), member.email, member.password, member.secret)
    for name, value in cookies.items():
        other.client.set_cookie(name, value)
    return other


def looks(page):
    """(language, theme, density) as the page says them; None for what it leaves to the browser."""
    tags = re.search(r"<html[^>]*>", page)[0] + re.search(r"<body[^>]*>", page)[0]
    found = [re.search(rf' {name}="(\w+)"', tags) for name in ("lang", "data-theme", "data-density")]
    return tuple(each and each[1] for each in found)


class TestChoosing:
    def test_it_counts_at_once_and_in_every_browser(self, app, owner):
        other = elsewhere(app, owner, lang="en", theme="light").sign_in()
        assert looks(other.get("/admin/orders")) == ("en", "light", None)
        page = owner.get(choose(owner, **CHOSEN).location)
        assert looks(page) == ("ms", "dark", "compact")
        assert "Disimpan." in page
        assert kept() == CHOSEN
        assert {name: form_to(page, FORM).fields[name] for name in CHOSEN} == CHOSEN
        for member in (owner, other):
            assert looks(member.get("/admin/orders")) == ("ms", "dark", "compact")

    def test_the_shop_and_the_sign_in_go_by_the_browser(self, app, owner):
        """Behind the password alone nobody is told what somebody chose."""
        choose(owner, **CHOSEN)
        other = elsewhere(app, owner, lang="en", theme="light")
        assert looks(other.get("/admin/login")) == ("en", "light", None)
        assert other.give_password().status_code == 303
        assert looks(other.get("/admin/totp")) == ("en", "light", None)
        assert other.give_code().status_code == 303
        assert looks(other.get("/")) == ("en", "light", None)
        assert looks(other.get(PAGE)) == ("ms", "dark", "compact")

    def test_nobody_else_is_concerned(self, app, owner):
        mei = hire(app, "mei@example.com", role="agent").sign_in()
        choose(owner, **CHOSEN)
        assert kept("agent") == NOTHING
        assert looks(mei.get(PAGE)) == ("en", None, None)

    def test_who_chose_nothing_goes_by_the_browser(self, app, owner):
        owner.client.set_cookie("lang", "ms")
        owner.client.set_cookie("theme", "dark")
        assert looks(owner.get(PAGE)) == ("ms", "dark", None)
        assert kept() == NOTHING
        choose(owner, theme="device")
        assert looks(owner.get(PAGE)) == ("ms", None, None)
        choose(owner, **CHOSEN)
        choose(owner, language="", timezone="", theme="", density="cosy")
        assert kept() == NOTHING
        assert looks(owner.get(PAGE)) == ("ms", "dark", None)

    def test_an_address_that_names_a_language_is_in_that_one(self, owner):
        choose(owner, **CHOSEN)
        assert looks(owner.get(f"{PAGE}?lang=en"))[0] == "en"

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("language", "tlh", "The shop does not speak this language"),
            ("timezone", "Asia/Atlantis", "There is no such time zone"),
            ("timezone", "asia/tokyo", "There is no such time zone"),
            ("timezone", "../../etc/passwd", "There is no such time zone"),
            ("timezone", "Asia/Tokyo\0", "There is no such time zone"),
            ("theme", "neon", "There is no such theme"),
            ("density", "", "There is no such density"),
        ],
    )
    def test_what_there_is_not_is_refused_in_words(self, owner, field, value, words):
        page = choose(owner, 422, **{"theme": "dark", "density": "compact", field: value}).text
        assert f'<a href="#{field}" data-error-link>{words}' in page
        assert re.search(rf'<select[^>]* id="{field}"[^>]* aria-invalid="true"', page)
        assert form_to(page, FORM).fields["theme"] == ("dark" if field != "theme" else "")
        assert kept() == NOTHING
        assert changes("staff.preferences_changed") == []

    def test_the_audit_says_what_changed(self, owner):
        choose(owner, **CHOSEN)
        choose(owner, **CHOSEN)
        choose(owner, **CHOSEN | {"theme": "light"})
        assert changes("staff.preferences_changed") == [(NOTHING, CHOSEN), ({"theme": "dark"}, {"theme": "light"})]
        choose(owner, language="en")
        assert "Changed how the back office looks to them" in owner.get("/admin/activity")

    def test_every_zone_that_is_offered_can_be_chosen(self, owner):
        offered = re.findall(r'<option value="([A-Z]\w+/[^"]+|UTC)"', owner.get(PAGE))
        assert {SHOP, TOKYO, FIRST, LAST, "America/Argentina/Buenos_Aires", "UTC"} <= set(offered)
        assert {zone for zone in offered if rules.Preferences(timezone=zone).unknown()} == set()
        choose(owner, timezone="UTC")
        assert kept()["timezone"] == "UTC"


class TestTimes:
    @pytest.fixture
    def since(self, owner):
        """since(): when the session began, as the profile shows it."""
        with transaction():
            db.rows("UPDATE staff_session SET created_at = '2026-01-01 20:30+00' RETURNING id")
        return lambda: re.search(r"\d+ Jan 2026, [\d:]+", owner.get(PAGE))[0]

    def test_they_go_by_the_readers_clock(self, owner, since):
        assert since() == "2 Jan 2026, 04:30"
        choose(owner, timezone=TOKYO)
        assert since() == "2 Jan 2026, 05:30"
        choose(owner, timezone=LAST)
        assert since() == "1 Jan 2026, 09:30"

    def test_a_zone_that_is_not_known_any_more_keeps_nobody_out(self, owner, since):
        with transaction():
            db.rows("UPDATE staff SET timezone = 'Asia/Atlantis' RETURNING id")
        assert since() == "2 Jan 2026, 04:30"

    def test_the_days_of_a_filter_are_the_readers(self, owner):
        """Kiritimati is 25 hours ahead of Pago Pago: no moment has the same day in both."""
        today = db.scalar("SELECT created_at FROM audit_entry").astimezone(ZoneInfo(LAST)).date()
        db.release()
        choose(owner, timezone=LAST)
        assert "Account opened by command" in owner.get(f"/admin/activity?since={today}&until={today}")
        choose(owner, timezone=FIRST)
        assert "Nothing fits" in owner.get(f"/admin/activity?since={today}&until={today}")

    def test_a_key_ends_with_a_day_of_whoever_answers_for_it(self, owner):
        choose(owner, timezone=FIRST)
        form = form_to(owner.get("/admin/api-keys/new"), "/admin/api-keys/new")
        day = form.fields["expires"]
        fields = form.filled(name="Till", scope="orders.view")
        assert "Till" in owner.client.post(form.action, data=fields).text
        ends = db.scalar("SELECT expires_at FROM api_key")
        assert ends == datetime.fromisoformat(f"{day}T23:59:59").replace(tzinfo=ZoneInfo(FIRST))

    def test_what_customers_are_promised_stays_in_the_shops_zone(self, owner):
        form = form_to(owner.get("/admin/gift-cards/new"), "/admin/gift-cards/new")
        assert SHOP not in owner.get("/admin/gift-cards/new")
        choose(owner, timezone=FIRST)
        assert f"The end of this day in the shop's time zone, {SHOP}" in owner.get("/admin/gift-cards/new")
        issued = owner.client.post(form.action, data=form.filled(amount="50", expires="2027-12-31"))
        assert "31 Dec 2027" in issued.text
        assert db.scalar("SELECT expires_at FROM value_account") == datetime(2027, 12, 31, 15, 59, 59, tzinfo=UTC)
        account = db.scalar("SELECT id FROM value_account")
        assert "31 Dec 2027" in owner.get(f"/admin/gift-cards/{account}")
        assert "31 Dec 2027" in owner.get("/admin/gift-cards")

    def test_today_is_the_shops_day_and_says_so(self, owner):
        assert "the shop's day" not in owner.get("/admin/")
        choose(owner, timezone=TOKYO)
        assert f"Today is the shop's day, in {SHOP}." in owner.get("/admin/")


class TestMails:
    @pytest.fixture
    def at_work(self, make_app, office):
        """An owner who reads Malay and lives in Tokyo, and a colleague who chose nothing."""
        app = make_app(MAIL_URL=office.url)
        owner, mei = hire(app).sign_in(), hire(app, "mei@example.com", role="agent").sign_in()
        choose(owner, **CHOSEN)
        return owner, mei

    def test_each_reads_them_in_their_language(self, at_work, office, drain):
        for member in at_work:
            form = form_to(member.get(PAGE), f"{PAGE}/backup-codes")
            sent = form.filled(codes_password=member.password)
            assert member.client.post(form.action, data=sent).status_code == 303
        drain()
        said = {str(mail["To"]): (str(mail["Subject"]), str(mail["Content-Language"])) for mail in office.mails}
        assert said == {
            "siti@example.com": ("Anda mempunyai kod sandaran baharu", "ms"),
            "mei@example.com": ("You have new backup codes", "en"),
        }

    def test_of_many_who_are_told_each_reads_their_own(self, at_work, office, drain):
        """Owners are told of a key that a colleague has made."""
        app = at_work[0].client.application
        lee = hire(app, "lee@example.com", rights=["api_keys.change", "orders.view"]).sign_in()
        form = form_to(lee.get("/admin/api-keys/new"), "/admin/api-keys/new")
        assert "Till" in lee.client.post(form.action, data=form.filled(name="Till", scope="orders.view")).text
        drain()
        said = {str(mail["To"]): str(mail["Subject"]) for mail in office.mails}
        assert said == {
            "siti@example.com": "Kunci API telah dibuat: Till",
            "lee@example.com": "An API key was made: Till",
        }

    def test_times_go_by_their_clock(self, at_work, office, drain):
        for member in at_work:
            stranger = member.client.application.test_client()
            form = form_to(stranger.get("/admin/forgot").text, "/admin/forgot")
            stranger.post(form.action, data=form.filled(email=member.email))
        drain()
        ends = db.rows("SELECT expires_at FROM staff_reset ORDER BY created_at")
        told = {str(mail["To"]): body_of(mail, "plain") for mail in office.mails}
        shown = format_moment(ends[0][0], language="ms", timezone=ZoneInfo(TOKYO))
        assert shown in " ".join(told["siti@example.com"].split())
        shown = format_moment(ends[1][0], language="en", timezone=ZoneInfo(SHOP))
        assert shown in " ".join(told["mei@example.com"].split())

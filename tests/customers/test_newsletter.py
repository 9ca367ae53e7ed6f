"""The newsletter (N25): asked for by anybody, confirmed in the mailbox, ended by one press; one truth whichever door was used."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.core import crypto, db
from app.core.settings import Settings
from app.core.transaction import transaction
from app.customers.queries import newsletter as subscribers
from app.customers.rules import NEWS
from app.privacy import flows as privacy
from app.web.limits import limiter
from tests.customers.patron import PASSWORD, Patron
from tests.notifications.post_office import PostOffice, body_of
from tests.privacy.test_requests import write_down
from tests.run.waiting import wait_until
from tests.shop import CONTACT, add_product
from tests.sql import watched
from tests.staff import StaffMember, hire
from tools.webforms import form_to, heading_of

MakePatron = Callable[..., Patron]
CONFIRM, END = (re.compile(rf"https?://\S+?(/{page}/\S+)") for page in ("newsletter", "unsubscribe"))
PREFERENCES = "/account/preferences"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def desk(shop: Flask) -> StaffMember:
    return hire(shop).sign_in()


def ask(patron: Patron, email: str | None = None) -> TestResponse:
    return patron.submit("/", "/newsletter", email=email or patron.email)


def letters(patron: Patron) -> list[str]:
    """The texts of the letters that ask for a confirmation."""
    return [body_of(each, "plain") for each in patron.mails() if CONFIRM.search(body_of(each, "plain"))]


def link(patron: Patron) -> str:
    return CONFIRM.search(letters(patron)[-1])[1]


def subscribe(patron: Patron) -> str:
    """Returns the link that was followed."""
    ask(patron)
    path = link(patron)
    assert patron.follow(path).status_code == 200
    return path


def states() -> list[str]:
    found = [row[0] for row in db.rows("SELECT state FROM newsletter_subscriber ORDER BY id")]
    db.release()
    return found


def consents() -> list[tuple[bool, str]]:
    found = [tuple(row) for row in db.rows("SELECT is_given, way FROM consent ORDER BY created_at, id")]
    db.release()
    return found


def age(hours: float) -> None:
    with transaction():
        db.rows(
            "UPDATE newsletter_subscriber SET since = since - make_interval(secs => :s), mailed_at = mailed_at - make_interval(secs => :s)",
            s=hours * 3600,
        )


def file_of(desk: StaffMember) -> list[dict[str, str]]:
    form = form_to(desk.get("/admin/newsletter"), "/admin/newsletter/file")
    answer = desk.client.post("/admin/newsletter/file", data=form.filled())
    assert (answer.status_code, answer.mimetype) == (200, "text/csv"), answer.location
    return list(csv.DictReader(io.StringIO(answer.text)))


def is_ticked(patron: Patron) -> bool:
    """On the page of preferences, and as programs see it."""
    known = patron.client.get("/api/v1/customer/preferences").json["preferences"]
    on_page = "email-marketing" in form_to(patron.get(PREFERENCES), PREFERENCES).fields
    assert [each["enabled"] for each in known if (each["channel"], each["type"]) == NEWS] == [on_page]
    return on_page


def prefer(patron: Patron, *, news: bool) -> None:
    data = form_to(patron.get(PREFERENCES), PREFERENCES).filled(**{"email-marketing": "y"})
    if not news:
        data.pop("email-marketing")
    assert patron.client.post(PREFERENCES, data=data).status_code == 303


def test_a_stranger_from_the_form_to_the_last_press(patron: Patron, desk: StaffMember):
    answer = ask(patron)
    assert answer.location == "/?subscribed=1#newsletter"
    assert "a mail with a link is on its way" in patron.get("/?subscribed=1")
    [mail] = patron.mails()
    assert str(mail["Subject"]) == "Do you want our news?"
    path, end = CONFIRM.search(body_of(mail, "plain"))[1], END.search(body_of(mail, "plain"))[1]
    assert path in body_of(mail, "html")
    assert end in body_of(mail, "html")
    assert str(mail["List-Unsubscribe"]) == f"<http://localhost{end}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert heading_of(patron.get(path)) == "Do you want our news?"
    assert (states(), consents(), file_of(desk)) == (["pending"], [], [])  # looking changes nothing
    page = patron.follow(path)
    assert (page.status_code, heading_of(page.text)) == (200, "You get our news now")
    assert (states(), consents()) == (["confirmed"], [(True, "newsletter")])
    again = patron.post(path)
    assert heading_of(patron.get(path)) == heading_of(again.text) == "You get our news now"
    assert consents() == [(True, "newsletter")]
    [line] = file_of(desk)
    assert (line["email"], line["language"]) == (patron.email, "en")
    assert urlsplit(line["unsubscribe_url"]).path == end
    program = patron.client.application.test_client()
    program.get(end)
    assert states() == ["confirmed"]
    for _ in range(2):
        answer = program.post(end, data=ONE_CLICK)
        assert (answer.status_code, heading_of(answer.text)) == (200, "You get no more of these mails")
    assert (states(), consents()) == (["left"], [(True, "newsletter"), (False, "link")])
    assert file_of(desk) == []
    assert patron.client.get(path).status_code == patron.post(path).status_code == 410


def test_the_letter_speaks_the_language_of_the_page(patron: Patron):
    patron.post("/-/preferences", locale="ms")
    ask(patron)
    assert "Mahukah anda menerima berita kami?" in letters(patron)[0]


def test_the_answer_is_the_same_for_every_address(patron: Patron, aina: Patron, make_patron: MakePatron):
    """Aina has an account and the news, Mei asked and never confirmed, Ong has left; nobody knows the last one."""
    subscribe(aina)
    ask(patron, "mei@example.com")
    ong = make_patron("ong@example.com")
    subscribe(ong)
    ong.post(END.search(letters(ong)[0])[1])
    stranger, seen = make_patron("x@example.com"), []
    for email in ("aina@example.com", "mei@example.com", "ong@example.com", "nobody@example.com"):
        with watched() as sent:
            answer = ask(stranger, email)
        seen.append((answer.status_code, answer.location, answer.text, sent))
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert states() == ["confirmed", "pending", "pending", "pending"]
    assert len(letters(aina)) == 1


def test_nobody_floods_a_mailbox(patron: Patron):
    for _ in range(3):
        ask(patron)
        old = link(patron)
    assert (len(letters(patron)), states()) == (1, ["pending"])
    age(hours=12.1)
    ask(patron)
    assert len(letters(patron)) == 2
    assert patron.client.get(old).status_code == 410  # the newest alone is good
    assert patron.follow(link(patron)).status_code == 200
    ask(patron)
    age(hours=12.1)
    ask(patron)
    assert len(letters(patron)) == 2  # who has the news needs no letter


def test_a_letter_that_is_late_is_one_letter_with_a_good_link(patron: Patron, office: PostOffice):
    office.after_data = "451 later"
    ask(patron)
    assert letters(patron) == []
    office.after_data = "250 OK"
    assert len(letters(patron)) == 1
    assert patron.follow(link(patron)).status_code == 200


def test_a_link_ends_and_cannot_be_made_up(patron: Patron, make_patron: MakePatron):
    other = make_patron("other@example.com")
    ask(other), ask(patron)
    path, others = link(patron), link(other)
    mixed = others.partition("-")[0] + "-" + path.partition("-")[2]
    changed = path[:-1] + ("0" if path[-1] != "0" else "1")
    for forged in (changed, mixed, path + "0", path.partition("-")[0], "/newsletter/x", "/newsletter/ü-%F0%9F%98%80"):
        assert patron.client.get(forged).status_code == patron.post(forged).status_code == 410, forged
    end = END.search(letters(patron)[0])[1]
    for forged in (end[:-1] + ("0" if end[-1] != "0" else "1"), end.replace("newsletter", "marketing"), end + "0"):
        assert patron.client.get(forged).status_code == patron.client.post(forged).status_code == 404, forged
    age(hours=47.9)
    assert heading_of(patron.get(path)) == "Do you want our news?"
    age(hours=0.2)
    late = patron.post(path)
    assert (late.status_code, states(), consents()) == (410, ["pending", "pending"], [])
    assert form_to(late.text, "/newsletter")  # the way to another letter


def test_who_asks_to_be_left_alone_before_confirming_is(patron: Patron):
    ask(patron)
    path, end = link(patron), END.search(letters(patron)[0])[1]
    assert patron.client.post(end, data=ONE_CLICK).status_code == 200
    assert (states(), consents()) == (["left"], [])
    assert patron.post(path).status_code == 410


def test_who_leaves_while_the_link_is_followed_has_left(patron: Patron, settings: Settings):
    ask(patron)
    path, csrf = link(patron), patron.csrf()
    with psycopg.connect(settings.database_url) as other, ThreadPoolExecutor() as pool:
        other.execute("UPDATE newsletter_subscriber SET state = 'left'")
        following = pool.submit(patron.client.post, path, data={"csrf_token": csrf})
        wait_until(lambda: db.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1)
        other.commit()
        assert following.result().status_code == 410
    assert (states(), consents()) == (["left"], [])


def test_htmx_gets_the_form_and_nothing_else(patron: Patron):
    csrf, headers = patron.csrf(), {"HX-Request": "true", "HX-Target": "newsletter"}
    wrong = patron.client.post("/newsletter", data={"csrf_token": csrf, "email": "aina@"}, headers=headers)
    assert wrong.status_code == 422
    assert wrong.text.startswith('<section class="section" id="newsletter"')
    assert 'value="aina@"' in wrong.text
    assert "Enter an e-mail address like aina@example.com" in wrong.text
    answer = patron.client.post("/newsletter", data={"csrf_token": csrf, "email": patron.email}, headers=headers)
    assert (answer.status_code, "<html" in answer.text) == (200, False)
    assert 'role="status"' in answer.text
    assert states() == ["pending"]


@pytest.mark.parametrize(
    "email", ["", "aina", "aina@example", "a\r\nBcc: x@example.com", "a@b@example.com", "x" * 300 + "@example.com"]
)
def test_what_is_no_address_is_said_in_place(patron: Patron, email: str):
    answer = ask(patron, email or " ")
    assert answer.status_code == 422
    assert "<title>Error: News by e-mail" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "error-summary" not in answer.text  # a form of one field: inline alone
    assert states() == []


def test_a_megabyte_is_answered_as_at_the_next_door(patron: Patron):
    long = "x" * 1_000_000 + "@example.com"
    answers = [patron.post(path, email=long).status_code for path in ("/newsletter", "/login/link")]
    assert answers[0] == answers[1] >= 400
    assert states() == []


def test_an_address_of_any_alphabet(make_patron: MakePatron, desk: StaffMember):
    patron = make_patron("jörg.müller@straße.example")
    subscribe(patron)
    ask(patron, "JÖRG.MÜLLER@STRASSE.example")  # somebody else's
    ask(patron, "Jörg.Müller@Straße.example")
    assert sorted(states()) == ["confirmed", "pending"]
    assert [each["email"] for each in file_of(desk)] == [patron.email]


def test_so_often_and_no_more(make_app: Callable[..., Flask], patron: Patron, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limiter, "enabled", True)  # one for all shops of this process: put back afterwards
    patron.client = make_app(RATE_LIMIT_ENABLED="true").test_client()
    answers = [patron.post("/newsletter", email=f"a{n}@example.com").status_code for n in range(11)]
    assert answers == [303] * 10 + [429]


def test_an_account_and_the_form_say_the_same(aina: Patron, desk: StaffMember):
    assert not is_ticked(aina)
    path = subscribe(aina)
    assert is_ticked(aina)
    prefer(aina, news=True)  # nothing new
    prefer(aina, news=False)
    assert not is_ticked(aina)
    assert aina.post(path).status_code == 410
    prefer(aina, news=True)
    [line] = file_of(desk)
    aina.client.post(urlsplit(line["unsubscribe_url"]).path, data=ONE_CLICK)
    assert not is_ticked(aina)
    wanted = {"preferences": [{"channel": "email", "type": "marketing", "enabled": True}]}
    aina.client.put("/api/v1/customer/preferences", json=wanted, headers={"X-CSRF-Token": aina.csrf()})
    assert is_ticked(aina)
    assert consents() == [
        (True, "newsletter"), (False, "preferences"), (True, "preferences"), (False, "link"), (True, "api"),
    ]  # fmt: skip
    assert db.scalar("SELECT count(*) FROM consent WHERE customer_id IS NULL") == 0
    assert "on the form for the news" in aina.get("/account/data")


def test_saving_other_preferences_lets_a_letter_be_good(aina: Patron):
    ask(aina)
    prefer(aina, news=False)
    assert aina.follow(link(aina)).status_code == 200
    assert is_ticked(aina)


def test_who_had_the_news_before_the_account_sees_them_in_it(patron: Patron):
    subscribe(patron)
    patron.register()
    assert is_ticked(patron)
    assert consents() == [(True, "newsletter")]
    assert "on the form for the news" in patron.get("/account/data")
    answer = patron.submit("/account/data", "/account/data/export", current=PASSWORD)
    data = json.loads(zipfile.ZipFile(io.BytesIO(answer.data)).read("data.json"))
    assert [each["state"] for each in data["newsletter"]] == ["confirmed"]
    assert [each["way"] for each in data["consents"]] == ["newsletter"]
    prefer(patron, news=False)
    assert states() == ["left"]


@pytest.mark.parametrize(
    ("before", "at_the_new_one", "has_them"),
    [
        ("confirmed", "", True), ("", "", False), ("confirmed", "pending", True), ("", "confirmed", True),
        ("confirmed", "confirmed", True), ("left", "confirmed", True), ("left", "", False),
    ],
)  # fmt: skip
def test_the_news_follow_an_account_to_its_new_address(
    aina: Patron, make_patron: MakePatron, before: str, at_the_new_one: str, has_them: bool
):
    new = make_patron("aina.rahman@example.org")
    if at_the_new_one:
        subscribe(new) if at_the_new_one == "confirmed" else ask(new)
    if before:
        prefer(aina, news=True)
    if before == "left":
        prefer(aina, news=False)
    fields = {"new-email": new.email, "new-current": PASSWORD}
    aina.submit("/account/security", "/account/security/email", **fields)
    aina.email = new.email
    assert aina.follow(aina.link()).status_code == 303
    assert states() == ["confirmed"] * has_them
    assert [each.email for each in subscribers.confirmed()] == [new.email] * has_them
    assert is_ticked(aina) == has_them


def check_out(patron: Patron, **contact: str) -> str:
    """As far as the review; returns the page of contact."""
    patron.add(add_product())
    page = patron.get("/checkout/contact")
    patron.client.post("/checkout/contact", data=form_to(page, "/checkout/contact").filled(**{**CONTACT, **contact}))
    return page


def place(patron: Patron) -> None:
    for path in ("/checkout/delivery", "/checkout/delivery"):
        form = form_to(patron.get(path), path)
        patron.client.post(path, data=form.filled(**({} if form.fields.get("postcode") else DELIVERY)))
    answer = patron.place(patron.get("/checkout/review"))
    assert "/checkout/pay/" in answer.location, answer.text


DELIVERY = {
    "name": "Aina", "country": "MY", "postcode": "50480", "line1": "12 Jalan Kiara", "line2": "", "city": "Kuala Lumpur",
}  # fmt: skip


def test_a_guest_who_ticks_the_box_at_checkout_is_asked_once_more(patron: Patron):
    page = check_out(patron, email=patron.email, news="y")
    assert "news" not in form_to(page, "/checkout/contact").fields  # nobody ticks it for them
    assert form_to(patron.get("/checkout/contact"), "/checkout/contact").fields["news"] == "y"  # as it was typed
    assert states() == []
    place(patron)
    assert (states(), consents()) == (["pending"], [])
    assert patron.follow(link(patron)).status_code == 200
    assert consents() == [(True, "checkout")]


def test_who_leaves_the_box_alone_is_asked_nothing(patron: Patron):
    check_out(patron, email=patron.email)
    place(patron)
    assert (states(), letters(patron)) == ([], [])


def test_a_customer_needs_no_letter_for_their_own_address(aina: Patron):
    check_out(aina, email=aina.email, news="y")
    place(aina)
    assert (states(), consents(), letters(aina)) == (["confirmed"], [(True, "checkout")], [])
    assert is_ticked(aina)
    assert 'name="news"' not in check_out(aina, email=aina.email)  # no question whose answer is known
    place(aina)
    assert is_ticked(aina)


def test_a_customer_who_types_another_address_signs_nobody_up(aina: Patron, make_patron: MakePatron):
    other = make_patron("other@example.com")
    check_out(aina, email=other.email, news="y")
    place(aina)
    assert (states(), consents(), len(letters(other))) == (["pending"], [], 1)
    assert not is_ticked(aina)


def test_staff_find_an_address_and_take_it_off(aina: Patron, make_patron: MakePatron, desk: StaffMember):
    prefer(aina, news=True)
    ask(make_patron("mei@example.com"), "mei@example.com")
    page = desk.get("/admin/newsletter")
    assert page.index("mei@example.com") < page.index("aina@example.com")
    assert "mei@example.com" not in desk.get("/admin/newsletter?state=confirmed")
    assert "aina@example.com" not in desk.get("/admin/newsletter?state=pending")
    found = desk.get("/admin/newsletter?q=AINA@example.com")
    assert "aina@example.com" in found
    assert "mei@example.com" not in found
    assert "has to be the whole address" in desk.get("/admin/newsletter?q=aina")
    action = re.search(r"/admin/newsletter/[0-9a-f-]{36}/remove", found)[0]
    assert "gets no more news" in desk.press("/admin/newsletter?q=aina@example.com", action)
    csrf = form_to(desk.get("/admin/newsletter"), "/admin/newsletter/file").fields["csrf_token"]
    again = desk.client.post(action, data={"csrf_token": csrf})
    assert again.location.endswith("done=news-ended-before")
    nobody = desk.client.post(
        "/admin/newsletter/00000000-0000-0000-0000-000000000000/remove", data={"csrf_token": csrf}
    )
    assert nobody.status_code == 404
    assert not is_ticked(aina)
    assert consents() == [(True, "preferences"), (False, "staff")]
    assert "by our staff" in aina.get("/account/data")
    file_of(desk)
    acts = db.rows("SELECT action, before, after, facts FROM audit_entry WHERE action LIKE 'newsletter.%' ORDER BY id")
    assert [tuple(each) for each in acts] == [
        ("newsletter.removed", {"state": "confirmed"}, {"state": "left"}, {}),
        ("newsletter.exported", None, None, {"addresses": 0}),
    ]
    assert "Took an address off the newsletter" in desk.get("/admin/activity")


def test_who_may_only_look_takes_nothing(aina: Patron, shop: Flask, desk: StaffMember):
    prefer(aina, news=True)
    looker = hire(shop, "looker@example.com", rights=["customers.view"]).sign_in()
    page = looker.get("/admin/newsletter")
    assert "aina@example.com" in page
    assert "/remove" not in page
    assert "/admin/newsletter/file" not in page
    csrf = form_to(page, "/admin/logout").fields["csrf_token"]
    action = re.search(r"/admin/newsletter/[0-9a-f-]{36}/remove", desk.get("/admin/newsletter"))[0]
    for path in (action, "/admin/newsletter/file"):
        assert looker.client.post(path, data={"csrf_token": csrf}).status_code == 403
    assert states() == ["confirmed"]
    stranger = hire(shop, "stock@example.com", rights=["stock.view"]).sign_in()
    assert stranger.client.get("/admin/newsletter").status_code == 403


def test_the_file_asks_for_a_fresh_code(aina: Patron, desk: StaffMember):
    form = form_to(desk.get("/admin/newsletter"), "/admin/newsletter/file")
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    answer = desk.client.post("/admin/newsletter/file", data=form.filled())
    assert (answer.status_code, "/admin/totp" in answer.location) == (303, True)


def test_many_addresses_come_by_pages_and_all_of_them_in_the_file(
    shop: Flask, desk: StaffMember, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subscribers, "A_BATCH", 20)
    emails = [f"a{n:03}@example.com" for n in range(60)] + ["=1+1@example.com"]
    with transaction():
        for email in emails:
            db.rows(
                "INSERT INTO newsletter_subscriber (id, email, email_index, state, locale, way, version)"
                " VALUES (gen_random_uuid(), :email, :index, 'confirmed', 'en', 'newsletter', '1')",
                email=crypto.encrypt(email),
                index=crypto.blind_index(email),
            )
    first = desk.get("/admin/newsletter?state=confirmed")
    second = desk.get(
        re.search(r'href="(/admin/newsletter\?state=confirmed&amp;before=[^"]+)"', first)[1].replace("&amp;", "&")
    )
    shown = [re.findall(r"[=\w+]+@example\.com(?=</td>)", page) for page in (first, second)]
    assert [len(each) for each in shown] == [50, 11]
    assert sorted(shown[0] + shown[1]) == sorted(emails)
    told = [each["email"] for each in file_of(desk)]
    assert sorted(told) == sorted([*emails[:-1], "'=1+1@example.com"])  # no spreadsheet takes it for a formula


def test_an_account_that_is_deleted_takes_its_news_along(aina: Patron, desk: StaffMember):
    subscribe(aina)
    aina.submit("/account/data", "/account/data/close", current=PASSWORD)
    with transaction():
        db.rows("UPDATE customer SET closes_at = now() RETURNING id")
    privacy.erase_closed()
    assert (states(), file_of(desk)) == ([], [])
    assert db.rows("SELECT is_given, customer_id, subscriber_id FROM consent") == [(True, None, None)]


def test_who_has_only_the_news_gets_a_copy_of_what_is_known(patron: Patron, desk: StaffMember):
    subscribe(patron)
    path = write_down(desk, "access", patron.email)
    answer = desk.client.post(f"{path}/copy", data=form_to(desk.get(path), f"{path}/copy").filled())
    data = json.loads(zipfile.ZipFile(io.BytesIO(answer.data)).read("data.json"))
    assert [(each["state"], each["asked"], each["language"]) for each in data["newsletter"]] == [
        ("confirmed", "newsletter", "en")
    ]
    assert [(each["is_given"], each["way"]) for each in data["consents"]] == [(True, "newsletter")]


def test_a_stop_after_everything_was_forgotten_is_no_error(patron: Patron):
    ask(patron)
    path, end = link(patron), END.search(letters(patron)[0])[1]
    age(hours=73)
    privacy.forget_old()
    assert states() == []
    assert patron.client.get(path).status_code == 410
    assert patron.client.post(end, data=ONE_CLICK).status_code == 200

"""Staff who forgot their password: the way back by a link, as pages and as an enemy (X4; ASVS 6.4.3)."""

import re

import pytest

from app.accounts.actions import resets
from app.accounts.errors import ResetOver
from app.core import crypto, db, passwords
from app.core.transaction import in_transaction, transaction
from tests.admin.test_staff import acts, id_of
from tests.customers.test_meetings import Second
from tests.sql import watched
from tests.staff import StaffMember, hire
from tools.webforms import form_to, heading_of

PASSWORD = "Batik-and-canting-7"
LINK = re.compile(r"http://localhost(/admin/reset/[\w-]{43})(?![\w-])")


@pytest.fixture
def posted(make_app, office):
    """The shop with a post office."""
    return make_app(MAIL_URL=office.url)


def ask(app, email, status=303):
    client = app.test_client()
    form = form_to(client.get("/admin/forgot").text, "/admin/forgot")
    answer = client.post(form.action, data=form.filled(email=email))
    assert answer.status_code == status, answer.text
    return client, answer


def links(office):
    return [
        LINK.search(mail.get_body(("plain",)).get_content())[1]
        for mail in office.mails
        if "Set a new" in str(mail["Subject"])
    ]


def link_of(app, office, drain, email="siti@example.com"):
    ask(app, email)
    drain()
    return links(office)[-1]


def choose(app, link, password=PASSWORD, again=None):
    client = app.test_client()
    form = form_to(client.get(link).text, link)
    return client, client.post(form.action, data=form.filled(password=password, again=again or password))


def test_the_way_back(posted, office, drain):
    """Door → address → mail → another password → the door again, where the second factor is still asked for."""
    member = hire(posted).sign_in()
    assert 'href="/admin/forgot"' in posted.test_client().get("/admin/login").text
    client, answer = ask(posted, "Siti@Example.com")
    assert answer.location == "/admin/forgot/sent"
    assert heading_of(client.get(answer.location).text) == "Look into your mailbox"
    drain()
    [mail] = office.mails
    assert (str(mail["To"]), str(mail["Subject"])) == ("siti@example.com", "Set a new password for the back office")
    link = links(office)[0]
    assert member.client.get("/admin/").status_code == 200  # nothing has happened yet
    stranger, answer = choose(posted, link)
    assert (answer.status_code, answer.location) == (303, "/admin/login?done=password-reset")
    assert "Your new password counts now" in stranger.get(answer.location).text
    assert stranger.get("/admin/").location == "/admin/login"
    assert "staff" not in {cookie.key for cookie in stranger._cookies.values()}
    assert member.client.get("/admin/").location == "/admin/login"
    assert member.give_password().status_code == 422
    again = StaffMember(posted.test_client(), member.email, PASSWORD, member.secret, member.steps)
    assert again.give_password().location == "/admin/totp"
    assert again.client.get("/admin/").location == "/admin/totp"
    assert again.give_code().status_code == 303
    assert again.client.get("/admin/").status_code == 200
    drain()
    assert str(office.mails[-1]["Subject"]) == "Your password was changed"
    told = db.rows("SELECT actor, object_id FROM audit_entry WHERE action = 'staff.password_reset'")
    me = id_of("siti@example.com")
    assert [tuple(row) for row in told] == [(f"staff:{me}", str(me))]


def test_a_link_works_once_and_for_an_hour_and_looking_spends_nothing(posted, office, drain):
    hire(posted)
    link = link_of(posted, office, drain)
    assert db.scalar(
        "SELECT expires_at - created_at BETWEEN interval '59 minutes' AND interval '61 minutes' FROM staff_reset"
    )
    db.release()
    for _ in range(3):
        assert posted.test_client().get(link).status_code == 200
    late = posted.test_client()
    form = form_to(late.get(link).text, link)
    with transaction():
        db.rows("UPDATE staff_reset SET expires_at = now() - interval '1 second' RETURNING id")
    assert posted.test_client().get(link).status_code == 410
    assert late.post(link, data=form.filled(password=PASSWORD, again=PASSWORD)).status_code == 410
    with transaction():
        db.rows("UPDATE staff_reset SET expires_at = now() + interval '1 hour' RETURNING id")
    assert choose(posted, link)[1].status_code == 303
    answer = late.post(link, data=form.filled(password="Other-Word-99!", again="Other-Word-99!"))
    assert (answer.status_code, heading_of(answer.text)) == (410, "This link is no longer good")
    assert acts().count("staff.password_reset") == 1


@pytest.mark.parametrize("account", ["known", "closed", "unknown"])
def test_nobody_learns_who_works_here(posted, office, drain, account):
    """The same page, the same statements; only the mailbox is told."""
    hire(posted)
    if account == "closed":
        with transaction():
            db.rows("UPDATE staff SET is_active = false RETURNING id")
    client = posted.test_client()
    form = form_to(client.get("/admin/forgot").text, "/admin/forgot")
    email = "nobody@example.com" if account == "unknown" else "siti@example.com"
    with watched() as sent:
        answer = client.post(form.action, data=form.filled(email=email))
    assert (answer.status_code, answer.location) == (303, "/admin/forgot/sent")
    assert [each.partition("(")[0].split(" SET ")[0] for each in sent if "staff" in each] == [
        "INSERT INTO staff_reset "
    ]
    drain()
    assert len(office.mails) == (1 if account == "known" else 0)
    assert db.scalar("SELECT count(*) FROM staff_reset WHERE token IS NOT NULL") == 0


def test_the_table_keeps_no_link_and_no_address_in_clear(posted, office, drain):
    hire(posted)
    token = link_of(posted, office, drain).rsplit("/", 1)[-1]
    kept = str(db.rows("SELECT to_jsonb(r) FROM staff_reset r")) + str(db.rows("SELECT payload FROM outbox_event"))
    assert token not in kept
    assert "siti" not in kept


def test_no_mailbox_is_flooded_and_its_owner_has_a_good_link(posted, office, drain):
    hire(posted)
    for _ in range(5):
        ask(posted, "siti@example.com")
        drain()
    first, second = links(office)
    with transaction():
        db.rows("UPDATE staff_reset SET expires_at = now() + interval '4 minutes' RETURNING id")
    ask(posted, "siti@example.com")
    drain()
    third = links(office)[-1]
    assert third not in (first, second)
    assert choose(posted, third)[1].status_code == 303
    for link in (first, second):  # whoever took them out of the mailbox has nothing any more
        assert posted.test_client().get(link).status_code == 410


@pytest.mark.parametrize("what", ["let go", "another password", "ended"])
def test_a_link_ends_with(posted, office, drain, what):
    """An account that is closed meanwhile, also when it is opened again; a password that was changed otherwise."""
    owner = hire(posted).sign_in()
    mate = hire(posted, "mei@example.com", role="agent")
    link = link_of(posted, office, drain, "mei@example.com")
    late = posted.test_client()
    form = form_to(late.get(link).text, link)
    page = f"/admin/staff/{id_of('mei@example.com')}"
    if what == "let go":
        owner.press(page, f"{page}/let-go")
        owner.press(page, f"{page}/take-back")
    elif what == "ended":
        owner.press(page, f"{page}/end-password")
    else:
        mate.sign_in().press(
            "/admin/profile", "/admin/profile/password", current=mate.password, new=PASSWORD, again=PASSWORD
        )
    assert late.post(link, data=form.filled(password="Other-Word-99!", again="Other-Word-99!")).status_code == 410


def test_a_link_of_who_has_left_is_worth_nothing(posted, office, drain):
    hire(posted)
    link = link_of(posted, office, drain)
    late = posted.test_client()
    form = form_to(late.get(link).text, link)
    with transaction():
        db.rows("UPDATE staff SET is_active = false RETURNING id")
    assert late.post(link, data=form.filled(password=PASSWORD, again=PASSWORD)).status_code == 410
    assert acts() == ["staff.created"]


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Short-7", "At least 12 characters"),
        ("no-capital-letter-7", "a capital letter"),
        ("My-name-is-Siti-77", "without your name"),
        ("Password123!", "easy to guess"),
        ("Aa1-" + "x" * 1000, "at most 1000"),
    ],
)
def test_the_rules_for_passwords_are_those_of_everywhere(posted, office, drain, password, words):
    member = hire(posted)
    link = link_of(posted, office, drain)
    _client, answer = choose(posted, link, password)
    assert (answer.status_code, words in answer.text, password in answer.text) == (422, True, False)
    assert "the same password twice" in choose(posted, link, again=PASSWORD + "x")[1].text
    assert member.give_password().status_code == 303


def test_what_is_no_address_is_said_so(app):
    for typed in ("", "siti", "siti@example", "a@example.com\r\nBcc: b@example.com", "x" * 300 + "@example.com"):
        assert "e-mail address like" in ask(app, typed, status=422)[1].text
    assert db.scalar("SELECT count(*) FROM staff_reset") == 0


def test_links_that_are_made_up_lead_to_the_door(app):
    client = app.test_client()
    for path in ("/admin/reset/x", "/admin/reset/" + "A" * 43, "/admin/reset/" + "A" * 5000):
        for answer in (client.get(path), client.post(path)):
            assert (answer.status_code, answer.location) == (303, "/admin/login")


def test_asking_is_limited(make_app):
    app = make_app(RATE_LIMIT_ENABLED="true")
    client = app.test_client()
    form = form_to(client.get("/admin/forgot").text, "/admin/forgot")
    codes = [client.post(form.action, data=form.filled(email="siti@example.com")).status_code for _ in range(11)]
    assert codes == [303] * 10 + [429]


def test_behind_a_link_too_passwords_take_no_more_time_than_they_may(posted, office, drain, monkeypatch):
    hire(posted)
    link = link_of(posted, office, drain)
    monkeypatch.setattr(passwords, "_is_bounded", True)
    monkeypatch.setattr(passwords, "allowance", passwords.Allowance(share=1e-9, most=0.0))
    assert choose(posted, link)[1].status_code == 429
    monkeypatch.setattr(passwords, "allowance", passwords.Allowance(share=1.0, most=10.0))
    assert choose(posted, link)[1].status_code == 303


def test_two_who_follow_one_link_at_once_are_one(posted, office, drain):
    hire(posted)
    token = link_of(posted, office, drain).rsplit("/", 1)[-1]

    def follow():
        try:
            return resets.reset_password(token, password_hash="theirs")
        except ResetOver as refusal:
            return refusal

    second = Second(follow)
    with transaction():
        resets.reset_password(token, password_hash="mine")
        second.meet()
    assert isinstance(second.end(), ResetOver)
    assert db.scalar("SELECT password_hash FROM staff") == "mine"


def test_two_workers_send_no_more_links_than_one(posted):
    hire(posted)
    for _ in range(3):
        in_transaction(lambda: resets.ask("siti@example.com"))
    first, second, third = [row.id for row in db.rows("SELECT id FROM staff_reset ORDER BY created_at")]
    db.release()
    assert in_transaction(lambda: resets.claim_letter(first))
    other = Second(lambda: resets.claim_letter(third))
    with transaction():
        assert resets.claim_letter(second) is not None
        db.session.flush()
        other.meet()
    assert other.end() is None


def test_a_colleague_ends_a_password(posted, office, drain):
    """It opens nothing, neither do the sessions; the link to the mailbox does, and the second factor stays."""
    owner = hire(posted).sign_in()
    mate = hire(posted, "mei@example.com", role="agent").sign_in()
    page = f"/admin/staff/{id_of('mei@example.com')}"
    assert "Their password is dead" in owner.press(page, f"{page}/end-password")
    assert mate.client.get("/admin/").location == "/admin/login"
    assert mate.give_password().status_code == 422
    drain()
    [mail] = office.mails
    assert (str(mail["To"]), str(mail["Subject"])) == ("mei@example.com", "Your password was ended")
    assert "http://localhost/admin/login" in mail.get_body(("plain",)).get_content()
    assert choose(posted, link_of(posted, office, drain, "mei@example.com"))[1].status_code == 303
    again = StaffMember(posted.test_client(), "mei@example.com", PASSWORD, mate.secret, mate.steps).sign_in()
    assert again.client.get("/admin/").status_code == 200
    entry = db.rows("SELECT before, after FROM audit_entry WHERE action = 'staff.password_ended'")
    assert [tuple(row) for row in entry] == [({"password": True}, {"password": False})]


def test_a_password_that_was_ended_takes_as_long_as_any_other(app, owner):
    """Else its hash would tell strangers that somebody works here: one that is none is refused at once."""
    hire(app, "mei@example.com", role="agent")
    page = f"/admin/staff/{id_of('mei@example.com')}"
    owner.press(page, f"{page}/end-password")
    ended = db.scalar("SELECT password_hash FROM staff WHERE email_index = :i", i=crypto.blind_index("mei@example.com"))
    cost = ended.rsplit("$", 2)[0]
    assert cost == passwords.hashed("x").rsplit("$", 2)[0]


def test_who_was_let_go_is_not_invited_but_taken_back(app, owner):
    hire(app, "mei@example.com", role="agent")
    page = f"/admin/staff/{id_of('mei@example.com')}"
    owner.press(page, f"{page}/let-go")
    form = form_to(owner.get("/admin/staff/invite"), "/admin/staff/invite")
    answer = owner.client.post(form.action, data=form.filled(email="Mei@example.com", role="agent"))
    assert (answer.status_code, "This account is closed" in answer.text) == (409, True)
    assert f'href="{page}"' in answer.text
    owner.press(page, f"{page}/take-back")
    assert (
        "works here under this address"
        in owner.client.post(form.action, data=form.filled(email="mei@example.com")).text
    )

"""Who works here: invitations, roles, goodbye, lost phones, one's own account, as pages and as an enemy."""

import re

import pytest

from app.accounts import rules
from app.core import crypto, db
from app.core.transaction import transaction
from tests.changes import changes
from tests.staff import StaffMember, give_rights, hire
from tools.webforms import form_to, forms_of, heading_of

PASSWORD = "Batik-and-canting-7"


def id_of(email):
    found = db.scalar("SELECT id FROM staff WHERE email_index = :index", index=crypto.blind_index(email))
    db.release()
    return found


def acts(prefix="staff."):
    found = [
        row[0]
        for row in db.rows(
            "SELECT action FROM audit_entry WHERE action LIKE :like ORDER BY created_at, id", like=f"{prefix}%"
        )
    ]
    db.release()
    return found


def invite(member, email="aina@example.com", role="support", status=303):
    form = form_to(member.get("/admin/staff/invite"), "/admin/staff/invite")
    answer = member.client.post(form.action, data=form.filled(email=email, role=role))
    assert answer.status_code == status, answer.text
    return answer


def link_in(mail):
    text = mail.get_body(("plain",)).get_content()
    return re.search(r"http://localhost(/admin/invitation/[\w-]{43})(?![\w-])", text)[1]


@pytest.fixture
def mailed(make_app, office):
    """The shop with a post office, and an owner at work there."""
    app = make_app(MAIL_URL=office.url)
    return hire(app).sign_in()


def join(app, link, password=PASSWORD):
    """Somebody new, who has followed a link and chosen a password."""
    client = app.test_client()
    form = form_to(client.get(link).text, link)
    return client, client.post(form.action, data=form.filled(password=password, again=password))


def test_somebody_is_invited_joins_and_is_at_work(mailed, office, drain):
    """Invitation by mail → password → authenticator with its QR code → ten backup codes → just what the role may do."""
    page = mailed.get(invite(mailed).location)
    assert "The invitation is on its way" in page
    assert "aina@example.com" in page
    drain()
    [mail] = office.mails
    assert (str(mail["To"]), str(mail["Subject"])) == (
        "aina@example.com",
        "You are invited to the back office of Murni Batik",
    )
    link = link_in(mail)
    client, answer = join(mailed.client.application, link)
    assert (answer.status_code, answer.location) == (303, "/admin/totp")
    page = client.get("/admin/totp").text
    assert 'class="qr"' in page
    secret = re.search(r"<code>([A-Z2-7 ]{32,})</code>", page)[1].replace(" ", "")
    assert client.get("/admin/").location == "/admin/totp"
    new = StaffMember(client, "aina@example.com", PASSWORD, secret)
    assert new.give_code().location == "/admin/backup-codes"
    page = new.get("/admin/backup-codes")
    codes = re.findall(r"<code>((?:\d{4} ){3}\d{4})</code>", page)
    assert len(set(codes)) == 10
    file = client.get("/admin/backup-codes/file")
    assert (file.mimetype, all(code in file.text for code in codes)) == ("text/plain", True)
    page = new.press("/admin/backup-codes", "/admin/backup-codes")
    assert "/admin/orders" in page
    assert "/admin/books" not in page
    assert "/admin/staff" not in page
    assert client.get("/admin/staff").status_code == 403
    assert acts() == ["staff.created", "staff.invited", "staff.joined", "staff.backup_codes_saved"]


def test_the_table_keeps_the_links_hash_only_once_the_mail_has_left(mailed, office, drain):
    invite(mailed)
    assert db.scalar("SELECT mail_token IS NOT NULL FROM staff_invitation")
    drain()
    token = link_in(office.mails[0]).rsplit("/", 1)[-1].encode()
    row = db.rows("SELECT token_hash, mail_token, email FROM staff_invitation")[0]
    assert row.mail_token is None
    assert token not in bytes(row.token_hash)
    assert "aina" not in row.email
    told = str(db.rows("SELECT payload FROM outbox_event WHERE name = 'staff.invited'"))
    assert token.decode() not in told


def test_a_link_works_once_and_not_when_it_is_old(mailed, office, drain):
    invite(mailed)
    drain()
    link, app = link_in(office.mails[0]), mailed.client.application
    with transaction():
        db.rows("UPDATE staff_invitation SET expires_at = now() - interval '1 second' RETURNING id")
    answer = app.test_client().get(link)
    assert (answer.status_code, heading_of(answer.text)) == (410, "This invitation is over")
    with transaction():
        db.rows("UPDATE staff_invitation SET expires_at = now() + interval '1 hour' RETURNING id")
    late = app.test_client()
    form = form_to(late.get(link).text, link)
    assert join(app, link)[1].status_code == 303
    assert late.post(link, data=form.filled(password=PASSWORD, again=PASSWORD)).status_code == 410
    assert "accepted already" in app.test_client().get(link).text
    assert db.scalar("SELECT count(*) FROM staff") == 2


def test_a_link_that_is_made_up_leads_to_the_door(app):
    client = app.test_client()
    for path in ("/admin/invitation/x", "/admin/invitation/" + "A" * 43, "/admin/invitation/" + "A" * 5000):
        for answer in (client.get(path), client.post(path)):
            assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/admin/login")


def test_a_new_link_replaces_the_old_one_and_one_that_is_taken_back_is_dead(mailed, office, drain):
    invite(mailed)
    drain()
    invitation = db.scalar("SELECT id FROM staff_invitation")
    db.release()
    mailed.press("/admin/staff", f"/admin/staff/invitations/{invitation}/send")
    drain()
    first, second = (link_in(mail) for mail in office.mails)
    app = mailed.client.application
    assert app.test_client().get(first).location == "/admin/login"
    assert app.test_client().get(second).status_code == 200
    page = mailed.press("/admin/staff", f"/admin/staff/invitations/{invitation}/revoke")
    assert "Its link is dead" in page
    assert app.test_client().get(second).status_code == 410
    invite(mailed)  # the address is free again
    assert db.scalar("SELECT count(*) FROM staff_invitation") == 2


INVITERS = {
    "let go": lambda owner, page, own: owner.press(page, f"{page}/let-go"),
    "taken back after": lambda owner, page, own: [
        owner.press(page, f"{page}/let-go"),
        owner.press(page, f"{page}/take-back"),
    ],
    "less of a role": lambda owner, page, own: owner.press(page, f"{page}/role", role="agent"),
    "another role with too little": lambda owner, page, own: owner.press(page, f"{page}/role", role="manager"),
    "their own role narrowed": lambda owner, page, own: narrow(owner, own),
}


def narrow(owner, own):
    form = form_to(owner.get(f"/admin/staff/roles/{own}"), f"/admin/staff/roles/{own}")
    answer = owner.client.post(form.action, data={**form.fields, "right": ["staff.change", "orders.view"]})
    assert answer.status_code == 303


@pytest.mark.parametrize("what", INVITERS)
def test_an_invitation_ends_with_the_rights_of_who_sent_it(mailed, office, drain, what):
    """Else whoever is to leave invites a second self first."""
    app = mailed.client.application
    boss = hire(app, "mei@example.com", rights=["staff.change", *rules.ROLES["agent"]])
    own = db.scalar("SELECT role_id FROM staff WHERE email_index = :i", i=crypto.blind_index("mei@example.com"))
    boss.sign_in()
    invite(boss, role="agent")
    drain()
    link, client = link_in(office.mails[0]), app.test_client()
    form = form_to(client.get(link).text, link)
    INVITERS[what](mailed, f"/admin/staff/{id_of('mei@example.com')}", own)
    answer = client.post(link, data=form.filled(password=PASSWORD, again=PASSWORD))
    assert (answer.status_code, heading_of(answer.text)) == (410, "This invitation is over")
    assert db.scalar("SELECT count(*) FROM staff") == 2
    noted = ["staff.invitation_revoked"] if what != "their own role narrowed" else []
    assert [each for each in acts() if each == "staff.invitation_revoked"] == noted


def test_an_invitation_stays_good_while_its_sender_may_still_give_the_role(mailed, office, drain):
    """And whoever sends it again vouches for it from then on."""
    app = mailed.client.application
    boss = hire(app, "mei@example.com").sign_in()
    invite(boss)
    invite(boss, "second@example.com")
    page = f"/admin/staff/{id_of('mei@example.com')}"
    invitation = db.scalar(
        "SELECT id FROM staff_invitation WHERE email_index = :i", i=crypto.blind_index("second@example.com")
    )
    db.release()
    mailed.press("/admin/staff", f"/admin/staff/invitations/{invitation}/send")
    drain()
    links = {str(mail["To"]): link_in(mail) for mail in office.mails}
    give_rights("mei@example.com", rules.RIGHTS - {"books.change"})
    assert join(app, links["aina@example.com"])[1].status_code == 303
    mailed.press(page, f"{page}/let-go")
    assert join(app, links["second@example.com"])[1].status_code == 303


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Short-7", "At least 12 characters"),
        ("no-capital-letter-7", "a capital letter"),
        ("No-number-in-this", "a number"),
        ("NoSymbolInThis77", "a symbol"),
        ("My-name-is-Aina-77", "without your name"),
        ("Password123!", "easy to guess"),
        ("Aa1-" + "x" * 1000, "at most 1000"),
    ],
)
def test_a_password_that_is_none_is_refused_and_the_link_stays_good(mailed, office, drain, password, words):
    """SEC-07."""
    invite(mailed)
    drain()
    link, app = link_in(office.mails[0]), mailed.client.application
    _client, answer = join(app, link, password)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert db.scalar("SELECT count(*) FROM staff") == 1
    client = app.test_client()
    form = form_to(client.get(link).text, link)
    answer = client.post(link, data=form.filled(password=PASSWORD, again=PASSWORD + "x"))
    assert "the same password twice" in answer.text
    assert join(app, link)[1].status_code == 303


def test_passwords_are_kept_exactly_and_hashed(mailed, office, drain):
    """ASVS 6.2: Unicode, spaces and 64 characters and more."""
    invite(mailed)
    drain()
    password = "  Kain pérang 1 — ✨ " + "x" * 80
    client, answer = join(mailed.client.application, link_in(office.mails[0]), password)
    assert answer.status_code == 303
    new = StaffMember(client, "aina@example.com", password, "")
    new.client = mailed.client.application.test_client()
    assert new.give_password(password=password.strip()).status_code == 422
    assert new.give_password().status_code == 303


def test_who_works_here_is_not_invited_and_nobody_twice(owner):
    assert "works here under this address" in invite(owner, "SITI@example.com", status=409).text
    invite(owner)
    assert "invited already" in invite(owner, "Aina@Example.com", status=409).text
    assert "Choose a role" in invite(owner, "x@example.com", role="admin", status=422).text
    assert "e-mail address like" in invite(owner, "x@example", status=422).text
    assert db.scalar("SELECT count(*) FROM staff_invitation") == 1


def test_a_colleague_gets_another_role_and_it_counts_at_once(app, owner):
    mate = hire(app, "mei@example.com", role="agent").sign_in()
    page = f"/admin/staff/{id_of('mei@example.com')}"
    assert mate.client.get("/admin/stock-locks").status_code == 403
    assert "from their next click" in owner.press(page, f"{page}/role", role="fulfilment")
    assert mate.client.get("/admin/stock-locks").status_code == 200
    assert "Nothing was changed" in owner.press(page, f"{page}/role", role="fulfilment")
    entry = db.rows("SELECT before, after FROM audit_entry WHERE action = 'staff.role_given'")
    assert [tuple(row) for row in entry] == [({"role": "agent"}, {"role": "fulfilment"})]


def test_a_closed_account_is_out_and_can_be_opened_again(app, owner):
    mate = hire(app, "mei@example.com", role="agent").sign_in()
    page = f"/admin/staff/{id_of('mei@example.com')}"
    owner.press(page, f"{page}/let-go")
    assert mate.client.get("/admin/").location == "/admin/login"
    assert mate.give_password().status_code == 422
    owner.press(page, f"{page}/take-back")
    mate.client = app.test_client()
    mate.sign_in()
    assert "signed out everywhere" in owner.press(page, f"{page}/sign-out")
    assert mate.client.get("/admin/").location == "/admin/login"


def test_a_lost_phone_is_helped_by_a_colleague(app, owner, drain):
    mate = hire(app, "mei@example.com", role="agent").sign_in()
    page = f"/admin/staff/{id_of('mei@example.com')}"
    owner.press(page, f"{page}/reset-totp")
    assert mate.client.get("/admin/").location == "/admin/login"
    mate.client = app.test_client()
    mate.give_password()
    assert 'class="qr"' in mate.get("/admin/totp")
    before, after = (
        {"authenticator": True, "passkeys": 0, "phone": False},
        {"authenticator": False, "passkeys": 0, "phone": False},
    )
    assert changes("staff.totp_reset") == [(before, after)]
    assert db.scalar("SELECT payload ->> 'what' FROM outbox_event WHERE name = 'staff.access_changed'") == "totp"


def test_nobody_does_it_to_themselves_and_the_last_owner_stays(app, owner):
    page, mine = "/admin/profile", f"/admin/staff/{id_of('siti@example.com')}"
    csrf = form_to(owner.get(page), f"{page}/password").fields["csrf_token"]
    for path in ("role", "let-go", "sign-out", "reset-totp"):
        answer = owner.client.post(f"{mine}/{path}", data={"csrf_token": csrf, "role": "agent"})
        assert answer.location == f"{mine}?done=yourself"
    assert f"{mine}/let-go" not in owner.get(mine)
    second = hire(app, "mei@example.com").sign_in()
    other = id_of("mei@example.com")
    with transaction():  # the one who would stay has no authenticator any more: nobody could come in as an owner
        db.rows("UPDATE staff SET totp_confirmed_at = NULL WHERE id = :id RETURNING id", id=other)
    answer = second.client.post(f"{mine}/let-go", data={"csrf_token": form_csrf(second)})
    assert answer.location == f"{mine}?done=last-owner"
    assert db.scalar("SELECT count(*) FROM staff WHERE is_active AND role = 'owner'") == 2


def form_csrf(member):
    return re.search(r'name="csrf-token" content="([^"]+)"', member.get("/admin/profile"))[1]


def test_nobody_gives_or_touches_more_than_they_hold(app, owner):
    """A manager of people who is no owner makes no owners, changes none, and cannot help themselves to rights."""
    boss = hire(app, "mei@example.com", rights=["staff.change", "orders.view"]).sign_in()
    mate = f"/admin/staff/{id_of(hire(app, 'joe@example.com', role='agent').email)}"
    theirs = f"/admin/staff/{id_of('siti@example.com')}"
    form = form_to(boss.get("/admin/staff/invite"), "/admin/staff/invite")
    data = {"csrf_token": form.fields["csrf_token"]}
    for role in ("owner", "manager", "finance"):
        answer = boss.client.post("/admin/staff/invite", data={**data, "email": "x@example.com", "role": role})
        assert (answer.status_code, "no more than you" in answer.text) == (403, True)
    for path in (f"{theirs}/let-go", f"{theirs}/reset-totp", f"{theirs}/role", f"{mate}/let-go"):
        assert boss.client.post(path, data={**data, "role": "owner"}).status_code == 403, path
    own = db.scalar("SELECT role_id FROM staff WHERE email_index = :i", i=crypto.blind_index("mei@example.com"))
    answer = boss.client.post(f"/admin/staff/roles/{own}", data={**data, "name": "More", "right": "books.view"})
    assert answer.status_code == 409
    answer = boss.client.post(f"/admin/staff/roles/{own}", data={**data, "name": "Same", "right": "orders.view"})
    assert (answer.status_code, "your own role" in answer.text) == (409, True)
    answer = boss.client.post("/admin/staff/roles/new", data={**data, "name": "New", "right": "refunds.approve"})
    assert (answer.status_code, "that you have yourself" in answer.text) == (403, True)
    assert db.scalar("SELECT count(*) FROM staff WHERE role = 'owner' AND is_active") == 1
    assert (db.scalar("SELECT count(*) FROM staff_role"), db.scalar("SELECT count(*) FROM staff_invitation")) == (1, 0)


def test_a_role_of_the_shops_own(app, owner):
    form = form_to(owner.get("/admin/staff/roles/new"), "/admin/staff/roles/new")
    for typed, words in (
        ({"name": "", "right": "orders.view"}, "Give the role a name"),
        ({"name": "x" * 61, "right": "orders.view"}, "Give the role a name"),
        ({"name": "Nothing"}, "Tick at least one right"),
        ({"name": "Unknown", "right": "moon.change"}, "Tick at least one right"),
    ):
        answer = owner.client.post(form.action, data={**form.fields, **typed})
        assert (answer.status_code, words in answer.text) == (422, True), typed
    data = {**form.fields, "name": "Weekend", "right": ["refunds.approve", "stock.change", "moon.change"]}
    assert owner.client.post(form.action, data=data).status_code == 303
    assert "name already" in owner.client.post(form.action, data={**data, "name": "weekend"}).text
    role = db.rows("SELECT id, rights FROM staff_role")[0]
    db.release()
    assert role.rights == ["orders.view", "refunds.approve", "refunds.view", "stock.change", "stock.view"]
    mate = hire(app, "mei@example.com", role="agent").sign_in()
    person = f"/admin/staff/{id_of('mei@example.com')}"
    owner.press(person, f"{person}/role", role=role.id)
    assert "Weekend" in owner.get("/admin/staff")
    assert mate.client.get("/admin/stock-locks").status_code == 200
    page = f"/admin/staff/roles/{role.id}"
    assert "Nothing was changed" in owner.press(page, f"{page}/remove")
    form = form_to(owner.get(page), page)
    answer = owner.client.post(page, data={**form.fields, "name": "Weekend", "right": "orders.view"})
    assert answer.status_code == 303
    assert mate.client.get("/admin/stock-locks").status_code == 403
    owner.press(person, f"{person}/role", role="agent")
    invite(owner, "weekend@example.com", str(role.id))
    assert "Nothing was changed" in owner.press(page, f"{page}/remove")
    invitation = db.scalar("SELECT id FROM staff_invitation")
    db.release()
    owner.press("/admin/staff", f"/admin/staff/invitations/{invitation}/revoke")
    owner.press(page, f"{page}/remove")
    assert db.scalar("SELECT count(*) FROM staff_role") == 0
    assert acts("staff.role_") == [
        "staff.role_added", "staff.role_given", "staff.role_changed", "staff.role_given", "staff.role_removed",
    ]  # fmt: skip


def test_the_page_of_a_person_shows_just_what_they_may(app, owner):
    hire(app, "mei@example.com", role="fulfilment")
    page = owner.get(f"/admin/staff/{id_of('mei@example.com')}")
    assert page.count('aria-label="Yes"') == len(rules.ROLES["fulfilment"])
    assert owner.get("/admin/staff/roles").count('aria-label="Yes"') == sum(map(len, rules.ROLES.values()))


def test_passwords_are_changed_with_the_old_one_and_end_every_other_session(app, owner, drain):
    """ASVS 32, 42."""
    elsewhere = StaffMember(app.test_client(), owner.email, owner.password, owner.secret, owner.steps).sign_in()
    form = form_to(owner.get("/admin/profile"), "/admin/profile/password")
    for typed, words in (
        ({"current": "wrong", "new": PASSWORD, "again": PASSWORD}, "not your password"),
        ({"current": owner.password, "new": "short", "again": "short"}, "At least 12 characters"),
        ({"current": owner.password, "new": PASSWORD, "again": "x"}, "same password twice"),
    ):
        answer = owner.client.post(form.action, data=form.filled(**typed))
        assert (answer.status_code, words in answer.text) == (422, True)
        assert PASSWORD not in answer.text
    assert elsewhere.client.get("/admin/").status_code == 200
    answer = owner.client.post(form.action, data=form.filled(current=owner.password, new=PASSWORD, again=PASSWORD))
    assert "signed out everywhere else" in owner.get(answer.location)
    assert elsewhere.client.get("/admin/").location == "/admin/login"
    assert elsewhere.give_password().status_code == 422
    assert elsewhere.give_password(password=PASSWORD).status_code == 303
    assert db.scalar("SELECT payload ->> 'what' FROM outbox_event WHERE name = 'staff.access_changed'") == "password"


def test_guessing_ones_own_password_counts_like_signing_in(owner):
    form = form_to(owner.get("/admin/profile"), "/admin/profile/password")
    data = form.filled(current="wrong", new=PASSWORD, again=PASSWORD)
    codes = [owner.client.post(form.action, data=data).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]
    assert owner.client.get("/admin/").status_code == 200


def test_backup_codes_are_renewed_with_password_and_fresh_code(owner, drain):
    """X3: regenerating needs both, the old ones are dead at once, and a mail tells."""
    codes = re.compile(r"<code>((?:\d{4} ){3}\d{4})</code>")
    old = codes.findall(owner.get("/admin/backup-codes"))
    owner.press("/admin/backup-codes", "/admin/backup-codes")
    form = form_to(owner.get("/admin/profile"), "/admin/profile/backup-codes")
    assert owner.client.post(form.action, data=form.filled(codes_password="wrong")).status_code == 422
    answer = owner.client.post(form.action, data=form.filled(codes_password=owner.password))
    page = owner.get(answer.location)
    new = codes.findall(page)
    assert "old backup codes are dead" in page
    assert (len(set(new)), set(new) & set(old)) == (10, set())
    owner.press("/admin/backup-codes", "/admin/backup-codes")
    owner.client = owner.client.application.test_client()
    owner.give_password()
    assert owner.give_code(old[0]).status_code == 422
    assert owner.give_code(new[0]).status_code == 303
    assert db.scalar("SELECT payload ->> 'what' FROM outbox_event WHERE name = 'staff.access_changed'") == "codes"


def test_a_new_phone_of_ones_own_is_set_up_with_password_and_fresh_code(app, owner):
    """ASVS 32: the old secret and every session are dead, and the QR code comes after the password."""
    form = form_to(owner.get("/admin/profile"), "/admin/profile/authenticator")
    assert owner.client.post(form.action, data=form.filled(phone_password="wrong")).status_code == 422
    old = owner.code()
    assert owner.client.post(form.action, data=form.filled(phone_password=owner.password)).location == "/admin/login"
    assert owner.client.get("/admin/").location == "/admin/login"
    owner.give_password()
    page = owner.get("/admin/totp")
    assert owner.give_code(old).status_code == 422
    owner.secret = re.search(r"<code>([A-Z2-7 ]{32,})</code>", page)[1].replace(" ", "")
    owner.steps.clear()
    assert owner.give_code().status_code == 303
    assert db.scalar("SELECT payload ->> 'what' FROM outbox_event WHERE name = 'staff.access_changed'") == "totp"


def test_sessions_are_listed_and_ended_one_by_one_or_all_but_this(app, owner):
    others = []
    for agent in ("Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", "Mozilla/5.0 (iPhone) Safari/605.1"):
        other = StaffMember(app.test_client(), owner.email, owner.password, owner.secret, owner.steps)
        other.client.environ_base["HTTP_USER_AGENT"] = agent
        owner.steps.clear()
        with transaction():
            db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
        others.append(other.sign_in())
    page = owner.get("/admin/profile")
    for words in ("Firefox, Windows", "Safari, iPhone", "127.0.0.…"):
        assert words in page
    [first, *_rest] = [form.action for form in forms_of(page) if form.action.endswith("/end")]
    owner.press("/admin/profile", first)
    assert sorted(other.client.get("/admin/").status_code for other in others) == [200, 303]
    assert owner.client.post(first, data={"csrf_token": form_csrf(owner)}).status_code == 404
    stranger = hire(app, "mei@example.com", role="agent").sign_in()
    theirs = db.scalar("SELECT max(id::text) FROM staff_session WHERE staff_id = :id", id=id_of("mei@example.com"))
    db.release()
    answer = owner.client.post(f"/admin/profile/sessions/{theirs}/end", data={"csrf_token": form_csrf(owner)})
    assert (answer.status_code, stranger.client.get("/admin/").status_code) == (404, 200)
    owner.press("/admin/profile", "/admin/profile/sessions/others")
    assert [other.client.get("/admin/").status_code for other in others] == [303, 303]
    assert owner.client.get("/admin/").status_code == 200

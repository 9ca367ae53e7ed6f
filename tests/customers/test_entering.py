"""Registering, signing in, resetting: what happens, and what a stranger may not learn or do (FAULTS X5, X6, X8, X11, X23)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from app.core import db, passwords
from app.core.transaction import transaction
from tests.customers.patron import LINK, PASSWORD, Patron
from tests.notifications.post_office import body_of
from tools.webforms import form_to, heading_of

MakePatron = Callable[..., Patron]
STRANGER = "nobody@example.com"


def count_of(table: str) -> int:
    return int(db.scalar(f"SELECT count(*) FROM {table}"))


def subjects(patron: Patron) -> list[str]:
    return [str(mail["Subject"]) for mail in patron.mails()]


def without_tokens(page: str) -> str:
    """A page without what is different each time: the CSRF tokens, the nonces."""
    found = form_to(page, "/login").fields["csrf_token"] if 'action="/login"' in page else ""
    words = page.replace(found, "") if found else page
    return "\n".join(line for line in words.splitlines() if "csrf" not in line and "nonce" not in line)


def run_out(table: str, column: str = "expires_at") -> None:
    with transaction():
        db.rows(f"UPDATE {table} SET {column} = clock_timestamp() - interval '1 second' RETURNING id")


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each slow piece of work that argon2 is given, as it is given: counted, for a clock would only guess."""
    done: list[str] = []

    class Counting(type(passwords._hasher)):  # type: ignore[misc]
        def hash(self, *args: object, **kwargs: object) -> str:
            done.append("hash")
            return super().hash(*args, **kwargs)

        def verify(self, *args: object, **kwargs: object) -> bool:
            done.append("verify")
            return super().verify(*args, **kwargs)

    passwords.hash_of_nobody()
    monkeypatch.setattr(passwords, "_hasher", Counting(time_cost=3, memory_cost=32 * 1024, parallelism=1))
    return done


def test_register_confirm_and_be_signed_in(patron: Patron):
    answer = patron.ask_to_register()
    assert (answer.status_code, answer.location) == (303, "/register/sent")
    assert count_of("customer") == 0
    link = patron.link()
    patron.get(link)
    patron.get(link)  # looking spends nothing
    assert count_of("customer") == 0
    answer = patron.follow(link)
    assert (answer.status_code, answer.location) == (303, "/account/?said=welcome")
    page = patron.get(answer.location)
    assert heading_of(page) == "Hello, Aina"
    assert "Hi, Aina" in page
    assert subjects(patron) == ["Confirm your e-mail address", "Welcome to Murni Batik"]
    assert patron.client.get(link).status_code == 410


def test_in_another_browser_the_password_must_be_given(patron: Patron, make_patron: MakePatron):
    """Somebody registers another one's address and waits for them to press the button: they cannot."""
    patron.ask_to_register()
    link = patron.link()
    victim = make_patron()
    assert form_to(victim.get(link), link).fields["password"] == ""
    assert victim.follow(link, password="not that one").status_code == 422
    assert count_of("customer") == 0
    assert victim.follow(link, password=PASSWORD).status_code == 303
    assert victim.is_signed_in()
    assert not patron.is_signed_in()


def test_five_wrong_passwords_on_a_confirmation_wait(patron: Patron, make_patron: MakePatron):
    patron.ask_to_register()
    link, other = patron.link(), make_patron()
    answers = [other.follow(link, password=f"Wrong-Word {n}!").status_code for n in range(5)]
    assert answers == [422] * 5
    answer = make_patron().follow(link, password=PASSWORD)
    assert (answer.status_code, count_of("customer")) == (429, 0)
    assert "tried too often" in answer.text
    assert patron.follow(link).status_code == 303  # where it was typed nothing is asked


@pytest.mark.parametrize("door", ["confirm", "reset"])
def test_behind_a_link_too_passwords_take_no_more_time_than_they_may(
    patron: Patron, make_patron: MakePatron, monkeypatch: pytest.MonkeyPatch, verifications, door: str
):
    if door == "reset":
        patron.register()
        patron.submit("/login/forgot", "/login/forgot", email=patron.email)
    else:
        patron.ask_to_register()
    link, other = patron.link(), make_patron()
    other.get(link)
    monkeypatch.setattr(passwords, "_is_bounded", True)
    monkeypatch.setattr(passwords, "allowance", passwords.Allowance(share=1e-9, most=0.0))
    verifications.clear()
    answer = other.follow(link, password="Password1!")
    assert (answer.status_code, verifications) == (429, [])
    assert f'href="{link}"' in answer.text
    assert db.scalar("SELECT count(*) FROM customer_sign_in WHERE NOT was_right") == 0
    monkeypatch.setattr(passwords, "allowance", passwords.Allowance(share=1.0, most=10.0))
    assert other.follow(link, password=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("email", "other"),
    [
        ("hans@strasse.example", "hans@straße.example"),
        ("ss@example.com", "ß@example.com"),
        ("fish@example.com", "\ufb01sh@example.com"),
        ("aisha@example.com", "ai\u017fha@example.com"),
        ("nikoσ@example.com", "nikoς@example.com"),
    ],
)
def test_letters_that_only_fold_to_the_same_are_another_address(make_patron: MakePatron, email: str, other: str):
    """The take-over: by mail to straße.example, somebody else's domain, into the account of strasse.example."""
    owner, stranger = make_patron(email).register(), make_patron(other)
    before = len(owner.office.mails) if owner.mails() else 0
    stranger.submit("/login/forgot", "/login/forgot", email=other)
    stranger.ask_for_link(email=other)
    stranger.deliver()
    assert len(stranger.office.mails) == before
    assert stranger.sign_in().status_code == 422
    stranger.ask_to_register()
    stranger.deliver()
    assert [str(mail["Subject"]) for mail in stranger.office.mails[before:]] == ["Confirm your e-mail address"]
    assert owner.is_signed_in()


def test_a_link_goes_to_the_address_of_the_account_however_it_was_typed(aina: Patron, make_patron: MakePatron):
    stranger = make_patron()
    stranger.submit("/login/forgot", "/login/forgot", email="AINA@Example.COM")
    stranger.ask_for_link(email="Aina@example.com")
    assert [path.split("/")[2] for mail in aina.mails()[-2:] for path in LINK.findall(body_of(mail, "plain"))] == [
        "reset",
        "link",
    ]


def test_a_known_address_gets_the_same_answer_and_another_mail(aina: Patron, make_patron: MakePatron, verifications):
    stranger, unknown = make_patron(), make_patron("new@example.com")
    answers, work = [], []
    for each in (stranger, unknown):
        verifications.clear()
        answer = each.ask_to_register(name="Some Body", password="Other-Word 99!")
        work.append(list(verifications))
        answers.append((answer.status_code, answer.location, each.get(answer.location).count("Look into your mailbox")))
    assert answers[0] == answers[1]
    assert work == [["hash"], ["hash"]]
    assert subjects(stranger)[-1] == "You already have an account"
    assert subjects(unknown) == ["Confirm your e-mail address"]
    assert stranger.sign_in(password="Other-Word 99!").status_code == 422
    assert unknown.sign_in(password="Other-Word 99!").status_code == 422  # not before its mail was answered


def test_two_links_of_one_address_make_one_account(patron: Patron):
    patron.ask_to_register()
    first = patron.link()
    patron.ask_to_register()
    second = patron.link()
    assert first != second
    assert patron.follow(first).status_code == 303
    patron.sign_out()
    answer = patron.submit(second, second, password=PASSWORD)
    assert answer.status_code == 409
    assert count_of("customer") == 1


def test_the_mail_can_be_sent_again(patron: Patron):
    patron.ask_to_register()
    first = patron.link()
    answer = patron.submit("/register/sent", "/register/again")
    assert "on its way again" in patron.get(answer.location)
    assert patron.link() != first
    assert len(patron.mails()) == 2
    assert patron.follow(patron.link()).status_code == 303


def test_nobody_is_flooded_with_mails(patron: Patron):
    for _ in range(8):
        assert patron.submit("/login/forgot", "/login/forgot", email=patron.email).status_code == 303
    assert patron.mails() == []  # there is no account
    patron.register()  # and mails that were never sent keep nobody from theirs
    before = len(patron.mails())
    for _ in range(8):
        patron.submit("/login/forgot", "/login/forgot", email=patron.email)
    assert len(patron.mails()) == before + 2
    assert db.scalar("SELECT count(*) FROM customer_request WHERE token IS NOT NULL") == 0


def test_nobody_can_keep_the_owner_from_a_link_that_works(aina: Patron, make_patron: MakePatron):
    """Whatever strangers ask for: the owner has a good link, and gets the next one once it is followed or nearly over."""
    aina.sign_out()
    mallory = make_patron()
    for _ in range(9):
        mallory.submit("/login/forgot", "/login/forgot", email=aina.email)
        mallory.ask_for_link(email=aina.email)
    kinds = [path.split("/")[2] for mail in aina.mails() for path in LINK.findall(body_of(mail, "plain"))[:1]]
    assert sorted(kinds[1:]) == ["link", "link", "reset", "reset"]
    with transaction():
        db.rows("UPDATE customer_request SET expires_at = clock_timestamp() + interval '4 minutes' RETURNING id")
    before = len(aina.mails())
    aina.ask_for_link(email=aina.email)
    assert len(aina.mails()) == before + 1
    assert aina.follow(aina.link()).status_code == 303
    assert aina.is_signed_in()


def test_strangers_keep_nobody_from_changing_their_password(aina: Patron, make_patron: MakePatron):
    for _ in range(6):
        make_patron().sign_in(password="Wrong-Word 1!")
    fields = {"current": PASSWORD, "password": "Kapal-Layar 3 biru"}
    assert aina.submit("/account/security", "/account/security/password", **fields).status_code == 303


def test_a_blocked_account_is_told_of_once_a_day(aina: Patron, make_patron: MakePatron):
    for _ in range(2):
        for _ in range(5):
            assert make_patron().sign_in(password="Wrong-Word 1!").status_code == 422
        with transaction():
            db.rows("UPDATE customer_sign_in SET created_at = created_at - interval '1 hour' RETURNING id")
    assert subjects(aina).count("Somebody could not sign in as you") == 1
    with transaction():
        db.rows("UPDATE customer SET blocked_told_at = blocked_told_at - interval '25 hours' RETURNING id")
    for _ in range(5):
        make_patron().sign_in(password="Wrong-Word 1!")
    assert subjects(aina).count("Somebody could not sign in as you") == 2


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Aa1!", "8 characters or more"),
        ("bunga-raya 7", "a capital letter"),
        ("Bunga-Raya-x", "a number"),
        ("BungaRaya77", "a symbol"),
        ("Password1!", "easy to guess"),
        ("P@ssw0rd", "easy to guess"),
        ("Aa1!" * 100, "at most 200 characters"),
    ],
)
def test_bad_passwords_are_refused_with_words(patron: Patron, password: str, why: str):
    answer = patron.ask_to_register(password=password)
    assert answer.status_code == 422
    assert why in answer.text
    assert password not in answer.text
    assert count_of("customer_request") == 0


@pytest.mark.parametrize(
    "password", ["Kata Laluan 7 – ñandú ☂ A", "Pokok-Ru 9 di Tepi Pantai" * 8, "  Leading-And-Trailing 7  "]
)
def test_passwords_are_kept_to_the_letter(patron: Patron, password: str):
    patron.password = password
    patron.register()
    patron.sign_out()
    assert patron.sign_in(password=password.strip() + "x").status_code == 422
    assert patron.sign_in().status_code == 303


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "A" * 121),
        ("name", "Aina\r\nBcc: all@example.com"),
        ("email", "no address"),
        ("email", "a@b@example.com"),
        ("email", "aina@example.com\nx"),
    ],
)
def test_bad_fields_are_refused_and_what_was_typed_stays(patron: Patron, field: str, value: str):
    answer = patron.ask_to_register(**{field: value})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert count_of("customer_request") == 0


def test_a_megabyte_of_a_name_is_refused(patron: Patron):
    assert patron.ask_to_register(name="A" * 1_000_000).status_code == 413
    assert count_of("customer_request") == 0


def test_nothing_but_the_fields_of_the_form_counts(patron: Patron):
    """X13: columns of the tables, posted along."""
    patron.ask_to_register(
        is_active="false", id="0192f5a0-7c3e-7000-8000-000000000000", visitor="mine", customer_id="x", role="owner"
    )
    patron.follow(patron.link(), email="other@example.com", visitor="mine", kind="reset")
    row = db.rows("SELECT id, visitor, is_active FROM customer")[0]
    assert (str(row.id) != "0192f5a0-7c3e-7000-8000-000000000000", row.visitor != "mine", row.is_active) == (True,) * 3
    patron.submit(
        "/account/profile", "/account/profile", email="x@example.com", visitor="mine", is_active="", password_hash="x"
    )
    assert db.rows("SELECT id, visitor, is_active FROM customer")[0] == row
    patron.sign_out()
    assert patron.sign_in().status_code == 303


def test_signing_in_and_out(aina: Patron):
    old = aina.cookie()
    answer = aina.sign_out()
    assert (answer.status_code, answer.location) == (303, "/")
    assert aina.cookie() is None
    assert not aina.is_signed_in()
    aina.client.set_cookie("customer", old)
    assert not aina.is_signed_in()  # whoever kept a copy
    assert aina.sign_in(email=" AINA@Example.com ").status_code == 303
    assert aina.is_signed_in()


def test_unknown_and_wrong_get_one_answer_for_the_same_work(
    aina: Patron, make_patron: MakePatron, verifications, statements
):
    aina.sign_out()
    stranger = make_patron(STRANGER)
    answers, work = [], []
    for email in (aina.email, STRANGER):
        form = {"csrf_token": stranger.csrf(), "email": email, "password": "Wrong-Word 1!"}
        verifications.clear()
        statements()
        answer = stranger.client.post("/login", data=form)
        work.append((list(verifications), statements()))
        answers.append((answer.status_code, without_tokens(answer.text).replace(email, "")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 422
    assert work[0] == work[1]
    assert work[0][0] == ["verify"]


@pytest.mark.parametrize("action", ["/login/link", "/login/forgot"])
def test_links_are_asked_for_alike(aina: Patron, make_patron: MakePatron, statements, verifications, action: str):
    """The same status, page and statements, whether or not there is an account; only the mailbox knows more."""
    aina.deliver()
    seen, stranger = [], make_patron(STRANGER)
    for email in (aina.email, STRANGER):
        form = {"csrf_token": stranger.csrf(), "email": email}
        statements(), verifications.clear()
        answer = stranger.client.post(action, data=form)
        seen.append((answer.status_code, answer.location, statements(), list(verifications)))
    assert seen[0] == seen[1]
    before = len(aina.office.mails)
    aina.deliver()
    assert [to for _from, to in aina.office.envelopes[before:]] == [[aina.email]]


def test_five_wrong_passwords_and_the_right_one_waits(aina: Patron, make_patron: MakePatron):
    """SEC-08: per account, whatever the browser; whoever is signed in stays so, and a mailed link still works."""
    for _ in range(5):
        assert make_patron().sign_in(password="Wrong-Word 1!").status_code == 422
    blocked = make_patron()
    answer = blocked.sign_in()
    assert answer.status_code == 429
    assert "15 minutes" in answer.text
    assert aina.is_signed_in()
    assert "Somebody could not sign in as you" in subjects(aina)
    blocked.ask_for_link(email=aina.email)
    assert blocked.follow(blocked.link()).status_code == 303
    assert blocked.is_signed_in()
    run_out("customer_sign_in", "created_at")
    with transaction():
        db.rows("UPDATE customer_sign_in SET created_at = created_at - interval '1 hour' RETURNING id")
    assert make_patron().sign_in().status_code == 303


def test_a_hash_of_weaker_days_is_renewed_at_sign_in(aina: Patron):
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    with transaction():
        db.rows("UPDATE customer SET password_hash = :weak RETURNING id", weak=weak)
    aina.sign_out()
    assert aina.sign_in(password="Wrong-Word 1!").status_code == 422
    assert db.scalar("SELECT password_hash FROM customer") == weak
    assert aina.sign_in().status_code == 303
    renewed = db.scalar("SELECT password_hash FROM customer")
    assert renewed != weak
    assert passwords.renewed(renewed, PASSWORD) is None
    aina.sign_out()
    assert aina.sign_in().status_code == 303


def test_an_unknown_address_waits_just_so(make_patron: MakePatron):
    stranger = make_patron(STRANGER)
    answers = [stranger.sign_in(password="Wrong-Word 1!").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]


def test_a_link_signs_in_once(aina: Patron):
    aina.sign_out()
    aina.ask_for_link(next="/account/orders")
    link = aina.link()
    aina.get(link)
    answer = aina.follow(link)
    assert (answer.status_code, answer.location) == (303, "/account/orders")
    aina.sign_out()
    assert aina.post(link).status_code == 410
    assert not aina.is_signed_in()


def test_links_run_out(aina: Patron):
    aina.sign_out()
    aina.ask_for_link(email=aina.email)
    link = aina.link()
    run_out("customer_request")
    assert aina.client.get(link).status_code == 410
    assert aina.post(link).status_code == 410
    assert aina.post("/login/link/" + "A" * 43).status_code == 410
    assert not aina.is_signed_in()


def test_a_link_is_good_for_its_own_kind_only(aina: Patron):
    aina.sign_out()
    aina.ask_for_link(email=aina.email)
    token = aina.link().rsplit("/", 1)[-1]
    for path in ("/login/reset/", "/register/"):
        assert aina.client.get(path + token).status_code == 410
        assert aina.post(path + token, password="Another-Word 9!").status_code == 410
    aina.sign_in()
    assert aina.client.get(f"/account/email/{token}").status_code == 410
    assert aina.post(f"/account/email/{token}").status_code == 410


def test_reset_ends_every_session_and_every_link(aina: Patron, make_patron: MakePatron):
    """X23: once, at most an hour, hashed; the owner is told."""
    other = make_patron()
    other.sign_in()
    fresh = make_patron()
    fresh.ask_for_link(email=aina.email)
    way_in = fresh.link()
    fresh.submit("/login/forgot", "/login/forgot", email=aina.email)
    link = fresh.link()
    assert "half an hour" in body_of(fresh.mails()[-1], "html")
    assert fresh.submit(link, link, password="aina").status_code == 422
    fresh.password = "Kapal-Layar 3 biru"
    answer = fresh.submit(link, link, password=fresh.password)
    assert answer.status_code == 303
    assert "2 other sessions were signed out" in fresh.get(answer.location)
    assert [each.is_signed_in() for each in (aina, other, fresh)] == [False, False, True]
    assert fresh.post(link, password="Kapal-Layar 4 biru").status_code == 410
    assert make_patron().post(way_in).status_code == 410
    assert subjects(fresh)[-1] == "Your password was changed"
    assert make_patron().sign_in(password=PASSWORD).status_code == 422
    assert make_patron().sign_in(password=fresh.password).status_code == 303


def test_tokens_are_not_kept(aina: Patron):
    """What the tables hold opens nothing: only hashes, once the mails have left."""
    aina.sign_out()
    aina.ask_for_link(email=aina.email)
    token = aina.link().rsplit("/", 1)[-1]
    dump = str(db.rows("SELECT to_jsonb(r) FROM customer_request r")) + str(
        db.rows("SELECT to_jsonb(s) FROM customer_session s")
    )
    dump += str(db.rows("SELECT to_jsonb(c) FROM customer c")) + str(db.rows("SELECT to_jsonb(e) FROM outbox_event e"))
    assert token not in dump
    for secret in ("aina", "Aina", "Rahman", PASSWORD):
        assert secret not in dump
    assert db.scalar("SELECT count(*) FROM customer_request WHERE token IS NOT NULL") == 0


def test_no_id_is_taken_over_from_before(patron: Patron, make_patron: MakePatron):
    """X5: a cookie that somebody planted, the visitor's id and the CSRF token of before are worth nothing afterwards."""
    patron.register()
    patron.sign_out()
    planted = "A" * 43
    patron.client.set_cookie("customer", planted)
    token = patron.csrf()
    before = patron.cookie("session")
    patron.sign_in()
    assert patron.cookie() not in (None, planted)
    thief = make_patron()
    thief.client.set_cookie("customer", planted)
    thief.client.set_cookie("session", before)
    assert not thief.is_signed_in()
    assert patron.client.post("/account/profile", data={"csrf_token": token, "name": "X"}).status_code == 400
    old = patron.cookie()
    patron.client.post("/login", data=form_to(thief.get("/login"), "/login").fields)
    assert patron.cookie() == old


def test_signing_in_again_ends_the_session_before(aina: Patron, make_patron: MakePatron):
    old = aina.cookie()
    aina.submit("/login/forgot", "/login/forgot", email=aina.email)
    link = aina.link()
    mallory = make_patron("mallory@example.com").register()
    mallory.submit(link, link, password="Kapal-Layar 3 biru")
    assert "Hello, Aina" in mallory.get("/account/")
    assert db.scalar("SELECT count(*) FROM customer_session WHERE ended_at IS NULL") == 1
    aina.client.set_cookie("customer", old)
    assert not aina.is_signed_in()


EVIL = (
    "//evil.example", "/\\evil.example", "/%09/evil.example", "/\t/evil.example", "\t//evil.example", "https:evil.example",
    "https://evil.example", "/@evil.example", "javascript:alert(1)", "/%2f/evil.example", "/nowhere", "",
)  # fmt: skip


@pytest.mark.parametrize("wanted", EVIL)
def test_next_leads_to_our_own_pages_only(aina: Patron, wanted: str):
    aina.sign_out()
    answer = aina.post("/login", email=aina.email, password=PASSWORD, next=wanted)
    assert (answer.status_code, answer.location) == (303, "/account/")


def test_next_leads_back(aina: Patron):
    aina.sign_out()
    asked = aina.client.get("/account/orders?view=open")
    assert asked.status_code == 303
    form = form_to(aina.get(asked.location), "/login")
    answer = aina.client.post("/login", data=form.filled(email=aina.email, password=PASSWORD))
    assert answer.location == "/account/orders?view=open"


def test_every_change_needs_the_token(aina: Patron):
    """X6: what a page of another site could post, with the cookies that a browser sends along."""
    rules = [
        rule.rule
        for rule in aina.client.application.url_map.iter_rules()
        if "POST" in rule.methods and rule.rule.startswith(("/account", "/login", "/register", "/logout", "/wishlist"))
    ]
    assert len(rules) > 15
    for rule in rules:
        path = rule.replace("<token>", "A" * 43)
        for name in ("address_id", "order_id", "profile_id", "session_id", "product_id", "flow_id", "passkey_id"):
            path = path.replace(f"<uuid:{name}>", "0192f5a0-7c3e-7000-8000-000000000000")
        assert aina.client.post(path, data={"email": "x@example.com"}).status_code == 400, rule
    assert aina.is_signed_in()


def test_sessions_rest_and_end(aina: Patron):
    """SEC-09: half an hour without anybody there, or a day; a kept one lasts thirty days."""
    with transaction():
        db.rows("UPDATE customer_session SET last_seen_at = clock_timestamp() - interval '29 minutes' RETURNING id")
    assert aina.is_signed_in()
    assert db.scalar("SELECT last_seen_at > clock_timestamp() - interval '1 minute' FROM customer_session")
    with transaction():
        db.rows("UPDATE customer_session SET last_seen_at = clock_timestamp() - interval '31 minutes' RETURNING id")
    assert not aina.is_signed_in()
    assert aina.cookie() is None
    answer = aina.sign_in(keep="y")
    assert "Max-Age=2592000" in str(answer.headers.getlist("Set-Cookie"))
    with transaction():
        db.rows("UPDATE customer_session SET last_seen_at = clock_timestamp() - interval '20 days' RETURNING id")
    assert aina.is_signed_in()
    run_out("customer_session")
    assert not aina.is_signed_in()


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites(aina: Patron, make_app):
    cookies = [each for each in aina.sign_out().headers.getlist("Set-Cookie") if each.startswith("customer=")]
    assert cookies
    cookies = [each for each in aina.sign_in().headers.getlist("Set-Cookie") if each.startswith("customer=")]
    assert len(cookies) == 1
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookies[0].split(";")}
    assert "Max-Age" not in cookies[0]


def test_at_most_ten_sessions(aina: Patron, make_patron: MakePatron):
    """SEC-10: the one seen longest ago makes room."""
    for _ in range(10):
        assert make_patron().sign_in().status_code == 303
    assert not aina.is_signed_in()
    assert db.scalar("SELECT count(*) FROM customer_session WHERE ended_at IS NULL") == 10


def test_a_signed_in_page_costs_one_statement_more(aina: Patron, make_patron: MakePatron, statements):
    stranger = make_patron()
    for path in ("/about", "/"):
        counts = []
        for each in (stranger, aina):
            each.get(path)
            statements()
            each.get(path)
            counts.append(len(statements()))
        assert counts[1] - counts[0] == 1, (path, counts)

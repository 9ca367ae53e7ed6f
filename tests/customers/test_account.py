"""The account's own pages: profile, addresses, password, e-mail, sessions, preferences; and what is nobody else's (X7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.core import db
from tests.customers.patron import PASSWORD, Patron
from tests.customers.test_orders_and_carts import buy
from tests.notifications.post_office import body_of
from tests.shop import ADDRESS, add_product
from tools.webforms import form_to, forms_of, heading_of

MakePatron = Callable[..., Patron]
NEW = "Kapal-Layar 3 biru"


def add_address(patron: Patron, **changed: str) -> str:
    """Returns the path of the new address."""
    before = set(addresses_of(patron))
    answer = patron.submit("/account/addresses/new", "/account/addresses", **{**ADDRESS, **changed})
    assert answer.status_code == 303, answer.text
    (path,) = set(addresses_of(patron)) - before
    return path


def addresses_of(patron: Patron) -> list[str]:
    pages = [form.action for form in forms_of(patron.get("/account/addresses"))]
    return [action.removesuffix("/remove") for action in pages if action.endswith("/remove")]


def test_strangers_are_asked_to_sign_in_first(patron: Patron):
    paths = ["", "orders", "addresses", "addresses/new", "profile", "security", "preferences", "no-such-page"]
    for path in paths[:-1]:
        answer = patron.client.get(f"/account/{path}")
        assert (answer.status_code, answer.location) == (303, f"/login?next=/account/{path}"), path
    assert patron.post("/account/profile", name="X").location == "/login"


def test_the_profile_is_kept(aina: Patron):
    page = aina.submit(
        "/account/profile",
        "/account/profile",
        name="Aina binti Rahman",
        phone="012-345 6789",
        locale="ms",
        currency="USD",
    )
    assert page.status_code == 303
    form = form_to(aina.get("/account/profile"), "/account/profile")
    assert (form.fields["phone"], form.fields["locale"], form.fields["currency"]) == ("+60123456789", "ms", "USD")
    assert 'lang="ms"' in aina.get("/about")
    aina.sign_out()
    aina.client.delete_cookie("lang")
    aina.sign_in()
    assert 'lang="ms"' in aina.get("/about")
    dump = str(db.rows("SELECT to_jsonb(c) FROM customer c"))
    assert "345" not in dump


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "A\nB"), ("name", "A" * 121), ("phone", "12"), ("locale", "xx"), ("currency", "XXX")],
)
def test_a_bad_profile_changes_nothing(aina: Patron, field: str, value: str):
    before = db.rows("SELECT * FROM customer")
    assert aina.submit("/account/profile", "/account/profile", **{field: value}).status_code == 422
    assert db.rows("SELECT * FROM customer") == before


def test_the_address_book(aina: Patron):
    assert "Add an address" in heading_of(aina.get("/account/addresses"))
    first = add_address(aina)
    page = aina.get("/account/addresses")
    assert "The usual one for delivery and invoices" in page
    second = add_address(aina, line1="9 Jalan Telawi", postcode="10200", city="George Town", default_shipping="1")
    page = aina.get("/account/addresses")
    assert page.index("9 Jalan Telawi") < page.index("12 Jalan Kiara")
    assert "Pulau Pinang" in page or "Penang" in page
    assert db.scalar("SELECT count(*) FROM customer_address WHERE is_default_shipping") == 1
    assert aina.submit(second, second, line1="11 Jalan Telawi").status_code == 303
    assert "11 Jalan Telawi" in aina.get("/account/addresses")
    assert aina.submit("/account/addresses", f"{second}/remove").status_code == 303
    assert addresses_of(aina) == [first]
    assert db.scalar("SELECT is_default_shipping AND is_default_billing FROM customer_address")
    assert "Kiara" not in str(db.rows("SELECT address FROM customer_address"))


def test_bad_addresses_are_refused(aina: Patron):
    for changed in ({"name": ""}, {"postcode": "0"}, {"country": "XX"}, {"line1": "a\nb"}, {"city": "A" * 121}):
        answer = aina.submit("/account/addresses", "/account/addresses", **{**ADDRESS, **changed})
        assert answer.status_code == 422, changed
    assert db.scalar("SELECT count(*) FROM customer_address") == 0


def test_the_address_book_is_full_at_twenty(aina: Patron):
    for number in range(20):
        add_address(aina, line1=f"{number} Jalan Kiara")
    answer = aina.post("/account/addresses", **ADDRESS)
    assert answer.status_code == 422
    assert "full" in answer.text


def test_what_is_anothers_is_not_there(aina: Patron, mallory: Patron):
    """X7: whatever is posted."""
    address = add_address(aina)
    session_id = db.scalar("SELECT s.id FROM customer_session s WHERE s.customer_id = :id", id=aina.id)
    assert mallory.client.get(address).status_code == 404
    assert mallory.post(address, **{**ADDRESS, "line1": "Mine now"}).status_code == 404
    assert mallory.post(address, name="").status_code == 404  # ownership comes before validation
    assert mallory.post(f"{address}/remove").status_code == 404
    assert mallory.post(f"/account/security/sessions/{session_id}").status_code == 404
    assert aina.is_signed_in()
    assert addresses_of(aina) == [address]
    assert "12 Jalan Kiara" in aina.get("/account/addresses")


def test_changing_the_password_ends_the_others(aina: Patron, make_patron: MakePatron):
    other = make_patron()
    other.sign_in()
    page, action = "/account/security", "/account/security/password"
    assert aina.submit(page, action, current="Wrong-Word 1!", password=NEW).status_code == 422
    assert aina.submit(page, action, current=PASSWORD, password="aina rahman").status_code == 422
    assert aina.submit(page, action, current=PASSWORD, password="Rahman1!").status_code == 422
    assert other.is_signed_in()
    answer = aina.submit(page, action, current=PASSWORD, password=NEW)
    assert "1 other session was signed out" in aina.get(answer.location)
    assert (aina.is_signed_in(), other.is_signed_in()) == (True, False)
    assert str(aina.mails()[-1]["Subject"]) == "Your password was changed"
    assert make_patron().sign_in(password=PASSWORD).status_code == 422
    assert make_patron().sign_in(password=NEW).status_code == 303


def test_a_stolen_session_cannot_try_passwords_for_ever(aina: Patron):
    for _ in range(5):
        assert aina.post("/account/security/password", current="Wrong-Word 1!", password=NEW).status_code == 422
    assert aina.post("/account/security/password", current=PASSWORD, password=NEW).status_code == 429
    assert aina.is_signed_in()


def test_a_new_e_mail_must_be_proven(aina: Patron, make_patron: MakePatron):
    page, action = "/account/security", "/account/security/email"
    fields = {"new-email": "aina.rahman@example.org", "new-current": "Wrong-Word 1!"}
    assert aina.submit(page, action, **fields).status_code == 422
    assert aina.submit(page, action, **{**fields, "new-current": PASSWORD}).status_code == 303
    old = aina.email
    aina.email = "aina.rahman@example.org"
    link = aina.link()
    assert make_patron(old).sign_in().status_code == 303  # nothing has changed yet
    other_browser = make_patron(old)
    assert other_browser.client.get(link).location == f"/login?next={link}"
    other_browser.sign_in()
    page = other_browser.get(link)
    assert "Aina" in page
    assert "a•••@example.com" in page
    assert other_browser.follow(link).status_code == 303
    assert other_browser.post(link).status_code == 410
    assert make_patron(old).sign_in().status_code == 422
    assert make_patron(aina.email).sign_in().status_code == 303
    aina.email = old
    assert str(aina.mails()[-1]["Subject"]) == "Your e-mail address was changed"


def test_an_address_is_not_taken_by_one_click_of_its_owner(mallory: Patron, make_patron: MakePatron):
    """Mallory asks for the victim's address and waits for the victim to press “Confirm”, with the guest orders behind it."""
    victim = make_patron("victim@example.com")
    token = buy(victim, add_product())
    fields = {"new-email": victim.email, "new-current": PASSWORD}
    mallory.submit("/account/security", "/account/security/email", **fields)
    link = victim.link()
    letter = body_of(victim.mails()[-1], "plain")
    assert "The account of Aina (m•••@example.com so far)" in " ".join(letter.split())
    assert victim.post(link).location == "/login"
    other = make_patron("other@example.com").register()
    before = db.rows("SELECT email_index FROM customer ORDER BY id")
    assert other.client.get(link).status_code == 403
    assert other.post(link).status_code == 403
    mallory.sign_out(), mallory.sign_in()
    assert db.rows("SELECT email_index FROM customer ORDER BY id") == before
    assert db.scalar("SELECT customer_id FROM orders WHERE token = :t", t=token) is None
    assert db.scalar("SELECT used_at FROM customer_request WHERE kind = 'new_email'") is None


def test_a_new_e_mail_that_has_an_account_is_not_told(aina: Patron, mallory: Patron):
    fields = {"new-email": aina.email, "new-current": PASSWORD}
    answer = mallory.submit("/account/security", "/account/security/email", **fields)
    assert answer.status_code == 303
    assert "We have mailed a link" in mallory.get(answer.location)
    assert str(aina.mails()[-1]["Subject"]) == "You already have an account"
    assert db.scalar("SELECT count(*) FROM customer_request WHERE kind = 'new_email' AND used_at IS NOT NULL") == 0


def test_a_thiefs_new_e_mail_dies_with_the_password(aina: Patron, make_patron: MakePatron):
    """Somebody who knew the password asked to change the address; the owner resets it; the link is worth nothing then."""
    fields = {"new-email": "thief@example.com", "new-current": PASSWORD}
    aina.submit("/account/security", "/account/security/email", **fields)
    thief = make_patron("thief@example.com")
    stolen = thief.link()
    owner = make_patron()
    owner.submit("/login/forgot", "/login/forgot", email=owner.email)
    reset = owner.link()
    assert owner.submit(reset, reset, password=NEW).status_code == 303
    assert thief.post(stolen).location == "/login"
    assert owner.post(stolen).status_code == 410
    assert db.scalar("SELECT count(*) FROM customer") == 1
    assert make_patron().sign_in(password=NEW).status_code == 303


def test_sessions_are_listed_and_ended(aina: Patron, make_patron: MakePatron):
    others = [make_patron(), make_patron()]
    for each in others:
        each.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/130.0"
        each.sign_in()
    page = aina.get("/account/security")
    assert page.count("Firefox on Windows") == 2
    assert "this device" in page
    action = next(form.action for form in forms_of(page) if form.action.startswith("/account/security/sessions/"))
    assert aina.post(action).status_code == 303
    assert [each.is_signed_in() for each in others].count(True) == 1
    assert aina.submit("/account/security", "/account/security/sessions").status_code == 303
    assert [each.is_signed_in() for each in others] == [False, False]
    assert aina.is_signed_in()


def test_preferences(aina: Patron):
    form = form_to(aina.get("/account/preferences"), "/account/preferences")
    assert "email-marketing" not in form.fields  # nobody is written to who did not ask for it
    aina.submit(
        "/account/preferences",
        "/account/preferences",
        **{"email-marketing": "y", "sms-marketing": "y", "email-order": ""},
    )
    assert db.rows("SELECT channel, type, enabled FROM notification_preference") == [("email", "alerts", False)]
    assert db.scalar("SELECT state FROM newsletter_subscriber") == "confirmed"  # by address, as for everybody
    assert form_to(aina.get("/account/preferences"), "/account/preferences").fields["email-marketing"] == "y"


def test_what_was_ticked_at_registration_counts(patron: Patron):
    patron.ask_to_register(news="y")
    patron.follow(patron.link())
    assert form_to(patron.get("/account/preferences"), "/account/preferences").fields["email-marketing"] == "y"


def test_the_pages_cost_the_same_for_one_address_and_twenty(aina: Patron, statements):
    counts = []
    for number in range(20):
        add_address(aina, line1=f"{number} Jalan Kiara")
        if number in (0, 19):
            aina.get("/account/addresses")
            statements()
            aina.get("/account/addresses")
            counts.append(len(statements()))
    assert counts[0] == counts[1] <= 3

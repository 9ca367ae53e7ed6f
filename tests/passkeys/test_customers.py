"""Passkeys of customers: added with the password, signed in by instead of it (N21, CUS-05's neighbours)."""

from __future__ import annotations

from typing import Any

import pytest

from app.core import db
from app.core.transaction import transaction
from app.customers import actions
from app.customers import queries as customers
from app.privacy import copying
from tests.authenticator import PRESENT, Authenticator
from tests.customers.patron import PASSWORD, Patron
from tests.notifications.post_office import body_of
from tests.passkeys.keyring import Keyring
from tests.passkeys.meanwhile import Meanwhile
from tests.shop import add_product
from tests.staff import hire

LOGIN, SECURITY = "/login", "/account/security"
SENT = {"passkey-current": PASSWORD}


def value(sql: str, **values: Any) -> Any:
    found = db.scalar(sql, **values)
    db.release()
    return found


def change(sql: str, **values: Any) -> None:
    with transaction():
        db.rows(f"{sql} RETURNING id", **values)


@pytest.fixture
def keyring(aina: Patron) -> Keyring:
    """Aina's browser, with a passkey in it."""
    ring = Keyring(aina.client)
    answer = ring.press(SECURITY, sends=SENT, typed={"passkey-name": "My phone"})
    assert (answer.status_code, answer.location) == (303, f"{SECURITY}?said=passkey")
    return ring


def at(patron: Patron, keyring: Keyring) -> Keyring:
    return Keyring(patron.client, keyring.device)


def refused(answer: Any) -> bool:
    return answer.status_code == 422 and "This passkey was not accepted" in answer.text


def test_a_passkey_is_added_listed_renamed_and_removed(aina: Patron, keyring: Keyring) -> None:
    assert "My phone" in aina.get(SECURITY)
    passkey = value("SELECT id FROM passkey")
    assert aina.submit(SECURITY, f"{SECURITY}/passkeys/{passkey}/name", name="Old phone").status_code == 303
    answer = aina.submit(SECURITY, f"{SECURITY}/passkeys/{passkey}/name", name="")
    assert (answer.status_code, "Give it a name" in answer.text) == (422, True)
    assert "Old phone" in aina.get(SECURITY)
    assert aina.submit(SECURITY, f"{SECURITY}/passkeys/{passkey}/remove").status_code == 303
    assert "Old phone" not in aina.get(SECURITY)
    subjects = [str(mail["Subject"]) for mail in aina.mails()]
    assert subjects[-2:] == ["A passkey was added to your account", "A passkey was removed from your account"]


def test_the_password_comes_before_the_device_is_asked(aina: Patron) -> None:
    """Whoever finds the browser open must not make a key of their own; and may not guess for ever."""
    ring = Keyring(aina.client)
    for _ in range(5):
        answer = ring.question(SECURITY, status=422, **{"passkey-current": "wrong"})
        assert (answer["code"], answer["title"]) == ("wrong_password", "This is not your current password.")
    assert ring.question(SECURITY, status=429, **SENT)["code"] == "too_many_tries"
    assert value("SELECT count(*) FROM passkey_challenge") == 0


def test_a_sign_in_from_a_new_place_is_told_once(aina: Patron, make_patron: Any, keyring: Keyring) -> None:
    guest = make_patron()
    guest.client.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    for _ in range(2):
        assert at(guest, keyring).press(LOGIN).status_code == 303
        guest.sign_out()
    assert [mail["Subject"] for mail in aina.mails()].count("A new sign-in to your account") == 1


def test_signing_in_brings_cart_and_wishes_along(aina: Patron, make_patron: Any, keyring: Keyring) -> None:
    """As every other way in: the guest's cart joins, the session is new, and the log tells of it."""
    guest = make_patron()
    variant = add_product()
    assert guest.add(variant, 2).status_code == 303
    old = guest.cookie("session")
    answer = at(guest, keyring).press(LOGIN)
    assert answer.status_code == 303
    assert guest.is_signed_in()
    assert guest.cookie("session") != old
    assert "Kemeja Teluk" in aina.get("/cart"), "one cart on every device"
    assert value("SELECT was_right FROM customer_sign_in WHERE way = 'passkey'") is True
    assert value("SELECT last_used_at IS NOT NULL FROM passkey")


def test_it_leads_where_they_wanted_to_go_and_keeps_them_signed_in(make_patron: Any, keyring: Keyring) -> None:
    other = make_patron()
    ring = at(other, keyring)
    answer = ring.press(f"{LOGIN}?next=/account/orders", typed={"keep": "y"})
    assert answer.location == "/account/orders"
    assert value("SELECT is_kept FROM customer_session ORDER BY created_at DESC LIMIT 1") is True
    answer = at(make_patron(), keyring).press(f"{LOGIN}?next=//evil.example")
    assert answer.location == "/account/"


LIES: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "another origin": {"origin": "https://murni-batik.example"},
    "another party": {"rp_id": "example.com"},
    "nobody recognised": {"flags": PRESENT},
    "no owner named": {"user_handle": None},
    "another owner named": {"user_handle": b"x" * 32},
}


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES)
def test_what_is_not_right_opens_nothing(make_patron: Any, keyring: Keyring, lies: dict[str, Any]) -> None:
    other = make_patron()
    assert refused(at(other, keyring).press(LOGIN, **lies))
    assert not other.is_signed_in()
    assert value("SELECT sign_count FROM passkey") == 0


def test_an_answer_works_once_in_one_browser(make_patron: Any, keyring: Keyring) -> None:
    mine, thief = make_patron(), make_patron()
    ring = at(mine, keyring)
    credential = ring.device.get(ring.question(LOGIN))
    assert refused(at(thief, keyring).answer(LOGIN, credential))
    assert ring.answer(LOGIN, credential).status_code == 303
    mine.sign_out()
    assert refused(ring.answer(LOGIN, credential))


def test_a_counter_that_goes_back_is_refused_and_told(aina: Patron, make_patron: Any, keyring: Keyring) -> None:
    keyring.device.keys[0].count = 6
    assert at(make_patron(), keyring).press(LOGIN).status_code == 303
    assert refused(at(make_patron(), keyring).press(LOGIN, count=7))
    mail = aina.mails()[-1]
    assert str(mail["Subject"]) == "One of your passkeys may have been copied"
    assert "its counter went back" in body_of(mail, "plain")


def test_one_that_was_removed(aina: Patron, make_patron: Any, keyring: Keyring) -> None:
    aina.submit(SECURITY, f"{SECURITY}/passkeys/{value('SELECT id FROM passkey')}/remove")
    assert refused(at(make_patron(), keyring).press(LOGIN))


def test_a_blocked_account(make_patron: Any, keyring: Keyring) -> None:
    change("UPDATE customer SET is_active = false")
    other = make_patron()
    assert refused(at(other, keyring).press(LOGIN))
    assert not other.is_signed_in()


def test_five_wrong_ones_wait_and_the_password_does_not(aina: Patron, make_patron: Any, keyring: Keyring) -> None:
    other = make_patron()
    for _ in range(5):
        assert refused(at(other, keyring).press(LOGIN, flags=PRESENT))
    answer = at(other, keyring).press(LOGIN)
    assert (answer.status_code, "tried too often" in answer.text) == (429, True)
    assert other.sign_in().status_code == 303


def test_anothers_passkey_is_not_there(keyring: Keyring, mallory: Patron) -> None:
    passkey = value("SELECT id FROM passkey")
    for act, data in (("name", {"name": "x"}), ("name", {}), ("remove", {})):
        answer = mallory.client.post(
            f"{SECURITY}/passkeys/{passkey}/{act}", data={**data, "csrf_token": mallory.csrf()}
        )
        assert answer.status_code == 404
    assert value("SELECT count(*) FROM passkey") == 1


def test_a_question_is_answered_by_who_was_asked(aina: Patron, mallory: Patron) -> None:
    """A passkey made for Mallory's question is not added to Aina's account, nor the other way round."""
    hers, his = Keyring(aina.client), Keyring(mallory.client)
    made = his.device.create(his.question(SECURITY, **SENT))
    answer = hers.answer(SECURITY, made, **{"passkey-name": "x"})
    assert (answer.status_code, "No passkey was added" in answer.text) == (422, True)
    assert value("SELECT count(*) FROM passkey") == 0


@pytest.mark.parametrize("end", ["everywhere", "here", "reset"])
def test_a_session_that_ends_meanwhile_adds_none(aina: Patron, end: str) -> None:
    """A thief's device answers just while the owner throws them out."""
    ring, token = Keyring(aina.client), aina.cookie() or ""
    credential = ring.credential(ring.question(SECURITY, **SENT))
    thief = Meanwhile(lambda: ring.answer(SECURITY, credential, **{"passkey-name": "Theirs"}))
    with transaction():
        person = customers.lock_customer(aina.id)
        assert person is not None
        thief.meet()
        if end == "here":
            actions.end_session(token)
        elif end == "reset":
            actions.set_password(person, person.password_hash or "")
        else:
            actions.end_sessions(person.id)
    answer = thief.end()
    assert (answer.status_code, "No passkey was added" in answer.text) == (422, True)
    assert value("SELECT count(*) FROM passkey") == 0


def test_customers_and_staff_are_apart(aina: Patron, keyring: Keyring, shop: Any) -> None:
    """A customer's passkey does not open the back office, nor one of the staff an account."""
    desk = Keyring(shop.test_client(), keyring.device)
    answer = desk.press("/admin/login")
    assert refused(answer)
    member = hire(shop).sign_in()
    own = Keyring(member.client, Authenticator())
    own.press("/admin/profile/passkeys/new", typed={"name": "Work"})
    assert refused(Keyring(shop.test_client(), own.device).press(LOGIN))


def test_a_new_password_says_that_passkeys_stay(aina: Patron, mallory: Patron, keyring: Keyring) -> None:
    """Who sets one because of a thief must look whether the thief has added a key."""
    words = "Your passkeys still sign you in"
    answer = aina.submit(SECURITY, f"{SECURITY}/password", current=PASSWORD, password="Kapal-Layar 3 biru")
    assert answer.status_code == 303
    assert words in aina.get(answer.location)
    assert words not in mallory.get(f"{SECURITY}?said=password")


def test_an_account_that_is_forgotten_takes_its_passkeys_along(aina: Patron, keyring: Keyring) -> None:
    change("DELETE FROM customer")
    assert value("SELECT count(*) FROM passkey") == 0


def test_the_copy_of_ones_data_names_them(aina: Patron, keyring: Keyring) -> None:
    [row] = copying.of_customer(aina.id)["passkeys"]
    db.release()
    assert row["name"] == "My phone"


def test_the_page_asks_no_more_for_twenty_than_for_one(aina: Patron, keyring: Keyring, statements: Any) -> None:
    aina.get(SECURITY)
    statements()
    aina.get(SECURITY)
    one = len(statements())
    for number in range(19):
        keyring.press(SECURITY, sends=SENT, typed={"passkey-name": f"Key {number}"})
    statements()
    aina.get(SECURITY)
    assert len(statements()) == one
    refusal = keyring.question(SECURITY, status=422, **SENT)
    assert (refusal["code"], refusal["title"]) == ("too_many_passkeys", "You have 20 passkeys; remove one first.")

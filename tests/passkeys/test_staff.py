"""Passkeys of staff: added, used at both doors and once more, removed; and whatever an enemy may send instead (N21, X1, X5)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask

from app.accounts import actions, queries, rules
from app.accounts.models import StaffSession
from app.core import cache, crypto, db
from app.core.transaction import transaction
from app.passkeys import flows
from tests.authenticator import BACKED_UP, MAY_BACK_UP, PRESENT, VERIFIED, Authenticator
from tests.changes import changes
from tests.passkeys.keyring import Keyring
from tests.passkeys.meanwhile import Meanwhile
from tests.staff import StaffMember, hire
from tools.webforms import form_to

LOGIN, TOTP, NEW, PROFILE = "/admin/login", "/admin/totp", "/admin/profile/passkeys/new", "/admin/profile"


def value(sql: str, **values: Any) -> Any:
    found = db.scalar(sql, **values)
    db.release()
    return found


def change(sql: str, **values: Any) -> None:
    with transaction():
        db.rows(f"{sql} RETURNING id", **values)


def sessions() -> int:
    return int(value("SELECT count(*) FROM staff_session WHERE passed_totp_at IS NOT NULL AND ended_at IS NULL"))


@pytest.fixture
def siti(app: Flask) -> StaffMember:
    """At work, by password and code; her backup codes are saved."""
    member = hire(app).sign_in()
    change("UPDATE staff SET backup_codes_saved_at = now()")
    return member


@pytest.fixture
def keyring(siti: StaffMember) -> Keyring:
    """Siti's browser, with a passkey in it."""
    ring = Keyring(siti.client)
    answer = ring.press(NEW, typed={"name": "Work phone"})
    assert (answer.status_code, answer.location) == (303, f"{PROFILE}?done=passkey-added")
    return ring


@pytest.fixture
def elsewhere(app: Flask, keyring: Keyring) -> Keyring:
    """The same device at another browser, where nobody is signed in."""
    return Keyring(app.test_client(), keyring.device)


def refused(answer: Any, status: int = 422) -> bool:
    return answer.status_code == status and "This passkey was not accepted" in answer.text


def test_a_passkey_is_added_listed_renamed_and_removed(siti: StaffMember, keyring: Keyring) -> None:
    page = siti.get(PROFILE)
    assert "Work phone" in page
    [row] = db.rows("SELECT id, staff_id, name, public_key, user_handle, transports, sign_count FROM passkey")
    assert ("Work phone" in row.name, row.sign_count, row.transports) == (False, 0, ["hybrid", "internal"])
    assert row.staff_id.bytes not in bytes(row.user_handle)
    db.release()
    page = siti.press(PROFILE, f"/admin/profile/passkeys/{row.id}/name", name="Old phone")
    assert "Old phone" in page
    for bad in ("", "x" * 61, "a\nb"):
        form = form_to(siti.get(PROFILE), f"/admin/profile/passkeys/{row.id}/name")
        answer = siti.client.post(form.action, data=form.filled(name=bad))
        assert (answer.status_code, "Give it a name of at most 60 characters" in answer.text) == (422, True)
    page = siti.press(PROFILE, f"/admin/profile/passkeys/{row.id}/remove")
    assert "Old phone" not in page
    assert value("SELECT count(*) FROM passkey") == 0
    acts = "SELECT action FROM audit_entry WHERE action LIKE 'staff.passkey%' ORDER BY created_at, id"
    assert [row[0] for row in db.rows(acts)] == [
        "staff.passkey_added",
        "staff.passkey_renamed",
        "staff.passkey_removed",
    ]
    assert changes("staff.passkey_added") == [({"passkeys": 0}, {"passkeys": 1})]
    assert changes("staff.passkey_removed") == [({"passkeys": 1}, {"passkeys": 0})]
    told = "SELECT payload FROM outbox_event WHERE name = 'staff.access_changed' ORDER BY created_at, id"
    assert [row[0]["what"] for row in db.rows(told)] == ["passkey_added", "passkey_removed"]


def test_its_owner_is_told_by_mail(make_app: Any, office: Any, drain: Any) -> None:
    app = make_app(MAIL_URL=office.url)
    member = hire(app).sign_in()
    Keyring(member.client).press(NEW, typed={"name": "Work phone"})
    drain()
    assert [str(mail["Subject"]) for mail in office.mails] == ["A passkey was added"]


def test_a_passkey_is_both_steps_at_once(elsewhere: Keyring) -> None:
    before = elsewhere.client.get(LOGIN)
    assert before.status_code == 200
    answer = elsewhere.press(f"{LOGIN}?next=/admin/orders")
    assert (answer.status_code, answer.location) == (303, "/admin/orders")
    assert elsewhere.client.get("/admin/orders").status_code == 200
    assert elsewhere.client.get("/admin/staff/invite").status_code == 200, "it is fresh"
    [row] = db.rows("SELECT sign_count, last_used_at FROM passkey")
    assert (row.sign_count, row.last_used_at is not None) == (1, True)
    assert value("SELECT was_right FROM login_attempt WHERE kind = 'passkey'") is True


def test_the_first_sign_in_shows_the_backup_codes(app: Flask, elsewhere: Keyring) -> None:
    change("UPDATE staff SET backup_codes_saved_at = NULL")
    assert elsewhere.press(LOGIN).location == "/admin/backup-codes"
    assert len(re.findall(r"<code>((?:\d{4} ){3}\d{4})</code>", elsewhere.client.get("/admin/backup-codes").text)) == 10


def test_the_id_of_the_session_is_new_and_the_old_one_dead(keyring: Keyring) -> None:
    """Also when somebody who is signed in comes to the door again (X5)."""
    old = keyring.client.get_cookie("staff").value
    assert keyring.press(f"{LOGIN}?again=1").status_code == 303
    assert keyring.client.get_cookie("staff").value != old
    assert sessions() == 1


def test_a_passkey_as_the_second_step(app: Flask, siti: StaffMember, elsewhere: Keyring) -> None:
    member = StaffMember(elsewhere.client, siti.email, siti.password, siti.secret)
    assert member.give_password().status_code == 303
    half = member.client.get_cookie("staff").value
    options = elsewhere.question(TOTP)
    assert len(options["allowCredentials"]) == 1
    answer = elsewhere.answer(TOTP, elsewhere.device.get(options, user_handle=None))
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert member.client.get_cookie("staff").value != half
    assert member.client.get("/admin/orders").status_code == 200


def test_a_passkey_once_more_makes_fresh(siti: StaffMember, keyring: Keyring) -> None:
    change("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes'")
    answer = siti.client.get("/admin/staff/invite")
    assert answer.location == f"{TOTP}?again=1&next=/admin/staff/invite"
    old = siti.client.get_cookie("staff").value
    answer = keyring.press(answer.location)
    assert answer.location == "/admin/staff/invite"
    assert siti.client.get_cookie("staff").value != old
    assert siti.client.get("/admin/staff/invite").status_code == 200
    assert sessions() == 1


def test_adding_one_needs_a_fresh_sign_in(siti: StaffMember) -> None:
    ring = Keyring(siti.client)
    options = ring.question(NEW)
    made = ring.device.create(options)
    ask, send, form = ring.button(NEW)
    change("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes'")
    assert siti.client.get(NEW).location == f"{TOTP}?again=1&next={NEW}"
    headers = {"Accept": "application/json", "X-CSRF-Token": form["csrf_token"]}
    answer = siti.client.post(ask, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "sign_in_again")
    assert (
        siti.client.post(send, data={**form, "name": "x", "credential": made}).location == f"{TOTP}?again=1&next={NEW}"
    )
    assert value("SELECT count(*) FROM passkey") == 0


def test_a_session_that_ends_meanwhile_adds_none(siti: StaffMember) -> None:
    """A thief's device answers just while the owner throws them out."""
    ring = Keyring(siti.client)
    credential = ring.credential(ring.question(NEW))
    staff_id = value("SELECT id FROM staff")
    thief = Meanwhile(lambda: ring.answer(NEW, credential, name="Theirs"))
    with transaction():
        queries.lock_staff(staff_id)
        thief.meet()
        actions.end_sessions(StaffSession.staff_id == staff_id)
    answer = thief.end()
    assert (answer.status_code, "No passkey was added" in answer.text) == (422, True)
    assert value("SELECT count(*) FROM passkey") == 0


def test_trusting_a_browser_with_a_passkey(siti: StaffMember, elsewhere: Keyring) -> None:
    member = StaffMember(elsewhere.client, siti.email, siti.password, siti.secret)
    member.give_password()
    elsewhere.press(TOTP, typed={"trust": "1"})
    assert member.client.get_cookie("staff-device") is not None


LIES: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "another origin": {"origin": "https://murni-batik.example"},
    "the same host, another port": {"origin": "http://localhost:8080"},
    "another party": {"rp_id": "example.com"},
    "in a frame of others": {"cross_origin": True},
    "made, not used": {"kind": "webauthn.create"},
    "nobody there": {"flags": VERIFIED},
    "nobody recognised": {"flags": PRESENT},
    "no owner named": {"user_handle": None},
    "another owner named": {"user_handle": b"x" * 32},
}


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES)
def test_what_is_not_right_opens_nothing(elsewhere: Keyring, lies: dict[str, Any]) -> None:
    before = sessions()
    options = elsewhere.question(LOGIN)
    assert refused(elsewhere.answer(LOGIN, elsewhere.device.get(options, **lies)))
    assert sessions() == before
    # and the question is spent: the right answer to it comes too late
    if "challenge" not in lies:
        assert refused(elsewhere.answer(LOGIN, elsewhere.device.get(options)))
    assert value("SELECT sign_count FROM passkey") == 0


def test_signed_with_another_key(elsewhere: Keyring) -> None:
    options = elsewhere.question(LOGIN)
    other = Authenticator()
    other.create({**options, "rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "excludeCredentials": []})
    assert refused(elsewhere.answer(LOGIN, elsewhere.device.get(options, signer=other.keys[0])))


def test_an_answer_works_once(app: Flask, elsewhere: Keyring) -> None:
    credential = elsewhere.device.get(elsewhere.question(LOGIN))
    _ask, send, form = elsewhere.button(LOGIN)
    data = {**form, "credential": credential}
    assert elsewhere.client.post(send, data=data).status_code == 303
    before = sessions()
    elsewhere.client.delete_cookie("staff")
    assert refused(elsewhere.client.post(send, data={**elsewhere.button(LOGIN)[2], "credential": credential}))
    assert sessions() == before


def test_an_answer_works_in_the_browser_that_was_asked_alone(app: Flask, elsewhere: Keyring) -> None:
    credential = elsewhere.device.get(elsewhere.question(LOGIN))
    thief = Keyring(app.test_client(), elsewhere.device)
    assert refused(thief.answer(LOGIN, credential))
    assert elsewhere.answer(LOGIN, credential).status_code == 303, "it was not the thief's to spend"


def test_an_answer_works_for_what_was_asked_alone(siti: StaffMember, elsewhere: Keyring) -> None:
    """What was asked at the door is no second step, and what was asked to make one is neither."""
    at_the_door = elsewhere.device.get(elsewhere.question(LOGIN))
    member = StaffMember(elsewhere.client, siti.email, siti.password, siti.secret)
    member.give_password()
    assert refused(elsewhere.answer(TOTP, at_the_door))
    second = elsewhere.device.get(elsewhere.question(TOTP))
    elsewhere.client.delete_cookie("staff")
    assert refused(elsewhere.answer(LOGIN, second))


def test_an_answer_that_took_more_than_five_minutes(elsewhere: Keyring) -> None:
    options = elsewhere.question(LOGIN)
    change("UPDATE passkey_challenge SET expires_at = expires_at - interval '5 minutes 1 second'")
    assert refused(elsewhere.answer(LOGIN, elsewhere.device.get(options)))


def test_a_redis_that_forgets_everything_loses_no_question(elsewhere: Keyring) -> None:
    options = elsewhere.question(LOGIN)
    cache.client().flushdb()
    assert elsewhere.answer(LOGIN, elsewhere.device.get(options)).status_code == 303


def test_a_counter_that_goes_back_is_refused_and_told(app: Flask, elsewhere: Keyring) -> None:
    elsewhere.device.keys[0].count = 6
    assert elsewhere.press(LOGIN).status_code == 303
    assert value("SELECT sign_count FROM passkey") == 7
    copy = Keyring(app.test_client(), elsewhere.device)
    for count in (7, 3, 0):
        assert refused(copy.press(LOGIN, count=count))
    assert value("SELECT sign_count FROM passkey") == 7
    assert value("SELECT count(*) FROM staff_alert WHERE kind = 'copied_passkey' AND staff_id IS NOT NULL") == 3
    told = "SELECT count(*) FROM outbox_event WHERE name = 'staff.alerted' AND payload->>'kind' = 'copied_passkey'"
    assert value(told) == 3
    assert "A passkey may have been copied" in elsewhere.client.get("/admin/activity/sign-ins").text
    assert copy.press(LOGIN, count=8).status_code == 303


def test_what_is_synchronised_counts_nothing(app: Flask, siti: StaffMember) -> None:
    ring = Keyring(siti.client, Authenticator(counts=False))
    ring.press(NEW, typed={"name": "Cloud"}, flags=PRESENT | VERIFIED | MAY_BACK_UP | BACKED_UP)
    for _ in range(3):
        other = Keyring(app.test_client(), ring.device)
        assert other.press(LOGIN, flags=PRESENT | VERIFIED | MAY_BACK_UP | BACKED_UP).status_code == 303
    assert value("SELECT is_backed_up FROM passkey") is True
    assert value("SELECT count(*) FROM staff_alert WHERE kind = 'copied_passkey'") == 0


def test_one_that_was_removed_or_never_known(siti: StaffMember, elsewhere: Keyring) -> None:
    passkey = value("SELECT id FROM passkey")
    siti.press(PROFILE, f"/admin/profile/passkeys/{passkey}/remove")
    assert refused(elsewhere.press(LOGIN))
    assert value("SELECT count(*) FROM login_attempt WHERE kind = 'passkey' AND NOT was_right") == 1


def test_a_colleagues_passkey_is_no_second_step(app: Flask, keyring: Keyring) -> None:
    mei = hire(app, "mei@example.com")
    mei.give_password()
    ring = Keyring(mei.client, keyring.device)
    with pytest.raises(AssertionError):
        ring.button(TOTP)
    # and sent by hand, to a question she asked about a passkey of her own
    change("UPDATE staff SET backup_codes_saved_at = now()")
    mei.give_code()
    own = Keyring(mei.client)
    own.press(NEW, typed={"name": "Mine"})
    again = StaffMember(app.test_client(), mei.email, mei.password, mei.secret)
    again.give_password()
    options = Keyring(again.client).question(TOTP)
    forged = keyring.device.get({**options, "allowCredentials": []})
    assert refused(Keyring(again.client).answer(TOTP, forged))
    assert again.client.get("/admin/orders").location == TOTP


def test_a_colleagues_passkey_is_not_there(app: Flask, keyring: Keyring) -> None:
    mei = hire(app, "mei@example.com").sign_in()
    passkey = value("SELECT id FROM passkey")
    csrf = re.search(r'name="csrf-token" content="([^"]+)"', mei.get(PROFILE))[1]  # type: ignore[index]
    for act, data in (("name", {"name": "x"}), ("name", {}), ("remove", {})):
        answer = mei.client.post(f"/admin/profile/passkeys/{passkey}/{act}", data={**data, "csrf_token": csrf})
        assert answer.status_code == 404
    assert value("SELECT count(*) FROM passkey") == 1


def test_who_does_not_work_here_any_more(elsewhere: Keyring) -> None:
    options = elsewhere.question(LOGIN)
    change("UPDATE staff SET is_active = false")
    assert refused(elsewhere.answer(LOGIN, elsewhere.device.get(options)))
    assert sessions() == 1, "no other than before"


def test_five_wrong_ones_wait_and_the_password_does_not(siti: StaffMember, elsewhere: Keyring) -> None:
    for _ in range(rules.TRIES):
        assert refused(elsewhere.press(LOGIN, flags=PRESENT))
    answer = elsewhere.press(LOGIN)
    assert (answer.status_code, "tried too often" in answer.text) == (429, True)
    assert value("SELECT count(*) FROM outbox_event WHERE name = 'staff.sign_in_blocked'") == 1
    assert StaffMember(elsewhere.client, siti.email, siti.password, siti.secret).give_password().status_code == 303


def test_the_log_and_the_watch_look_at_passkeys_too(siti: StaffMember, elsewhere: Keyring) -> None:
    elsewhere.press(LOGIN, flags=PRESENT)
    elsewhere.press(LOGIN)
    page = siti.get("/admin/activity/sign-ins")
    assert ("Passkey refused" in page, "Passkey right" in page) == (True, True)
    assert value("SELECT count(*) FROM staff_session WHERE place_index IS NOT NULL AND passed_totp_at IS NOT NULL") == 2


def test_only_from_networks_that_are_let_in(make_app: Any, keyring: Keyring) -> None:
    away = Keyring(make_app(ADMIN_IP_ALLOW="203.0.113.0/24").test_client(), keyring.device)
    assert away.client.post("/admin/login/passkey/options").status_code == 403
    assert away.client.post("/admin/login/passkey").status_code == 403


def test_at_work_in_as_many_places_as_there_may_be(make_app: Any, keyring: Keyring) -> None:
    """The second step says so, and takes the passkey again with the box ticked."""
    app = make_app(STAFF_MAX_SESSIONS="1")
    ring = Keyring(app.test_client(), keyring.device)
    to = ring.press(f"{LOGIN}?next=/admin/orders").location
    assert to == f"{TOTP}?full=1&next=/admin/orders"
    assert ring.client.get("/admin/orders").location == TOTP
    answer = ring.press(TOTP)
    assert (answer.status_code, "as many as there may be" in answer.text) == (409, True)
    assert keyring.client.get("/admin/orders").status_code == 200
    assert "as many as there may be" in ring.client.get(to).text
    assert ring.press(to).location == "/admin/orders", "the box is ticked"
    assert ring.client.get("/admin/orders").status_code == 200
    assert keyring.client.get("/admin/orders").status_code == 303
    assert sessions() == 1


def test_the_last_second_factor_stays(app: Flask, siti: StaffMember, keyring: Keyring) -> None:
    change("UPDATE staff SET totp_confirmed_at = NULL")
    passkey = value("SELECT id FROM passkey")
    page = siti.press(PROFILE, f"/admin/profile/passkeys/{passkey}/remove")
    assert "the password alone is not enough" in page
    second = Keyring(siti.client)
    second.press(NEW, typed={"name": "Key ring"})
    siti.press(PROFILE, f"/admin/profile/passkeys/{passkey}/remove")
    assert value("SELECT count(*) FROM passkey") == 1
    assert value("SELECT id FROM passkey") != passkey


def join(app: Flask, email: str = "aina@example.com") -> StaffMember:
    """Somebody who has accepted an invitation: a password, and no second factor yet."""
    member = hire(app, email)
    change("UPDATE staff SET totp_confirmed_at = NULL WHERE email_index = :index", index=crypto.blind_index(email))
    return member


def test_a_passkey_instead_of_an_authenticator(app: Flask) -> None:
    """Set up after the first password; from then on the password alone shows no QR code, and no code of its secret counts."""
    aina = join(app)
    aina.give_password()
    page = aina.get(TOTP)
    assert ('class="qr"' in page, "Set up a passkey instead" in page) == (True, True)
    ring = Keyring(aina.client)
    assert ring.press(TOTP).location == "/admin/backup-codes"
    assert aina.client.get("/admin/orders").status_code == 200
    thief = StaffMember(app.test_client(), aina.email, aina.password, aina.secret)
    thief.give_password()
    page = thief.get(TOTP)
    assert ('class="qr"' in page, "Use a passkey instead" in page) == (False, True)
    assert thief.give_code().status_code == 422
    assert value("SELECT totp_confirmed_at FROM staff") is None
    again = Keyring(app.test_client(), ring.device)
    assert again.press(LOGIN).status_code == 303


def test_set_up_twice_at_once_is_once(app: Flask) -> None:
    """Two browsers with the password ask; whoever answers second has to use what the first has set up."""
    aina = join(app)
    one, two = (StaffMember(app.test_client(), aina.email, aina.password, aina.secret) for _ in range(2))
    for each in (one, two):
        each.give_password()
    first, second = Keyring(one.client), Keyring(two.client)
    made = [ring.device.create(ring.question(TOTP)) for ring in (first, second)]
    assert first.answer(TOTP, made[0]).status_code == 303
    assert refused(second.answer(TOTP, made[1]))
    assert two.client.get("/admin/orders").location == TOTP
    assert value("SELECT count(*) FROM passkey") == 1


def test_who_has_a_passkey_sets_an_authenticator_up_at_work(app: Flask) -> None:
    aina = join(app)
    aina.give_password()
    Keyring(aina.client).press(TOTP)
    change("UPDATE staff SET backup_codes_saved_at = now()")
    assert "Set up an authenticator" in aina.get(PROFILE)
    setup = f"{TOTP}?again=1&next=/admin/profile"
    change("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes'")
    assert 'class="qr"' not in aina.get(setup), "an open screen shows no secret"
    form = form_to(aina.get(setup), TOTP)
    assert aina.client.post(form.action, data=form.filled(code=aina.code())).status_code == 422
    change("UPDATE staff_session SET passed_totp_at = now()")
    assert 'class="qr"' in aina.get(setup)
    form = form_to(aina.get(setup), TOTP)
    answer = aina.client.post(form.action, data=form.filled(code=aina.code()))
    assert (answer.status_code, answer.location) == (303, "/admin/profile")
    assert value("SELECT totp_confirmed_at IS NOT NULL FROM staff")
    assert value("SELECT count(*) FROM audit_entry WHERE action = 'staff.authenticator_added'") == 1


def test_a_lost_phone_takes_its_passkeys_along(app: Flask, siti: StaffMember, elsewhere: Keyring) -> None:
    mei = hire(app, "mei@example.com").sign_in()
    found = value("SELECT id FROM staff WHERE email_index = :index", index=crypto.blind_index(siti.email))
    mei.press(f"/admin/staff/{found}", f"/admin/staff/{found}/reset-totp")
    assert value("SELECT count(*) FROM passkey") == 0
    assert refused(elsewhere.press(LOGIN))


def test_an_owner_by_passkey_counts_as_one(app: Flask, siti: StaffMember, keyring: Keyring) -> None:
    """Of whom one always stays: with a passkey one is as much at work as with an authenticator."""
    mei = hire(app, "mei@example.com").sign_in()
    change("UPDATE staff SET totp_confirmed_at = NULL WHERE email_index = :index", index=crypto.blind_index(siti.email))
    found = value("SELECT id FROM staff WHERE email_index = :index", index=crypto.blind_index(mei.email))
    assert "signed out everywhere" in siti.press(f"/admin/staff/{found}", f"/admin/staff/{found}/let-go")


def test_twenty_passkeys_are_enough(siti: StaffMember, keyring: Keyring) -> None:
    for number in range(19):
        assert keyring.press(NEW, typed={"name": f"Key {number}"}).status_code == 303
    refusal = keyring.question(NEW, status=422)
    assert (refusal["code"], refusal["title"]) == ("too_many_passkeys", "You have 20 passkeys; remove one first.")
    assert value("SELECT count(DISTINCT user_handle) FROM passkey") == 1


def test_one_that_is_known_is_not_added_again(app: Flask, keyring: Keyring) -> None:
    """Neither to the same account nor to another."""
    taken = keyring.device.keys[0].credential_id
    mei = hire(app, "mei@example.com").sign_in()
    for ring in (keyring, Keyring(mei.client)):
        answer = ring.press(NEW, typed={"name": "x"}, credential_id=taken)
        assert (answer.status_code, "No passkey was added" in answer.text) == (422, True)
    assert value("SELECT count(*) FROM passkey") == 1


MADE_LIES: dict[str, dict[str, Any]] = {**{name: lies for name, lies in LIES.items() if "owner" not in name}}
MADE_LIES["made, not used"] = {"kind": "webauthn.get"}


@pytest.mark.parametrize("lies", MADE_LIES.values(), ids=MADE_LIES)
def test_what_is_not_made_right_is_not_added(siti: StaffMember, lies: dict[str, Any]) -> None:
    answer = Keyring(siti.client).press(NEW, typed={"name": "x"}, **lies)
    assert (answer.status_code, "No passkey was added" in answer.text) == (422, True)
    assert value("SELECT count(*) FROM passkey") == 0


HALF = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "eyJ9"}}
NONSENSE = ["", "null", "[]", "{}", "[" * 9000, '{"id":1}', "\ufffd", "x" * 20000, json.dumps(HALF)]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_what_is_no_answer_at_all(app: Flask, siti: StaffMember, text: str) -> None:
    assert refused(Keyring(app.test_client()).answer(LOGIN, text))
    answer = Keyring(siti.client).answer(NEW, text, name="x")
    assert (answer.status_code, "No passkey was added" in answer.text) == (422, True)


def test_nobody_posts_without_the_token_of_the_page(app: Flask) -> None:
    client = app.test_client()
    client.get(LOGIN)
    for path in ("/admin/login/passkey/options", "/admin/login/passkey"):
        assert client.post(path).status_code == 400


def test_where_the_shop_has_no_name_there_are_no_passkeys(make_app: Any) -> None:
    """An address is no name; nor is http but on one's own machine. At one's own machine that is `localhost`."""
    for base, host, has in (
        ("http://localhost:8000", "localhost:8000", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("http://127.0.0.1:8000", "localhost:8000", True),
        ("http://shop.example", "shop.example", False),
        ("http://192.0.2.7", "192.0.2.7", False),
    ):
        client = make_app(BASE_URL=base, TRUSTED_HOSTS=host.partition(":")[0]).test_client()
        page = client.get(LOGIN, base_url=f"http://{host}").text
        assert ("data-passkey" in page) is has, (base, host)
        csrf = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]  # type: ignore[index]
        answer = client.post("/admin/login/passkey/options", base_url=f"http://{host}", headers={"X-CSRF-Token": csrf})
        assert answer.status_code == (200 if has else 404)


def test_what_nobody_answered_is_forgotten(elsewhere: Keyring) -> None:
    elsewhere.question(LOGIN)
    flows.forget_old()
    assert value("SELECT count(*) FROM passkey_challenge") == 1
    change("UPDATE passkey_challenge SET expires_at = now() - interval '1 second'")
    flows.forget_old()
    assert value("SELECT count(*) FROM passkey_challenge") == 0

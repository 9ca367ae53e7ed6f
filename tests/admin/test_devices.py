"""Browsers that staff trust (SEC-22): the password is enough there, for its owner alone, for 30 days, never for money."""

import pytest

from app.core import db
from app.core.transaction import transaction
from tests.staff import StaffMember, hire
from tools.webforms import form_to

COOKIE = "staff-device"


@pytest.fixture
def trusting(member):
    """Somebody at work who trusts their browser."""
    member.give_password()
    form = form_to(member.get("/admin/totp"), "/admin/totp")
    assert "trust" not in form.fields  # nobody trusts by not looking
    answer = member.client.post(form.action, data=form.filled(code=member.code(), trust="1"))
    assert answer.status_code == 303
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
    return member


def make_old(minutes=16):
    with transaction():
        db.rows(
            "UPDATE staff_device SET confirmed_at = confirmed_at - make_interval(mins => :m) RETURNING id", m=minutes
        )


def again(member, **cookies):
    """The same person the next morning, in a browser that keeps these cookies."""
    other = StaffMember(member.client.application.test_client(), member.email, member.password, member.secret)
    for name, value in cookies.items():
        other.client.set_cookie(name.replace("_", "-"), value)
    answer = other.give_password()
    assert answer.status_code == 303
    return other


def device(member):
    return member.client.get_cookie(COOKIE).value


def works(member):
    return member.client.get("/admin/").status_code == 200


def test_the_password_is_enough_there_and_nowhere_else(trusting):
    assert works(again(trusting, staff_device=device(trusting)))
    for other in ("", "x" * 43, device(trusting)[:-1] + "_"):
        assert not works(again(trusting, staff_device=other))
    cookie = trusting.client.get_cookie(COOKIE)
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Strict", "/")
    assert 29 * 86400 < cookie.max_age <= 30 * 86400
    assert device(trusting).encode() not in bytes(db.scalar("SELECT token_hash FROM staff_device"))


def test_what_moves_money_asks_for_a_code_all_the_same(trusting):
    """However young the session: the code is as old as the trust."""
    make_old()
    other = again(trusting, staff_device=device(trusting))
    assert works(other)
    answer = other.client.get("/admin/gift-cards/new")
    assert (answer.status_code, answer.location.startswith("/admin/totp?again=1")) == (303, True)
    assert other.client.get("/admin/gift-cards/new").status_code == 303


def test_a_wrong_password_is_wrong_there_too_and_counts(trusting):
    other = StaffMember(trusting.client.application.test_client(), trusting.email, "x", trusting.secret)
    other.client.set_cookie(COOKIE, device(trusting))
    assert [other.give_password().status_code for _ in range(6)] == [422] * 5 + [429]


def test_it_is_nobody_elses(app, trusting):
    """Whoever sits at the trusted browser with another account gives that account's code."""
    mate = hire(app, "mei@example.com", role="agent")
    mate.client.set_cookie(COOKIE, device(trusting))
    mate.give_password()
    assert not works(mate)


def test_trust_ends(trusting):
    with transaction():
        db.rows("UPDATE staff_device SET expires_at = now() RETURNING id")
    assert not works(again(trusting, staff_device=device(trusting)))


@pytest.mark.parametrize("end", ["forget", "others", "password", "totp", "sign-out", "let-go"])
def test_whatever_should_end_it_does(app, trusting, end):
    """ASVS 42: a new password, a lost phone, signing out everywhere, a closed account; and the button."""
    token, profile = device(trusting), "/admin/profile"
    if end == "forget":
        [action] = [f"/admin/profile/devices/{row[0]}/forget" for row in db.rows("SELECT id FROM staff_device")]
        db.release()
        assert "not trusted any more" in trusting.press(profile, action)
    elif end == "others":
        again(trusting, staff_device=token)
        trusting.press(profile, "/admin/profile/sessions/others")
    elif end == "password":
        new = "Batik-and-canting-7"
        trusting.press(profile, "/admin/profile/password", current=trusting.password, new=new, again=new)
        trusting.password = new
    else:
        owner, staff_id = hire(app, "mei@example.com").sign_in(), db.scalar("SELECT min(id::text) FROM staff")
        db.release()
        what = {"totp": "reset-totp"}.get(end, end)
        owner.press(f"/admin/staff/{staff_id}", f"/admin/staff/{staff_id}/{what}")
        if end == "let-go":
            owner.press(f"/admin/staff/{staff_id}", f"/admin/staff/{staff_id}/take-back")
    assert not works(again(trusting, staff_device=token))


def test_nobody_ends_the_trust_of_others(app, trusting):
    mate = hire(app, "mei@example.com", role="agent").sign_in()
    device_id = db.scalar("SELECT id FROM staff_device")
    db.release()
    csrf = form_to(mate.get("/admin/profile"), "/admin/profile/password").fields["csrf_token"]
    answer = mate.client.post(f"/admin/profile/devices/{device_id}/forget", data={"csrf_token": csrf})
    assert answer.status_code == 404
    assert works(again(trusting, staff_device=device(trusting)))


def test_a_shop_may_trust_no_browser(make_app):
    app = make_app(STAFF_TRUST_DAYS="0")
    member = hire(app)
    member.give_password()
    page = member.get("/admin/totp")
    assert "Trust this browser" not in page
    form = form_to(page, "/admin/totp")
    member.client.post(form.action, data=form.filled(code=member.code(), trust="1"))
    assert db.scalar("SELECT count(*) FROM staff_device") == 0


def test_too_many_sessions_ask_for_the_code_and_the_box(make_app):
    app = make_app(STAFF_MAX_SESSIONS="1")
    member = hire(app)
    member.give_password()
    form = form_to(member.get("/admin/totp"), "/admin/totp")
    member.client.post(form.action, data=form.filled(code=member.code(), trust="1"))
    other = again(member, staff_device=device(member))
    assert (works(other), works(member)) == (False, True)


def stranger_tries(member, count=7):
    """Somebody who knows the e-mail address, from wherever."""
    other = StaffMember(member.client.application.test_client(), member.email, "x", member.secret)
    return [other.give_password().status_code for _ in range(count)]


def test_who_knows_the_address_keeps_nobody_out_of_the_browser_they_trust(trusting):
    """ASVS 33, and the other way round: what is tried there keeps nobody out elsewhere."""
    assert stranger_tries(trusting) == [422] * 5 + [429] * 2
    assert works(again(trusting, staff_device=device(trusting)))
    unknown = StaffMember(trusting.client.application.test_client(), trusting.email, trusting.password, "")
    unknown.client.set_cookie(COOKIE, "x" * 43)
    assert unknown.give_password().status_code == 429


def test_a_browser_that_somebody_else_trusts_is_a_strangers(app, trusting):
    mate = hire(app, "mei@example.com", role="agent")
    assert stranger_tries(mate) == [422] * 5 + [429] * 2
    mate.client.set_cookie(COOKIE, device(trusting))
    assert mate.give_password().status_code == 429


def test_a_code_given_a_minute_ago_elsewhere_is_no_fresh_code_here(trusting):
    """Else who steals browser and password right after the code has a quarter of an hour for the money."""
    other = again(trusting, staff_device=device(trusting))
    assert works(other)
    answer = other.client.get("/admin/gift-cards/new")
    assert (answer.status_code, answer.location.startswith("/admin/totp?again=1")) == (303, True)

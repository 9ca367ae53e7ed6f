"""Nothing typed is lost (UX 2.8): what staff send when their session is over, or when a fresh code is asked for, is kept for them
alone, in their browser, and sent once."""

import pytest

from app.accounts import flows
from app.accounts.actions import keeping
from app.core import db
from app.core.transaction import in_transaction, transaction
from tests.customers.test_meetings import Second
from tests.staff import StaffMember, hire
from tools.webforms import form_to, heading_of

ROLES = "/admin/staff/roles/new"
TYPED = {"name": "Weekend <b>", "right": "orders.view"}


def rest(minutes=31):
    with transaction():
        db.rows(f"UPDATE staff_session SET last_seen_at = last_seen_at - interval '{minutes} minutes' RETURNING id")


def grow_old():
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")


def count(table):
    found = db.scalar(f"SELECT count(*) FROM {table}")
    db.release()
    return found


def again(member, location):
    """Sign in once more, in the same browser, by the page one was sent to. Returns where it leads to."""
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0, backup_codes_saved_at = now() RETURNING id")
    member.steps.clear()
    form = form_to(member.get(location), location)
    answer = member.client.post(form.action, data=form.filled(email=member.email, password=member.password))
    form = form_to(member.get(answer.location), answer.location)
    return member.client.post(form.action, data=form.filled(code=member.code())).location


def send(member, page):
    """Press the button; then as browsers follow a 307, which the test client would do with an empty body."""
    form = form_to(member.get(page), page)
    answer = member.client.post(form.action, data=form.filled())
    assert answer.status_code == 307
    return member.client.post(answer.location, data=form.filled())


def lose(member, path=ROLES, **typed):
    """Type into a form and send it half an hour too late."""
    form = form_to(member.get(path), path)
    rest()
    answer = member.client.post(form.action, data=form.filled(**(typed or TYPED)))
    assert answer.status_code == 303
    return answer.location


def test_a_form_sent_after_the_session_is_kept_and_sent_once(owner):
    location = lose(owner)
    assert location.startswith("/admin/login?next=/admin/kept/")
    assert count("staff_role") == 0
    assert "What you typed is kept" in owner.get(location)
    page = again(owner, location)
    text = owner.get(page)
    assert heading_of(text) == "This was not sent yet"
    assert "Weekend &lt;b&gt;" in text
    assert f"<dd>{ROLES}</dd>" in text
    old = form_to(text, page)
    assert send(owner, page).location == "/admin/staff/roles?done=role-saved"
    assert [row[0] for row in db.rows("SELECT name FROM staff_role")] == ["Weekend <b>"]
    db.release()
    assert owner.client.post(old.action, data=old.filled()).status_code == 404
    assert "It was sent already" in owner.get(page, status=404)
    assert (count("staff_role"), count("staff_kept_form")) == (1, 0)


def test_what_asks_for_a_fresh_code_is_kept_meanwhile(owner):
    form = form_to(owner.get(ROLES), ROLES)
    grow_old()
    answer = owner.client.post(form.action, data=form.filled(**TYPED))
    assert answer.location.startswith("/admin/totp?again=1&next=/admin/kept/")
    form = form_to(owner.get(answer.location), answer.location)
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
    owner.steps.clear()
    page = owner.client.post(form.action, data=form.filled(code=owner.code())).location
    assert send(owner, page).location == "/admin/staff/roles?done=role-saved"
    assert count("staff_role") == 1


def test_it_is_for_who_sent_it_in_the_browser_they_sent_it_in(app, owner):
    page = lose(owner).partition("next=")[2]
    mate = hire(app, "mei@example.com")
    mate.client = owner.client  # at the same machine
    mate.sign_in()
    assert mate.client.get(page).status_code == 404
    csrf = form_to(mate.get("/admin/profile"), "/admin/profile/password").fields["csrf_token"]
    assert mate.client.post(page, data={"csrf_token": csrf}).status_code == 404
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0 RETURNING id")
    elsewhere = StaffMember(app.test_client(), owner.email, owner.password, owner.secret).sign_in()
    assert elsewhere.client.get(page).status_code == 404
    assert app.test_client().get(page).location.startswith("/admin/login")
    assert count("staff_kept_form") == 1


@pytest.mark.parametrize("why", ["signed out", "no token", "another's token", "half signed in", "closed", "no session"])
def test_what_is_nobodys_is_not_kept(app, owner, why):
    form = form_to(owner.get(ROLES), ROLES)
    data = form.filled(**TYPED)
    client = owner.client
    if why == "signed out":
        token = client.get_cookie("staff").value
        out = form_to(owner.get("/admin/"), "/admin/logout")
        client.post(out.action, data=out.filled())
        client.set_cookie("staff", token)
    elif why == "no token":
        data.pop("csrf_token")
    elif why == "another's token":
        data["csrf_token"] = form_to(app.test_client().get("/admin/login").text, "/admin/login").fields["csrf_token"]
    elif why == "closed":
        with transaction():
            db.rows("UPDATE staff SET is_active = false RETURNING id")
    elif why == "half signed in":
        with transaction():
            db.rows("UPDATE staff_session SET passed_totp_at = NULL RETURNING id")
    else:
        client.delete_cookie("staff")
    rest()
    assert client.post(form.action, data=data).location == "/admin/login"
    assert count("staff_kept_form") == 0


@pytest.mark.parametrize("field", ["current", "code", "phone_password", "credential", "setup-code"])
def test_passwords_and_codes_are_never_kept_nor_what_goes_with_them(owner, field):
    form = form_to(owner.get(ROLES), ROLES)
    rest()
    data = form.filled(**TYPED) | {field: "hunter2"}
    assert owner.client.post(form.action, data=data).location == "/admin/login"
    assert count("staff_kept_form") == 0


def test_nothing_is_kept_in_clear(owner):
    lose(owner)
    kept = str(db.rows("SELECT to_jsonb(k) FROM staff_kept_form k"))
    db.release()
    assert "Weekend" not in kept
    assert "roles" not in kept


def test_after_half_an_hour_it_is_forgotten(owner):
    location = lose(owner)
    with transaction():
        db.rows("UPDATE staff_kept_form SET expires_at = now() - interval '1 second' RETURNING id")
    page = again(owner, location)
    assert owner.client.get(page).status_code == 404
    flows.forget_kept()
    assert count("staff_kept_form") == 0


def test_of_one_person_a_few_are_kept_and_no_heap(owner):
    form = form_to(owner.get(ROLES), ROLES)
    rest()
    for number in range(8):
        owner.client.post(form.action, data=form.filled(name=f"Role {number}", right="orders.view"))
    assert count("staff_kept_form") == 5
    assert owner.client.post(form.action, data=form.filled(name="x" * 30_000)).location == "/admin/login"
    assert count("staff_kept_form") == 5


def test_a_button_without_anything_typed_is_no_form_to_keep(owner):
    out = form_to(owner.get("/admin/backup-codes"), "/admin/backup-codes")
    rest()
    assert owner.client.post(out.action, data=out.filled()).location == "/admin/login"
    assert count("staff_kept_form") == 0


def test_sent_twice_at_the_same_moment_it_is_sent_once(owner):
    from app.accounts import queries  # noqa: PLC0415

    me = queries.signed_in(owner.client.get_cookie("staff").value)
    db.release()
    kept_id = in_transaction(lambda: keeping.keep(me.staff_id, b"x", "/admin/staff", [("a", "b")]))
    second = Second(lambda: keeping.take(kept_id, b"x", by=me))
    with transaction():
        assert keeping.take(kept_id, b"x", by=me) == "/admin/staff"
        second.meet()
    assert second.end() is None

"""The page of API keys: made with what one holds, shown once, rotated with overlap, revoked; audited and told by mail."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from app.api_keys import flows, queries
from app.core import crypto, db
from app.core.transaction import transaction
from tests.api.test_keys import sql
from tests.api.test_stock import CLEANUP
from tests.api_keys import SHOWN, id_of, make_key, post_form, shown
from tests.changes import changes
from tests.staff import give_rights, hire
from tools.webforms import form_to

PAGE = "/admin/api-keys"


def page_of(program):
    return f"{PAGE}/{id_of(program)}"


def rotate(member, program, **fields):
    """Press “Rotate” on the key's page; returns the answer."""
    form = form_to(member.get(page_of(program)), f"{page_of(program)}/rotate")
    return member.client.post(form.action, data=form.filled(**fields))


def audit():
    return [
        (row.action, row.facts)
        for row in db.rows("SELECT action, facts FROM audit_entry ORDER BY id")
        if row.action.startswith("api_key.")
    ]


def day(days):
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def test_a_key_is_made_and_shown_once(owner):
    answer = post_form(owner, "stock.view", "refunds.change", name=" Warehouse ", networks="203.0.113.7, 2001:db8::/32")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    program = shown(owner, answer)
    assert re.fullmatch(r"kedai_[2-9a-z]{12}_[0-9A-Za-z]{40}", program.key)
    assert re.fullmatch(r"kedaisig_[2-9a-z]{12}_[0-9A-Za-z]{40}", program.signing)
    row = db.rows("SELECT name, scopes, networks::text[] AS networks, expires_at - now() AS days FROM api_key")[0]
    assert (row.name, row.scopes, row.networks) == (
        "Warehouse",
        ["refunds.change", "stock.view"],
        ["203.0.113.7/32", "2001:db8::/32"],
    )
    assert 89 <= row.days.days <= 91
    for path in (PAGE, page_of(program)):
        page = owner.get(path)
        assert "Warehouse" in page
        assert SHOWN.findall(page) == []
        assert program.key.split("_")[2] not in page
    assert audit() == [("api_key.created", {"name": "Warehouse", "secret": program.public_id})]


@pytest.mark.parametrize(
    ("fields", "scopes", "fault"),
    [
        ({"name": ""}, ["stock.view"], "name"),
        ({"name": "x" * 61}, ["stock.view"], "name"),
        ({"name": "a\rb"}, ["stock.view"], "name"),
        ({}, [], "scopes"),
        ({}, ["staff.change", "no.such", "books.change"], "scopes"),  # no endpoint asks for these
        ({"expires": day(0)}, ["stock.view"], "expires"),
        ({"expires": day(-1)}, ["stock.view"], "expires"),
        ({"expires": day(369)}, ["stock.view"], "expires"),
        ({"expires": "9999-99-99"}, ["stock.view"], "expires"),
        ({"expires": ""}, ["stock.view"], "expires"),
        ({"networks": "203.0.113.0/24 office"}, ["stock.view"], "networks"),
        ({"networks": "fe80::1%eth0"}, ["stock.view"], "networks"),
        ({"networks": "203.0.113.7/24"}, ["stock.view"], "networks"),
        ({"networks": " ".join(f"203.0.113.{n}" for n in range(51))}, ["stock.view"], "networks"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(owner, fields, scopes, fault):
    answer = post_form(owner, *scopes, **{"name": "Warehouse", **fields})
    assert answer.status_code == 422
    assert f'href="#{fault}" data-error-link' in answer.text
    assert db.scalar("SELECT count(*) FROM api_key") == 0


def test_nobody_gives_more_than_they_hold(app):
    member = hire(app, "ravi@example.com", rights=["api_keys.change", "stock.view"]).sign_in()
    page = member.get(f"{PAGE}/new")
    assert re.search(r'value="refunds.change"[^>]* disabled', page)
    assert not re.search(r'value="stock.view"[^>]* disabled', page)
    answer = post_form(member, "stock.view", "refunds.change", name="Warehouse")
    assert (answer.status_code, db.scalar("SELECT count(*) FROM api_key")) == (403, 0)


def test_a_form_sent_twice_makes_one_key(owner):
    make_key(owner, "stock.view")
    for name in ("Warehouse", "WAREHOUSE"):
        assert post_form(owner, "stock.view", name=name).status_code == 409
    assert db.scalar("SELECT count(*) FROM api_key") == 1


def test_an_old_code_opens_no_form_that_makes_one(owner):
    program = make_key(owner, "stock.view")
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    assert owner.client.get(f"{PAGE}/new").location.startswith("/admin/totp?again=1")
    token = re.search(r'name="csrf-token" content="([^"]+)"', owner.get(PAGE))[1]
    for path in (f"{PAGE}/new", f"{page_of(program)}/rotate", f"{page_of(program)}/revoke"):
        assert owner.client.post(path, data={"csrf_token": token}).location.startswith("/admin/totp?again=1")
    assert program.get(CLEANUP).status_code == 200


def test_both_secrets_work_while_one_replaces_the_other(owner):
    old = make_key(owner, "stock.view")
    answer = rotate(owner, old, overlap="72", expires=day(30))
    new = shown(owner, answer)
    assert new.key != old.key
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (200, 200)
    hours = db.scalar("SELECT extract(epoch FROM ends_at - now()) / 3600 FROM api_key_secret WHERE ends_at IS NOT NULL")
    assert 71.9 < hours <= 72
    page = owner.get(page_of(old))
    assert all(f"kedai_{each.public_id}_…" in page for each in (old, new))
    sql("UPDATE api_key_secret SET ends_at = clock_timestamp() WHERE ends_at IS NOT NULL")
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (401, 200)
    facts = dict(audit())["api_key.rotated"]
    assert (facts["secret"], facts["instead_of"], facts["overlap_hours"]) == (new.public_id, old.public_id, 72)


def test_the_usual_overlap_is_a_day_and_it_can_be_none(owner):
    old = make_key(owner, "stock.view")
    new = shown(owner, rotate(owner, old))
    assert 23.9 < db.scalar("SELECT extract(epoch FROM max(ends_at) - now()) / 3600 FROM api_key_secret") <= 24
    newest = shown(owner, rotate(owner, new, overlap="0"))
    assert [each.get(CLEANUP).status_code for each in (old, new, newest)] == [200, 401, 200]


def test_an_old_secret_outlives_nothing_by_a_rotation(owner):
    """Neither a key that has run out nor one that would within the overlap."""
    old = make_key(owner, "stock.view")
    sql("UPDATE api_key SET created_at = now() - interval '2 days', expires_at = now() - interval '1 hour'")
    assert old.get(CLEANUP).status_code == 401
    new = shown(owner, rotate(owner, old, overlap="168"))
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (401, 200)


def test_an_old_secret_can_be_ended_at_once_and_the_newest_cannot(owner):
    old = make_key(owner, "stock.view")
    new = shown(owner, rotate(owner, old))
    page = owner.press(page_of(old), f"{page_of(old)}/secrets/{old.public_id}/end")
    [(before, after)] = changes("api_key.secret_ended")
    assert before["ends_at"] > after["ends_at"]
    assert "does not work any more" in page
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (401, 200)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    for public_id in (new.public_id, "2" * 12):
        answer = owner.client.post(f"{page_of(old)}/secrets/{public_id}/end", data={"csrf_token": token})
        assert answer.status_code == 404
    assert new.get(CLEANUP).status_code == 200


def test_a_form_sent_twice_rotates_once(owner):
    old = make_key(owner, "stock.view")
    form = form_to(owner.get(page_of(old)), f"{page_of(old)}/rotate")
    new = shown(owner, owner.client.post(form.action, data=form.filled()))
    again = owner.client.post(form.action, data=form.filled())
    assert "done=key-rotated-before" in again.location
    assert "rotated this key meanwhile" in owner.get(again.location)
    assert db.scalar("SELECT count(*) FROM api_key_secret") == 2
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (200, 200)


@pytest.mark.parametrize(("fields", "fault"), [({"overlap": "9999"}, "overlap"), ({"expires": day(400)}, "expires")])
def test_a_rotation_asks_for_what_it_can_do(owner, fields, fault):
    old = make_key(owner, "stock.view")
    answer = rotate(owner, old, **fields)
    assert (answer.status_code, f'href="#{fault}" data-error-link' in answer.text) == (422, True)
    assert db.scalar("SELECT count(*) FROM api_key_secret") == 1


def test_whoever_rotates_answers_for_it_from_then_on(app, owner):
    """Who was shown a secret acts with it: the old one stays its maker's, the new one is another's."""
    ravi = hire(app, "ravi@example.com", rights=["api_keys.change", "stock.view"]).sign_in()
    old = make_key(owner, "stock.view", "system.view")
    assert "somebody else has to rotate it" in ravi.get(page_of(old))
    token = re.search(r'name="csrf-token" content="([^"]+)"', ravi.get(PAGE))[1]
    data = {"csrf_token": token, "instead_of": old.public_id, "overlap": "24", "expires": day(9)}
    assert ravi.client.post(f"{page_of(old)}/rotate", data=data).status_code == 403
    give_rights("ravi@example.com", ["api_keys.change", "stock.view", "system.view"])
    new = shown(ravi, rotate(ravi, old))
    assert "ravi@example.com" in owner.get(PAGE)
    sql("UPDATE staff SET is_active = false WHERE id = (SELECT staff_id FROM api_key_secret WHERE ends_at IS NULL)")
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (200, 401)
    assert "Who answers for this key has left" in owner.get(page_of(old))
    rescued = shown(owner, rotate(owner, old))
    assert rescued.get(CLEANUP).status_code == 200


def test_a_revoked_key_opens_nothing_and_its_name_is_free(owner):
    old = make_key(owner, "stock.view")
    new = shown(owner, rotate(owner, old))
    page = owner.press(page_of(old), f"{page_of(old)}/revoke")
    assert changes("api_key.revoked") == [({"revoked": False}, {"revoked": True})]
    assert "none of its secrets opens anything" in page
    assert (old.get(CLEANUP).status_code, new.get(CLEANUP).status_code) == (401, 401)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    data = {"csrf_token": token, "instead_of": new.public_id, "overlap": "24", "expires": day(9)}
    for act in ("revoke", "rotate", f"secrets/{old.public_id}/end"):
        assert "done=key-over" in owner.client.post(f"{page_of(old)}/{act}", data=data).location
    assert [action for action, _facts in audit()] == ["api_key.created", "api_key.rotated", "api_key.revoked"]
    assert make_key(owner, "stock.view").get(CLEANUP).status_code == 200


def test_anybody_who_looks_after_keys_revokes_any(app, owner):
    ravi = hire(app, "ravi@example.com", rights=["api_keys.change"]).sign_in()
    program = make_key(owner, "stock.view")
    ravi.press(page_of(program), f"{page_of(program)}/revoke")
    assert program.get(CLEANUP).status_code == 401


def test_who_may_only_look_changes_nothing(app, owner):
    program = make_key(owner, "stock.view")
    reader = hire(app, "ravi@example.com", rights=["api_keys.view"]).sign_in()
    page = reader.get(page_of(program))
    assert "<form" not in page.split("<main")[1]
    assert f"{PAGE}/new" not in reader.get(PAGE)
    assert reader.client.get(f"{PAGE}/00000000-0000-7000-8000-000000000000").status_code == 404


def test_lost_rights_are_told(app, owner):
    ravi = hire(app, "ravi@example.com", rights=["api_keys.change", "stock.view", "system.view"]).sign_in()
    program = make_key(ravi, "stock.view", "system.view")
    give_rights("ravi@example.com", ["stock.view"])
    page = owner.get(page_of(program))
    assert "It may do less than it was given" in page
    assert "system.view." in page


def test_the_list_costs_the_same_for_one_and_for_many(owner, count_queries):
    make_key(owner, "stock.view")
    one = count_queries(lambda: owner.get(PAGE))
    for number in range(60):
        with transaction():
            db.rows(
                "WITH made AS (INSERT INTO api_key (id, name, scopes, expires_at) VALUES (gen_random_uuid(), :name,"
                " '{stock.view}', now() + interval '9 days') RETURNING id) INSERT INTO api_key_secret (id, key_id, staff_id,"
                " public_id, secret_hash) SELECT gen_random_uuid(), made.id, staff.id, :public, sha256('x') FROM made, staff"
                " RETURNING id",
                name=f"Key {number}",
                public=f"{number:02}".translate(str.maketrans("01", "ab")) + "2" * 10,
            )
    assert count_queries(lambda: owner.get(PAGE)) == one
    seen, url = set(), PAGE
    while url:
        page = owner.get(url)
        seen |= set(re.findall(r'class="row-link" href="([^"]+)"', page))
        following = re.search(r'<a href="([^"]+)" rel="next"', page)
        url = following[1] if following else None
    assert len(seen) == 61


@pytest.fixture
def mailed(make_app, office):
    """An owner of a shop whose mails go to the office."""
    return hire(make_app(MAIL_URL=office.url)).sign_in()


def told(office, drain):
    drain()
    found = [(mail["To"], str(mail["Subject"])) for mail in office.mails]
    office.mails.clear()
    return sorted(found)


def test_owners_and_who_answers_are_told(mailed, office, drain):
    app = mailed.client.application
    hire(app, "gone@example.com", role="owner")
    hire(app, "mei@example.com", role="agent")
    sql("UPDATE staff SET is_active = false WHERE email_index = :index", index=crypto.blind_index("gone@example.com"))
    ravi = hire(app, "ravi@example.com", rights=["api_keys.change", "stock.view"]).sign_in()
    told(office, drain)
    program = make_key(ravi, "stock.view")
    both = ["ravi@example.com", "siti@example.com"]
    assert told(office, drain) == [(each, "An API key was made: Warehouse") for each in both]
    rotate(mailed, program, overlap="24")
    assert told(office, drain) == [(each, "An API key was rotated: Warehouse") for each in both]
    sql("UPDATE api_key SET expires_at = now() + interval '6 days'")
    flows.tell_ending()
    assert told(office, drain) == [(each, "An API key runs out soon: Warehouse") for each in both]
    mailed.press(page_of(program), f"{page_of(program)}/revoke")
    assert told(office, drain) == [(each, "An API key was revoked: Warehouse") for each in both]


def test_a_key_that_runs_out_is_told_once(owner):
    make_key(owner, "stock.view")
    flows.tell_ending()
    events = "SELECT count(*) FROM outbox_event WHERE name = 'api_key.ending'"
    assert db.scalar(events) == 0
    sql("UPDATE api_key SET expires_at = now() + interval '6 days'")
    flows.tell_ending()
    flows.tell_ending()
    assert db.scalar(events) == 1
    sql("UPDATE api_key SET ending_told_at = NULL, expires_at = now() + interval '1 day', revoked_at = now()")
    flows.tell_ending()
    assert db.scalar(events) == 1


def test_one_name_is_one_lock_whichever_key_writes(make_app):
    """While the key of stored values changes, two processes that are asked for the same name wait for each other."""
    one, other = "one key of stored values", "the other key of stored values"
    seen = []
    for first, second in ((one, other), (other, one)):
        make_app(FIELD_KEY=first, FIELD_KEY_FALLBACKS=second)
        with transaction():
            queries.lock_name("Warehouse")
            held = "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            seen.append({tuple(row) for row in db.rows(held)})
    assert seen[0] == seen[1] != set()

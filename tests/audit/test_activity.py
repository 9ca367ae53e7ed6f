"""The activity page (ADM-14, SEC-25): what staff did, by whom, from where, what it changed; and that nothing is left out."""

import csv
import io
import re

import pytest

from app.audit import actions as audit
from app.core import db, origin
from app.core.transaction import in_transaction, transaction
from tests.staff import hire

PAGE = "/admin/activity"


@pytest.fixture
def owner(app):
    found = hire(app).sign_in()
    found.press("/admin/backup-codes", "/admin/backup-codes")
    return found


def rows_in(page):
    return page.count("<tr>") - 1


def test_an_act_is_shown_with_who_what_before_after_and_from_where(app, owner):
    hire(app, "mei@example.com", role="agent")
    person = db.scalar("SELECT id FROM staff WHERE role = 'agent'")
    db.release()
    owner.press(f"/admin/staff/{person}", f"/admin/staff/{person}/role", role="fulfilment")
    page = owner.get(PAGE)
    for words in (
        "Gave another role", "mei@example.com", "siti@example.com", "<del>agent</del>", "<ins>fulfilment</ins>", "127.0.0.…",
        f'href="/admin/staff/{person}"', "Account opened by command",
    ):  # fmt: skip
        assert words in page, words
    assert "127.0.0.1" not in page
    entry = db.rows("SELECT request_id, address FROM audit_entry WHERE action = 'staff.role_given'")[0]
    assert re.search(rf'class="faint id">{entry.request_id}<', page)
    assert "127.0.0.1" not in entry.address


def test_filters_and_what_is_no_filter(app, owner):
    hire(app, "mei@example.com", role="agent")
    me = db.scalar("SELECT id FROM staff WHERE role = 'owner'")
    db.release()
    in_transaction(lambda: audit.record("stock.tested", actor="command", object_kind="stock", object_id="x7"))
    assert rows_in(owner.get(PAGE)) == 4
    assert rows_in(owner.get(f"{PAGE}?who=staff:{me}")) == 1
    assert rows_in(owner.get(f"{PAGE}?area=staff")) == 3
    assert rows_in(owner.get(f"{PAGE}?area=stock&object=x7&who=command")) == 1
    assert rows_in(owner.get(f"{PAGE}?address=127.0.0.1")) == 1
    assert rows_in(owner.get(f"{PAGE}?since=2020-01-01&until=2099-12-31")) == 4
    assert "Nothing fits" in owner.get(f"{PAGE}?until=2020-01-01")
    for odd in ("since=x", "until=99999-01-01", "before=x_y", "area=%27%22%3C", "who=" + "x" * 3000):
        assert owner.get(f"{PAGE}?{odd}")


def test_the_list_goes_on_by_key_with_the_same_few_queries(owner, app):
    def many():
        for n in range(115):
            audit.record("stock.tested", actor="command", object_kind="stock", object_id=n)

    in_transaction(many)
    pages, seen, path = 0, 0, PAGE
    while path:
        page = owner.get(path)
        pages, seen = pages + 1, seen + rows_in(page)
        found = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert (pages, seen) == (3, 117)


def test_the_file_holds_what_the_filters_leave_and_no_formulas(owner):
    in_transaction(
        lambda: audit.record("stock.tested", actor="command", object_kind="stock", object_id="=1+1", note="a")
    )
    answer = owner.client.get(f"{PAGE}/file?area=stock")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert (answer.mimetype, len(rows)) == ("text/csv", 1)
    assert (rows[0]["id"], rows[0]["action"], rows[0]["changes"]) == ("'=1+1", "stock.tested", "note: a")


def test_the_file_asks_for_a_fresh_code(owner):
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '16 minutes' RETURNING id")
    assert owner.client.get(f"{PAGE}/file").location.startswith("/admin/totp?again=1")


def test_an_act_that_nothing_notes_is_noted_as_the_form_that_was_sent(make_app):
    """SEC-25: every action of staff, whoever forgets it."""
    from app.web.rights import needs  # noqa: PLC0415 - beside its one use

    app = make_app()
    view = needs("stock.change")(lambda what: ("", 204))
    app.add_url_rule("/admin/forgetful/<what>", "forgetful", view, methods=["POST"])
    member = hire(app).sign_in()
    csrf = re.search(r'name="csrf-token" content="([^"]+)"', member.get("/admin/profile"))[1]
    answer = member.client.post("/admin/forgetful/x", headers={"X-CSRF-Token": csrf})
    assert answer.status_code == 204
    row = db.rows("SELECT actor, action, object_id, facts, request_id FROM audit_entry WHERE action LIKE 'form.%'")[0]
    staff_id = db.scalar("SELECT id FROM staff")
    assert tuple(row) == (
        f"staff:{staff_id}", "form.forgetful", "/admin/forgetful/x", {"what": "x"}, answer.headers["X-Request-Id"],
    )  # fmt: skip


def test_what_is_refused_is_no_act(app, owner):
    before = db.scalar("SELECT count(*) FROM audit_entry")
    db.release()
    assert owner.client.post("/admin/stock-locks/clean-up").status_code == 400
    assert hire(app, "mei@example.com", role="agent").sign_in().client.post("/admin/books/reconcile").status_code == 403
    assert db.scalar("SELECT count(*) FROM audit_entry") == before + 1  # the account that was opened


def test_where_a_request_came_from_is_forgotten_with_it(owner):
    """What the next one on this thread notes is not said to come from there."""
    owner.get("/admin/")
    assert origin.current() == origin.NOWHERE


def test_what_was_done_to_one_thing_is_found_by_an_index(as_owner):
    """In the order of the page, however much was noted about other things."""
    with transaction():
        db.rows(
            "INSERT INTO audit_entry (id, actor, action, object_kind, object_id)"
            " SELECT uuidv7(), 'system', 'a.b', 'order', (n % 100)::text FROM generate_series(1, 20000) n"
        )
        db.rows("ANALYZE audit_entry")
        page = "SELECT * FROM audit_entry WHERE object_id = '7' ORDER BY created_at DESC, id DESC LIMIT 51"
        plan = str(db.rows(f"EXPLAIN {page}"))
    assert ("ix_audit_entry_object" in plan, "Sort" in plan) == (True, False), plan

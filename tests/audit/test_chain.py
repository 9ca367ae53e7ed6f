"""The audit is only added to, and sealed: whatever somebody with the database's password does to it shows."""

import json
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.audit import actions as audit
from app.audit import flows, rules
from app.core import clock, crypto, db, origin
from app.core.ids import new_id
from app.core.transaction import in_transaction, transaction
from tests.audit.tampering import tamper
from tests.staff import hire

MANY = audit.MOST_AT_ONCE


def note(number=1, **facts):
    def work():
        for n in range(number):
            audit.record("staff.tested", actor="command", object_kind="test", object_id=n, n=n, **facts)

    in_transaction(work)


def verify(**known):
    found = flows.verify(**known)
    return found.changed, found.removed, found.inserted


@pytest.fixture
def sealed(database):
    """Twelve entries, sealed."""
    note(12)
    assert flows.seal() == 12
    assert verify() == ([], [], [])


def test_an_empty_audit_is_whole(database):
    found = flows.verify()
    assert (found.is_whole, found.sealed, found.pending, found.head) == (True, 0, 0, "")


def test_what_is_noted_waits_for_its_seal_and_is_whole(database):
    note(3)
    assert (flows.verify().pending, flows.seal(), flows.seal()) == (3, 3, 0)
    note(2)
    flows.seal()
    found = flows.verify()
    assert (found.is_whole, found.sealed, found.pending) == (True, 5, 0)
    assert found.head.startswith("5:")
    assert db.rows("SELECT position FROM audit_seal ORDER BY position") == [(n,) for n in range(1, 6)]


def test_more_than_one_pass_takes_at_once(database):
    note(audit.MOST_AT_ONCE + 7)
    assert flows.seal() == audit.MOST_AT_ONCE + 7
    assert flows.verify().is_whole


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET action = 'x'",
        "UPDATE audit_entry SET facts = '{}'",
        "UPDATE audit_entry SET created_at = now()",
        "UPDATE audit_entry SET address = 'x', actor = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "UPDATE audit_seal SET hash = ''",
        "UPDATE audit_seal SET position = position + 100",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_seal",
    ],
)
def test_the_database_refuses_all_but_adding(sealed, settings, statement):
    """The shop's role may not, and of whom the tables are is stopped by a trigger."""
    with pytest.raises(DBAPIError, match="permission denied"), transaction():
        db.session.connection().exec_driver_sql(statement)
    db.connect(settings.migrations_database_url)
    with pytest.raises(IntegrityError, match="only added to"), transaction():
        db.session.connection().exec_driver_sql(statement)
    db.connect(settings.database_url)
    assert flows.verify().is_whole


def test_an_address_can_be_forgotten_and_not_replaced(database):
    """Retention may forget from where; nobody can say it was somewhere else."""
    origin.note(origin.Origin("203.0.113.7", "", "request-1"))
    try:
        note(2)
    finally:
        origin.note(origin.NOWHERE)
    flows.seal()
    assert "203.0.113.7" not in str(db.rows("SELECT address FROM audit_entry"))
    with transaction():
        db.rows("UPDATE audit_entry SET address = NULL WHERE object_id = '0' RETURNING id")
    assert verify() == ([], [], [])
    with transaction():
        other = crypto.encrypt("198.51.100.1")
        db.rows("UPDATE audit_entry SET address = :other WHERE object_id = '1' RETURNING id", other=other)
    assert verify() == (["2"], [], [])


@pytest.mark.parametrize(
    "change",
    [
        "action = 'staff.other'",
        "actor = 'system'",
        "object_id = '99'",
        "object_kind = 'order'",
        'facts = \'{"n": 5, "more": 1}\'',
        "before = '{}'",
        'after = \'{"role": "owner"}\'',
        "request_id = 'another'",
        "created_at = created_at + interval '1 microsecond'",
        "address_index = 'x'",
    ],
)
def test_a_changed_entry_shows(sealed, environment, change):
    tamper(environment, f"UPDATE audit_entry SET {change} WHERE object_id = '5'")
    assert verify() == (["6"], [], [])


def test_a_removed_entry_shows(sealed, environment):
    tamper(environment, "DELETE FROM audit_entry WHERE object_id = '5'")
    assert verify() == ([], ["6"], [])


def test_an_entry_removed_with_its_seal_shows(sealed, environment):
    gone = "DELETE FROM audit_seal WHERE position = 6", "DELETE FROM audit_entry WHERE object_id = '5'"
    tamper(environment, *gone)
    assert verify() == ([], ["6"], [])


def test_closing_the_gap_shows(sealed, environment):
    tamper(
        environment,
        "DELETE FROM audit_seal WHERE position = 6",
        "DELETE FROM audit_entry WHERE object_id = '5'",
        "UPDATE audit_seal SET position = position - 1 WHERE position > 6",
    )
    changed, removed, inserted = verify()
    assert (changed[0], removed, inserted) == ("6", [], [])


def test_two_entries_that_changed_places_show(sealed, environment):
    tamper(
        environment,
        "ALTER TABLE audit_seal DROP CONSTRAINT uq_audit_seal_entry_id",
        "UPDATE audit_seal a SET entry_id = b.entry_id FROM audit_seal b"
        " WHERE (a.position, b.position) IN ((3, 4), (4, 3))",
        "ALTER TABLE audit_seal ADD CONSTRAINT uq_audit_seal_entry_id UNIQUE (entry_id)",
    )
    assert verify() == (["3", "4"], [], [])


def test_an_inserted_entry_shows_and_is_never_sealed(sealed, environment):
    tamper(
        environment,
        "INSERT INTO audit_entry (id, actor, action, object_kind, object_id) VALUES"
        " (uuidv7(), 'staff:x', 'refund.approved', 'refund', 'y')",
        "INSERT INTO audit_entry (id, actor, action, object_kind, object_id, mac, created_at)"
        " SELECT uuidv7(), actor, action, object_kind, object_id, mac, created_at FROM audit_entry LIMIT 1",
    )
    assert flows.seal() == 0
    changed, removed, inserted = verify()
    assert (changed, removed, len(inserted)) == ([], [], 2)


def test_an_inserted_entry_with_a_seal_of_somebodys_own_shows(sealed, environment):
    entry = new_id()
    tamper(
        environment,
        f"INSERT INTO audit_entry (id, actor, action, object_kind, object_id) VALUES ('{entry}', 'a', 'b.c', 'd', 'e')",
        f"INSERT INTO audit_seal (position, entry_id, hash) SELECT 13, '{entry}', hash FROM audit_seal LIMIT 1",
    )
    assert verify() == (["13"], [], [])


def test_a_cut_off_end_shows_against_a_head_kept_elsewhere(sealed, environment):
    head = flows.head()
    tamper(
        environment,
        "DELETE FROM audit_seal WHERE position > 10",
        "DELETE FROM audit_entry WHERE id NOT IN (SELECT entry_id FROM audit_seal)",
    )
    assert verify() == ([], [], [])
    assert verify(known_head=head) == ([], ["12"], [])
    note()
    flows.seal()
    note()
    flows.seal()
    assert verify(known_head=head) == ([], ["12"], [])


def test_entries_from_before_there_were_seals_begin_the_chain(database, environment):
    old = (
        "INSERT INTO audit_entry (id, actor, action, object_kind, object_id, created_at) VALUES"
        " (uuidv7(), 'command', 'staff.created', 'staff', '{}', now() - interval '{} days')"
    )
    tamper(environment, *(old.format(n, 9 - n) for n in range(3)))
    note()
    assert (flows.verify().pending, flows.seal()) == (4, 4)
    assert flows.verify().is_whole
    tamper(environment, "UPDATE audit_entry SET object_id = 'x' WHERE object_id = '1' AND mac IS NULL")
    assert verify() == (["2"], [], [])
    tamper(environment, old.format(7, 0))
    assert len(verify()[2]) == 1


def test_a_shop_that_grew_before_there_were_seals_is_sealed_whole(database, environment):
    """More old entries than one pass takes: all of them begin the chain, at once, and what is noted since follows."""
    tamper(
        environment,
        "INSERT INTO audit_entry (id, actor, action, object_kind, object_id, created_at) SELECT uuidv7(), 'command',"
        f" 'staff.created', 'staff', n::text, now() - make_interval(hours => n) FROM generate_series(1, {2 * MANY + 3}) n",
    )
    note(3)
    assert flows.seal() == 2 * MANY + 6
    found = flows.verify()
    assert (found.is_whole, found.sealed, found.pending) == (True, 2 * MANY + 6, 0)


def test_forged_entries_hold_no_seal_back(sealed, environment):
    """However many somebody slips in, with a fingerprint or without: what we note is sealed all the same."""
    for mac in ("NULL", "'x'"):
        tamper(
            environment,
            "INSERT INTO audit_entry (id, actor, action, object_kind, object_id, mac, created_at) SELECT uuidv7(), 'a',"
            f" 'b.c', 'd', 'e', {mac}, now() FROM generate_series(1, {MANY + 1})",
        )
    note(2)
    assert (flows.seal(), flows.seal()) == (2, 0)
    changed, removed, inserted = verify()
    assert (changed, removed, len(inserted)) == ([], [], 2 * MANY + 2)


@pytest.mark.parametrize("nonsense", ["x", "1.", "1.AAAA", "9.AAAA", "1.é", "", "another", "from a mail"])
def test_an_address_that_nobody_can_read_is_told_and_stops_nothing(app, database, nonsense):
    """One UPDATE that the trigger has to permit, before the seal or after it."""
    nonsense = {"another": crypto.encrypt("198.51.100.1"), "from a mail": crypto.encrypt("aina:rahman")}.get(
        nonsense, nonsense
    )
    member = hire(app, rights=["activity.view"]).sign_in()
    flows.seal()
    known = flows.verify().sealed
    origin.note(origin.Origin("203.0.113.7", "", "request-1"))
    try:
        note(3)
    finally:
        origin.note(origin.NOWHERE)
    spoil = "UPDATE audit_entry SET address = :x WHERE request_id = 'request-1' AND object_id = :n RETURNING id"
    with transaction():
        db.rows(spoil, x=nonsense, n="0")
    assert flows.seal() == 3
    with transaction():
        db.rows(spoil, x=nonsense, n="2")
    assert verify() == ([str(known + 1), str(known + 3)], [], [])
    page = member.get("/admin/activity?object=2")
    assert ("rahman" not in page, "203.0.113" in page) == (True, False)
    assert member.client.get("/admin/activity/file").status_code == 200


def test_an_entry_that_was_committed_late_is_sealed_in_its_turn(sealed, monkeypatch):
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now - timedelta(minutes=20))
    note()
    monkeypatch.undo()
    assert flows.seal() == 1
    found = flows.verify()
    assert (found.is_whole, found.sealed) == (True, 13)


def test_facts_come_back_as_they_were_noted(database):
    """Text of all alphabets, numbers, nesting: what the table gives back is what was sealed."""
    facts = {
        "text": "Kain “pérang” — ✨\n",
        "amount": 10**15,
        "share": 0.1,
        "none": None,
        "list": [1, [2, {"a": True}]],
    }
    note(before=facts, after={"b": 1}, **facts)
    flows.seal()
    assert flows.verify().is_whole


def test_the_command_tells_and_ends_with_1(sealed, app, environment):
    run = app.test_cli_runner().invoke
    answer = run(args=["audit", "verify"])
    assert (answer.exit_code, "12  sealed" in answer.output) == (0, True)
    found = json.loads(run(args=["audit", "verify", "--json"]).output)
    assert (found["sealed"], found["changed"], found["removed"], found["inserted"]) == (12, [], [], [])
    assert run(args=["audit", "verify", "--head", found["head"]]).exit_code == 0
    tamper(environment, "UPDATE audit_entry SET actor = 'x' WHERE object_id = '5'")
    answer = run(args=["audit", "verify"])
    assert (answer.exit_code, "1  changed  6" in answer.output) == (1, True)
    assert run(args=["audit", "verify", "--head", "99:ab"]).exit_code == 1


def test_the_content_has_a_place_for_everything():
    """Two entries that say different things never read alike."""
    plain = {
        "entry_id": "1", "created_at": clock.now(), "actor": "a", "action": "b", "object_kind": "c", "object_id": "d",
        "facts": {}, "before": None, "after": None, "address_index": None, "request_id": "",
    }  # fmt: skip
    told = {rules.content(**plain)}
    for name in set(plain) - {"created_at", "address_index"}:
        told.add(rules.content(**{**plain, name: "other"}))
    told.add(rules.content(**{**plain, "address_index": b"x"}))
    told.add(rules.content(**{**plain, "created_at": plain["created_at"] + timedelta(microseconds=1)}))
    assert len(told) == len(plain) + 1

"""SEC-41, SEC-43, SEC-50: API keys on every endpoint of the staff. One answer for every bad key, 403 with the scope's name."""

import logging
import uuid

import pytest

from app.core import db
from app.core.transaction import transaction
from app.web import limits
from app.web.limits import limiter
from app.web.logs import mask
from tests.api.test_stock import CLEANUP, refused
from tests.api_keys import KeyProgram, id_of, make_key
from tests.shop import open_shop
from tests.staff import give_rights, hire

HEALTH = "/api/health/detailed"
BAD = {"code": "invalid_token", "title": "This key or token is not valid here."}


def sql(statement, **values):
    with transaction():
        return db.rows(statement + " RETURNING id", **values)


def is_refused_as_bad(answer):
    assert refused(answer, 401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert {name: answer.json[name] for name in BAD} == BAD
    assert set(answer.json) == {"type", "title", "status", "code", "request_id"}
    return True


@pytest.fixture
def program(owner):
    return make_key(owner, "stock.view", "stock.change", "system.view")


def test_a_key_asks_without_cookie_and_without_csrf(program):
    open_shop()
    for method, path in (("GET", CLEANUP), ("POST", CLEANUP), ("GET", HEALTH)):
        answer = program.ask(method, path)
        assert answer.status_code == 200, answer.text
        assert "Set-Cookie" not in answer.headers
    assert program.signing == ""  # nothing that it may do has to be signed


def test_the_scheme_is_told_by_whatever_case(program):
    answer = program.client.get(CLEANUP, headers={"Authorization": f"bearer  {program.key}"})
    assert answer.status_code == 200


def test_a_missing_scope_is_named(program):
    answer = program.ask("POST", "/api/payments/refund", body={})
    assert refused(answer, 403, "scope_missing")
    assert answer.json["scope"] == "refunds.change"
    assert 'scope="refunds.change"' in answer.headers["WWW-Authenticate"]


def test_every_bad_key_gets_one_answer(owner, program):
    head, public_id, secret = program.key.split("_")
    wrong = (
        "x", "", "kedai_", program.key[:-1], program.key + "0", f"{head}_{'2' * 12}_{secret}", f"{head}_{public_id}_{'0' * 40}",
        f"kedaisig_{public_id}_{secret}", "eyJhbGciOiJub25lIn0.e30.", "\u00e9" * 60, "a" * 9000,
    )  # fmt: skip
    for key in wrong:
        assert is_refused_as_bad(KeyProgram(program.client, key).get(CLEANUP)), key
    assert program.get(CLEANUP).status_code == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE api_key SET revoked_at = now()", "revoked"),
        (
            "UPDATE api_key SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'",
            "expired",
        ),
        ("UPDATE api_key SET networks = '{203.0.113.0/24}'", "address"),
        ("UPDATE api_key_secret SET ends_at = clock_timestamp()", "replaced"),
        ("UPDATE staff SET is_active = false", "its maker has left"),
    ],
)
def test_a_key_that_is_over_or_elsewhere_is_as_bad_as_none(program, caplog, change, reason):
    sql(change)
    with caplog.at_level(logging.WARNING):
        assert is_refused_as_bad(program.get(CLEANUP))
    assert [record.reason for record in caplog.records if hasattr(record, "reason")] == [reason]


def test_it_opens_from_its_networks_only(owner):
    program = make_key(owner, "stock.view", networks="203.0.113.0/24, 2001:db8::/32")
    for address, status in (
        ("203.0.113.9", 200), ("::ffff:203.0.113.9", 200), ("2001:db8::1", 200), ("203.0.114.1", 401), ("", 401),
    ):  # fmt: skip
        answer = program.client.get(
            CLEANUP, headers={"Authorization": f"Bearer {program.key}"}, environ_base={"REMOTE_ADDR": address}
        )
        assert answer.status_code == status, address


def test_the_back_offices_own_list_holds_for_keys_too(make_app, owner):
    """SEC-43."""
    key = make_key(owner, "stock.view").key
    client = make_app(ADMIN_IP_ALLOW="203.0.113.0/24").test_client()
    assert is_refused_as_bad(KeyProgram(client, key).get(CLEANUP))
    inside = {"environ_base": {"REMOTE_ADDR": "203.0.113.7"}}
    assert client.get(CLEANUP, headers={"Authorization": f"Bearer {key}"}, **inside).status_code == 200


def test_a_key_never_holds_more_than_its_maker_does_now(app):
    member = hire(app, "ravi@example.com", rights=["api_keys.change", "stock.view", "system.view"]).sign_in()
    program = make_key(member, "stock.view", "system.view")
    give_rights("ravi@example.com", ["system.view"])
    assert refused(program.get(CLEANUP), 403, "scope_missing")
    assert program.get(HEALTH).status_code == 200
    give_rights("ravi@example.com", ["stock.view"])
    assert program.get(CLEANUP).status_code == 200


def test_a_scope_brings_no_other_right(app):
    """Whoever may change something may see it; a key may do just what was ticked."""
    member = hire(app, "ravi@example.com", rights=["api_keys.change", "stock.change"]).sign_in()
    program = make_key(member, "stock.change")
    assert refused(program.get(CLEANUP), 403, "scope_missing")


def test_a_key_beside_a_session_is_judged_alone(owner, program):
    """Nobody smuggles a session past CSRF, and no session lends its rights to a bad key."""
    bad = {"Authorization": "Bearer kedai_no"}
    assert is_refused_as_bad(owner.client.get(CLEANUP, headers=bad))
    assert is_refused_as_bad(owner.client.post(CLEANUP, headers=bad))
    sql("UPDATE api_key SET scopes = '{system.view}'")
    assert refused(owner.client.get(CLEANUP, headers={"Authorization": f"Bearer {program.key}"}), 403, "scope_missing")


def test_a_key_opens_no_page_and_nothing_of_shoppers(program):
    headers = {"Authorization": f"Bearer {program.key}"}
    for path in ("/admin/", "/admin/stock-locks", "/admin/api-keys"):
        answer = program.client.get(path, headers=headers)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/admin/login")
    assert program.client.post("/api/stock/unlock", headers=headers, json={"order": "x"}).status_code == 401
    assert program.client.get("/api/v1/customer/preferences", headers=headers).status_code == 401


def test_a_key_in_the_address_is_refused(program):
    for path in (
        f"{CLEANUP}?api_key={program.key}",
        f"{CLEANUP}?access_token={program.key}",
        f"/api/health?k={program.key}",
        f"{CLEANUP}?k={program.key.replace('_', '%5F')}",
    ):
        assert refused(program.client.get(path), 400, "key_in_address")
        assert refused(program.get(path), 400, "key_in_address")


def test_payments_are_shown_to_keys_with_the_scope(owner, program):
    path = f"/api/v1/payments/{uuid.uuid4()}"
    assert refused(program.get(path), 403, "scope_missing")
    assert is_refused_as_bad(KeyProgram(program.client, "kedai_no").get(path))
    assert refused(make_key(owner, "payments.view", name="Books").get(path), 404)


def test_uses_are_noted_coarsely(program, statements):
    program.get(CLEANUP)
    used = db.scalar("SELECT last_used_at FROM api_key_secret")
    assert used is not None
    statements()
    for _ in range(3):
        program.get(CLEANUP)
    assert [each for each in statements() if each.lstrip().startswith("UPDATE api_key")] == []
    assert db.scalar("SELECT last_used_at FROM api_key_secret") == used
    sql("UPDATE api_key_secret SET last_used_at = now() - interval '6 minutes'")
    program.get(CLEANUP)
    assert db.scalar("SELECT last_used_at > now() - interval '1 minute' FROM api_key_secret")


def test_asking_costs_one_statement_for_who_it_is(program, statements):
    program.get(CLEANUP)
    statements()
    program.get(CLEANUP)
    assert len([each for each in statements() if "api_key" in each]) == 1


def test_acts_stand_in_the_audit_as_the_keys_and_its_makers(owner, program):
    open_shop()
    program.ask("POST", CLEANUP)
    entry = db.rows("SELECT actor, facts FROM audit_entry WHERE action = 'stock.cleaned_up'")[0]
    assert entry.actor == f"staff:{db.scalar('SELECT id FROM staff')}"
    assert entry.facts["api_key"] == str(id_of(program))
    page = owner.get(f"/admin/activity?key={id_of(program)}")
    assert "key Warehouse (of siti@example.com)" in page
    assert page.count("<tr") == 2  # its head, and what the key did: not what was done with the key
    assert "key Warehouse (of siti@example.com)" in owner.get(f"/admin/activity/file?key={id_of(program)}")
    owner.client.post(CLEANUP, headers={"X-CSRF-Token": token(owner)})
    assert owner.get("/admin/activity?area=stock").count("key Warehouse (of") == 1


def token(member):
    return member.get("/admin/").split('name="csrf-token" content="')[1].split('"')[0]


@pytest.fixture
def counted(make_app):
    """A client of the shop with its limits on."""
    yield make_app(RATE_LIMIT_ENABLED="true").test_client()
    limiter.enabled = False
    limits._counts.clear()


def test_each_key_has_its_own_hundred_a_minute(owner, program, counted):
    other = KeyProgram(counted, make_key(owner, "stock.view", name="Another").key)
    program.client = counted
    assert first_refusal(program, CLEANUP).headers["Retry-After"]
    assert other.get(CLEANUP).status_code == 200
    assert counted.get("/api/openapi.json").status_code == 200


def test_the_figures_are_counted_too(program, counted):
    program.client = counted
    assert first_refusal(program, HEALTH).headers["Retry-After"]


def first_refusal(program, path):
    """After at least a hundred answers; a minute may end among them, and a new hundred begin."""
    answers = [program.get(path) for _ in range(201)]
    assert {answer.status_code for answer in answers[:100]} == {200}
    return next(answer for answer in answers if answer.status_code == 429)


def test_a_flood_of_bad_keys_is_limited_and_keeps_no_good_one_out(program, counted, monkeypatch):
    monkeypatch.setattr(limits, "FAILURES", 5)
    program.client = counted
    flood = KeyProgram(counted, program.key[:-4] + "0000")
    assert [flood.get(CLEANUP).status_code for _ in range(7)] == [401] * 5 + [429] * 2
    assert program.get(CLEANUP).status_code == 200
    monkeypatch.setattr(limits, "ANY_ADDRESS", 3)
    assert program.get(CLEANUP).status_code == 429


def test_no_key_reaches_a_log(program, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        program.get(CLEANUP)
        program.get(f"{CLEANUP}?api_key={program.key}")
        program.get(f"/api/{program.key}")
        KeyProgram(program.client, program.key[:-1] + "0").get(CLEANUP)
    told = "".join(mask(f"{record.getMessage()} {vars(record)}") for record in caplog.records) + "".join(
        capfd.readouterr()
    )
    assert program.key.split("_")[2] not in told
    assert mask(f"GET /x/{program.key} and kedaisig_{'2' * 12}_{'a' * 40}") == "GET /x/<API key> and <API key>"


def test_each_request_of_a_key_is_logged_as_its(program, caplog):
    """SEC-44."""
    with caplog.at_level(logging.INFO, logger="shop.access"):
        program.get(CLEANUP)
        KeyProgram(program.client, "kedai_no").get(CLEANUP)
    told = [(record.status, record.actor) for record in caplog.records if record.name == "shop.access"]
    assert told == [(200, f"key:{id_of(program)}"), (401, None)]


def test_the_database_holds_no_key_in_clear(owner):
    program = make_key(owner, "refunds.change")
    held = str(db.rows("SELECT row_to_json(s)::text FROM api_key_secret s")) + str(
        db.rows(
            "SELECT row_to_json(e)::text FROM outbox_event e UNION ALL SELECT row_to_json(a)::text FROM audit_entry a"
        )
    )
    for secret in (program.key, program.signing):
        assert secret.split("_")[2] not in held
        assert secret.split("_")[2].encode().hex() not in held

"""The gate of the back office, asked before CSRF and before 404 (ASVS 43, X4, X6)."""

import pytest

from app.core import db
from tests.routes import path_of

OPEN = {
    "/admin/login",
    "/admin/login/passkey",
    "/admin/login/passkey/options",
    "/admin/forgot",
    "/admin/forgot/sent",
}  # an invitation that nobody got is as closed as everything else
HALF_OPEN = OPEN | {
    "/admin/totp",
    "/admin/totp/sms",
    "/admin/totp/passkey",
    "/admin/totp/passkey/options",
    "/admin/logout",
}


def admin_rules(app):
    found = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    assert len(found) > 12
    for rule in found:
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield method, path_of(app, rule)


def test_every_rule_turns_strangers_away(app):
    """X6: also every POST without a token; none answers 400, 404, 405 or 422 to a stranger."""
    client = app.test_client()
    for method, path in admin_rules(app):
        if path in OPEN:
            continue
        answer = client.open(path, method=method)
        assert answer.status_code == 303, (method, path)
        assert answer.location.startswith("/admin/login"), (method, path)
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_rule_turns_those_without_a_code_away(app, member):
    member.give_password()
    for method, path in admin_rules(app):
        if path in HALF_OPEN:
            continue
        answer = member.client.open(path, method=method)
        assert (answer.status_code, answer.location) == (303, "/admin/totp"), (method, path)


def test_every_post_wants_a_token(app, owner):
    """X6."""
    before = db.scalar("SELECT count(*) FROM audit_entry")
    for method, path in admin_rules(app):
        if method == "POST":
            assert owner.client.post(path).status_code == 400, path
    assert db.scalar("SELECT count(*) FROM audit_entry") == before
    assert owner.client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin",
        "/admin/no-such-page",
        "/admin/orders/1",
        "/admin/../admin/x",
        "/admin/login/",
        "/admin/%00",
        "/admin/%ff",
    ],
)
def test_what_is_there_and_what_is_not_look_alike(app, path):
    answer = app.test_client().get(path)
    assert answer.status_code == 303
    assert answer.location.startswith("/admin/login")


def test_a_second_slash_finds_no_way_around(app):
    for path in ("//admin/orders", "///admin/no-such-page", "//admin"):
        answer = app.test_client().get("/", environ_overrides={"PATH_INFO": path})
        assert answer.status_code == 303, path
        assert answer.location.startswith("/admin/login"), path


def test_programs_and_fragments_get_401(app):
    client = app.test_client()
    answer = client.get("/admin/orders", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    answer = client.get("/admin/orders", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"], answer.data) == (401, "/admin/login", b"")


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/orders", "/admin/stock-locks", "/admin/payments", "/admin/deliveries", "/admin/login"]
)
def test_nothing_is_kept_by_caches(owner, path):
    answer = owner.client.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_a_customer_is_a_stranger(app, client):
    """X4: the shop's own session opens nothing."""
    client.get("/cart")
    client.set_cookie("staff", client.get_cookie("session").value if client.get_cookie("session") else "x")
    assert client.get("/admin/").status_code == 303


def test_what_is_no_text_is_turned_away_like_everything_else(app):
    body = {"data": b"note=%00%ff", "content_type": "application/x-www-form-urlencoded"}
    for answer in (app.test_client().get("/admin/orders?q=%00"), app.test_client().post("/admin/orders", **body)):
        assert answer.status_code == 303


def test_a_foreign_host_has_no_gate(app):
    """An untrusted host gets 400 at every address."""
    for path in ("/admin/", "/admin/login", "/admin/no-such-page"):
        assert app.test_client().get(path, headers={"Host": "evil.example"}).status_code == 400

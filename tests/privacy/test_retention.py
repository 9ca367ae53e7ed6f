"""What has stayed long enough goes by the clock, in batches, however often and however many at once; what is younger stays (DAT-05)."""

from __future__ import annotations

import threading

import psycopg
import pytest

from app.core import crypto, db
from app.core.ids import new_id
from app.core.settings import BadSettings, Retention, Settings, load
from app.core.transaction import transaction
from app.privacy import flows as privacy
from app.privacy import inventory
from tests.customers.patron import Patron
from tests.customers.test_orders_and_carts import buy, expire
from tests.privacy.human import Human
from tests.privacy.story import meet_as_guest
from tests.privacy.traces import rows_of, traces
from tests.shop import add_product, faults

TOKEN = "decode(md5(random()::text), 'hex')"
# How a row of a table that is swept comes to be, its moment at `:at`.
ROWS = {
    "cart": "INSERT INTO cart (id, visitor, currency, is_open, expires_at) VALUES (:id, :id, 'MYR', :flag, :at)",
    "cart_notice": "INSERT INTO cart_notice (id, visitor, facts, created_at) VALUES (:id, 'v', '{}', :at)",
    "checkout_session": "INSERT INTO checkout_session (id, visitor, expires_at) VALUES (:id, :id, :at)",
    "customer_request": "INSERT INTO customer_request (id, kind, email, email_index, locale, visitor, token_hash, expires_at, created_at)"
    f" VALUES (:id, 'sign_in', :sealed, '', 'en', '', {TOKEN}, now(), :at)",
    "newsletter_subscriber": "INSERT INTO newsletter_subscriber (id, email, email_index, state, locale, way, version, since)"
    f" VALUES (:id, :sealed, {TOKEN}, CASE WHEN :flag THEN 'left' ELSE 'pending' END, 'en', 'newsletter', '1', :at)",
    "customer_oidc_flow": "INSERT INTO customer_oidc_flow (id, provider, state_hash, visitor, nonce, next_path, expires_at, created_at)"
    f" VALUES (:id, 'acme', {TOKEN}, 'v', 'n', '/', now(), :at)",
    "customer_sign_in": "INSERT INTO customer_sign_in (id, email_index, way, was_right, created_at)"
    " VALUES (:id, '', 'link', true, :at)",
    "login_attempt": "INSERT INTO login_attempt (id, account_index, kind, was_right, created_at)"
    " VALUES (:id, '', 'password', true, :at)",
    "staff_alert": "INSERT INTO staff_alert (id, kind, created_at) VALUES (:id, 'many_accounts', :at)",
    "staff_sms_code": "WITH s AS (INSERT INTO staff (id, email, email_index, password_hash, role, totp_secret)"
    f" VALUES (:id, '', {TOKEN}, '', 'owner', '') RETURNING id) INSERT INTO staff_sms_code"
    " (id, staff_id, session_id, purpose, phone, code_hash, expires_at, created_at)"
    " SELECT id, id, id, 'phone', :sealed, '', now(), :at FROM s",
    "wish": "INSERT INTO wish (id, visitor, product_id, created_at) SELECT :id, :id, id, :at FROM product LIMIT 1",
    "mail_message": "INSERT INTO mail_message (id, topic, template, recipient, recipient_index, locale, state, order_id, created_at)"
    " VALUES (:id, :id, 't', :sealed, '', 'en', 'sent', CASE WHEN NOT :flag THEN :id END, :at)",
    "csp_report": "INSERT INTO csp_report (id, fingerprint, directive, blocked, page, last_seen_at)"
    f" VALUES (:id, {TOKEN}, 'd', 'b', 'p', :at)",
    "data_request": "INSERT INTO data_request (id, reference, kind, state, proof, note, answer, opened_by, due_at, closed_at)"
    " VALUES (:id, :id, 'access', 'done', 'mail', :sealed, :sealed, 'customer', now(), :at)",
}


FLAGGED = ("is_open", "state = 'left'")  # what `flag` makes of a row


def add(table: str, *, days: float, flag: bool = True) -> None:
    """A row whose moment was so many days ago."""
    values = {"id": str(new_id()), "sealed": crypto.encrypt("somebody"), "flag": flag, "days": days}
    statement = (
        ROWS[table].replace(":at", "now() - make_interval(secs => :days * 86400)").replace(":id", "CAST(:id AS uuid)")
    )
    statement = statement.replace(":id AS uuid), CAST(:id AS uuid)", ":id AS uuid), CAST(:id AS text)")
    used = {name: each for name, each in values.items() if f":{name}" in statement}
    with transaction():
        db.rows(statement, **used)


@pytest.mark.parametrize("place", [n for n, rule in enumerate(inventory.SWEEPS) if rule.table in ROWS])
def test_the_old_go_and_the_young_stay(database: None, place: int) -> None:
    rule = inventory.SWEEPS[place]
    if rule.table == "wish":
        _shop()
    days = getattr(Retention(), rule.days) - rule.ahead
    for each in (days + 0.01, days + 400, days - 0.01):
        add(rule.table, days=each, flag=rule.where in FLAGGED or "order_id IS NULL" in rule.where)
    assert privacy.forget_old() == 2
    assert db.scalar(f"SELECT count(*) FROM {rule.table}") == 1
    assert privacy.forget_old() == 0


def _shop() -> None:
    from tests.shop import open_shop  # noqa: PLC0415

    open_shop()
    add_product()


def test_however_many_there_are(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "A_BATCH", 3)
    for _ in range(8):
        add("customer_sign_in", days=31)
    assert privacy.forget_old() == 8
    assert db.scalar("SELECT count(*) FROM customer_sign_in") == 0


def test_two_at_once_share_the_work_and_wait_for_nobody(database: None, settings: Settings) -> None:
    """A row that somebody holds is left to the next pass."""
    for _ in range(20):
        add("customer_sign_in", days=31)
    done: list[int] = []

    def sweep() -> None:
        try:
            done.append(privacy.forget_old())
        finally:
            db.forget()

    with psycopg.connect(settings.database_url) as holder:
        held = holder.execute("SELECT id FROM customer_sign_in LIMIT 1 FOR UPDATE").fetchall()
        threads = [threading.Thread(target=sweep) for _ in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sum(done) == 19
    assert len(held) == 1
    assert privacy.forget_old() == 1


def test_an_order_that_never_came_about_forgets_whom_it_was_for(patron: Patron, settings: Settings) -> None:
    token = buy(patron, add_product(), 1)
    expire(token)
    who = {"street": "12 Jalan Kiara", "e-mail": patron.email}
    age(token, "closed_at", 89)
    privacy.forget_old()
    assert traces(orders_of(settings), who) != []
    age(token, "closed_at", 2)
    assert privacy.forget_old() >= 1
    assert traces(orders_of(settings), who) == []
    assert db.scalar("SELECT email_index FROM orders") != crypto.blind_index(patron.email)
    assert "Kemeja Teluk" in patron.get(f"/order/{token}")
    assert faults() == {}


def test_a_paid_order_keeps_whom_it_was_for_as_long_as_its_books(patron: Patron, settings: Settings) -> None:
    human = Human()
    token = meet_as_guest(patron, human)
    age(token, "confirmed_at", 2556)
    privacy.forget_old()
    assert any(each.startswith("orders.email") for each in traces(orders_of(settings), human.personal()))
    age(token, "confirmed_at", 2)
    privacy.forget_old()
    left = {each.partition(":")[0] for each in traces(rows_of(settings.database_url), human.personal())}
    assert "document.buyer" in left
    assert not [each for each in left if each.startswith(("orders.", "mail_message."))]
    assert faults() == {}


def orders_of(settings: Settings) -> dict[str, bytes]:
    return {name: each for name, each in rows_of(settings.database_url).items() if name.startswith("orders.")}


def age(token: str, column: str, days: int) -> None:
    with transaction():
        db.rows(
            f"UPDATE orders SET {column} = {column} - make_interval(days => :days) WHERE token = :t RETURNING id",
            days=days,
            t=token,
        )


def test_an_entry_of_the_audit_forgets_its_address_and_stays_sealed(app, environment) -> None:  # type: ignore[no-untyped-def]
    from app.audit import actions as audit  # noqa: PLC0415
    from app.audit import flows as trail  # noqa: PLC0415
    from app.core import origin  # noqa: PLC0415

    origin.note(origin.Origin("203.0.113.77", "", ""))
    with transaction():
        audit.record("staff.created", actor="command", object_kind="staff", object_id="1")
    origin.note(origin.NOWHERE)
    trail.seal()
    with psycopg.connect(environment["MIGRATIONS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        connection.execute("UPDATE audit_entry SET created_at = created_at - interval '181 days'")
        connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    assert privacy.forget_old() == 1
    assert db.rows("SELECT address FROM audit_entry") == [(None,)]
    assert privacy.forget_old() == 0


def test_periods_are_settings_with_bounds(environment: dict[str, str]) -> None:
    assert load(environment).retention == Retention()
    changed = {f"RETENTION_{name.upper()}": str(each + 1) for name, each in vars(Retention()).items()}
    assert vars(load({**environment, **changed}).retention) == {n: each + 1 for n, each in vars(Retention()).items()}
    for name, value in (
        ("RETENTION_PAID_ORDER_DAYS", "365"),
        ("RETENTION_CART_DAYS", "0"),
        ("RETENTION_UNPAID_ORDER_DAYS", "30"),
        ("PRIVACY_ANSWER_DAYS", "31"),
        ("PRIVACY_REMIND_DAYS", "1"),
    ):
        with pytest.raises(BadSettings, match=name):
            load({**environment, name: value})

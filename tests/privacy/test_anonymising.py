"""A copy for tests holds none of the old values, and is a shop whose books balance and whose people are somebody (DAT-06)."""

from __future__ import annotations

import psycopg
import pytest
from flask import Flask
from sqlalchemy.engine import make_url

from app.core import crypto, db
from app.core.settings import Settings
from app.privacy import copying
from app.reconciliation import flows as books
from tests.customers.patron import Patron
from tests.notifications.carrier import Carrier
from tests.privacy.human import Human
from tests.privacy.story import everything, meet_as_guest
from tests.privacy.traces import dump, rows_of, traces
from tests.shop import faults
from tests.staff import StaffMember


def anonymise(app: Flask, database: str, *more: str):  # type: ignore[no-untyped-def]
    try:
        return app.test_cli_runner().invoke(args=["privacy", "anonymise", "--database", database, *more])
    finally:
        db.connect(app.config["SETTINGS"].database_url)


def name_of(settings: Settings) -> str:
    return str(make_url(settings.database_url).database)


def test_the_copy_tells_of_nobody_and_is_whole(
    shop: Flask, patron: Patron, merchant: StaffMember, carrier: Carrier, settings: Settings
) -> None:
    human = Human()
    token = everything(patron, merchant, human, carrier)
    patron.deliver()
    sums = "SELECT sum(total_minor), count(*), count(DISTINCT email_index) FROM orders"
    before, visitors = db.rows(sums), {row.visitor for row in db.rows("SELECT visitor FROM orders")}
    people = {"merchant": merchant.email, "order's token": token} | {
        f"visitor {n}": each for n, each in enumerate(visitors)
    }
    assert traces(rows_of(settings.database_url), human.wanted() | people) != []
    result = anonymise(shop, name_of(settings))
    assert result.exit_code == 0, result.output
    assert traces(rows_of(settings.database_url), human.wanted() | people) == []
    assert traces({"dump": dump(settings.database_url)}, human.wanted() | people) == []
    known = {"e-mail": crypto.blind_index(human.email).hex(), "phone": crypto.blind_index("+60198746153").hex()}
    assert traces(rows_of(settings.database_url), known) == []
    assert db.rows(sums) == before
    assert faults() == {}
    assert books.reconcile(trigger="command") == 0
    same_person()
    signs_in_nowhere(shop, patron, merchant, human)


def same_person() -> None:
    """Whoever bought, has the account and is on the invoice is one made-up person still, and can be looked up."""
    customer = db.rows("SELECT id, email_index, phone_index FROM customer")[0]
    data = copying.of_customer(customer.id)
    email = data["profile"][0]["email"]
    assert email.endswith("@example.com")
    assert {each["email"] for each in data["orders"]} == {email}
    assert (
        {each["to_name"] for each in data["orders"]} == {data["profile"][0]["name"]} == {data["addresses"][0]["name"]}
    )
    assert bytes(customer.email_index) == crypto.blind_index(email)
    assert bytes(customer.phone_index) == crypto.blind_index(data["profile"][0]["phone"])
    buyers = [crypto.decrypt(row.buyer) for row in db.rows("SELECT buyer FROM document")]
    assert len(buyers) > 2
    assert all(email in each for each in buyers)
    db.release()


def signs_in_nowhere(shop: Flask, patron: Patron, merchant: StaffMember, human: Human) -> None:
    assert not patron.is_signed_in()
    assert patron.sign_in(email=db_email()).status_code == 422
    assert merchant.client.get("/admin/").status_code == 303
    assert merchant.give_password().status_code != 303
    made = shop.test_cli_runner().invoke(args=["staff", "create", "owner@example.com", "--role", "owner"])
    assert made.exit_code == 0, made.output
    assert db.scalar("SELECT count(*) FROM staff WHERE is_active") == 1
    db.release()


def db_email() -> str:
    email = crypto.decrypt(db.scalar("SELECT email FROM customer"))
    db.release()
    return email


def test_it_is_repeatable_and_the_seed_decides(shop: Flask, patron: Patron, settings: Settings) -> None:
    meet_as_guest(patron, Human())
    found = []
    for seed in ("1", "2", "2"):
        assert anonymise(shop, name_of(settings), "--seed", seed).exit_code == 0
        found.append(crypto.decrypt(db.scalar("SELECT email FROM orders")))
        db.release()
    assert found[0] != found[1] == found[2]


def test_it_refuses_production_and_any_other_database(
    shop: Flask, patron: Patron, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_as_guest(patron, Human())
    before = rows_of(settings.database_url)
    other = anonymise(shop, "kedai")
    assert (other.exit_code, "another database than kedai" in other.output) == (1, True)
    assert shop.test_cli_runner().invoke(args=["privacy", "anonymise"]).exit_code == 2
    monkeypatch.setitem(shop.config, "SETTINGS", _production(settings))
    refused = anonymise(shop, name_of(settings))
    assert (refused.exit_code, "This is production" in refused.output) == (1, True)
    assert rows_of(settings.database_url) == before


def _production(settings: Settings) -> Settings:
    from dataclasses import replace  # noqa: PLC0415

    return replace(settings, env="production")


def test_all_or_nothing(shop: Flask, patron: Patron, settings: Settings) -> None:
    """A column it does not find, in the last table but some: the copy is as it was, its triggers too."""
    meet_as_guest(patron, Human())
    as_owner(settings, "ALTER TABLE value_entry RENAME COLUMN reason TO odd")
    before = dump(settings.database_url)
    try:
        assert anonymise(shop, name_of(settings)).exit_code != 0
        assert without_keys(dump(settings.database_url)) == without_keys(before)
    finally:
        as_owner(settings, "ALTER TABLE value_entry RENAME COLUMN odd TO reason")


def as_owner(settings: Settings, statement: str) -> None:
    with psycopg.connect(settings.migrations_database_url) as connection:
        connection.execute(statement)


def without_keys(dumped: bytes) -> list[bytes]:
    """pg_dump of late writes a random word to keep scripts apart."""
    return [line for line in dumped.splitlines() if b"restrict" not in line]

"""What the shop's role may do in the database (SEC-55): read and write rows, add to what is only added to, and nothing else."""

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy.engine import make_url

from app import process
from app.core import keyring
from app.ops import grants, schema


@pytest.fixture
def shop(environment: dict[str, str]):
    """The shop's role."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(environment: dict[str, str]):
    with psycopg.connect(environment["MIGRATIONS_DATABASE_URL"], autocommit=True) as connection:
        yield connection


def rights(connection: psycopg.Connection, role: str) -> dict[str, set[str]]:
    found = connection.execute(
        "SELECT c.relname, p.verb FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',"
        " 'TRIGGER', 'MAINTAIN']) AS p(verb) WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND c.relname NOT LIKE 'seed\\_%%' AND has_table_privilege(%s, c.oid, p.verb)",
        [role],
    ).fetchall()
    return {table: {verb for name, verb in found if name == table} for table in {name for name, _ in found}}


def role_of(connection: psycopg.Connection) -> str:
    return connection.info.user


def test_the_role_is_nobody_special(shop):
    row = shop.execute(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row == (False,) * 5
    assert shop.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user").fetchone() == (0,)
    assert shop.execute("SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole").fetchone() == (0,)


def test_each_table_gives_it_what_the_list_says(shop, owner):
    everything = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    found = rights(owner, role_of(shop))
    expected = dict.fromkeys(found, everything)
    expected |= {table: {"SELECT", "INSERT"} for table in grants.APPEND_ONLY}
    expected |= {table: {"SELECT"} for table in grants.READ_ONLY}
    assert found == expected
    assert set(grants.APPEND_ONLY) | {"orders", "customer"} <= set(found)


def test_whatever_is_encrypted_can_be_encrypted_anew(owner, shop):
    process.import_models()
    wanted = [
        (each.table.name, column) for each in keyring.tables() for column in (*each.columns, *each.indexes.values())
    ] + [copy for each in keyring.tables() for copies in each.copies.values() for copy in copies]
    sent = "SELECT has_column_privilege(%s, %s, %s, 'UPDATE')"
    assert [each for each in wanted if not owner.execute(sent, [role_of(shop), *each]).fetchone()[0]] == []


@pytest.mark.parametrize("table", grants.APPEND_ONLY)
def test_what_is_only_added_to_is_neither_changed_nor_emptied(database, shop, table):
    for statement in ("DELETE FROM {}", "TRUNCATE {} CASCADE"):
        with pytest.raises(errors.InsufficientPrivilege):
            shop.execute(sql.SQL(statement).format(sql.Identifier(table)))
    columns = shop.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'", [table]
    ).fetchall()
    for (column,) in columns:
        change = sql.SQL("UPDATE {} SET {} = {} WHERE false").format(*map(sql.Identifier, (table, column, column)))
        if column in grants.APPEND_ONLY[table]:
            shop.execute(change)
            continue
        with pytest.raises(errors.InsufficientPrivilege):
            shop.execute(change)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "ALTER TABLE orders ADD COLUMN n int",
        "DROP TABLE audit_seal",
        "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
        "DROP TRIGGER audit_seal_is_kept ON audit_seal",
        "SET session_replication_role = replica",
        "CREATE ROLE friend SUPERUSER",
        "UPDATE alembic_version SET version_num = '0000'",
        "COPY orders TO PROGRAM 'cat'",
        "SET ROLE kedai",
    ],
)
def test_it_changes_no_table_trigger_or_role(shop, statement):
    with pytest.raises((errors.InsufficientPrivilege, errors.FeatureNotSupported)):
        shop.execute(statement)


def test_giving_again_changes_nothing_and_takes_back_what_was_given_aside(shop, owner, environment, settings):
    role = role_of(shop)
    before = rights(owner, role)
    owner.execute(sql.SQL("GRANT ALL ON audit_seal, orders TO {}").format(sql.Identifier(role)))
    owner.execute("CREATE TABLE newcomer (n bigint GENERATED ALWAYS AS IDENTITY, name text)")
    try:
        for _ in range(2):
            schema.upgrade(url=settings.migrations_database_url, shop_url=settings.database_url)
            assert rights(owner, role) == {**before, "newcomer": {"SELECT", "INSERT", "UPDATE", "DELETE"}}
        shop.execute("INSERT INTO newcomer (name) VALUES ('its sequence too')")
    finally:
        owner.execute("DROP TABLE newcomer")


def test_one_role_for_everything_still_works(owner, settings):
    before = rights(owner, role_of(owner))
    schema.upgrade(url=settings.migrations_database_url)
    assert rights(owner, role_of(owner)) == before


def test_a_role_that_is_not_there_is_told_in_a_sentence(app, make_app, settings):
    stranger = make_url(settings.database_url).set(username="kedai_nobody").render_as_string(hide_password=False)
    owner = settings.migrations_database_url
    told = (
        make_app(DATABASE_URL=stranger, MIGRATIONS_DATABASE_URL=owner).test_cli_runner().invoke(args=["db", "upgrade"])
    )
    assert told.exit_code == 1
    assert "DATABASE_URL names the role kedai_nobody" in told.stderr

"""The revisions build just what the models describe, and can be taken back."""

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ProgrammingError

from app import process
from app.core import db
from app.core.settings import Settings
from app.ops import schema
from tests import databases


@pytest.fixture
def empty(environment: dict[str, str], settings: Settings) -> Iterator[Engine]:
    """A database without any table, connected; afterwards the worker's own one is again."""
    url = databases.create(environment["MIGRATIONS_DATABASE_URL"], f"kedai_schema_{uuid.uuid4().hex[:12]}")
    yield db.connect(url)
    db.connect(settings.database_url).dispose()
    databases.drop(url)


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def tables_of(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")))


def test_the_revisions_build_what_the_models_describe(empty: Engine) -> None:
    process.import_models()
    schema.upgrade(url=url_of(empty))
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.Base.metadata) == []


def test_every_revision_can_be_taken_back(empty: Engine) -> None:
    schema.upgrade(url=url_of(empty))
    assert "orders" in tables_of(empty)
    schema.downgrade("base", url=url_of(empty))
    assert tables_of(empty) == ["alembic_version"]
    schema.upgrade(url=url_of(empty))
    assert "orders" in tables_of(empty)


def sent(engine: Engine, statement: str) -> None:
    """As the owner, who may do everything; the engine's connections are the shop's, which begin with reading."""
    with psycopg.connect(url_of(engine).replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def test_each_revision_is_a_transaction_of_its_own(empty: Engine) -> None:
    """Else the locks of the first are held until the last is done; and what was done before a failure need not be done again."""
    schema.upgrade("0020", url=url_of(empty))
    sent(empty, "CREATE TABLE measurement_profile (n int)")  # in the way of 0023
    with pytest.raises(ProgrammingError):
        schema.upgrade(url=url_of(empty))
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) > "0020"
    sent(empty, "DROP TABLE measurement_profile")
    schema.upgrade(url=url_of(empty))


def test_who_wanted_the_news_still_does(empty: Engine) -> None:
    """0024 keeps them by address; who had said no, or nothing, has no row. Taken back, they stand where they stood."""
    schema.upgrade("0023", url=url_of(empty))
    for n, said in ((1, "true"), (2, "false")):
        customer = f"'00000000-0000-0000-0000-00000000000{n}'"
        sent(
            empty,
            f"INSERT INTO customer (id, email, email_index, name, visitor, locale) VALUES ({customer}, 'sealed', '{n}', '', '{n}', 'ms');"
            f" INSERT INTO notification_preference (customer_id, channel, type, enabled) VALUES ({customer}, 'email', 'marketing', {said}),"
            f" ({customer}, 'email', 'alerts', {said});"
            " INSERT INTO consent (id, customer_id, channel, purpose, is_given, version, way)"
            f" VALUES (gen_random_uuid(), {customer}, 'email', 'marketing', {said}, '1', 'registration')",
        )
    schema.upgrade(url=url_of(empty))
    news = "SELECT email, email_index, state, locale, way, version FROM newsletter_subscriber"
    preferences = "SELECT type, enabled FROM notification_preference ORDER BY 1, 2"
    with empty.connect() as connection:
        assert connection.execute(text(news)).all() == [("sealed", b"1", "confirmed", "ms", "registration", "1")]
        assert connection.execute(text(preferences)).all() == [("alerts", False), ("alerts", True)]
    schema.downgrade("0023", url=url_of(empty))
    with empty.connect() as connection:
        assert connection.execute(text(preferences)).all() == [
            ("alerts", False), ("alerts", True), ("marketing", True),
        ]  # fmt: skip


def test_keys_that_outlived_a_rotation_are_not_dropped(empty: Engine, make_app: Callable[..., Flask]) -> None:
    url = url_of(empty)
    schema.upgrade(url=url)
    sent(empty, "INSERT INTO kept_key (id, derived) VALUES ('0a1b2c3d', 'x')")
    runner = make_app(DATABASE_URL=url, MIGRATIONS_DATABASE_URL=url).test_cli_runner()
    told = runner.invoke(args=["db", "downgrade", "0020"])
    assert (told.exit_code, told.stderr.startswith("Error: Keys were rotated")) == (1, True)
    assert "kept_key" in tables_of(db.engine())
    sent(empty, "DELETE FROM kept_key")
    schema.downgrade("0020", url=url)
    assert "kept_key" not in tables_of(db.engine())


def test_every_constraint_is_named_by_us(empty: Engine) -> None:
    schema.upgrade(url=url_of(empty))
    with empty.connect() as connection:
        names = connection.scalars(
            text("SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'")
        )
        strange = [name for name in names if name.split("_")[0] not in ("pk", "fk", "uq", "ck", "alembic")]
    assert strange == []


def test_revisions_import_nothing_of_the_shop() -> None:
    for revision in (schema.FOLDER / "versions").glob("*.py"):
        assert "app." not in revision.read_text(), f"{revision.name} would break when the shop's code moves on"


def test_addresses_that_were_changed_before_0025_are_kept(empty: Engine) -> None:
    """There and back."""
    schema.upgrade("0023", url=url_of(empty))
    customer, change = uuid.uuid4(), uuid.uuid4()
    sent(
        empty,
        "INSERT INTO customer (id, email, email_index, name, visitor, locale)"
        f" VALUES ('{customer}', 'now', 'i', 'n', 'v', 'en')",
    )
    for request, old_email, used_at in ((change, "'before'", "now()"), (uuid.uuid4(), "NULL", "NULL")):
        sent(
            empty,
            "INSERT INTO customer_request (id, kind, email, email_index, old_email, locale, visitor, token_hash, customer_id,"
            f" expires_at, used_at) VALUES ('{request}', 'new_email', 'now', 'i', {old_email}, 'en', 'v', '{request}', '{customer}',"
            f" now(), {used_at})",
        )
    schema.upgrade("0025", url=url_of(empty))
    with empty.connect() as connection:
        kept = connection.execute(text("SELECT id, customer_id, email, until IS NOT NULL FROM customer_former_email"))
        assert [tuple(row) for row in kept] == [(change, customer, "before", True)]
    schema.downgrade("0023", url=url_of(empty))
    with empty.connect() as connection:
        assert list(connection.scalars(text("SELECT old_email FROM customer_request ORDER BY old_email"))) == [
            "before",
            None,
        ]


def test_addresses_that_were_changed_before_0029_are_known_by_the_mail_about_it(empty: Engine) -> None:
    """As long as that is kept; nothing is made up for the others."""
    schema.upgrade("0028", url=url_of(empty))
    customer, told, forgotten = (uuid.uuid4() for _ in range(3))
    sent(
        empty,
        "INSERT INTO customer (id, email, email_index, name, visitor, locale)"
        f" VALUES ('{customer}', 'now', 'i', 'n', 'v', 'en')",
    )
    for change in (told, forgotten):
        sent(
            empty,
            f"INSERT INTO customer_former_email (id, customer_id, email) VALUES ('{change}', '{customer}', 'before')",
        )
    sent(
        empty,
        "INSERT INTO mail_message (id, topic, template, recipient, recipient_index, locale)"
        f" VALUES ('{uuid.uuid4()}', 'customer.email_changed:{told}', 'customer_email_changed', 'before', 'b', 'en')",
    )
    schema.upgrade("0029", url=url_of(empty))
    with empty.connect() as connection:
        kept = connection.execute(text("SELECT id, email_index FROM customer_former_email"))
        assert {row.id: row.email_index for row in kept} == {told: b"b", forgotten: None}

"""The revisions build just what the models describe, and can be taken back."""

import uuid
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.engine import Engine

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

"""docs/keys.md: a shop whose one role did everything gets two, whoever that one was; and public may hold others' relations."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy.engine import make_url

from app.core import db
from app.core.settings import Settings
from app.ops import schema
from tests import databases

DOCS = Path(__file__).parents[2] / "docs" / "keys.md"
OWNED = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
  AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> %(r)s::regrole
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner <> %(r)s::regrole
UNION ALL SELECT datname FROM pg_database WHERE datname = current_database() AND datdba <> %(r)s::regrole
"""


@pytest.fixture
def changed(environment: dict[str, str], settings: Settings) -> Iterator[tuple[str, str]]:
    """A database that the servers' first role has migrated and then given away as docs/keys.md says: its address for the role of
    the servers, and for the new owner."""
    role = f"kedai_owner_{uuid.uuid4().hex[:12]}"
    first = databases.create(environment["MIGRATIONS_DATABASE_URL"], f"kedai_roles_{uuid.uuid4().hex[:12]}")
    schema.upgrade(url=first, shop_url=settings.database_url)
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'of-the-owner'").format(sql.Identifier(role)))
        block = re.search(r"```sql\n(ALTER DATABASE.+?)```", DOCS.read_text(), re.DOTALL)
        assert block
        words = {"today": connection.info.user, "kedai_owner": role, "kedai": connection.info.dbname}
        connection.execute(re.sub(r"\b(today|kedai_owner|kedai)\b", lambda found: words[found[0]], block[1]))
    new = make_url(first).set(username=role, password="of-the-owner")
    yield first, new.render_as_string(hide_password=False)
    db.connect(settings.database_url)
    databases.drop(first)
    with psycopg.connect(environment["MIGRATIONS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_everything_has_the_new_owner_who_can_migrate(changed: tuple[str, str], settings: Settings) -> None:
    _first, owner = changed
    with psycopg.connect(owner) as connection:
        assert connection.execute(OWNED, {"r": connection.info.user}).fetchall() == []
    schema.downgrade("0020", url=owner)
    schema.upgrade(url=owner, shop_url=settings.database_url)


def test_rights_are_given_beside_what_somebody_else_keeps_there(changed: tuple[str, str], settings: Settings) -> None:
    first, owner = changed
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE report (n int); CREATE VIEW of_an_extension AS SELECT 1; CREATE SEQUENCE theirs"
        )
    schema.upgrade(url=owner, shop_url=settings.database_url)
    with psycopg.connect(databases.same(settings.database_url, first), autocommit=True) as shop:
        assert shop.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        for name in ("report", "of_an_extension"):
            with pytest.raises(errors.InsufficientPrivilege):
                shop.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(name)))

"""The schema's revisions, run by Alembic as the role that owns the tables; one process at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script

from app.core import db
from app.ops import grants

FOLDER = Path(__file__).parents[2] / "migrations"
LOCK = 7_203_501_120  # any number, as long as it is always the same


def upgrade(revision: str = "head", *, url: str, shop_url: str = "") -> None:
    """As the role of `url`; afterwards the role of `shop_url`, if it is another one, has what it needs."""
    with _connected(url) as config:
        command.upgrade(config, revision)
        connection = config.attributes["connection"]
        grants.give(connection, shop_url or url)
        connection.commit()


def downgrade(revision: str, *, url: str) -> None:
    with _connected(url) as config:
        command.downgrade(config, revision)


def write_revision(message: str, *, url: str) -> str:
    """Compare models and database, write the next numbered revision (needs ruff), return its path."""
    taken = sorted(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))
    number = f"{int(taken[-1]) + 1 if taken else 1:04d}"
    with _connected(url) as config:
        script = command.revision(config, message, autogenerate=True, rev_id=number)
    return (
        str(script.path) if isinstance(script, Script) else "nothing to write: the database is what the models describe"
    )


@contextmanager
def _connected(url: str) -> Iterator[Config]:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    for hook, options in (("tidy", "check --silent --fix"), ("format", "format --quiet")):
        config.set_section_option("post_write_hooks", f"{hook}.type", "exec")
        config.set_section_option("post_write_hooks", f"{hook}.executable", str(Path(sys.executable).with_name("ruff")))
        config.set_section_option("post_write_hooks", f"{hook}.options", f"{options} REVISION_SCRIPT_FILENAME")
    config.set_section_option("post_write_hooks", "hooks", "tidy, format")
    with db.owner(url) as connection:
        connection.exec_driver_sql("SET lock_timeout = '60s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
        connection.commit()
        config.attributes["connection"] = connection
        try:
            yield config
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")

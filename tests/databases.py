"""Scratch databases for the tests: made from a migrated template, emptied after each test, dropped at the end."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


def owner(environ: Mapping[str, str]) -> str:
    """The URL of the role that makes databases and tables."""
    return environ.get("MIGRATIONS_DATABASE_URL") or environ["DATABASE_URL"]


def same(url: str, database: str) -> str:
    """The role of one URL in the database of another."""
    return _with_name(url, urlsplit(database).path.strip("/"))


def create(server: str, name: str, *, template: str = "template0") -> str:
    """The URL of a new database on `server`."""
    with psycopg.connect(server, autocommit=True) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(statement)
    return _with_name(server, name)


def copy(template: str, name: str) -> str:
    server = _with_name(template, "postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # a template cannot be copied twice at the same moment
        return create(server, name, template=urlsplit(template).path.strip("/"))


def drop(url: str) -> None:
    with psycopg.connect(_with_name(url, "postgres"), autocommit=True) as connection:
        name = sql.Identifier(urlsplit(url).path.strip("/"))
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def redis_url(server: str, number: int) -> str:
    """A numbered database of the Redis server (there are sixteen)."""
    return _with_name(server, str(number % 16))


class Cleaner:
    """Empties what a test filled, back to the rows that the migrations brought. A few milliseconds."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.tables = [
            name for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
            )
        ]  # fmt: skip
        self.seeded = self._filled()
        for table in self.seeded:
            connection.execute(
                sql.SQL("CREATE TABLE {} AS TABLE {}").format(sql.Identifier(f"seed_{table}"), sql.Identifier(table))
            )

    def clean(self) -> None:
        with self.connection.transaction():
            self.connection.execute("SET LOCAL session_replication_role = replica")  # foreign keys need no order so
            for table in self._filled():
                self.connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            for table in self.seeded:
                self.connection.execute(
                    sql.SQL("INSERT INTO {} SELECT * FROM {}").format(
                        sql.Identifier(table), sql.Identifier(f"seed_{table}")
                    )
                )

    def _filled(self) -> list[str]:
        one = sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})")
        union = sql.SQL(" UNION ALL ").join(one.format(table, sql.Identifier(table)) for table in self.tables)
        return [name for (name,) in self.connection.execute(union)] if self.tables else []


def _with_name(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

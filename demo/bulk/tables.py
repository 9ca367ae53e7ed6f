"""Loading many rows fast: COPY, and doing without secondary indexes meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core import db

MANY = 20_000  # rows from which on building an index anew is faster than adding to it
BIG_TABLES = ("product", "variant", "variant_price", "product_image", "search_document", "stock_item", "stock_movement",
              "stock_lock", "orders", "order_line", "order_event", "payment", "payment_attempt", "payment_capture", "refund",
              "ledger_entry", "ledger_line")  # fmt: skip


def connection() -> psycopg.Connection[Any]:
    """The driver's connection of the session, in its transaction."""
    driver: psycopg.Connection[Any] = db.session.connection().connection.driver_connection  # type: ignore[assignment]
    return driver


def prepare() -> None:
    """No time limit, more memory, and no foreign key checks where we may do without: the rows are made to fit."""
    db.session.execute(text("SET LOCAL statement_timeout = 0"))
    db.session.execute(text("SET LOCAL work_mem = '192MB'"))
    db.session.execute(text("SET LOCAL maintenance_work_mem = '384MB'"))
    db.session.execute(text("SET LOCAL synchronous_commit = off"))
    try:
        with db.session.begin_nested():
            db.session.execute(text("SET LOCAL session_replication_role = replica"))
    except DBAPIError:
        pass  # only a superuser may; the checks cost some time and nothing else


def copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table. JSON values come as text."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection().cursor() as cursor, cursor.copy(statement) as target:
        for row in rows:
            target.write_row(row)


@contextmanager
def without_indexes(tables: Sequence[str], *, rows: int) -> Iterator[None]:
    """Drop the indexes of the tables that no constraint needs, and build them again afterwards, if it pays."""
    definitions = _indexes(tables) if rows >= MANY else []
    for name, _definition in definitions:
        db.session.execute(text(f'DROP INDEX "{name}"'))
    yield
    for _name, definition in definitions:
        db.session.execute(text(definition.replace(":", r"\:")))


def _indexes(tables: Sequence[str]) -> list[tuple[str, str]]:
    found = db.rows(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = ANY(CAST(:tables AS regclass[]))"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
        tables=list(tables),
    )
    return [(row[0].strip('"'), row[1]) for row in found]


def analyze(names: Sequence[str]) -> None:
    """Statistics of tables that were just filled, within the transaction."""
    for name in names:
        db.session.execute(text(f'ANALYZE "{name}"'))


def settle() -> None:
    """Let PostgreSQL look at what it has now: without statistics the first plans would be wrong."""
    with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as settled:
        settled.execute(text("SET default_transaction_read_only = off"))
        settled.execute(text("SET statement_timeout = 0"))
        for table in (*BIG_TABLES, "category", "search_word"):
            settled.execute(text(f'VACUUM (ANALYZE) "{table}"'))
        settled.execute(text("RESET statement_timeout"))
        settled.execute(text("RESET default_transaction_read_only"))

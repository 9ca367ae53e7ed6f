"""What the shop's own role may do in the database: read and write rows, and where rows are only added, only add them (SEC-55).

The tables belong to the role that migrates (`MIGRATIONS_DATABASE_URL`). After each upgrade the shop's role gets its rights anew:
this is the one place that says them, and a new table has them without being named.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Connection, make_url

# Added to, never changed or deleted; the columns that may be changed all the same: what is encrypted has to be encrypted anew one day.
APPEND_ONLY: dict[str, tuple[str, ...]] = {
    "audit_entry": ("address",),
    "audit_seal": (),
    "consent": (),
    "document": ("buyer",),
    "ledger_entry": (),
    "ledger_line": (),
    "stock_movement": (),
    "value_entry": (),
}
READ_ONLY = ("alembic_version",)


class NoSuchRole(Exception):
    """The role of DATABASE_URL is not there yet; its name."""


def give(connection: Connection, shop_url: str) -> None:
    """Give the role of `shop_url` just these rights, in the transaction of the connection. It may be the owner itself: then there
    is nothing to give, and nothing to take. Raises NoSuchRole."""
    role = make_url(shop_url).username
    if role is None or role == connection.exec_driver_sql("SELECT current_user").scalar():
        return
    if connection.execute(text("SELECT FROM pg_roles WHERE rolname = :role"), {"role": role}).first() is None:
        raise NoSuchRole(role)
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    for statement in _statements(name, _own(connection, "r", "p", "v", "m"), _own(connection, "S")):
        connection.exec_driver_sql(statement)


def _own(connection: Connection, *kinds: str) -> list[str]:
    """Quoted names of such relations of the schema as are this role's: others' (an extension's, a report's) are theirs to give."""
    found = connection.execute(
        text(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = ANY(:kinds)"
            " AND pg_has_role(relowner, 'USAGE') ORDER BY 1"
        ),
        {"kinds": list(kinds)},
    )
    return list(found.scalars())


def _statements(role: str, tables: list[str], sequences: list[str]) -> list[str]:
    statements = [f"REVOKE CREATE ON SCHEMA public FROM {role}", f"GRANT USAGE ON SCHEMA public TO {role}"]
    if tables:
        every = ", ".join(tables)
        statements.append(f"REVOKE ALL ON {every} FROM {role}")
        statements.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {every} TO {role}")
    if sequences:
        statements.append(f"GRANT USAGE, SELECT ON SEQUENCE {', '.join(sequences)} TO {role}")
    for table, columns in APPEND_ONLY.items():
        if table in tables:  # an older revision has none yet
            statements.append(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")
            statements += [f"GRANT UPDATE ({column}) ON {table} TO {role}" for column in columns]
    statements += [f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}" for table in READ_ONLY if table in tables]
    return statements

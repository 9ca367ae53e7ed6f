"""Alembic's entry: one line of revisions, run by `flask db upgrade`; the URL comes from the caller's connection."""

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrationScript, ops
from sqlalchemy import ForeignKeyConstraint, types

from app.core.db import Base


def render_type(kind: str, item: object, _context: AutogenContext) -> str | bool:
    """Our own column types by what they are in the database: a revision imports nothing of the shop."""
    if kind == "type" and isinstance(item, types.TypeDecorator):
        return f"sa.{type(item.impl_instance).__name__}()"
    return False


def tidy(_context: object, _revision: object, scripts: list[MigrationScript]) -> None:
    """No file when there is nothing to write; references in a circle come after their tables."""
    up, down = scripts[0].upgrade_ops, scripts[0].downgrade_ops
    if up is None or down is None or up.is_empty():
        scripts.clear()
        return
    for table in [each for each in up.ops if isinstance(each, ops.CreateTableOp)]:
        for reference in [c for c in table.columns if isinstance(c, ForeignKeyConstraint) and c.use_alter]:
            table.columns = [each for each in table.columns if each is not reference]
            created = ops.CreateForeignKeyOp.from_constraint(reference)
            up.ops.append(created)
            down.ops.insert(0, created.reverse())


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transactional_ddl=True,
    transaction_per_migration=True,  # else the locks of the first are held until the last is done
    compare_server_default=False,
    render_item=render_type,
    process_revision_directives=tidy,
)
with context.begin_transaction():
    context.run_migrations()

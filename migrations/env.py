"""Alembic's entry: one line of revisions, run by `flask db upgrade`; the URL comes from the caller's connection."""

from alembic import context

from app.core.db import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True, compare_server_default=False)
with context.begin_transaction():
    context.run_migrations()

"""`flask --app wsgi …`: the commands of whoever runs the shop. Each calls one function of a domain or of the core."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from app.core import outbox
from app.ops import schema
from app.web import assets

ROOT = Path(__file__).parents[1]

database = AppGroup("db", help="The schema: upgrade, downgrade, a new revision.")
outbox_group = AppGroup("outbox", help="What was announced and not yet delivered.")
assets_group = AppGroup("assets", help="What browsers download.")


def init_app(app: Flask) -> None:
    for group in (database, outbox_group, assets_group):
        app.cli.add_command(group)


@database.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database to REVISION (the newest, unless said otherwise)."""
    schema.upgrade(revision)


@database.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the database back to REVISION; `base` empties it."""
    schema.downgrade(revision)


@database.command()
@click.argument("message")
def revision(message: str) -> None:
    """Write a revision with the differences between the models and this database."""
    click.echo(schema.write_revision(message))


@outbox_group.command()
def drain() -> None:
    """Run due deliveries here and now until none is due."""
    click.echo(f"{outbox.drain()} delivered")


@assets_group.command()
def build() -> None:
    """Join, shorten and name the style sheets and scripts after their content."""
    built = assets.build(ROOT / "static", ROOT / "node_modules", ROOT / "static" / "dist")
    click.echo(f"{len(built)} assets")

"""`flask --app wsgi …`: the commands of whoever runs the shop. Each calls one function of a domain or of the core."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.core import outbox
from app.core.settings import Settings
from app.ops import audit, schema
from app.orders import flows
from app.web import assets

ROOT = Path(__file__).parents[1]

database = AppGroup("db", help="The schema: upgrade, downgrade, a new revision.")
shop = AppGroup("shop", help="The shop as a whole: is everything as it must be?")
stock = AppGroup("stock", help="What is held for orders.")
payments = AppGroup("payments", help="What the payment providers know.")
outbox_group = AppGroup("outbox", help="What was announced and not yet delivered.")
assets_group = AppGroup("assets", help="What browsers download.")
demo = AppGroup("demo", help="The demo shop, and generated ones of any size.")


def init_app(app: Flask) -> None:
    for group in (database, shop, stock, payments, outbox_group, assets_group):
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


@shop.command("audit")
@click.option("--json", "as_json", is_flag=True, help="Print {name: count}.")
def audit_shop(as_json: bool) -> None:
    """Count whatever breaks an invariant of stock, money and orders; exit 1 unless all are 0."""
    settings: Settings = current_app.config["SETTINGS"]
    found = audit.run(cleanup_interval_minutes=settings.cleanup_interval_minutes)
    click.echo(json.dumps(found) if as_json else "\n".join(f"{count:>8}  {name}" for name, count in found.items()))
    sys.exit(1 if any(found.values()) else 0)


@stock.command()
def release() -> None:
    """One pass of the release: free expired locks (asking the provider first), close orders that stayed unpaid."""
    tally = flows.release_pass(trigger="command")
    click.echo(f"{tally.done} released, {tally.waiting} waiting for a provider's answer, {tally.failed} failed")


@payments.command()
def reconcile() -> None:
    """Ask the provider about every attempt that is not final now, whatever its back-off says."""
    tally = flows.reconcile(everything=True)
    click.echo(f"{tally.done} settled, {tally.waiting} without an answer, {tally.failed} failed")


@outbox_group.command()
def drain() -> None:
    """Run due deliveries here and now until none is due."""
    click.echo(f"{outbox.drain()} delivered")


@assets_group.command()
def build() -> None:
    """Join, shorten and name the style sheets and scripts after their content."""
    built = assets.build(ROOT / "static", ROOT / "node_modules", ROOT / "static" / "dist")
    click.echo(f"{len(built)} assets")


@demo.command("load")
@click.option(
    "--products", type=click.IntRange(0, 10_000_000), default=0, help="Fill up to this many with generated ones."
)
@click.option(
    "--orders", type=click.IntRange(0, 10_000_000), default=0, help="Fill up to this many paid, expired … orders."
)
@click.option("--customers", type=click.IntRange(0, 10_000_000), default=0, help="How many people they come from.")
def load_demo(products: int, orders: int, customers: int) -> None:
    """Put the demo shop into this one; what is there already stays as it is."""
    from demo import bulk, load  # noqa: PLC0415 - a shop in production goes without the demo

    click.echo(str(load.load()))
    if products or orders:
        bulk.fill(products=products, orders=orders, customers=customers, tell=click.echo)

"""`flask --app wsgi …`: the commands of whoever runs the shop. Each calls what does the work and prints what came of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.accounts import actions as accounts
from app.accounts.errors import EmailTaken
from app.accounts.rules import ROLES
from app.audit import flows as trail
from app.core import crypto, db, keyring, outbox
from app.core.settings import Settings
from app.core.transaction import in_transaction
from app.ops import audit, grants
from app.orders import flows
from app.privacy import flows as privacy
from app.privacy.errors import NotTheOwner, NotThisDatabase, SeveralKeys
from app.reconciliation import flows as books
from app.reconciliation import queries as differences
from app.recurring import flows as subscriptions
from app.web import assets
from app.web.forms import is_email

ROOT = Path(__file__).parents[1]

database = AppGroup("db", help="The schema: upgrade, downgrade, a new revision.")
shop = AppGroup("shop", help="The shop as a whole: is everything as it must be?")
stock = AppGroup("stock", help="What is held for orders.")
payments = AppGroup("payments", help="What the payment providers know.")
outbox_group = AppGroup("outbox", help="What was announced and not yet delivered.")
audit_group = AppGroup("audit", help="What staff did, and whether anybody tampered with that record.")
keys = AppGroup("keys", help="The keys of personal data: what each has encrypted, and doing it anew with the newest.")
privacy_group = AppGroup("privacy", help="Personal data: forget what is old, and make a copy that tells of nobody.")
assets_group = AppGroup("assets", help="What browsers download.")
staff = AppGroup("staff", help="Who may enter the back office.")
demo = AppGroup("demo", help="The demo shop, and generated ones of any size.")


def init_app(app: Flask) -> None:
    for group in (
        database, demo, shop, staff, stock, payments, outbox_group, audit_group, keys, privacy_group, assets_group,
    ):  # fmt: skip
        app.cli.add_command(group)


@database.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database to REVISION (the newest, unless said otherwise)."""
    owner, shop = _settings().migrations_database_url, _settings().database_url
    try:
        _schema().upgrade(revision, url=owner, shop_url=shop)
    except grants.NoSuchRole as missing:
        raise click.ClickException(
            f"DATABASE_URL names the role {missing}, which is not there: create it (docs/keys.md)"
        ) from None
    if owner == shop and _settings().is_production:
        click.echo("The shop owns its tables, triggers and all: give it a role of its own (docs/keys.md).", err=True)


@database.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the database back to REVISION; `base` empties it."""
    try:
        _schema().downgrade(revision, url=_settings().migrations_database_url)
    except RuntimeError as refusal:  # of a revision that keeps what it would lose
        raise click.ClickException(str(refusal)) from None


@database.command()
@click.argument("message")
def revision(message: str) -> None:
    """Write a revision with the differences between the models and this database."""
    click.echo(_schema().write_revision(message, url=_settings().migrations_database_url))


@shop.command("audit")
@click.option("--json", "as_json", is_flag=True, help="Print {name: count}.")
def audit_shop(as_json: bool) -> None:
    """Count whatever breaks an invariant of stock, money and orders; exit 1 unless all are 0."""
    found = audit.run(cleanup_interval_minutes=_settings().cleanup_interval_minutes)
    click.echo(json.dumps(found) if as_json else "\n".join(f"{count:>8}  {name}" for name, count in found.items()))
    sys.exit(1 if any(found.values()) else 0)


@stock.command()
def release() -> None:
    """One pass of the release: free expired locks (asking the provider first), close orders that stayed unpaid."""
    tally = flows.release_pass(trigger="command")
    click.echo(f"{tally.done} released, {tally.waiting} waiting for a provider's answer, {tally.failed} failed")


@payments.command()
def reconcile() -> None:
    """Ask the provider about every subscription and every attempt that is not final now, whatever its back-off says."""
    first, then = subscriptions.follow_all(), flows.reconcile(everything=True)
    done, waiting, failed = first.done + then.done, first.waiting + then.waiting, first.failed + then.failed
    click.echo(f"{done} settled, {waiting} without an answer, {failed} failed")


@payments.command("reconcile-books")
@click.option("--days", type=click.IntRange(1, 60), default=8, help="How far back the providers are asked.")
def reconcile_books(days: int) -> None:
    """Hold orders, the providers' payments and refunds, and their payouts against each other; exit 1 when differences are open."""
    opened = books.reconcile(trigger="command", window=books.Window.of_last_days(days))
    still_open = differences.alerts().differences
    click.echo(f"{opened} new differences, {still_open} open")
    sys.exit(1 if still_open else 0)


@outbox_group.command()
def drain() -> None:
    """Run due deliveries here and now until none is due."""
    click.echo(f"{outbox.drain()} delivered")


@audit_group.command()
@click.option(
    "--head", default="", help="A head that was printed or logged before: it must still be part of the chain."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(head: str, as_json: bool) -> None:
    """Walk the audit's chain of seals; exit 1 when an entry was changed, removed or slipped in. Prints the chain's head: kept
    somewhere else, it tells later whether the end was cut off."""
    trail.seal()
    found = trail.verify(known_head=head)
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        for name in ("changed", "removed", "inserted"):
            click.echo(f"{len(getattr(found, name)):>8}  {name}  {' '.join(getattr(found, name)[:20])}".rstrip())
        click.echo(f"{found.sealed:>8}  sealed\n{found.pending:>8}  pending\nhead {found.head}")
    sys.exit(0 if found.is_whole else 1)


@audit_group.command("seal")
def seal_audit() -> None:
    """Seal what was noted, now."""
    click.echo(f"{trail.seal()} sealed")


@keys.command("status")
def show_keys() -> None:
    """Count the values that each key has encrypted; exit 1 while an older one is still needed."""
    counts = keyring.by_key(keyring.status())
    for key_id, count in sorted(counts.items()):
        click.echo(f"{count:>9}  {key_id}  {keyring.place_of(key_id)}")
    sys.exit(1 if set(counts) - {crypto.current().id} else 0)


@keys.command("rotate")
def rotate_keys() -> None:
    """Encrypt everything anew with FIELD_KEY, beside live traffic; begun again after any interruption, it goes on. Exit 1 when
    something is left for an older key."""
    trail.seal()
    written = keyring.rotate(tell=lambda line: click.echo(line, err=True))
    left = {
        key_id: count for key_id, count in keyring.by_key(keyring.status()).items() if key_id != crypto.current().id
    }
    click.echo(f"{written} rows written with {crypto.current().id}")
    for key_id, count in left.items():
        click.echo(f"{count} values are left of {key_id}, {keyring.place_of(key_id)}")
    if not left.keys() & {crypto.FIRST_ID, *(key.id for key in crypto.fallbacks())}:
        length = int(trail.head().partition(":")[0] or 0)
        kept = in_transaction(lambda: keyring.keep(seals_until=length))
        click.echo(
            f"FIELD_KEY_FALLBACKS may be emptied: nothing needs {', '.join(kept)} any more"
            if kept
            else "one key is left"
        )
    sys.exit(1 if left else 0)


@staff.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice(list(ROLES)), required=True)
@click.option("--json", "as_json", is_flag=True, help="Print {email, password, otpauth_url}.")
def create_staff(email: str, role: str, as_json: bool) -> None:
    """Open an account; print its password and the link for an authenticator app, once. Nobody can look them up later."""
    if not is_email(email):
        raise click.BadParameter("enter an e-mail address like aina@example.com", param_hint="EMAIL")
    issuer = _settings().shop.name
    try:
        new = in_transaction(lambda: accounts.create_staff(email, role=role, issuer=issuer))
    except EmailTaken as refusal:
        raise click.ClickException(str(refusal)) from None
    login = {"email": new.email, "password": new.password, "otpauth_url": new.otpauth_url}
    click.echo(json.dumps(login) if as_json else "\n".join(f"{name:<12} {value}" for name, value in login.items()))


@staff.command("reset-totp")
@click.argument("email")
def reset_totp(email: str) -> None:
    """A lost phone: end all sessions and forget the codes; the next sign-in shows a new QR code after the password."""
    if not in_transaction(lambda: accounts.reset_totp(email, actor="command")):
        raise click.ClickException(f"Nobody works here as {email}.")
    click.echo("Done. The next sign-in with the password shows a new QR code.")


@privacy_group.command()
def sweep() -> None:
    """Forget now what has stayed long enough, as the schedule does once a day."""
    click.echo(f"{privacy.forget_old()} rows forgotten")


@privacy_group.command()
@click.option("--database", required=True, help="The name of the copy, literally: there is no way back.")
@click.option("--seed", type=int, default=1, help="The same number makes up the same people.")
def anonymise(database: str, seed: int) -> None:
    """Replace every person of a COPY of the shop's database by a made-up one. Give the copy keys, a Redis and a SHOP_HOME of its own.
    Then nobody can sign in until `staff create`."""
    if _settings().is_production:
        raise click.ClickException("This is production. Make a copy, and run this with APP_ENV=development there.")
    db.connect(_settings().migrations_database_url)  # tables are their owner's to empty
    try:
        privacy.anonymise(database=database, seed=seed, tell=click.echo)
    except NotThisDatabase:
        raise click.ClickException(f"The settings lead to another database than {database}.") from None
    except (NotTheOwner, SeveralKeys) as refusal:
        raise click.ClickException(str(refusal)) from None


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
@click.option(
    "--customers", type=click.IntRange(0, 10_000_000), default=0, help="How many people the generated orders come from."
)
def load_demo(products: int, orders: int, customers: int) -> None:
    """Put the demo shop into this one; what is there already stays as it is."""
    if customers and not orders:
        raise click.UsageError("People come with their orders: say with --orders how many there are to be.")
    from demo import bulk, load  # noqa: PLC0415 - a shop in production goes without the demo

    click.echo(str(load.load()))
    if products or orders:  # by COPY and without indexes meanwhile: tables are their owner's to change
        db.connect(_settings().migrations_database_url)
        bulk.fill(products=products, orders=orders, customers=customers, tell=click.echo)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


def _schema() -> ModuleType:
    """Alembic weighs ten megabytes, which no web process needs."""
    return import_module("app.ops.schema")

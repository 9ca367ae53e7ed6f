"""What every process of the shop has in common, whether it answers requests, does jobs, or runs a command."""

from __future__ import annotations

import gc
from contextlib import suppress
from functools import cache as once
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import configure_mappers

import app as package
from app import jobs
from app.core import cache, crypto, db, keyring, outbox, transaction
from app.core.settings import Settings
from app.subscriptions import SUBSCRIPTIONS

# Modules of the domains that want to know the settings: each has `configure(settings)`.
CONFIGURED: tuple[str, ...] = (
    "app.core.passwords",
    "app.core.storage",
    "app.core.tokens",
    "app.customers.gateway",
    "app.payments.gateway",
    "app.recurring.flows",
    "app.privacy.flows",
    "app.documents.wording",
    "app.notifications.gateway",
    "app.notifications.gateway.sms",
    "app.notifications.letters",
)

COLLECT_AFTER = (2_000, 10, 10)  # objects; collections of the generation before


def configure_process(settings: Settings) -> None:
    """Connect the database and Redis (lazily), take the keys and the table of subscriptions, tell the domains."""
    import_models()
    db.connect(settings.database_url)
    cache.connect(settings.redis_url)
    crypto.configure(settings.field_key, *settings.field_key_fallbacks, load_kept=keyring.load)
    outbox.configure(SUBSCRIPTIONS)
    transaction.after_commit(jobs.wake)
    for name in CONFIGURED:
        import_module(name).configure(settings)


@once
def import_models() -> None:
    """Make the declarative base know every table."""
    for name in ("app.core.keyring", "app.core.numbers", "app.core.outbox"):
        import_module(name)
    for module in iter_modules(package.__path__, "app."):
        if module.ispkg and find_spec(f"{module.name}.models"):
            import_module(f"{module.name}.models")


def settle_down() -> None:
    """After start-up, in a process that lives long: what was made so far stays, so the collector need not walk through it
    again and again; and it comes less often, as most of what a request leaves behind goes without it."""
    configure_mappers()
    with suppress(DBAPIError, *db.OUTAGES):  # then they are asked for when they are needed
        crypto.kept()
    db.forget()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)

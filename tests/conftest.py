"""One real PostgreSQL and Redis for the whole run; for each pytest worker a database of its own, empty before each test.

    database   an empty, migrated database, connected (and Redis, flushed): for tests of domains
    as_owner   the same, connected as the role that owns the tables; everything else has the rights of the shop alone
    app        the application, on such a database          client     a browser without JavaScript
    statements the SQL that ran since it was last called
    drain      run due deliveries inline, as the worker would
    browser    a real one                                  bank       the payment sandbox over HTTP
    office     a mail server
    make_app   another application with other settings: make_app(BASE_URL="https://shop.example")
    usual_app  the same, made once for all tests of a process: for whoever adds nothing to it

DATABASE_URL (MIGRATIONS_DATABASE_URL, where it is another role) and REDIS_URL, when given, name servers on which scratch
databases may be made; else embedded ones are started.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.engine import make_url

from app import factory, process
from app.core import cache, db, memory, outbox, passwords
from app.core.settings import Settings, load
from app.ops import schema
from app.web import assets, limits
from run import servers
from tests import databases, sharing_out
from tests.bank import Bank
from tests.notifications.post_office import PostOffice
from tests.sql import watched

_stack = ExitStack()
ENVIRONMENT = {
    "APP_ENV": "test",
    "SECRET_KEY": "the tests' own secret, long enough to be believed",
    "BASE_URL": "http://localhost",
    "RATE_LIMIT_ENABLED": "false",
    "RAZORPAY_KEY_ID": "rzp_test_0000000000",
    "RAZORPAY_KEY_SECRET": "test-key-secret",
    "RAZORPAY_WEBHOOK_SECRET": "test-webhook-secret",
    "LOG_LEVEL": "WARNING",
}


class CompiledTemplates(BytecodeCache):
    """What one application has compiled serves the next: a test's own application need not compile every page again."""

    def __init__(self) -> None:
        self.code: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if known := self.code.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_compiled = CompiledTemplates()
# Slow on purpose in the shop; what that costs is tested in tests/accounts, and no test signs in faster than a person.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the servers and migrates a template; its workers find both in the environment. And it builds
    what browsers download: an application looks for that when it is made."""
    if hasattr(config, "workerinput") or "KEDAI_TEST_TEMPLATE" in os.environ or config.option.collectonly:
        return
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        home = Path(tempfile.mkdtemp(prefix="kedai-tests-"))
        _stack.callback(shutil.rmtree, home, ignore_errors=True)
        os.environ.update(_stack.enter_context(servers.ensure(home, lasting=False)))
        os.environ["KEDAI_TEST_LOGS"] = str(home / "logs")
    template = databases.create(databases.owner(os.environ), f"kedai_template_{os.getpid()}")
    _stack.callback(databases.drop, template)
    factory.import_models()
    schema.upgrade(url=template, shop_url=os.environ["DATABASE_URL"])
    os.environ["KEDAI_TEST_TEMPLATE"] = template
    static = servers.PROJECT / "static"
    assets.build(static, servers.PROJECT / "node_modules", static / "dist")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _stack.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        sharing_out.longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return sharing_out.ByStand(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one of a whole process: a second one would find the first one's loop running."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - most processes need none

    from run import browser as browsers  # noqa: PLC0415

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(browsers.find()), args=list(browsers.ARGUMENTS))
        yield found
        found.close()


@pytest.fixture(scope="session")
def running_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """One of a whole process; a test asks for `bank`."""
    bank = Bank(tmp_path_factory.mktemp("bank"))
    yield bank
    bank.end()


@pytest.fixture
def bank(running_bank: Bank) -> Bank:
    """The payment sandbox, empty and in good order."""
    running_bank.control("POST", "/reset")
    return running_bank


@pytest.fixture(scope="session")
def running_office() -> Iterator[PostOffice]:
    """One of a whole process, so that its address stays; a test asks for `office`."""
    office = PostOffice().open()
    yield office
    office.close()


@pytest.fixture
def office(running_office: PostOffice) -> PostOffice:
    """The mail server: nothing has come yet, and it refuses nothing."""
    running_office.begin_anew()
    return running_office


@pytest.fixture(scope="session")
def environment(worker_id: str) -> Iterator[dict[str, str]]:
    """The complete environment of this pytest worker's shop."""
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    owner = databases.copy(os.environ["KEDAI_TEST_TEMPLATE"], f"kedai_test_{os.getpid()}")
    home = Path(tempfile.mkdtemp(prefix="kedai-test-home-"))
    yield {
        **ENVIRONMENT,
        "DATABASE_URL": databases.same(os.environ["DATABASE_URL"], owner),
        "MIGRATIONS_DATABASE_URL": owner,
        "REDIS_URL": databases.redis_url(os.environ["REDIS_URL"], number),
        "SHOP_HOME": str(home),
    }
    if db._engine is not None:
        db._engine.dispose()
    databases.drop(owner)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(environment: dict[str, str]) -> Settings:
    return load(environment)


@pytest.fixture(scope="session")
def _app(settings: Settings) -> Flask:
    app = factory.create_app(settings)
    app.jinja_env.bytecode_cache = _compiled
    process.settle_down()
    return app


@pytest.fixture(scope="session")
def _cleaner(environment: dict[str, str]) -> Iterator[databases.Cleaner]:
    with psycopg.connect(environment["MIGRATIONS_DATABASE_URL"], autocommit=True) as connection:
        yield databases.Cleaner(connection)


@pytest.fixture
def database(_app: Flask, settings: Settings, _cleaner: databases.Cleaner) -> Iterator[None]:
    if db.engine().url.database != make_url(settings.database_url).database:  # a test was a process of another shop
        factory.configure_process(settings)
    yield
    db.forget()
    _cleaner.clean()
    cache.client().flushdb()
    memory.forget_all()


@pytest.fixture
def as_owner(database: None, settings: Settings) -> Iterator[None]:
    """The tables are ours to change: for what no process of the shop may do."""
    db.connect(settings.migrations_database_url)
    yield
    db.connect(settings.database_url)


@pytest.fixture
def app(_app: Flask, database: None) -> Flask:
    return _app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def csrf() -> Callable[..., str]:
    """`csrf(client)`: the token that the shop's pages show this client now."""

    def read(client: FlaskClient, path: str = "/about") -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
        assert found, f"{path} shows no token"
        return found[1]

    return read


@pytest.fixture
def drain(database: None) -> Callable[[], int]:
    return outbox.drain


@pytest.fixture
def statements(database: None) -> Iterator[Callable[[], list[str]]]:
    """`statements()`: the SQL that ran since it was last called, without savepoints."""
    with watched() as seen:

        def take() -> list[str]:
            taken = list(seen)
            seen.clear()
            return taken

        yield take


@pytest.fixture
def make_app(environment: dict[str, str], settings: Settings, database: None) -> Iterator[Callable[..., Flask]]:
    def make(**changed: str) -> Flask:
        app = factory.create_app(load({**environment, **changed}))
        app.jinja_env.bytecode_cache = _compiled
        return app

    yield make
    factory.configure_process(settings)
    limits.limiter.enabled = settings.rate_limit_enabled  # one for all applications of this process
    limits._counts.clear()


@pytest.fixture(scope="session")
def _usual_apps() -> dict[frozenset[tuple[str, str]], Flask]:
    return {}


@pytest.fixture
def usual_app(
    environment: dict[str, str],
    make_app: Callable[..., Flask],
    _usual_apps: dict[frozenset[tuple[str, str]], Flask],
) -> Callable[..., Flask]:
    def make(**changed: str) -> Flask:
        asked = frozenset(changed.items())
        if asked in _usual_apps:
            factory.configure_process(load({**environment, **changed}))
        else:
            _usual_apps[asked] = make_app(**changed)
        return _usual_apps[asked]

    return make

"""The demo login: made once for a database, and found again wherever that database answers."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from run import demo
from tests import databases
from tests.proxy import Proxy


@pytest.fixture
def at_another_port(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The same database, reached as if its server had been given another port."""
    names = ("DATABASE_URL", "MIGRATIONS_DATABASE_URL")
    proxies = [Proxy(environment[name]) for name in names]
    yield {**environment, **{name: proxy.url for name, proxy in zip(names, proxies, strict=True)}}
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def another_database(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    owner = databases.copy(os.environ["KEDAI_TEST_TEMPLATE"], f"kedai_demo_{os.getpid()}")
    yield {
        **environment,
        "DATABASE_URL": databases.same(environment["DATABASE_URL"], owner),
        "MIGRATIONS_DATABASE_URL": owner,
    }
    databases.drop(owner)


@pytest.mark.usefixtures("database")
def test_the_demo_login_outlives_another_port_and_is_of_one_database(
    tmp_path: Path, environment: dict[str, str], at_another_port: dict[str, str], another_database: dict[str, str]
) -> None:
    here = {**os.environ, **environment}
    login = demo.staff_login(tmp_path, here)
    assert login is not None
    found = demo.staff_login(tmp_path, {**os.environ, **at_another_port})
    assert found is not None
    assert found["password"] == login["password"]
    other = demo.staff_login(tmp_path, {**os.environ, **another_database})
    assert other is not None
    assert other["password"] != login["password"]


@pytest.mark.usefixtures("database")
def test_a_demo_login_that_an_earlier_version_kept_is_still_known(
    tmp_path: Path, environment: dict[str, str], at_another_port: dict[str, str]
) -> None:
    """It was kept by the address, and is kept by the database from then on."""
    mark = hashlib.sha256(environment["MIGRATIONS_DATABASE_URL"].encode()).hexdigest()
    kept = {"database": mark, "email": demo.STAFF, "password": "kept", "otpauth_url": "otpauth://totp/x"}
    (tmp_path / "staff.json").write_text(json.dumps(kept))
    for environ in (environment, at_another_port):
        found = demo.staff_login(tmp_path, environ)
        assert found is not None
        assert found["password"] == "kept"

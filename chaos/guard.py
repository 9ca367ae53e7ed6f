"""The race without the guard: a scratch copy of the shop whose conditional UPDATE has lost its condition.

A race test that cannot fail proves nothing. In the copy the UPDATE counts whatever is free, and the CHECK constraints
that would refuse the wrong state are gone: then the same race must sell what is not there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from chaos.servers import Servers
from chaos.stand import PROJECT, Stand

GUARDED = Path("app/stock/actions/__init__.py")
GUARD = " AND s.on_hand - s.locked - s.safety >= w.quantity"
CHECKS = ("ck_stock_item_locked", "ck_stock_item_on_hand")
COPIED = ("app", "run", "templates", "translations", "migrations", "static")


def without_guard(folder: Path) -> Path:
    """A copy of the project in `folder` with the guard taken out. Raises LookupError when there is no guard to take out."""
    for name in COPIED:
        if (PROJECT / name).exists():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.br", "*.gz"))
    for file in PROJECT.glob("*.py"):
        shutil.copy(file, folder / file.name)
    source = (folder / GUARDED).read_text()
    if source.count(GUARD) != 1:
        raise LookupError(f"{GUARDED} does not hold {GUARD!r} exactly once")
    (folder / GUARDED).write_text(source.replace(GUARD, ""))
    return folder


def drop_checks(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name in CHECKS:
            connection.execute(f"ALTER TABLE stock_item DROP CONSTRAINT {name}")


@contextmanager
def unguarded_stand(
    servers: Servers, *, webs: int = 4, settings: Mapping[str, str] | None = None, keep_checks: bool = False
) -> Iterator[Stand]:
    """A stand of the copy, without jobs, on an empty database of its own. With `keep_checks` the database still refuses,
    and what should be “sold out” becomes an accident."""
    url = servers.new_database("kedai_unguarded")
    folder = servers.home / "unguarded-project"
    folder.mkdir()
    project = without_guard(folder)
    stand = Stand(servers, webs=webs, project=project, database_url=url, name="unguarded", settings=settings)
    try:
        stand.migrate()
        if not keep_checks:
            drop_checks(servers.as_owner(url))
        stand.start(with_jobs=False)
        yield stand
    finally:
        stand.end()

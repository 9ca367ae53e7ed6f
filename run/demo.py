"""What `make run` prepares before it serves: tables, the demo shop in an empty database, assets, a demo login."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from run import environment, servers
from run import home as homes
from run.environment import PROJECT
from run.problem import Problem
from run.steps import Silent, step

STAFF = "owner@murnibatik.example"


def prepare(home: Path, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Leaves the shop ready to be served. Returns the demo login (email, password, otpauth_url) if there is one."""
    assets = _start_flask(home, environ, "assets", "build", log="assets")  # the two need nothing of each other
    step("Bringing the database up to date", lambda: _flask(home, environ, "db", "upgrade"))
    is_demo = environ.get("APP_ENV") == "development"
    if is_demo and is_empty(environ):
        step("Loading the demo shop", lambda: _flask(home, environ, "demo", "load"))
    step("Building the assets", assets.finish)
    return staff_login(home, environ) if is_demo else None


def demand_answers(environ: Mapping[str, str]) -> None:
    """Raises Problem when the database or Redis does not answer."""
    import psycopg  # noqa: PLC0415 the rest of this package works before anything is installed
    import redis  # noqa: PLC0415

    try:
        psycopg.connect(_database(environ), connect_timeout=5).close()
    except psycopg.Error as error:
        raise Problem(_silent("PostgreSQL", "DATABASE_URL", error)) from None
    try:
        redis.from_url(environment.value_of(environ, "REDIS_URL"), socket_connect_timeout=5, socket_timeout=5).ping()
    except (redis.RedisError, ValueError) as error:
        raise Problem(_silent("Redis", "REDIS_URL", error)) from None


def is_empty(environ: Mapping[str, str]) -> bool:
    """Whether the shop in this database has nothing to sell yet."""
    import psycopg  # noqa: PLC0415 the rest of this package works before anything is installed

    with psycopg.connect(_database(environ), connect_timeout=10) as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM stock_item)").fetchone()
    return row is not None and not row[0]


def staff_login(home: Path, environ: Mapping[str, str]) -> dict[str, str] | None:
    """The demo login, created on the first run with this database and kept under SHOP_HOME."""
    kept, database = homes.read_json(home / "staff.json"), _name_of_database(environ)
    if kept.get("database") == _address_mark(environ):  # what an earlier version kept
        kept["database"] = database
        homes.write_json(home / "staff.json", kept)
    if kept.get("database") == database:
        return kept
    try:
        login = _login_in(_flask(home, environ, "staff", "create", STAFF, "--role", "owner", "--json"))
    except Problem as problem:
        print(f"No demo login was made: {str(problem).splitlines()[0]}", file=sys.stderr)
        return None
    homes.write_json(home / "staff.json", {"database": database, **login})
    return login


def _name_of_database(environ: Mapping[str, str]) -> str:
    """What tells this database from every other one, wherever it answers: its port may be another one tomorrow."""
    import psycopg  # noqa: PLC0415 the rest of this package works before anything is installed

    with psycopg.connect(_database(environ), connect_timeout=10) as connection:
        row = connection.execute(
            "SELECT c.system_identifier, d.oid FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()"
        ).fetchone()
    return "-".join(map(str, row or ()))


def _address_mark(environ: Mapping[str, str]) -> str:
    owner = environment.value_of(environ, servers.OWNER) or environment.value_of(environ, "DATABASE_URL")
    return hashlib.sha256(owner.encode()).hexdigest()


def _database(environ: Mapping[str, str]) -> str:
    return environment.value_of(environ, "DATABASE_URL").replace("postgresql+psycopg://", "postgresql://")


def _silent(server: str, name: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
    return f"{server} does not answer: start it, correct {name}, or unset {name} for an embedded one ({reason})"


def _login_in(output: str) -> dict[str, str]:
    """The JSON object in a command's output, which log lines may surround."""
    for line in [output, *reversed(output.splitlines())]:
        try:
            login = json.loads(line)
        except ValueError:
            continue
        if isinstance(login, dict) and "otpauth_url" in login:
            return {name: str(login[name]) for name in ("email", "password", "otpauth_url")}
    raise Problem("`staff create` printed no login")


def _flask(home: Path, environ: Mapping[str, str], *arguments: str) -> str:
    return _start_flask(home, environ, *arguments).finish()


def _start_flask(home: Path, environ: Mapping[str, str], *arguments: str, log: str = "setup") -> Silent:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    failure = f"`flask {' '.join(arguments)}` failed"
    return Silent(command, failure=failure, home=home, folder=PROJECT, environ=environ, log=log)

"""The embedded servers: one set per SHOP_HOME, ended with their last user, started again after every kind of death."""

import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from run import ground, locks, processes, servers
from run import home as homes
from run.environment import PROJECT
from tests.run.conftest import Start
from tests.run.waiting import wait_until

USER = """
import sys
from pathlib import Path
from run import servers
hold = servers.Hold.take(Path(sys.argv[1]), "redis", lasting=False)
print(servers.pid(hold.home, "redis"), flush=True)
sys.stdin.read()
"""


def url(home: Path, name: str) -> str:
    return servers.addresses(home)[name]


def answers(home: Path) -> bool:
    try:
        with psycopg.connect(url(home, "DATABASE_URL"), connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_postgres_18_answers_in_utc_with_vectors_and_uuidv7(home: Path) -> None:
    with psycopg.connect(url(home, servers.OWNER), autocommit=True) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('TimeZone')"
        )
        assert row.fetchone() == (18, "UTC")
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("SELECT uuidv7()")
        assert connection.execute("SELECT lower('É')").fetchone() == ("é",)


def test_the_shops_role_owns_nothing_and_makes_nothing(home: Path) -> None:
    with psycopg.connect(url(home, "DATABASE_URL"), autocommit=True) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )
        assert row.fetchone() == (False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (number integer)")


def test_servers_from_before_there_were_two_roles_get_the_second(tmp_path: Path) -> None:
    try:
        with servers.ensure(tmp_path) as urls, psycopg.connect(urls[servers.OWNER], autocommit=True) as owner:
            owner.execute("DROP ROLE kedai_shop")
            owner.execute("CREATE TABLE kept (number integer)")
            (ground.prepare(tmp_path).folder / "postgres" / "role").unlink()
            access = homes.server_folder(tmp_path, "postgres") / "access.json"
            known = homes.read_json(access)
            homes.write_json(access, {name: known[name] for name in ("password", "port")})
        with servers.ensure(tmp_path) as urls, psycopg.connect(urls["DATABASE_URL"]) as shop:
            assert shop.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == [("kept",)]
    finally:
        ground.erase(tmp_path)


def test_redis_answers_and_writes_nothing_to_the_disk(home: Path) -> None:
    client = redis.from_url(url(home, "REDIS_URL"))
    assert client.ping()
    assert client.config_get("save") == {"save": ""}
    assert client.config_get("appendonly") == {"appendonly": "no"}


def test_a_password_is_needed(home: Path) -> None:
    for name in ("DATABASE_URL", servers.OWNER):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url(home, name).replace("@", "wrong@"), connect_timeout=5)
    bare = redis.from_url(url(home, "REDIS_URL").partition("@")[2].join(["redis://", ""]))
    with pytest.raises(redis.AuthenticationError):
        bare.ping()


def test_the_servers_listen_on_loopback_only(home: Path) -> None:
    with psycopg.connect(url(home, servers.OWNER)) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        )
        assert row.fetchone() == ("127.0.0.1", "")
    assert redis.from_url(url(home, "REDIS_URL")).config_get("bind") == {"bind": "127.0.0.1"}


def test_the_passwords_are_for_the_owner_alone(home: Path) -> None:
    for kind, name in servers.VARIABLES.items():
        file = homes.server_folder(home, kind) / "access.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        access = homes.read_json(file)
        assert access["shop_password" if kind == "postgres" else "password"] in url(home, name)
        commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert access["password"] not in commands
        assert access["shop_password"] not in commands
    assert homes.read_json(homes.server_folder(home, "postgres") / "access.json")["password"] in url(
        home, servers.OWNER
    )


def test_the_servers_never_run_as_root(home: Path) -> None:
    for kind in servers.VARIABLES:
        owner = Path(f"/proc/{servers.pid(home, kind)}").stat().st_uid
        assert owner != 0
        assert owner == os.geteuid() or os.geteuid() == 0


def test_nobodys_permissions_are_loosened(private: Path, home: Path) -> None:
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    data = ground.prepare(home).folder
    assert all(stat.S_IMODE((data / name).stat().st_mode) == 0o700 for name in ("postgres", "redis"))


def test_a_second_user_shares_the_running_server(home: Path, start: Start) -> None:
    user = start("-c", USER, str(home))
    assert user.stdout is not None
    assert int(user.stdout.readline()) == servers.pid(home, "redis")


def test_a_killed_postgres_comes_back_with_its_data(home: Path) -> None:
    with psycopg.connect(url(home, servers.OWNER)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (7)")
    before = servers.pid(home, "postgres")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: servers.pid(home, "postgres") != before and answers(home))
    with psycopg.connect(url(home, servers.OWNER)) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        connection.execute("DROP TABLE kept")


def test_a_killed_redis_comes_back(home: Path) -> None:
    before = servers.pid(home, "redis")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: servers.pid(home, "redis") != before)
    client = redis.from_url(url(home, "REDIS_URL"))
    wait_until(lambda: pings(client))


def test_a_server_whose_keeper_was_killed_is_replaced(home: Path) -> None:
    before = servers.pid(home, "postgres")
    os.kill(homes.read_json(homes.server_folder(home, "postgres") / "status.json")["keeper"], signal.SIGKILL)
    wait_until(lambda: not servers.is_running(home, "postgres"))
    hold = servers.Hold.take(home, "postgres", lasting=False)
    assert servers.pid(home, "postgres") != before
    assert answers(home)
    assert not processes.command_line(before)
    hold.release()
    assert answers(home)  # the first user still needs it


def test_the_server_ends_with_its_last_user_and_not_before(tmp_path: Path, start: Start) -> None:
    first, second = (start("-c", USER, str(tmp_path)) for _ in range(2))
    pids = {int(user.stdout.readline()) for user in (first, second) if user.stdout}
    assert len(pids) == 1
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert servers.is_running(tmp_path, "redis")
    os.kill(second.pid, signal.SIGKILL)  # no chance to clear up: the kernel drops its lock
    wait_until(lambda: not servers.is_running(tmp_path, "redis"))
    assert not processes.command_line(pids.pop())


def test_what_a_killed_server_left_does_not_block_the_next_start(tmp_path: Path) -> None:
    with servers.ensure(tmp_path):
        data = ground.prepare(tmp_path).folder / "postgres" / "data"
    stale = f"{os.getpid()}\n{data}\n1\n1\n\n127.0.0.1\n0 0\nready\n"  # this number now belongs to another program
    (data / "postmaster.pid").write_text(stale)
    with servers.ensure(tmp_path):
        assert answers(tmp_path)
    ground.erase(tmp_path)


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    with servers.ensure(tmp_path, lasting=False) as urls:
        before = urls["REDIS_URL"]
    port = int(before.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)), servers.ensure(tmp_path, lasting=False) as urls:
        assert urls["REDIS_URL"] != before
        assert redis.from_url(urls["REDIS_URL"]).ping()


def test_nothing_is_left_of_servers_for_tests(tmp_path: Path) -> None:
    with servers.ensure(tmp_path, lasting=False):
        folder = ground.prepare(tmp_path).folder
        assert folder.exists()
    assert not folder.exists()
    assert not locks.is_held(homes.server_folder(tmp_path, "redis") / "users.lock")


def test_a_place_of_a_deleted_home_is_not_mixed_into_a_new_one(tmp_path: Path) -> None:
    first = ground.prepare(tmp_path)
    first.make_folder("postgres").joinpath("old").touch()
    (tmp_path / "servers" / "place.json").unlink(missing_ok=True)
    second = ground.prepare(tmp_path)
    is_own_folder = os.geteuid() != 0  # then the data lie in the home itself and went with it
    assert is_own_folder or not (second.folder / "postgres").exists()
    ground.erase(tmp_path)
    ground.erase_folder(first.folder.with_name(first.folder.name + ".earlier"))


def test_the_program_of_the_server_is_the_wheels(home: Path) -> None:
    assert ground.wheels().is_relative_to(PROJECT / ".venv")
    assert "pginstall18" in processes.command_line(servers.pid(home, "postgres"))

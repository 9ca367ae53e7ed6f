"""The embedded Redis. It holds nothing that PostgreSQL does not know too, so it writes nothing to the disk.

No `save`, no append-only file: after a restart it is empty, carts come back from PostgreSQL and jobs from the outbox,
and that path is the one a FLUSHALL in production takes as well. Only keys with a lifetime may be evicted: a queued job
has none.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import IO

from run import ground, processes

SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
dir {folder}
daemonize no
loglevel warning
"""


class Redis:
    """One embedded Redis of a SHOP_HOME, seen from its keeper."""

    stop_signal = signal.SIGTERM
    stop_seconds = 5

    def __init__(self, place: ground.Ground, *, port: int, password: str, lasting: bool) -> None:
        self.place, self.port, self.password = place, port, password
        self.folder = place.make_folder("redis")

    def prepare(self) -> None:
        """Nothing is kept, so nothing has to be made."""

    def start(self, *, log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Starts the server; it ends with this process. The password travels on stdin, out of everyone's sight."""
        server = subprocess.Popen(
            [str(self.place.redis), "-"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            preexec_fn=processes.leash(signal.SIGTERM),
            start_new_session=True,
            **self.place.identity(),
        )
        assert server.stdin is not None
        with server.stdin as settings:
            settings.write(SETTINGS.format(port=self.port, password=self.password, folder=self.folder).encode())
        return server

    def is_ready(self) -> bool:
        """Whether the server answers a command."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False

    def finish(self) -> None:
        """Nothing to add to a running server."""

"""TCP ports on the loopback address."""

from __future__ import annotations

import errno
import random
import socket

from run.problem import Problem

# Below the range that Linux hands out to outgoing connections, so that none of those takes a port we remembered.
RANGE = range(20000, 32000)


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now. Raises OSError for a reason other than being in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def is_open(port: int) -> bool:
    """Whether a server listens on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pick(*, but: tuple[int, ...] = ()) -> int:
    """A free port at random, none of `but`."""
    for _ in range(1000):
        port = random.choice(RANGE)
        if port not in but and is_free(port):
            return port
    raise Problem("No free port was found between 20000 and 32000: stop some of the servers on this machine.")


def demand(text: str) -> int:
    """The number in `text` if a web server can listen there; raises Problem with what to do if not."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Problem(f"PORT={text} is not a port: choose a number between 1024 and 65535.")
    port = int(text)
    try:
        if is_free(port):
            return port
    except PermissionError:
        raise Problem(
            f"This user may not listen on port {port}: choose one above 1023, as in PORT=8000 make run."
        ) from None
    raise Problem(
        f"Port {port} is already in use: stop the program that listens there, "
        f"or choose another with PORT={port + 1 if port < 65535 else 8000} make run."
    )

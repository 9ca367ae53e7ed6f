"""A TCP proxy that breaks the line in the ways lines break: refused, silent, cut, or cut just after the question was acted on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

PIECE = 65536


class Proxy:
    """Stands between the shop and a server. `state`: open, refusing (connections are closed at once) or silent (taken,
    never answered). `url` is the server's URL through the proxy."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        login = parts.netloc.rpartition("@")[0]
        address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=f"{login}@{address}" if login else address))
        self.state = "open"
        self.lost_answers = 0
        self.connections = 0  # ever taken, refused ones too
        self._losing: bytes | None = None
        self._lines: list[Line] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def break_off(self, state: str) -> None:
        """Cut all connections; from now on the server is `refusing` or `silent`."""
        self.state = state
        self._cut()

    def mend(self) -> None:
        self._cut()
        self.state = "open"

    def lose_answer_to(self, words: bytes) -> None:
        """The next question that holds `words` reaches the server and is acted on; the answer never arrives."""
        self._losing = words

    def close(self) -> None:
        self.state = "closed"
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()
        self._thread.join(timeout=5)

    def takes(self, question: bytes) -> bool:
        """Whether the answer to `question` is to be lost; it is lost once."""
        if self._losing is None or self._losing not in question:
            return False
        self._losing = None
        self.lost_answers += 1
        return True

    def _cut(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            line.cut()

    def _accept(self) -> None:
        while self.state != "closed":
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.state == "refusing":
                client.close()
                continue
            self._lines.append(Line(self, client, self._server if self.state == "open" else None))


class Line:
    """One connection through the proxy, with a thread for each direction; without a server it is silent."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: tuple[str, int] | None) -> None:
        self.proxy, self.client = proxy, client
        self.server = None
        self._loses = False
        if server is None:
            return
        try:
            self.server = socket.create_connection(server, timeout=10)
        except OSError:
            client.close()
            return
        self.server.settimeout(None)
        for target in (self._ask, self._answer):
            threading.Thread(target=target, daemon=True).start()

    def cut(self) -> None:
        for end in (self.client, self.server):
            if end is not None:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _ask(self) -> None:
        assert self.server is not None
        with suppress(OSError):
            while question := self.client.recv(PIECE):
                self._loses = self._loses or self.proxy.takes(question)
                self.server.sendall(question)
        self.cut()

    def _answer(self) -> None:
        assert self.server is not None
        with suppress(OSError):
            while answer := self.server.recv(PIECE):
                if self._loses:  # it has been acted on: that is what the answer says
                    break
                self.client.sendall(answer)
        self.cut()

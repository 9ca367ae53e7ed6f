"""A small HTTP/1.1 server for WSGI: one thread per connection, keep-alive, one `send` per answer.

Written because faults must be able to cut a connection without an answer, which the usual servers do not allow, and
because the sandbox takes part in benchmarks (figures in README.md). It is for loopback: request bodies need a
Content-Length, and there is no TLS.
"""

import io
import socket
import socketserver
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

_MOST_HEADERS = 100
_LONGEST_LINE = 65536
_LONGEST_BODY = 1 << 20
_IDLE_SECONDS = 60
Application = Callable[..., Iterable[bytes]]


class ConnectionDropped(Exception):
    """Raised by the application to close the connection without (the rest of) an answer."""


class BadRequest(Exception):
    def __init__(self, status: HTTPStatus):
        super().__init__(status.phrase)
        self.status = status


class _Closable:
    """A WSGI answer that can be closed, as PEP 3333 demands, whatever iterable the application returned."""

    def __init__(self, parts: Iterable[bytes]):
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        if close := getattr(self._parts, "close", None):
            close()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], app: Application):
        self.app = app
        super().__init__(address, Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Connection(socketserver.StreamRequestHandler):
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        try:
            while self._serve_one():
                pass
        except BadRequest as refusal:
            self._refuse(refusal.status)
        except ConnectionDropped:
            self.connection.shutdown(socket.SHUT_RDWR)

    def _serve_one(self) -> bool:
        """Reads one request and answers it; False when the connection is to be closed."""
        line = self._line()
        if not line:
            return False
        environ = self._environ(line)
        keep = self._keeps_alive(environ)
        self._answer(environ, keep=keep)
        return keep

    def _line(self) -> bytes:
        line = self.rfile.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return line.rstrip(b"\r\n") if line.endswith(b"\n") else b""

    def _environ(self, line: bytes) -> dict[str, Any]:
        try:
            method, target, version = line.decode("latin-1").split(" ")
        except ValueError:
            raise BadRequest(HTTPStatus.BAD_REQUEST) from None
        path, _, query = target.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        self._read_headers(environ)
        environ["wsgi.input"] = io.BytesIO(self._body(environ))
        return environ

    def _read_headers(self, environ: dict[str, Any]) -> None:
        for _ in range(_MOST_HEADERS):
            line = self._line()
            if not line:
                return
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise BadRequest(HTTPStatus.BAD_REQUEST)
            key = name.strip().upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value.strip()}" if key in environ else value.strip()
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _body(self, environ: dict[str, Any]) -> bytes:
        if "HTTP_TRANSFER_ENCODING" in environ:
            raise BadRequest(HTTPStatus.LENGTH_REQUIRED)
        length = environ.get("CONTENT_LENGTH", "0")
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        if int(length) > _LONGEST_BODY:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionDropped
        return body

    def _keeps_alive(self, environ: dict[str, Any]) -> bool:
        wish = str(environ.get("HTTP_CONNECTION", "")).lower()
        return wish != "close" if environ["SERVER_PROTOCOL"] == "HTTP/1.1" else wish == "keep-alive"

    def _answer(self, environ: dict[str, Any], *, keep: bool) -> None:
        head = bytearray()

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
            if not any(name == "Date" for name, _ in headers):
                lines.append(f"Date: {_date()}")
            lines += [f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
            head[:] = "\r\n".join(lines).encode("latin-1")

        with closing(_Closable(self.server.app(environ, start_response))) as parts:
            for part in parts:
                self.wfile.write(bytes(head) + part)
                head.clear()
        if head:
            self.wfile.write(bytes(head))

    def _refuse(self, status: HTTPStatus) -> None:
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode("latin-1"))


def serve(server: Server) -> None:
    """Serves until `server.shutdown()` is called from another thread."""
    sys.setswitchinterval(0.001)
    server.serve_forever(poll_interval=0.2)


def _date() -> str:
    return _date_of(int(time.time()))


@lru_cache(maxsize=2)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)

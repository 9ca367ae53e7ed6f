"""A real HTTP server that takes SMS as `SMS_URL` describes, or does what a test asks of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CODE = re.compile(r"\b(\d{6})\b")


class Carrier:
    """`answers` are the next statuses, then 200. `carried` has each message once, by its key, as a good carrier does."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/send"
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.carried: dict[str, dict[str, Any]] = {}
        self.answers: list[int] = []
        self.is_hanging = False
        self.go_on = threading.Event()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        return {"SMS_URL": self.url, "SMS_TOKEN": "carrier-token", "SMS_FROM": "Murni", "STAFF_SMS_CODES": "true"}

    def take(self, headers: dict[str, str], message: dict[str, Any]) -> int:
        self.asked.append((headers, message))
        status = self.answers.pop(0) if self.answers else 200
        if status < 300:
            self.carried.setdefault(headers["Idempotency-Key"], message)
        return status

    def code(self) -> str:
        """The one in the newest message."""
        found = CODE.search(list(self.carried.values())[-1]["text"])
        assert found
        return found[1]

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def _handler(carrier: Carrier) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = carrier.take(dict(self.headers), json.loads(body))
            if carrier.is_hanging:
                carrier.go_on.wait()
                return
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Quiet."""

    return Handler

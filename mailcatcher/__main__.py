"""Starts the catcher: python -m mailcatcher --smtp-port P --http-port P --data DIR"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from werkzeug.serving import WSGIRequestHandler, make_server

from mailcatcher import pages, smtp
from mailcatcher.store import Store


class QuietHandler(WSGIRequestHandler):
    """Does not log requests: programs ask many times a second."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _end)
    store = Store(options.data)
    receiver = smtp.server(store, port=options.smtp_port)
    try:
        receiver.start()
        listener = socket.create_server(("127.0.0.1", options.http_port))
        app = pages.create_app(store)
        reader = make_server(
            "127.0.0.1", options.http_port, app, threaded=True, request_handler=QuietHandler, fd=listener.fileno()
        )
    except OSError as error:
        print(
            f"The mail catcher cannot listen ({error.strerror}): choose free --smtp-port and --http-port.",
            file=sys.stderr,
        )
        return 1
    print(f"mail page http://127.0.0.1:{options.http_port}, SMTP on port {options.smtp_port}", flush=True)
    try:
        reader.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        receiver.stop()
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mailcatcher", description="Takes every mail, delivers none, shows them.")
    parser.add_argument("--smtp-port", type=int, default=2525)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--data", type=Path, default=Path("instance/mail"))
    return parser.parse_args(arguments)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

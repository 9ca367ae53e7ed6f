"""`python -m sandbox --port P --data DIR [--webhook-url URL]…`"""

import signal
import sqlite3
import sys
import threading

from sandbox.app import create_app, create_provider
from sandbox.config import BadSettings, settings_from
from sandbox.server import Server, serve


def main() -> int:
    try:
        settings = settings_from(sys.argv[1:])
    except BadSettings as problem:
        return _fail(str(problem))
    try:
        provider = create_provider(settings)
    except (OSError, sqlite3.Error) as problem:
        return _fail(
            f"Cannot use the folder {settings.data} ({problem}). Choose another --data, or end the other sandbox."
        )
    try:
        server = Server((settings.host, settings.port), create_app(provider))
    except OSError as problem:
        return _fail(f"Cannot listen on {settings.host}:{settings.port}: {problem.strerror}. Choose another --port.")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    provider.start()
    print(f"sandbox http://{settings.host}:{server.server_address[1]}", flush=True)
    serve(server)
    provider.store.close()
    return 0


def _fail(sentence: str) -> int:
    print(f"sandbox: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

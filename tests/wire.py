"""A shop whose parts are other processes, for tests that know an application: they ask it for browsers, and those speak HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

SECONDS = 30
KEPT = "%/:?#[]@!$&'()*+,;="  # characters of an address
OF_ONE_LINE = ("connection", "keep-alive", "transfer-encoding")  # headers that are between two neighbours


class Wire:
    """`127.0.0.1:port` as a WSGI application. A connection for each request, so that all web processes have their share."""

    def __init__(self, port: int) -> None:
        self.port = port

    def test_client(self, use_cookies: bool = True) -> Browser:
        return Browser(self, use_cookies=use_cookies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = Request(environ)
        line = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            target = quote(environ["REQUEST_URI"].partition("?")[0], safe=KEPT)
            if asked.query_string:
                target += "?" + quote(asked.query_string, safe=KEPT)
            line.request(asked.method, target, asked.get_data(), {**asked.headers})
            answer = line.getresponse()
            headers = [each for each in answer.getheaders() if each[0].lower() not in OF_ONE_LINE]
            return Response(answer.read(), answer.status, headers)(environ, start_response)
        finally:
            line.close()


class Browser(Client):
    """Like Flask's: it has an application, and its requests begin with `environ_base`."""

    def __init__(self, application: Wire, *, use_cookies: bool) -> None:
        super().__init__(application, use_cookies=use_cookies)
        self.environ_base: dict[str, str] = {}

    def open(self, *args: Any, **kw: Any) -> TestResponse:
        return super().open(*args, environ_base=self.environ_base, **kw)

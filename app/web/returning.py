"""Where to go next, when the visitor's browser says so: only to a page of ours (X8)."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from flask import current_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

LONGEST = 2000


def own_path(wanted: str | None, *, without: tuple[str, ...] = ()) -> str:
    """`wanted`, if it is a path and query that one of our pages answers; else `/`. Drops the query's names in `without`."""
    if not wanted or len(wanted) > LONGEST or not wanted.startswith("/") or not _is_harmless(wanted):
        return "/"
    url = urlsplit(wanted)
    try:
        current_app.url_map.bind("").match(url.path, method="GET")
    except RequestRedirect:
        pass
    except HTTPException:
        return "/"
    query = [(name, value) for name, value in parse_qsl(url.query) if name not in without]
    return f"{url.path}?{urlencode(query)}" if query else url.path


def _is_harmless(wanted: str) -> bool:
    """No way for a browser to read another host, or a second header, into it: not now and not once decoded."""
    for _ in range(2):
        path = wanted.partition("?")[0]
        if "\\" in wanted or path.startswith("//") or any(ord(char) <= 32 or ord(char) == 127 for char in path):
            return False
        wanted = unquote(wanted)
    return True

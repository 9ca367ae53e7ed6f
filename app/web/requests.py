"""What a request must be before anything looks at it: of a bearable size, and text."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from flask import Flask, abort, request

FORM_BYTES = 128 * 1024
BODY_BYTES = 1024 * 1024


def init_app(app: Flask) -> None:
    app.config.update(MAX_CONTENT_LENGTH=BODY_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES, MAX_FORM_PARTS=200)
    app.before_request(_refuse_what_is_no_text)


def _refuse_what_is_no_text() -> None:
    """400 for bad UTF-8 and for NUL in the address or a form: PostgreSQL could store neither, and nobody types them."""
    query = request.environ.get("QUERY_STRING", "")
    if "%" in query:
        _demand_text(unquote_to_bytes(query))
    if "\0" in request.path or "\ufffd" in request.path:
        abort(400)
    if request.mimetype == "application/x-www-form-urlencoded":
        if (request.content_length or 0) > FORM_BYTES:
            abort(413)
        body = request.get_data(cache=True)
        if b"%" in body or not body.isascii():
            _demand_text(unquote_to_bytes(body), nul=True)


def _demand_text(raw: bytes, *, nul: bool = False) -> None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        abort(400)
    if "\0" in text and not nul:
        abort(400)

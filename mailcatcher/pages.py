"""The page to read the mails, and the same as JSON for programs."""

from __future__ import annotations

import secrets
from typing import NoReturn

from flask import Flask, Response, abort, g, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from mailcatcher.store import Mail, Store

LOCAL_NAMES = ("127.0.0.1", "localhost")
# The mail's own HTML: may be looked at, may open links in new tabs, may run nothing and reach nothing but pictures.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data: http: https:; frame-ancestors 'self'"
)


def create_app(store: Store) -> Flask:
    """The reader of one store."""
    app = Flask(__name__, static_folder=None)
    app.before_request(_refuse_strangers)
    app.after_request(_protect)
    app.add_url_rule("/", view_func=lambda: _list(store), endpoint="list")
    app.add_url_rule("/clear", view_func=lambda: _clear(store), methods=["POST"], endpoint="clear")
    app.add_url_rule("/messages.json", view_func=lambda: _list_json(store), endpoint="list_json")
    app.add_url_rule("/messages", view_func=lambda: _delete(store), methods=["DELETE"], endpoint="delete")
    app.add_url_rule("/messages/<identifier>", view_func=lambda identifier: _show(store, identifier), endpoint="show")
    app.add_url_rule(
        "/messages/<identifier>.json", view_func=lambda identifier: _json(store, identifier), endpoint="json"
    )
    app.add_url_rule(
        "/messages/<identifier>/html", view_func=lambda identifier: _html(store, identifier), endpoint="html"
    )
    app.add_url_rule("/messages/<identifier>/raw", view_func=lambda identifier: _raw(store, identifier), endpoint="raw")
    return app


def _list(store: Store) -> str:
    return render_template("list.html", mails=_mails(store), nonce=g.nonce)


def _list_json(store: Store) -> Response:
    return jsonify([mail.summary() for mail in _mails(store)])


def _show(store: Store, identifier: str) -> str:
    return render_template("message.html", mail=_found(store, identifier), nonce=g.nonce)


def _json(store: Store, identifier: str) -> Response:
    return jsonify(_found(store, identifier).details())


def _html(store: Store, identifier: str) -> Response:
    mail = _found(store, identifier)
    page = Response(f'<base target="_blank">{mail.html}', mimetype="text/html")
    page.headers["Content-Security-Policy"] = MAIL_POLICY
    return page


def _raw(store: Store, identifier: str) -> Response:
    content = store.raw(identifier)
    if content is None:
        _missing()
    return Response(content, mimetype="text/plain")


def _clear(store: Store) -> AnyResponse:
    store.clear()
    return redirect("/", 303)


def _delete(store: Store) -> tuple[str, int]:
    store.clear()
    return "", 204


def _mails(store: Store) -> list[Mail]:
    return [mail for mail in map(store.mail, store.ids()) if mail is not None]


def _found(store: Store, identifier: str) -> Mail:
    mail = store.mail(identifier)
    if mail is None:
        _missing()
    return mail


def _missing() -> NoReturn:
    abort(404, "There is no such mail (any more).")


def _refuse_strangers() -> None:
    """The mails hold links that open orders: no foreign page may read them under another name or post here."""
    g.nonce = secrets.token_urlsafe(16)
    if request.host.rpartition(":")[0] not in LOCAL_NAMES and request.host not in LOCAL_NAMES:
        abort(400, "Open this page as http://127.0.0.1.")
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, "Another site sent this form.")


def _protect(response: Response) -> Response:
    policy = (
        f"default-src 'none'; style-src 'nonce-{g.nonce}'; frame-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response

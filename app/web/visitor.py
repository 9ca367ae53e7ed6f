"""Who is looking: an anonymous visitor, known by the signed session cookie, or a customer who is signed in.

The session holds three short keys and nothing else: `v` the visitor's id (128 random bits, only once something must be
remembered), `c` the cart in one glance (pieces, version), `csrf_token` (Flask-WTF's). A customer's visitor id stays on the
server: on every device it is the same cart, and whoever kept a copy of a cookie has none of it once the session has ended.
"""

from __future__ import annotations

from flask import session

from app.core.ids import new_token
from app.web import access, customers


def visitor() -> str | None:
    """The visitor's id, None for somebody we need not know yet."""
    person = customers.current()
    if person is not None:
        return person.visitor
    if access.is_given():  # judged by its token alone, as no CSRF token is asked for beside it
        return None
    known: str | None = session.get("v")
    return known


def ensure_visitor() -> str:
    """The visitor's id; drawn now when there was none."""
    known = visitor()
    if known is None:
        known = session["v"] = new_token()
        session.permanent = True
    return known


def cart_count() -> int:
    """How many things are in the visitor's cart, as last remembered."""
    count, _version = session.get("c") or (0, 0)
    return int(count)


def cart_version() -> int:
    """The version of the cart this browser has seen; a cached copy older than that is not believed."""
    _count, version = session.get("c") or (0, 0)
    return int(version)


def remember_cart(*, count: int, version: int) -> None:
    """Note in the cookie what the cart holds now, so that the badge of every page costs no query."""
    if session.get("c") != [count, version]:
        session["c"] = [count, version]
        session.permanent = True


def forget_cart() -> None:
    session.pop("c", None)

"""The wishlist, for guests (on this device) and customers (on all): add, remove, look."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.catalog import queries as catalog
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import queries
from app.customers.actions import wishes
from app.customers.rules import MAX_WISHES
from app.search import queries as search
from app.web import customers, languages
from app.web.cards import render_cards
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond
from app.web.visitor import ensure_visitor, visitor

bp = no_store(Blueprint("wishlist", __name__, url_prefix="/wishlist"))


@bp.get("")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("")
@limit(FORMS)
def add() -> ResponseReturnValue:
    product_id, shopper = _asked(), ensure_visitor()
    if not in_transaction(lambda: wishes.add(shopper, product_id), relaxed=True):
        if len(queries.wishes(shopper)) < MAX_WISHES:
            raise NotFound()
        return _page(error=_("Your wishlist is full. Remove something first."), status=409)
    return redirect(url_for("wishlist.show"), 303)


@bp.post("/<uuid:product_id>/remove")
@limit(FORMS)
def remove(product_id: uuid.UUID) -> ResponseReturnValue:
    """Nothing happens for what is not on the list."""
    shopper = visitor()
    if shopper is not None:
        in_transaction(lambda: wishes.remove(shopper, product_id), relaxed=True)
    return redirect(url_for("wishlist.show"), 303)


def _asked() -> uuid.UUID:
    try:
        return uuid.UUID(request.form.get("product", ""))
    except ValueError:
        raise NotFound() from None


def _page(*, error: str | None = None, status: int = 200) -> ResponseReturnValue:
    shopper = visitor()
    ids = queries.wishes(shopper) if shopper else []
    cards = catalog.cards(ids, locale=languages.language(), currency=languages.currency()) if ids else ()
    tiles = search.tiles(cards) if cards else ()
    return respond(
        "storefront/account/wishlist.html",
        status=status,
        here="wishlist",
        error=error,
        wishes=[(tile.card, render_cards([tile])) for tile in tiles],
        is_guest=customers.current() is None,
    )

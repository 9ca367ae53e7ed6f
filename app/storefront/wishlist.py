"""The wishlist, for guests (on this device) and customers (on all): add, remove, look."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.cart import actions as cart
from app.cart import queries as cart_queries
from app.cart.actions import Change
from app.cart.errors import NotEnough
from app.catalog import queries as catalog
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import queries
from app.customers.actions import wishes
from app.customers.rules import MAX_WISHES
from app.search import queries as search
from app.storefront.cart import remember
from app.web import customers, languages
from app.web.cards import render_cards
from app.web.limits import FORMS, limit
from app.web.respond import is_fragment, no_store, respond
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


@bp.post("/<uuid:product_id>/cart")
@limit(FORMS)
def move(product_id: uuid.UUID) -> ResponseReturnValue:
    """One piece into the cart, and off the list. A size, a length or measures are chosen on the product's own page."""
    shopper, where = ensure_visitor(), {"locale": languages.language(), "currency": languages.currency()}
    variant_id, cards = catalog.only_variant(product_id), catalog.cards([product_id], **where)
    if not cards:
        raise NotFound()
    facts = cart_queries.facts([variant_id], **where).get(variant_id) if variant_id else None
    if facts is None or facts.unit != "piece" or facts.is_tailored_only:
        return redirect(url_for("catalog.show_product", slug=cards[0].slug), 303)

    def work() -> Change:
        change = cart.add(shopper, facts, 1, currency=where["currency"])
        wishes.remove(shopper, product_id)
        return change

    try:
        change = in_transaction(work, relaxed=True)
    except NotEnough as refusal:
        words = _("You have all of it in your cart already") if refusal.possible else _("This is sold out")
        return _page(error=f"{facts.name}: {words}", status=409)
    remember(shopper, change)
    return _page(moved=change) if is_fragment() else redirect(url_for("cart.show", added=change.line_id), 303)


def _asked() -> uuid.UUID:
    try:
        return uuid.UUID(request.form.get("product", ""))
    except ValueError:
        raise NotFound() from None


def _page(*, error: str | None = None, status: int = 200, moved: Change | None = None) -> ResponseReturnValue:
    shopper = visitor()
    ids = queries.wishes(shopper) if shopper else []
    cards = catalog.cards(ids, locale=languages.language(), currency=languages.currency()) if ids else ()
    tiles = search.tiles(cards) if cards else ()
    said = {"facts": moved.facts, "cart_count": cart_queries.count(moved.cart)} if moved else {}
    return respond(
        "storefront/account/wishlist.html",
        "_wishes.html",
        also=("layouts/_cart_badge.html", "storefront/cart/_toast.html") if moved else (),
        status=status,
        here="wishlist",
        error=error,
        wishes=[(tile.card, render_cards([tile]), tile.stock.for_unit(tile.card.unit) > 0) for tile in tiles],
        is_guest=customers.current() is None,
        **said,
    )

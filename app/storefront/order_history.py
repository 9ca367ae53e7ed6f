"""A customer's orders: the list, one of them, and the same again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.cart import actions as cart
from app.cart import queries as cart_queries
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction
from app.documents import queries as documents
from app.orders import queries
from app.orders.models import Order
from app.orders.queries import history
from app.orders.rules import public_status
from app.returns import queries as returns
from app.storefront import order_view
from app.storefront.pictures import picture_of
from app.tailoring import queries as tailoring
from app.tailoring.rules import fitting
from app.web import customers, languages
from app.web.forms import tidy
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("order_history", __name__, url_prefix="/account/orders"))
bp.before_request(customers.demand)

VIEWS = ("open", "done", "cancelled")
LONGEST_SOUGHT = 100


@bp.get("")
def show() -> ResponseReturnValue:
    view, before = request.args.get("view", ""), _before()
    view, sought = view if view in VIEWS else "", tidy(request.args.get("q"))[:LONGEST_SOUGHT]
    found = history(customers.somebody().customer_id, view=view, sought=sought, before=before)
    more = None
    if found.has_more:
        last = found.rows[-1]
        more = _url(view, sought, at=last.created_at.isoformat(), id=str(last.id))
    return respond(
        "storefront/account/orders.html",
        here="orders",
        orders=[_row(each) for each in found.rows],
        view=view,
        sought=sought,
        view_urls={each: _url(each, sought) for each in ("", *VIEWS)},
        is_first=before is None,
        next_url=more,
    )


def _url(view: str, sought: str, **place: str) -> str:
    query = urlencode({name: value for name, value in {"view": view, "q": sought, **place}.items() if value})
    return "/account/orders" + ("?" + query if query else "")


@bp.get("/<uuid:order_id>")
def show_one(order_id: uuid.UUID) -> ResponseReturnValue:
    order = _own(order_id)
    money = returns.standing(order.id)
    payment_state = money.state if money else "open"
    return respond(
        "storefront/account/order.html",
        here="orders",
        order=order,
        word=public_status(order=order.state, payment=payment_state),
        documents=documents.documents_of(order.id),
        address=order.address,
        **order_view.summary(order, with_measures=True),
    )


@bp.post("/<uuid:order_id>/reorder")
@limit(FORMS)
def reorder(order_id: uuid.UUID) -> ResponseReturnValue:
    """All that can still be had goes into the cart, which says what could not, and which prices have changed since. Who has
    measured anew is measured so: today's profile counts, and the order's own measures where there is none any more."""
    order, person, currency = _own(order_id), customers.somebody(), languages.currency()
    is_same = order.currency == currency
    measured = any(line.fitting for line in order.lines)
    profiles = {str(row.id): row.fitting for row in tailoring.profiles(person.customer_id)} if measured else {}
    wanted = [
        cart.Wanted(
            line.variant_id,
            line.quantity,
            line.unit_price_minor if is_same else None,
            tailoring.sealed(profiles.get(line.fitting_key) or fitting(line.fitting))
            if line.fitting
            else cart.STANDARD,
        )
        for line in order.lines
    ]

    def work() -> uuid.UUID:
        _cart_id, lines = cart.put_all(person.visitor, wanted, currency=currency, locale=languages.language())
        return cart.leave_notice(person.visitor, "reorder", lines, is_measured=measured)

    notice = in_transaction(work)
    cart_queries.cool(person.visitor)
    return redirect(url_for("cart.show", notice=notice), 303)


def latest(customer_id: uuid.UUID) -> list[dict[str, Any]]:
    """The newest few, for the overview."""
    return [_row(each) for each in history(customer_id, limit=2).rows]


def _own(order_id: uuid.UUID) -> Order:
    order = queries.order(order_id)
    if order is None or order.customer_id != customers.somebody().customer_id:
        raise NotFound()
    return order


def _row(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "label": row.number or row.reference,
        "word": public_status(order=row.state, payment=row.payment_state or "open"),
        "created_at": row.created_at,
        "total": Money(row.total_minor, row.currency),
        "pictures": [picture_of(picture) for _name, picture in row.lines if picture],
        "names": ", ".join(name for name, _picture in row.lines),
        "more": row.count - len(row.lines),
    }


def _before() -> tuple[datetime, uuid.UUID] | None:
    """(created_at, id) of the last order of the page before; None for the first page and for whatever is no such pair."""
    try:
        at = datetime.fromisoformat(request.args["at"])
        return (at, uuid.UUID(request.args["id"])) if at.tzinfo else None
    except (KeyError, ValueError):
        return None

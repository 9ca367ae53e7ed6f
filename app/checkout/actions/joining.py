"""A guest signs in: cart, checkout and unpaid orders of this browser join the customer's. In the caller's transaction."""

from __future__ import annotations

import uuid

from app.cart import actions as cart
from app.cart import queries as cart_queries
from app.core import db
from app.orders import queries as orders
from app.orders.actions import belonging
from app.recurring.actions import belonging as subscriptions


def take_over(guest: str, visitor: str, *, currency: str, locale: str) -> uuid.UUID | None:
    """Returns the id of the notice that says what became of the cart, None when there is nothing to say.

    Running it again finds nothing of the guest's any more.
    """
    sessions = db.rows(
        "SELECT visitor FROM checkout_session WHERE visitor IN (:guest, :visitor) ORDER BY id FOR UPDATE",
        guest=guest,
        visitor=visitor,
    )
    belonging.hand_over(guest, visitor)
    subscriptions.hand_over(guest, visitor)
    of_guest = cart_queries.stored(guest).cart_id
    if of_guest is not None:
        orders.lock_orders_of_cart(of_guest)
    merged = cart.merge(guest, visitor, currency=currency, locale=locale)
    if merged is not None:
        belonging.follow_cart(old=merged.old, new=merged.new)
    if any(row.visitor == guest for row in sessions):  # what is being typed now is newer than what was typed elsewhere
        db.rows("DELETE FROM checkout_session WHERE visitor = :visitor RETURNING id", visitor=visitor)
        db.rows(
            "UPDATE checkout_session SET visitor = :visitor, cart_id = coalesce(:cart, cart_id) WHERE visitor = :guest"
            " RETURNING id",
            visitor=visitor,
            guest=guest,
            cart=merged.new if merged else None,
        )
    return cart.leave_notice(visitor, "login", merged.lines) if merged and merged.is_news else None

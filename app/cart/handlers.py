import uuid

from app.cart import actions, queries
from app.core import db
from app.orders.events import OrderPaid, OrderPromised, PlanBegun


def empty_after_payment(event: OrderPaid) -> None:
    """What was bought is no longer in the cart; the funnel has its last step."""
    cart_id, was_promised = db.rows(
        "SELECT cart_id, promised_at IS NOT NULL FROM orders WHERE id = :id", id=event.order_id
    )[0]
    if not was_promised:
        _empty(event.order_id)
    if cart_id is not None:
        actions.note_step(cart_id, "paid")


def empty_when_promised(event: OrderPromised | PlanBegun) -> None:
    """An order that will be paid by hand, or in instalments, stands, and a later one does not replace it: nobody should order
    the same twice."""
    if event.is_first:
        _empty(event.order_id)


def _empty(order_id: uuid.UUID) -> None:
    visitor = actions.take_out_ordered(order_id)
    if visitor is not None:
        queries.cool(visitor)

from app.cart import actions, queries
from app.core import db
from app.orders.events import OrderPaid


def empty_after_payment(event: OrderPaid) -> None:
    """What was bought is no longer in the cart; the funnel has its last step."""
    visitor = actions.take_out_ordered(event.order_id)
    cart_id = db.scalar("SELECT cart_id FROM orders WHERE id = :id", id=event.order_id)
    if cart_id is not None:
        actions.note_step(cart_id, "paid")
    if visitor is not None:
        queries.cool(visitor)

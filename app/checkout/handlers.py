"""What checkout does when orders announce something."""

from app.checkout import actions
from app.orders.events import OrderPromised, PlanBegun
from app.value.events import ValueSpent


def forget_codes(event: ValueSpent | OrderPromised | PlanBegun) -> None:
    """Codes were given for this order: what is left on the cards pays the next one only if its buyer says so."""
    actions.forget_codes(event.order_id)

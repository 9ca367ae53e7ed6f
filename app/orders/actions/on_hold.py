"""An order that somebody has to look at first. The caller holds its lock."""

from __future__ import annotations

from app.orders.actions.timeline import note
from app.orders.models import Order


def put(order: Order, *, reason: str) -> None:
    if order.can_move_to("on_hold"):
        order.move_to("on_hold")
        note(order.id, "put_on_hold", reason=reason)


def take_off(order: Order) -> None:
    """It goes on where it was: paid, or waiting for the rest of its instalments."""
    if order.state == "on_hold":
        order.move_to("pending" if order.confirmed_at is None else "confirmed")
        note(order.id, "taken_off_hold")

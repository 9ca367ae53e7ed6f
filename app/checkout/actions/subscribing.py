"""Placing the first order of a subscription: priced and locked like any other, and charged again by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.checkout import actions as checkout
from app.checkout import queries
from app.checkout.errors import LinesGone, NoDelivery, TooManyLocks, TotalChanged
from app.checkout.rules import MAX_LIVE_ORDERS_PER_ADDRESS, fingerprint
from app.core.errors import Refused
from app.orders import queries as order_queries
from app.recurring import actions as recurring
from app.recurring import queries as recurring_queries
from app.recurring.actions.turns import NOBODY
from app.recurring.models import RecurringOrder
from app.recurring.queries import PlanView
from app.stock import queries as stock_queries
from app.stock.errors import OutOfStock

USED = "this form was used before"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is subscribed to, how it is delivered, and who charges it."""

    plan: PlanView
    quantity: int
    provider: str
    contact: Mapping[str, str]
    address: Mapping[str, str]
    method: str


def subscribe(visitor: str, click: checkout.PlaceOrder, wanted: Subscription) -> tuple[RecurringOrder, bool]:
    """Start a subscription with its first order, all or nothing; and whether it is new: the same click is one subscription.

    Raises TotalChanged, LinesGone, NoDelivery, TooManyLocks, or Refused for a key that is somebody else's or an order's.
    """
    is_used = order_queries.order_by_place_key(click.key) is not None  # looked up first: the same click comes with both
    known = recurring_queries.by_key(click.key)
    if known is not None:
        return _own(known, visitor), False
    if is_used:  # by the checkout; no page shows the key of another one
        raise Refused(USED)
    quote = queries.quote(
        queries.one_line(wanted.plan.variant_id, wanted.quantity),
        currency=click.currency,
        locale=click.locale,
        address=dict(wanted.address),
        method=wanted.method,
        with_stock=False,
    )
    if not quote.lines or any(line.is_unfit for line in quote.lines):  # nobody measures who subscribes
        raise LinesGone({wanted.plan.variant_id: 0})
    checkout.demand_to_be_had(quote)
    if quote.chosen is None or quote.chosen.method.code != wanted.method:
        raise NoDelivery()
    if quote.priced.total_minor != click.accept_total:
        raise TotalChanged()
    if stock_queries.live_orders_of_address(click.client) >= MAX_LIVE_ORDERS_PER_ADDRESS:
        raise TooManyLocks()
    mark = fingerprint([checkout.marked(quote, ()), wanted.address, wanted.contact, click.locale])
    first = checkout.new_order(quote, mark, click, visitor=NOBODY, address=wanted.address, contact=wanted.contact)
    new = recurring.NewRecurring(click.key, wanted.plan, wanted.provider, visitor, wanted.quantity, first)
    try:
        row, is_new = recurring.start(new)
    except OutOfStock as refusal:
        raise LinesGone(refusal.possible) from refusal
    return _own(row, visitor), is_new


def _own(row: RecurringOrder, visitor: str) -> RecurringOrder:
    if row.visitor != visitor:  # a key is random; somebody replays another one's
        raise Refused(USED)
    return row

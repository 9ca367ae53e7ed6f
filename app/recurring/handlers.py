"""What subscriptions do when payments and orders announce something, and when they themselves have changed."""

from app.orders.events import OrderCancelled, OrderExpired, RecurringOrderPaid
from app.payments.events import SubscriptionNoticeReceived
from app.recurring import actions, flows
from app.recurring.events import CycleSkipped, SubscriptionOver, SubscriptionPaused, SubscriptionResumed


def follow_notice(event: SubscriptionNoticeReceived) -> None:
    flows.follow_notice(event.notice_id)


def note_order_paid(event: RecurringOrderPaid) -> None:
    actions.note_order_paid(event.order_id)


def note_order_over(event: OrderCancelled | OrderExpired) -> None:
    actions.note_order_over(event.order_id)


def tell_provider(event: CycleSkipped | SubscriptionPaused | SubscriptionResumed | SubscriptionOver) -> None:
    """What the provider should be doing follows from the row, so it is asked first and told only what is not so yet."""
    flows.follow(event.recurring_id)

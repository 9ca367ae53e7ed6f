"""What orders do when payments and stock announce something."""

from app.core import db
from app.orders import flows
from app.orders.events import OrderCancelled, OrderExpired
from app.payments import queries as payment_queries
from app.payments.events import AttemptReplaced, NoticeReceived, RefundRequested, ReversalNoticed


def settle_notice(event: NoticeReceived | ReversalNoticed) -> None:
    """A provider's webhook: ask for the truth and settle. Unknown orders are none of ours."""
    notice = payment_queries.notice(event.notice_id)
    attempt = payment_queries.attempt_of_notice(notice) if notice else None
    if notice is None or attempt is None or not payment_queries.is_news(notice, attempt):
        db.release()
        return
    attempt_id, order_id = attempt.id, payment_queries.order_of_attempt(attempt.id)
    db.release()
    if order_id is not None:
        flows.settle_now(order_id, also=attempt_id)


def send_refund(event: RefundRequested) -> None:
    flows.send_refund(event.refund_id)


def close_attempt(event: AttemptReplaced) -> None:
    flows.close_attempt(event.attempt_id)


def close_order(event: OrderCancelled | OrderExpired) -> None:
    """Nobody should pay for an order that is over; who did already is settled by the provider's word."""
    if payment_queries.has_open_attempts(event.order_id):
        flows.settle_now(event.order_id, close=True)
